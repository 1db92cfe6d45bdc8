//! The cheap look that nearly every statement of an application ends with: could anything in this text need the grammar?
//!
//! It goes over the bytes once and knows neither strings nor comments; a word inside them costs a parse and nothing else.

mod role;
mod rows;

use crate::find::Star;
use crate::lex::{continues_word, starts_word};
use role::Role;

/// What a byte may be, for all of them: bits of `STARTS`, `CONTINUES` and `SPACE`.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte: u8 = 0;
    loop {
        let starts = if starts_word(byte) { STARTS } else { 0 };
        let continues = if continues_word(byte) { CONTINUES } else { 0 };
        let space = if byte.is_ascii_whitespace() { SPACE } else { 0 };
        classes[byte as usize] = starts | continues | space;
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};
/// It begins a word.
const STARTS: u8 = 1;
/// It goes on with one.
const CONTINUES: u8 = 2;
const SPACE: u8 = 4;

fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// Where the word ends that goes on at `at`.
fn end_of(sql: &[u8], mut at: usize) -> usize {
    while let Some(byte) = sql.get(at)
        && is(*byte, CONTINUES)
    {
        at += 1;
    }
    at
}

/// Whether a text has a word (or a star) that some rewrite begins with. Never false where [`crate::Rewriter::rewrite`]
/// would change or refuse the text.
pub(crate) fn might_matter(sql: &str, star: Star) -> bool {
    let bytes = sql.as_bytes();
    let (mut at, mut names_tables) = (0, false);
    while let Some(&byte) = bytes.get(at) {
        if is(byte, STARTS) {
            let end = end_of(bytes, at + 1);
            match Role::of(&bytes[at..end]) {
                Role::Matters => return true,
                Role::Names => names_tables = true,
                _ => {}
            }
            at = end;
        } else if byte == b'*' && star == Star::Expand && !is_count(bytes, at) {
            return true;
        } else {
            at += 1;
        }
    }
    names_tables && star == Star::Expand && rows::might_be_there(bytes)
}

/// `count(*)`, the star that most statements have.
fn is_count(bytes: &[u8], at: usize) -> bool {
    at > 0 && bytes[at - 1] == b'(' && bytes.get(at + 1) == Some(&b')')
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
            "SELECT row_to_json(u) FROM users u",
            "SELECT u FROM users u",
            "select USERS::text from users",
            "SELECT \"U\" FROM users AS \"U\"",
            "SELECT a.id FROM users a JOIN orders o ON to_json(o) IS NOT NULL",
            "UPDATE users u SET name = u::text",
            "DELETE FROM public.users RETURNING to_jsonb(users)",
            "UPDATE users SET name = 'x' RETURNING to_jsonb(new)",
            "SELECT x.a FROM users AS x (a, b)",
            "SELECT x.a FROM users x(a, b)",
            "SELECT a.id FROM b, users a, LATERAL to_json(a) j",
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
            "SELECT u.id, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.id = $1 ORDER BY u.name",
            "SELECT id FROM users WHERE id IN (SELECT user_id FROM orders) LIMIT 1",
            "SELECT id, name FROM users WHERE users.id = $1 AND name = 'x'",
            "UPDATE users SET name = $1, email = $2 WHERE id = $3 RETURNING id",
            "DELETE FROM orders USING users u WHERE u.id = user_id",
            "SELECT copied, inserted, _insert, insert1 FROM merges",
            "",
        ] {
            assert!(!might_matter(sql, Star::Expand), "{sql}");
        }
        assert!(!might_matter("SELECT * FROM t", Star::Keep));
    }
}
