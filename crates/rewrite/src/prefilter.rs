//! The cheap look that nearly every statement of an application ends with: could anything in this text need the grammar?
//!
//! It goes over the bytes once and knows neither strings nor comments; a word inside them costs a parse and nothing else.

use crate::find::Star;
use crate::lex::{continues_word, starts_word};

/// Whether a text has a word (or a star) that some rewrite begins with. Never false where [`crate::Rewriter::rewrite`]
/// would change or refuse the text.
pub(crate) fn might_matter(sql: &str, star: Star) -> bool {
    let bytes = sql.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if starts_word(byte) {
            let start = at;
            while bytes.get(at).is_some_and(|c| continues_word(*c)) {
                at += 1;
            }
            if matches(&bytes[start..at]) {
                return true;
            }
        } else if byte == b'*' && star == Star::Expand && !is_count(bytes, at) {
            return true;
        } else {
            at += 1;
        }
        if byte == b'*' {
            at += 1;
        }
    }
    false
}

/// `count(*)`, the star that most statements have.
fn is_count(bytes: &[u8], at: usize) -> bool {
    at > 0 && bytes[at - 1] == b'(' && bytes.get(at + 1) == Some(&b')')
}

fn matches(word: &[u8]) -> bool {
    let is = |keyword: &[u8]| word.eq_ignore_ascii_case(keyword);
    match word[0] | 0x20 {
        b'c' => is(b"conflict") || is(b"copy"),
        b'g' => is(b"group"),
        b'i' => is(b"insert"),
        b'm' => is(b"merge"),
        b't' => is(b"truncate") || is(b"table"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_matter_are_found_anywhere() {
        for sql in [
            "INSERT INTO t VALUES (1)",
            "with x as (insert into t values (1)) select 1",
            "COPY t FROM STDIN",
            "explain SELECT a FROM t GROUP BY a",
            "/* x */merge into t",
            "truncate t",
            "TABLE t",
            "SELECT * FROM t",
            "SELECT t.*FROM t",
            "UPDATE t SET a = 1 RETURNING *",
        ] {
            assert!(might_matter(sql, Star::Expand), "{sql}");
        }
    }

    #[test]
    fn statements_of_every_day_are_left_alone() {
        for sql in [
            "SELECT id, name FROM t WHERE id = $1",
            "select count(*) from t where a > 1",
            "UPDATE t SET a = $1 WHERE id = $2 RETURNING id",
            "BEGIN",
            "SET x TO y",
            "SELECT copied, inserted, _insert, insert1 FROM merges",
            "",
        ] {
            assert!(!might_matter(sql, Star::Expand), "{sql}");
        }
        assert!(!might_matter("SELECT * FROM t", Star::Keep));
    }
}
