//! What statements with other values have in common: their text without literals.
//!
//! A lexer, no parser: strings, numbers, bit strings and parameters become `?`, lists of them one `?, ...`, comments go, spaces
//! are one, and unquoted letters are lower-case. What can't be read (a string without an end) is cut there, so that no
//! value gets through.

use crate::lex::comment_len;
use sha2::{Digest, Sha256};

/// The longest normalised text that is logged.
const MAX_NORMALISED: usize = 1 << 10;

/// A statement's normalised text, and a short number that stands for it.
pub(crate) fn fingerprint(sql: &[u8]) -> (String, String) {
    let text = normalised(&String::from_utf8_lossy(sql));
    let digest = Sha256::digest(text.as_bytes());
    let id = digest.iter().take(8).fold(String::new(), |id, byte| id + &format!("{byte:02x}"));
    (cut(text), id)
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_NORMALISED {
        let end = (0..=MAX_NORMALISED).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str(" …");
    }
    text
}

fn normalised(sql: &str) -> String {
    let mut out = Out::default();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            _ if first.is_whitespace() => {
                out.space = true;
                first.len_utf8()
            }
            _ if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => comment_len(rest.as_bytes()),
            '\'' => {
                let backslashes = out.take_prefix();
                out.value();
                string(rest, backslashes)
            }
            '"' => {
                let len = quoted(rest);
                // Without its end it may be anything.
                if len < rest.len() || rest.len() > 1 && rest.ends_with('"') {
                    out.push(&rest[..len], Glue::Word);
                }
                len
            }
            '$' => dollar(rest, &mut out),
            '0'..='9' => {
                out.value();
                number(rest)
            }
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) && out.may_begin_number() => {
                out.value();
                1 + number(&rest[1..])
            }
            _ if is_word(first) => {
                let len = rest.find(|c| !is_word(c) && !c.is_ascii_digit() && c != '$').unwrap_or(rest.len());
                out.push(&rest[..len].to_lowercase(), Glue::Word);
                len
            }
            _ => {
                out.push(&rest[..first.len_utf8()], Glue::Sign);
                first.len_utf8()
            }
        };
        rest = &rest[len..];
    }
    out.text
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn string(text: &str, backslashes: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return at + 1,
            (b'\\', Some(_)) if backslashes => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn quoted(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'"', Some(b'"')) => at += 2,
            (b'"', _) => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `$1`, or a string between `$tag$` and `$tag$`.
fn dollar(text: &str, out: &mut Out) -> usize {
    let digits = text[1..].bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        out.value();
        return 1 + digits;
    }
    let tag = text[1..].find(|c: char| !is_word(c) && !c.is_ascii_digit()).map(|end| &text[..end + 2]);
    let Some(tag) = tag.filter(|tag| tag.ends_with('$')) else {
        out.push("$", Glue::Sign);
        return 1;
    };
    out.value();
    text[tag.len()..].find(tag).map_or(text.len(), |at| at + 2 * tag.len())
}

/// Digits, letters (hexadecimal, exponents) and points; a sign behind an exponent.
fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let exponent = matches!(bytes[at], b'+' | b'-') && at > 0 && matches!(bytes[at - 1], b'e' | b'E');
        if !(bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'.' | b'_') || exponent) {
            break;
        }
        // `1..2` of an array slice is no number.
        if bytes[at..].starts_with(b"..") {
            break;
        }
        at += 1;
    }
    at.max(1)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Glue {
    Word,
    Sign,
}

/// The normalised text as it grows.
#[derive(Default)]
struct Out {
    text: String,
    space: bool,
}

impl Out {
    fn push(&mut self, token: &str, glue: Glue) {
        let space = std::mem::take(&mut self.space) && token != ",";
        let behind_value = glue == Glue::Word && self.text.ends_with('?');
        if behind_value || (space && !self.text.is_empty()) {
            self.text.push(' ');
        }
        self.text.push_str(token);
    }

    /// A literal: a list of them counts as one.
    fn value(&mut self) {
        let list = self.text.trim_end();
        if list.ends_with("?,") || list.ends_with("...,") {
            let end = list.len() - 1;
            self.text.truncate(end);
            if !self.text.ends_with("...") {
                self.text.push_str(", ...");
            }
            self.space = false;
            return;
        }
        self.push("?", Glue::Sign);
    }

    /// Takes back the letters in front of a string (`E'…'`, `B'…'`, `U&'…'`). True where backslashes escape.
    fn take_prefix(&mut self) -> bool {
        if self.space {
            return false;
        }
        for prefix in ["u&", "e", "b", "x", "n"] {
            if let Some(before) = self.text.strip_suffix(prefix)
                && !before.ends_with(|c: char| is_word(c) || c.is_ascii_digit() || c == '$')
            {
                let len = before.len();
                self.text.truncate(len);
                return prefix == "e";
            }
        }
        false
    }

    /// Whether a point and digits are a number here, and not a name's part or the end of a slice.
    fn may_begin_number(&self) -> bool {
        let part = |c| is_word(c) || c.is_ascii_digit() || matches!(c, '"' | ')' | ']' | '.' | '?');
        self.space || !self.text.ends_with(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(sql: &str) -> String {
        fingerprint(sql.as_bytes()).0
    }

    #[test]
    fn values_are_gone_and_the_rest_is_there() {
        for (sql, expected) in [
            ("SELECT  *\nFROM T WHERE a='it''s' AND b = 12.5e-3", "select * from t where a=? and b = ?"),
            (r"select E'a\'secret' , 'x'", "select ?, ..."),
            ("insert into t values (1,2,3), ('a', 'b', $1)", "insert into t values (?, ...), (?, ...)"),
            (
                "select $1::text, $tag$ secret $$ $tag$ from \"Odd Name\"",
                "select ?::text, ? from \"Odd Name\"",
            ),
            ("select /* a /* b */ c */ 1 -- secret\nfrom x", "select ? from x"),
            ("select col1, t2.c3[1..2] from a.b", "select col1, t2.c3[?..?] from a.b"),
            ("select x'ff', U&'d\\0061t', .5, 0xFF, a$b", "select ?, ..., a$b"),
            ("select 'never ends", "select ?"),
            ("select $$never ends", "select ?"),
            ("", ""),
        ] {
            assert_eq!(text(sql), expected, "{sql}");
        }
    }

    #[test]
    fn the_same_statement_with_other_values_has_the_same_number() {
        let one = fingerprint(b"SELECT * FROM t WHERE id IN (1, 2) AND name = 'a'");
        let two = fingerprint(b"select *  from t where id in (7,8,9,10) and name = 'other'");
        let three = fingerprint(b"select * from u where id in (1) and name = 'a'");
        assert_eq!(one.1, two.1, "{} / {}", one.0, two.0);
        assert_ne!(one.1, three.1);
        assert_eq!(one.1.len(), 16);
    }

    #[test]
    fn long_texts_are_cut() {
        let sql = format!("select {}", "é, ".repeat(10_000));
        assert!(text(&sql).len() <= MAX_NORMALISED + " …".len());
    }

    proptest! {
        /// No panic on any text, and no digit of a literal that stands alone gets through.
        #[test]
        fn any_text_is_read(sql in "\\PC*") {
            let _any = text(&sql);
        }

        #[test]
        fn values_never_show(number in 100_000_u32.., word in "[a-z]{8}", quote in "[eEbBxXnN]?'") {
            let said = text(&format!("select * from t where a = {number} and b = {quote}{word}' and c = $q${word}$q$"));
            prop_assert!(!said.contains(&number.to_string()) && !said.contains(&word), "{said}");
        }
    }
}
