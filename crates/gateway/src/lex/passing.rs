//! Settings that end with their transaction, as written by applications that set one for every transaction.
//!
//! `SET LOCAL …`, `SET TRANSACTION …`, `SET CONSTRAINTS …`, `SELECT set_config(…, true)`: nothing of them is there when the transaction
//! is over, so the server need not be asked what it left behind. Only texts that can't mean anything else are recognised; what is not
//! costs a question.

/// Whether a text is one statement whose settings pass with its transaction. What follows a zero byte is no text.
pub(crate) fn passes(sql: &[u8]) -> bool {
    let text = sql.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii();
    let statement = text.strip_suffix(b";").unwrap_or(text).trim_ascii_end();
    // A second statement, a comment, or a quoted text that might hide either.
    let is_plain = || {
        !statement.iter().any(|byte| matches!(byte, b';' | b'$' | b'\\'))
            && !statement.windows(2).any(|two| two == b"--" || two == b"/*")
    };
    let mut words = statement.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut next_is = |known: &[&[u8]]| {
        words.next().is_some_and(|word| known.iter().any(|known| word.eq_ignore_ascii_case(known)))
    };
    if statement.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case(b"set")) {
        next_is(&[b"set"]) && next_is(&[b"local", b"transaction", b"constraints"]) && is_plain()
    } else {
        next_is(&[b"select"]) && is_local_call(statement)
    }
}

/// `SELECT set_config(name, value, true)`, the arguments being literals or parameters.
fn is_local_call(statement: &[u8]) -> bool {
    const CALL: &[u8] = b"set_config(";
    let rest = statement.get(b"select".len()..).unwrap_or_default().trim_ascii_start();
    let rest = strip_prefix(rest, b"pg_catalog.").unwrap_or(rest);
    let arguments = strip_prefix(rest, CALL).and_then(|rest| rest.strip_suffix(b")"));
    let Some(arguments) = arguments else { return false };
    let mut parts = arguments.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let all = [parts.next(), parts.next(), parts.next(), parts.next()];
    let [Some(name), Some(value), Some(local), None] = all else { return false };
    is_simple(name) && is_simple(value) && local.eq_ignore_ascii_case(b"true")
}

/// A parameter, or a text in quotes without anything in it that would need a second look.
fn is_simple(argument: &[u8]) -> bool {
    if let Some(number) = argument.strip_prefix(b"$") {
        return !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    }
    let quoted = argument.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'"));
    quoted.is_some_and(|text| !text.iter().any(|byte| matches!(byte, b'\'' | b'\\')))
}

fn strip_prefix<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn what_ends_with_its_transaction_is_recognised() {
        for sql in [
            "SET LOCAL app.tenant = '42'",
            " set  local\nstatement_timeout to 500 ;",
            "SET LOCAL ROLE reader",
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET CONSTRAINTS ALL DEFERRED;",
            "SELECT set_config('app.user_id', '42', true)",
            "select pg_catalog.set_config($1, $2, TRUE);\0\0\0",
        ] {
            assert!(passes(sql.as_bytes()), "{sql}");
        }
    }

    #[test]
    fn what_might_stay_is_not() {
        for sql in [
            "",
            "SET",
            "SET app.tenant = '42'",
            "SET SESSION app.tenant = '42'",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SET local_preload_libraries = ''",
            "SET LOCAL a.b = 1; SET a.c = 2",
            "SET LOCAL a.b = 'x;y'",
            "SET LOCAL a.b = $$;$$",
            "SET LOCAL a.b /* ; */ = 1",
            "SET LOCAL a.b = 1 -- x\n; SET a.c = 2",
            "/* x */ SET LOCAL a.b = 1",
            "SELECT set_config('a.b', '1', false)",
            "SELECT set_config('a.b', '1', $1)",
            "SELECT set_config('a.b', 'x, true)', false)",
            "SELECT set_config('a.b', '1', true), set_config('a.c', '1', false)",
            "SELECT set_config('a.b', set_config('a.c', '1', false), true)",
            "SELECT set_config('a.b', '1', true) FROM f()",
            "SELECT other.set_config('a.b', '1', true)",
            "SELECT set_config('a''b', '1', true)",
            "SELECT 1, set_config('a.b', '1', true)",
            "SELECT set_config(true)",
        ] {
            assert!(!passes(sql.as_bytes()), "{sql}");
        }
    }
}
