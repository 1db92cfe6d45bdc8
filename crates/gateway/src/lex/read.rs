//! Texts that say where their transaction may read: a comment, and `BEGIN READ ONLY`. Never a part of a guarantee: a replica
//! refuses writes by itself, and a text that is not recognised goes to the primary.

use super::comment::without_comment;

/// A transaction's modes stand within so many bytes.
const LONGEST: usize = 256;

/// What a comment says of where to read: `/*tenantry.read='replica'*/`.
pub(crate) fn read_hint(sql: &[u8]) -> Option<Box<str>> {
    without_comment(sql, b"tenantry.read='").1
}

/// Whether a text begins a transaction that only reads, and that a replica can run: those have no serializable ones.
pub(crate) fn begins_read_only(sql: &[u8]) -> bool {
    let sql = without_leading_comment(sql);
    let verb = sql.get(..5).unwrap_or_default();
    if !verb.eq_ignore_ascii_case(b"begin") && !verb.eq_ignore_ascii_case(b"start") {
        return false;
    }
    let statement = sql.split(|byte| *byte == b';').next().unwrap_or_default();
    let Ok(statement) = std::str::from_utf8(&statement[..statement.len().min(LONGEST)]) else { return false };
    let words =
        statement.split(|c: char| c.is_ascii_whitespace() || c == ',').filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let begins = matches!(words.as_slice(), ["begin", ..] | ["start", "transaction", ..]);
    // As for PostgreSQL, the last word on it counts.
    let access = words.windows(2).rfind(|pair| pair[0] == "read" && matches!(pair[1], "only" | "write"));
    begins && access.is_some_and(|pair| pair[1] == "only") && !words.contains(&"serializable")
}

fn without_leading_comment(sql: &[u8]) -> &[u8] {
    let sql = sql.trim_ascii_start();
    let comment = sql.strip_prefix(b"/*");
    let behind = comment.and_then(|text| memchr::memmem::find(text, b"*/").map(|at| &text[at + 2..]));
    behind.map_or(sql, <[u8]>::trim_ascii_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_that_only_read_are_told_from_others() {
        for sql in [
            "BEGIN READ ONLY",
            "begin transaction read only;",
            "BEGIN READ ONLY; SELECT 1",
            "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY, NOT DEFERRABLE",
            "/* who */ BEGIN READ WRITE, READ ONLY",
        ] {
            assert!(begins_read_only(sql.as_bytes()), "{sql}");
        }
        for sql in [
            "",
            "BEGIN",
            "BEGIN READ WRITE",
            "BEGIN READ ONLY, READ WRITE",
            "BEGIN; SET TRANSACTION READ ONLY",
            "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY",
            "SELECT 'BEGIN READ ONLY'",
            "BEGINNING READ ONLY",
            "START READ ONLY",
        ] {
            assert!(!begins_read_only(sql.as_bytes()), "{sql}");
        }
    }

    #[test]
    fn a_comment_says_where_to_read() {
        let hint = |sql: &str| read_hint(sql.as_bytes());
        assert_eq!(hint("SELECT 1 /*tenantry.read='replica'*/").as_deref(), Some("replica"));
        assert_eq!(hint("/*route='/x',tenantry.read='primary'*/ SELECT 1").as_deref(), Some("primary"));
        assert_eq!(hint("SELECT '/*tenantry.read='"), None);
        assert_eq!(hint("SELECT 1 /*xtenantry.read='replica'*/"), None);
    }
}
