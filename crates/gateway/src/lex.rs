//! The little that the gateway reads of SQL text. Nothing of the isolation guarantee rests on it: it saves round
//! trips, and makes statements about a session mean what they mean on a connection of one's own.

mod comment;
mod copy;
mod passing;
mod read;
mod tenant;

pub(crate) use comment::len as comment_len;
pub(crate) use copy::copies_out;
pub(crate) use passing::passes;
pub(crate) use read::{begins_read_only, read_hint};
pub(crate) use tenant::{Own, Special, TenantStatement, names_tenant, special, tenant_statement};

/// A statement that only clears session state. Between transactions a session holds no server connection, so the
/// gateway answers these itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cleanup {
    /// `RESET ALL`: back to the startup packet's settings.
    ResetAll,
    /// `DISCARD ALL`: that, and no prepared statements.
    DiscardAll,
    /// `DEALLOCATE ALL`.
    DeallocateAll,
    /// `DEALLOCATE name`.
    Deallocate(Box<str>),
    /// `SELECT pg_advisory_unlock_all()`: the one that returns a row.
    UnlockAll,
    /// What has nothing to clear between transactions: `CLOSE ALL`, `UNLISTEN *`, `DISCARD PLANS`, …
    Nothing,
}

/// The first three bytes of a text without spaces before it, in lower case: what tells a statement from most others.
fn verb(sql: &[u8]) -> Option<[u8; 3]> {
    let [a, b, c] = sql.first_chunk()?;
    Some([a.to_ascii_lowercase(), b.to_ascii_lowercase(), c.to_ascii_lowercase()])
}

/// The statements of a text that does nothing but clear session state, each with its command tag.
/// `None` for every other text; deciding that costs a look at a few bytes in the usual case.
pub(crate) fn cleanup(sql: &[u8]) -> Option<Vec<(Cleanup, &'static str)>> {
    const LONGEST: usize = 256;
    const UNLOCK: &[u8] = b"pg_advisory_unlock_all";
    let sql = sql.trim_ascii();
    let may_be_one = match &verb(sql)? {
        b"clo" | b"dea" | b"dis" | b"res" | b"unl" => true,
        b"sel" => {
            let behind = sql.get(b"select".len()..).unwrap_or_default().trim_ascii_start();
            behind.get(..UNLOCK.len()).is_some_and(|name| name.eq_ignore_ascii_case(UNLOCK))
        }
        _ => false,
    };
    if !may_be_one || sql.len() > LONGEST {
        return None;
    }
    let sql = std::str::from_utf8(sql).ok()?;
    let statements: Vec<_> = sql
        .split(';')
        .map(str::trim_ascii)
        .filter(|s| !s.is_empty())
        .map(one_cleanup)
        .collect::<Option<_>>()?;
    (!statements.is_empty()).then_some(statements)
}

fn one_cleanup(statement: &str) -> Option<(Cleanup, &'static str)> {
    let words: Vec<String> = statement.split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Some(match words.as_slice() {
        ["reset", "all"] => (Cleanup::ResetAll, "RESET"),
        ["discard", "all"] => (Cleanup::DiscardAll, "DISCARD ALL"),
        ["discard", "plans"] => (Cleanup::Nothing, "DISCARD PLANS"),
        ["discard", "temp" | "temporary"] => (Cleanup::Nothing, "DISCARD TEMP"),
        ["discard", "sequences"] => (Cleanup::Nothing, "DISCARD SEQUENCES"),
        ["close", "all"] => (Cleanup::Nothing, "CLOSE CURSOR ALL"),
        ["unlisten", "*"] => (Cleanup::Nothing, "UNLISTEN"),
        ["deallocate", "all"] | ["deallocate", "prepare", "all"] => {
            (Cleanup::DeallocateAll, "DEALLOCATE ALL")
        }
        ["deallocate", _] | ["deallocate", "prepare", _] => {
            let name = statement.split_ascii_whitespace().next_back()?;
            (Cleanup::Deallocate(identifier(name)?), "DEALLOCATE")
        }
        ["select", "pg_advisory_unlock_all()"] => (Cleanup::UnlockAll, "SELECT 1"),
        _ => return None,
    })
}

/// The name that PostgreSQL reads from one word: folded unless quoted.
fn identifier(word: &str) -> Option<Box<str>> {
    if let Some(quoted) = word.strip_prefix('"').and_then(|w| w.strip_suffix('"')) {
        return Some(quoted.replace("\"\"", "\"").into());
    }
    let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80);
    plain.then(|| word.to_ascii_lowercase().into())
}

