//! PostgreSQL's tokens and where they stand. The grammar says what a statement means; this says where in the text one of its
//! parts ends, which syntax trees don't. It judges nothing: what is found here is verified by parsing the result.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes.
    Quoted,
    /// A string constant of any form.
    Text,
    Number,
    /// `$1`.
    Param,
    /// One of `( ) [ ] , ;` or a colon, a dot, or a run of operator characters.
    Sign,
    /// `-- …` or `/* … */`.
    Comment,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// The tokens of a text from some place on, comments included.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(sql: &'a str, at: usize) -> Self {
        Self { sql, at }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let bytes = self.sql.as_bytes();
        while bytes.get(self.at).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)) {
            self.at += 1;
        }
        let start = self.at;
        let (kind, end) = scan(bytes, start)?;
        self.at = end;
        Some(Token { kind, start, end })
    }
}

fn scan(bytes: &[u8], start: usize) -> Option<(Kind, usize)> {
    let first = *bytes.get(start)?;
    let second = bytes.get(start + 1).copied().unwrap_or(0);
    Some(match first {
        b'-' if second == b'-' => (Kind::Comment, line_end(bytes, start)),
        b'/' if second == b'*' => (Kind::Comment, comment_end(bytes, start)),
        b'\'' => (Kind::Text, quoted_end(bytes, start, b'\'')),
        b'"' => (Kind::Quoted, quoted_end(bytes, start, b'"')),
        b'e' | b'E' if second == b'\'' => (Kind::Text, escaped_end(bytes, start + 1)),
        b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if second == b'\'' => {
            (Kind::Text, quoted_end(bytes, start + 1, b'\''))
        }
        b'u' | b'U' if second == b'&' && matches!(bytes.get(start + 2), Some(b'\'' | b'"')) => {
            let quote = bytes[start + 2];
            let kind = if quote == b'"' { Kind::Quoted } else { Kind::Text };
            (kind, quoted_end(bytes, start + 2, quote))
        }
        b'$' => dollar(bytes, start),
        b'0'..=b'9' => (Kind::Number, number_end(bytes, start)),
        b'.' if second.is_ascii_digit() => (Kind::Number, number_end(bytes, start)),
        c if starts_word(c) => (Kind::Word, run_end(bytes, start, continues_word)),
        c if is_operator(c) => (Kind::Sign, operator_end(bytes, start)),
        _ => (Kind::Sign, start + 1),
    })
}

pub(crate) const fn starts_word(c: u8) -> bool {
    c.is_ascii_alphabetic() || c == b'_' || c >= 0x80
}

pub(crate) const fn continues_word(c: u8) -> bool {
    starts_word(c) || c.is_ascii_digit() || c == b'$'
}

pub(crate) fn is_operator(c: u8) -> bool {
    b"+-*/<>=~!@#%^&|`?".contains(&c)
}

fn run_end(bytes: &[u8], start: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[start..].iter().position(|c| !belongs(*c)).map_or(bytes.len(), |length| start + length)
}

/// An operator ends where a comment starts.
fn operator_end(bytes: &[u8], start: usize) -> usize {
    let end = run_end(bytes, start, is_operator);
    let comment = |at: &usize| matches!(&bytes[*at..end], [b'-', b'-', ..] | [b'/', b'*', ..]);
    (start + 1..end).find(comment).unwrap_or(end)
}

fn line_end(bytes: &[u8], start: usize) -> usize {
    run_end(bytes, start, |c| c != b'\n' && c != b'\r')
}

fn comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_u32);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A doubled quote stands for itself.
fn quoted_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        if bytes[at] == quote {
            if bytes.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    bytes.len()
}

fn escaped_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 1,
            b'\'' => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn dollar(bytes: &[u8], start: usize) -> (Kind, usize) {
    if bytes.get(start + 1).is_some_and(u8::is_ascii_digit) {
        return (Kind::Param, run_end(bytes, start + 1, |c| c.is_ascii_digit()));
    }
    let end = run_end(bytes, start + 1, |c| continues_word(c) && c != b'$');
    let tagged = bytes.get(start + 1).is_none_or(|c| !c.is_ascii_digit());
    if bytes.get(end) != Some(&b'$') || !tagged {
        return (Kind::Sign, start + 1);
    }
    let tag = &bytes[start..=end];
    let body = end + 1;
    let close = bytes[body..].windows(tag.len()).position(|window| window == tag);
    (Kind::Text, close.map_or(bytes.len(), |at| body + at + tag.len()))
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'+' | b'-' if at > start && matches!(bytes[at - 1], b'e' | b'E') => {
                let hexadecimal = matches!(bytes.get(start + 1), Some(b'x' | b'X'));
                if hexadecimal || !bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                    break;
                }
            }
            // `1..2` in a slice of PL/pgSQL is two numbers; in SQL it does not occur.
            b'.' => {}
            c if c.is_ascii_alphanumeric() || c == b'_' => {}
            _ => break,
        }
        at += 1;
    }
    at
}

