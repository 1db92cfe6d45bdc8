//! Texts that say for which tenant a connection, or a transaction, acts; and the begin and the end of a transaction, which
//! the gateway answers for clients that may choose their tenant.
//!
//! Recognised generously or not at all, and never a part of the guarantee: whatever is read here leads to a tenant that the
//! login may act for in any case, or to an error.

use super::comment::without_comment;

/// A statement about the tenant that a connection acts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TenantStatement {
    /// From now on.
    Set(Box<str>),
    /// Until the transaction ends.
    Local(Box<str>),
    /// `RESET`, or to the default.
    Reset,
    Show,
}

/// A statement that the gateway answers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Own {
    Tenant(TenantStatement),
    /// With the text to begin the transaction with at the server.
    Begin(Box<str>),
    Commit,
    Rollback,
}

/// What is special about a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Special {
    pub(crate) own: Option<Own>,
    /// The tenant that its comment names: `/*tenant='globex'*/`.
    pub(crate) hint: Option<Box<str>>,
}

/// Statements that are looked at are not longer.
const LONGEST: usize = 256;

/// What a text has to say to a connection that may choose its tenant. For most texts that costs a look at a few bytes.
pub(crate) fn special(sql: &[u8]) -> Option<Special> {
    let (statement, hint) = without_comment(sql, b"tenant='");
    let own = tenant_statement(statement).map(Own::Tenant).or_else(|| transaction_statement(statement));
    (own.is_some() || hint.is_some()).then_some(Special { own, hint })
}

/// The statement about `tenantry.tenant` that a text consists of. For any other text that costs a look at three bytes.
pub(crate) fn tenant_statement(sql: &[u8]) -> Option<TenantStatement> {
    let sql = sql.trim_ascii();
    if !matches!(&super::verb(sql)?, b"set" | b"res" | b"sho") || sql.len() > LONGEST {
        return None;
    }
    let text = std::str::from_utf8(sql).ok()?.trim_end_matches(';').replace('=', " = ");
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let value = || -> Option<Box<str>> {
        let value = *words.last()?;
        let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
        Some(quoted.unwrap_or(value).into())
    };
    match lower.as_slice() {
        ["show", "tenantry.tenant"] => Some(TenantStatement::Show),
        ["reset", "tenantry.tenant"]
        | ["set", "tenantry.tenant", "to" | "=", "default"]
        | ["set", "session", "tenantry.tenant", "to" | "=", "default"] => Some(TenantStatement::Reset),
        ["set", "local", "tenantry.tenant", "to" | "=", _] => value().map(TenantStatement::Local),
        ["set", "tenantry.tenant", "to" | "=", _] | ["set", "session", "tenantry.tenant", "to" | "=", _] => {
            value().map(TenantStatement::Set)
        }
        _ => None,
    }
}

/// `BEGIN`, `COMMIT` and `ROLLBACK`, where they are nothing more than that.
fn transaction_statement(sql: &[u8]) -> Option<Own> {
    let sql = sql.trim_ascii();
    let begins_so = matches!(&super::verb(sql)?, b"beg" | b"sta" | b"com" | b"end" | b"rol" | b"abo");
    if !begins_so || sql.len() > LONGEST {
        return None;
    }
    let text = std::str::from_utf8(sql).ok()?.trim_end_matches(';').replace(',', " , ").to_ascii_lowercase();
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let modes = match words.as_slice() {
        ["commit" | "end"] | ["commit" | "end", "work" | "transaction"] => return Some(Own::Commit),
        ["rollback" | "abort"] | ["rollback" | "abort", "work" | "transaction"] => {
            return Some(Own::Rollback);
        }
        ["begin", "work" | "transaction", modes @ ..]
        | ["start", "transaction", modes @ ..]
        | ["begin", modes @ ..] => modes,
        _ => return None,
    };
    are_modes(modes).then(|| Own::Begin(words.join(" ").into()))
}

