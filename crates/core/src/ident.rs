//! SQL identifiers and literals that quote themselves.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// PostgreSQL's `NAMEDATALEN - 1`: longer names would be cut silently, so they are refused.
pub const MAX_IDENT_BYTES: usize = 63;

/// An SQL identifier (a role, schema, table, …), held as PostgreSQL stores it and always displayed in quotes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SqlIdent(Box<str>);

/// Why a text can't be an SQL identifier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentError {
    #[error("an identifier can't be empty")]
    Empty,
    #[error("identifier {0:?} is longer than {MAX_IDENT_BYTES} bytes")]
    TooLong(String),
    #[error("an identifier can't contain a zero byte")]
    ZeroByte,
}

impl SqlIdent {
    /// Checks a name. Any name that PostgreSQL can store is accepted: quoting makes it safe.
    pub fn new(name: impl Into<String>) -> Result<Self, IdentError> {
        let name = name.into();
        if name.is_empty() {
            return Err(IdentError::Empty);
        }
        if name.len() > MAX_IDENT_BYTES {
            return Err(IdentError::TooLong(name));
        }
        if name.contains('\0') {
            return Err(IdentError::ZeroByte);
        }
        Ok(Self(name.into_boxed_str()))
    }

    /// The name without quotes, as `pg_catalog` shows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Writes the identifier in double quotes, so that it may stand anywhere in SQL.
impl fmt::Display for SqlIdent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl TryFrom<String> for SqlIdent {
    type Error = IdentError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl From<SqlIdent> for String {
    fn from(value: SqlIdent) -> Self {
        value.0.into()
    }
}

/// Quotes a text as an SQL literal that means the same under either setting of `standard_conforming_strings`.
///
/// Zero bytes can't occur in PostgreSQL text; they are dropped, which can only make the server refuse the value.
pub fn quote_literal(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 3);
    let escaped = value.contains('\\');
    out.push_str(if escaped { " E'" } else { "'" });
    for c in value.chars().filter(|c| *c != '\0') {
        if c == '\'' || c == '\\' {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_quote_themselves() {
        assert_eq!(SqlIdent::new("orders").unwrap().to_string(), r#""orders""#);
        assert_eq!(SqlIdent::new(r#"a"; DROP"#).unwrap().to_string(), r#""a""; DROP""#);
    }

    #[test]
    fn identifiers_that_postgres_would_cut_are_refused() {
        assert_eq!(SqlIdent::new(""), Err(IdentError::Empty));
        assert_eq!(SqlIdent::new("a\0b"), Err(IdentError::ZeroByte));
        assert!(SqlIdent::new("é".repeat(31)).is_ok());
        assert!(matches!(SqlIdent::new("é".repeat(32)), Err(IdentError::TooLong(_))));
    }

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal(r"a\'b"), r" E'a\\''b'");
    }
}