/// A statement's tokens without comments, to be looked at from both sides.
#[derive(Debug)]
pub(crate) struct Tokens<'a> {
    sql: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(sql: &'a str, range: Range<usize>) -> Self {
        let within = Lexer::new(sql, range.start).take_while(|token| token.start < range.end);
        // Most tokens and the space between them take four bytes or more.
        let mut tokens = Vec::with_capacity(range.len() / 4 + 4);
        tokens.extend(within.filter(|token| token.kind != Kind::Comment));
        Self { sql, tokens }
    }

    /// The position of the token that starts at that place of the text.
    pub(crate) fn at(&self, place: usize) -> Option<usize> {
        self.tokens.binary_search_by_key(&place, |token| token.start).ok()
    }

    pub(crate) fn get(&self, position: usize) -> Option<&Token> {
        self.tokens.get(position)
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(crate) fn text(&self, position: usize) -> &'a str {
        self.tokens.get(position).map_or("", |token| &self.sql[token.start..token.end])
    }

    /// Whether the token is that keyword or sign, in any case.
    pub(crate) fn is(&self, position: usize, word: &str) -> bool {
        let kind = self.tokens.get(position).map(|token| token.kind);
        matches!(kind, Some(Kind::Word | Kind::Sign)) && self.text(position).eq_ignore_ascii_case(word)
    }

    /// A sign of one character, or zero.
    pub(crate) fn sign(&self, position: usize) -> u8 {
        match self.tokens.get(position) {
            Some(Token { kind: Kind::Sign, start, end }) if end - start == 1 => self.sql.as_bytes()[*start],
            _ => 0,
        }
    }

    /// The position after a possibly qualified name.
    pub(crate) fn after_name(&self, position: usize) -> usize {
        let mut at = position + 1;
        while self.is(at, ".") {
            at += 2;
        }
        at
    }

    /// The position of the sign that closes the parenthesis or bracket at `position`.
    pub(crate) fn closing(&self, position: usize) -> Option<usize> {
        let mut depth = 0_u32;
        for at in position..self.tokens.len() {
            match self.sign(at) {
                b'(' | b'[' => depth += 1,
                b')' | b']' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The parts between commas that stand at the outermost level of `positions`, as ranges of positions.
    pub(crate) fn parts(&self, positions: Range<usize>) -> Vec<Range<usize>> {
        let (mut parts, mut start, mut depth) = (Vec::new(), positions.start, 0_i32);
        for at in positions.clone() {
            match self.sign(at) {
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth -= 1,
                b',' if depth == 0 => {
                    parts.push(start..at);
                    start = at + 1;
                }
                _ => {}
            }
        }
        if start < positions.end || !parts.is_empty() {
            parts.push(start..positions.end);
        }
        parts
    }

    /// The range of the text that these positions cover.
    pub(crate) fn span(&self, positions: Range<usize>) -> Option<Range<usize>> {
        if positions.is_empty() {
            return None;
        }
        let first = self.tokens.get(positions.start)?;
        let last = self.tokens.get(positions.end.checked_sub(1)?)?;
        Some(first.start..last.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        Lexer::new(sql, 0).map(|token| &sql[token.start..token.end]).collect()
    }

    #[test]
    fn tokens_are_cut_as_postgres_cuts_them() {
        assert_eq!(texts("a.b,\"c\"\"d\" -- e\n$1"), ["a", ".", "b", ",", "\"c\"\"d\"", "-- e", "$1"]);
        assert_eq!(
            texts(r"E'it\'s' 'it''s' $x$ ';' $x$ U&'a'"),
            [r"E'it\'s'", "'it''s'", "$x$ ';' $x$", "U&'a'"]
        );
        assert_eq!(texts("a/*b/*c*/d*/*1.5e-3-1"), ["a", "/*b/*c*/d*/", "*", "1.5e-3", "-", "1"]);
        assert_eq!(texts("(1)::int[2]<>--x"), ["(", "1", ")", ":", ":", "int", "[", "2", "]", "<>", "--x"]);
    }

    #[test]
    fn what_is_not_closed_ends_with_the_text() {
        for sql in ["'a", "\"a", "$$ a", "/* a", "E'a\\", "$a", "U&'", "1e+"] {
            assert_eq!(Lexer::new(sql, 0).last().map(|token| token.end), Some(sql.len()), "{sql}");
        }
    }

    #[test]
    fn parts_are_those_of_the_outermost_level() {
        let sql = "a, (b, c), d[1, 2]";
        let tokens = Tokens::new(sql, 0..sql.len());
        let parts: Vec<&str> =
            tokens.parts(0..tokens.len()).into_iter().map(|part| &sql[tokens.span(part).unwrap()]).collect();
        assert_eq!(parts, ["a", "(b, c)", "d[1, 2]"]);
    }
}