/// Whether a text has words in it that may change the session without a command tag that tells, and beyond their transaction:
/// then the connection is reset after it. A false alarm costs a reset. A miss costs nothing between tenants, who never share a
/// session's state; between clients of one tenant a setting may linger, or the tenant's context may be gone, until the
/// next reset.
pub(crate) fn may_change_session(sql: &[u8]) -> bool {
    let stands = |word: &[u8], from: Option<usize>| {
        let there = from.and_then(|from| sql.get(from..from + word.len()));
        there.is_some_and(|there| there.eq_ignore_ascii_case(word))
    };
    // Both have a byte that few words have.
    let found = memchr::memchr2_iter(b'_', b'.', sql).any(|at| {
        let (word, before): (&[u8], usize) =
            if sql[at] == b'_' { (b"set_config", 3) } else { (b"tenancy.", 7) };
        stands(word, at.checked_sub(before))
    });
    found && !passes(sql)
}

/// Names with a dot in a text: settings that no library has declared have one, and the server lists them nowhere. In
/// lower case; what is no setting is asked for in vain.
pub(crate) fn dotted_names(text: &[u8]) -> impl Iterator<Item = String> + '_ {
    const LONGEST: usize = 126;
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$');
    text.split(move |byte| !of_name(byte)).filter_map(|word| {
        let fits = word.len() <= LONGEST && memchr::memchr(b'.', word).is_some();
        let starts =
            |part: &[u8]| part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        let named = fits && word.split(|byte| *byte == b'.').all(starts);
        named.then(|| String::from_utf8_lossy(word).to_ascii_lowercase())
    })
}

/// Whether a text may set something: it begins with SET, or has a SET among several statements.
pub(crate) fn may_set(sql: &[u8]) -> bool {
    let sql = sql.trim_ascii_start();
    let sets = |sql: &[u8]| sql.len() > 4 && sql[..3].eq_ignore_ascii_case(b"set");
    sets(sql) || memchr::memchr_iter(b';', sql).any(|at| sets(sql[at + 1..].trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(sql: &str) -> Option<Vec<Cleanup>> {
        cleanup(sql.as_bytes()).map(|list| list.into_iter().map(|(kind, _)| kind).collect())
    }

    #[test]
    fn reset_texts_of_common_drivers_are_recognised() {
        // asyncpg's pool
        assert_eq!(
            kinds("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;"),
            Some(vec![Cleanup::UnlockAll, Cleanup::Nothing, Cleanup::Nothing, Cleanup::ResetAll])
        );
        assert_eq!(kinds("discard all"), Some(vec![Cleanup::DiscardAll]));
        assert_eq!(kinds("DEALLOCATE _pg3_0"), Some(vec![Cleanup::Deallocate("_pg3_0".into())]));
        assert_eq!(kinds("DEALLOCATE PREPARE \"A b\""), None);
        assert_eq!(kinds("deallocate \"Ab\";"), Some(vec![Cleanup::Deallocate("Ab".into())]));
    }

    #[test]
    fn words_that_change_a_session_are_found_in_any_case() {
        for sql in [
            "SELECT set_config('a.b', '1', false)",
            "select a_b, x.Set_Config('a.b', $1, $2) from c_d",
            "SELECT tenancy.leave()",
            "SELECT 1; select TENANCY.leave()",
            "set_config",
            "tenancy.",
        ] {
            assert!(may_change_session(sql.as_bytes()), "{sql}");
        }
        for sql in ["", "_", ".", "SELECT a_b FROM c.d", "t_config", "SELECT set_config('a.b', '1', true)"] {
            assert!(!may_change_session(sql.as_bytes()), "{sql}");
        }
    }

    #[test]
    fn names_with_a_dot_are_found_wherever_they_stand() {
        let names = |sql: &str| dotted_names(sql.as_bytes()).collect::<Vec<_>>();
        assert_eq!(names("SET App.user_id = '4.2'"), ["app.user_id"]);
        assert_eq!(names("SELECT set_config('a.b.c', x.y, false), 1.5, .e, f."), ["a.b.c", "x.y"]);
        assert!(
            may_set(b" set a.b = 1") && may_set(b"BEGIN;\nSET a.b = 1") && !may_set(b"UPDATE t SET a = 1")
        );
    }

    #[test]
    fn everything_else_goes_to_the_server() {
        for sql in [
            "",
            ";",
            "select 1",
            "RESET ALL; SELECT 1",
            "reset role",
            "close c",
            "DISCARD ALL -- x",
            "drop table t",
        ] {
            assert_eq!(kinds(sql), None, "{sql}");
        }
    }
}
