//! Statements that mean something beyond their tenant in a database that tenants share: recognised by their first words, to
//! be refused with a reason instead of going wrong in silence. No guarantee: what is hidden in a longer text is seen by its
//! command tag, and what must not be possible the database refuses.

/// What a statement would reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Listen,
    Notify,
    LockTable,
    TwoPhase,
}

/// Whether a text begins with such a statement. For most texts that costs a look at one byte.
pub(crate) fn reach(sql: &[u8]) -> Option<Reach> {
    let sql = sql.trim_ascii_start();
    if !matches!(sql.first()?.to_ascii_lowercase(), b'l' | b'n' | b'p' | b'c' | b'r') {
        return None;
    }
    let (first, rest) = word(sql);
    let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    let second = || word(rest.trim_ascii_start()).0;
    if is(first, "listen") {
        Some(Reach::Listen)
    } else if is(first, "notify") {
        Some(Reach::Notify)
    } else if is(first, "lock") {
        Some(Reach::LockTable)
    } else if is(first, "prepare") && is(second(), "transaction")
        || (is(first, "commit") || is(first, "rollback")) && is(second(), "prepared")
    {
        Some(Reach::TwoPhase)
    } else {
        None
    }
}

fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let letters = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.split_at(text.iter().position(|byte| !letters(byte)).unwrap_or(text.len()))
}

/// The same of a command tag.
pub(crate) fn reached(command: &[u8]) -> Option<Reach> {
    match command {
        b"LISTEN" => Some(Reach::Listen),
        b"NOTIFY" => Some(Reach::Notify),
        b"LOCK TABLE" => Some(Reach::LockTable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_tell() {
        for (sql, expected) in [
            ("LISTEN news", Some(Reach::Listen)),
            (" notify\tnews, 'x'", Some(Reach::Notify)),
            ("Lock Table notes", Some(Reach::LockTable)),
            ("LOCK notes", Some(Reach::LockTable)),
            ("PREPARE TRANSACTION 'a'", Some(Reach::TwoPhase)),
            ("commit prepared 'a'", Some(Reach::TwoPhase)),
            ("PREPARE transactions AS SELECT 1", None),
            ("PREPARE p AS SELECT 1", None),
            ("COMMIT", None),
            ("ROLLBACK TO a", None),
            ("UNLISTEN news", None),
            ("SELECT 'LISTEN news'", None),
            ("notify_all()", None),
            ("", None),
        ] {
            assert_eq!(reach(sql.as_bytes()), expected, "{sql}");
        }
    }
}