/// Whether these are the modes of a transaction, and nothing else.
fn are_modes(mut words: &[&str]) -> bool {
    while !words.is_empty() {
        words = match words {
            ["isolation", "level", "serializable", rest @ ..]
            | [
                "isolation",
                "level",
                "repeatable" | "read",
                "read" | "committed" | "uncommitted",
                rest @ ..,
            ]
            | ["read", "only" | "write", rest @ ..]
            | ["not", "deferrable", rest @ ..]
            | ["deferrable", rest @ ..] => rest,
            _ => return false,
        };
        if let [",", rest @ ..] = words {
            if rest.is_empty() {
                return false;
            }
            words = rest;
        }
    }
    true
}

/// Whether `tenantry.tenant` is somewhere in a text that sets something.
pub(crate) fn names_tenant(sql: &[u8]) -> bool {
    super::dotted_names(sql).any(|name| name == "tenantry.tenant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_about_the_tenant_are_told_from_others() {
        let set = |key: &str| Some(TenantStatement::Set(key.into()));
        assert_eq!(tenant_statement(b"SET tenantry.tenant = 'globex';"), set("globex"));
        assert_eq!(tenant_statement(b"set session Tenantry.Tenant TO globex"), set("globex"));
        assert_eq!(tenant_statement(b"SET tenantry.tenant='g'"), set("g"));
        assert_eq!(
            tenant_statement(b"SET LOCAL tenantry.tenant = 'g'"),
            Some(TenantStatement::Local("g".into()))
        );
        assert_eq!(tenant_statement(b"RESET tenantry.tenant"), Some(TenantStatement::Reset));
        assert_eq!(tenant_statement(b"SET tenantry.tenant = DEFAULT"), Some(TenantStatement::Reset));
        assert_eq!(tenant_statement(b"SHOW tenantry.tenant"), Some(TenantStatement::Show));
        for sql in
            ["SELECT 'SET tenantry.tenant = x'", "SET tenantry.tenant = 'a'; SELECT 1", "SET x = 1", "s"]
        {
            assert_eq!(tenant_statement(sql.as_bytes()), None, "{sql}");
        }
    }

    #[test]
    fn the_begin_of_a_transaction_is_told_with_its_modes() {
        let own = |sql: &str| special(sql.as_bytes()).and_then(|special| special.own);
        for sql in [
            "BEGIN",
            "begin work;",
            "START TRANSACTION",
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            "start transaction isolation level serializable read write not deferrable",
        ] {
            assert!(matches!(own(sql), Some(Own::Begin(_))), "{sql}");
        }
        assert_eq!(own("BEGIN\n READ ONLY"), Some(Own::Begin("begin read only".into())));
        assert_eq!((own("COMMIT"), own("END WORK;")), (Some(Own::Commit), Some(Own::Commit)));
        assert_eq!((own("rollback"), own("Abort Transaction")), (Some(Own::Rollback), Some(Own::Rollback)));
        for sql in [
            "BEGIN; SELECT 1",
            "BEGIN ,",
            "BEGIN READ ONLY,",
            "START",
            "COMMIT AND CHAIN",
            "ROLLBACK TO a",
            "COMMIT PREPARED 'a'",
            "begin isolation level",
        ] {
            assert_eq!(own(sql), None, "{sql}");
        }
    }

    #[test]
    fn a_comment_names_the_tenant_at_either_end() {
        let hint = |sql: &str| special(sql.as_bytes()).and_then(|special| special.hint);
        for sql in [
            "SELECT 1 /*tenant='globex'*/",
            "SELECT 1 /* action='x',tenant='globex',z='1' */ ;",
            "/*tenant='globex'*/ SELECT 1",
            "SELECT 1 /*tenant='glo%62ex'*/",
        ] {
            assert_eq!(hint(sql).as_deref(), Some("globex"), "{sql}");
        }
        for sql in
            ["SELECT 1 /*nottenant='x'*/", "SELECT '/*tenant=''x''*/'", "SELECT 1 /*tenant=x*/", "*/", "/*"]
        {
            assert_eq!(hint(sql), None, "{sql}");
        }
        let begin = special(b"BEGIN /*tenant='globex'*/").unwrap();
        assert_eq!((begin.own, begin.hint.as_deref()), (Some(Own::Begin("begin".into())), Some("globex")));
    }
}
