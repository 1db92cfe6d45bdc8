//! Reading rows: a column that does not hold what it should is an error that names it, never a panic.

use crate::error::CatalogError;
use std::fmt::Display;
use std::str::FromStr;
use tenantry_core::{ContextKind, DatabaseId, Epoch, Placement, ServerAddress, ServerTls, SqlIdent};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

/// A column's value.
pub(crate) fn get<'a, T: FromSql<'a>>(
    row: &'a Row,
    what: &'static str,
    column: &str,
) -> Result<T, CatalogError> {
    row.try_get(column)
        .map_err(|_| CatalogError::BadRow { what, reason: format!("column {column} has another type") })
}

/// A text column that holds a checked type's text.
pub(crate) fn parse<T>(row: &Row, what: &'static str, column: &str) -> Result<T, CatalogError>
where
    T: FromStr,
    T::Err: Display,
{
    get::<&str>(row, what, column)?.parse().map_err(|reason: T::Err| bad(what, reason))
}

/// A number that must not be negative, and must fit.
pub(crate) fn number<T: TryFrom<i64>>(
    row: &Row,
    what: &'static str,
    column: &str,
) -> Result<T, CatalogError> {
    let value = get::<i64>(row, what, column)?;
    T::try_from(value).map_err(|_| bad(what, format!("{column} is {value}")))
}

/// The error for a value that breaks the rules of its type.
pub(crate) fn bad(what: &'static str, reason: impl Display) -> CatalogError {
    CatalogError::BadRow { what, reason: reason.to_string() }
}

/// How a context is proved; core's type has no text form to read.
pub(crate) fn context(row: &Row, what: &'static str) -> Result<ContextKind, CatalogError> {
    word(row, what, "context", &[ContextKind::Carrier, ContextKind::Signed], ContextKind::as_str)
}

/// A text column that holds one of a few words.
pub(crate) fn word<T: Copy>(
    row: &Row,
    what: &'static str,
    column: &str,
    all: &[T],
    text: impl Fn(T) -> &'static str,
) -> Result<T, CatalogError> {
    let found = get::<&str>(row, what, column)?;
    all.iter()
        .copied()
        .find(|value| text(*value) == found)
        .ok_or_else(|| bad(what, format!("{column} is {found:?}")))
}

/// A text column that holds an SQL identifier without its quotes.
pub(crate) fn ident(row: &Row, what: &'static str, column: &str) -> Result<SqlIdent, CatalogError> {
    SqlIdent::new(get::<String>(row, what, column)?).map_err(|reason| bad(what, reason))
}

/// The placement of a row that was joined with `placements`; `None` where none was.
pub(crate) fn placement(row: &Row, what: &'static str) -> Result<Option<Placement>, CatalogError> {
    if get::<Option<&str>>(row, what, "model")?.is_none() {
        return Ok(None);
    }
    Ok(Some(Placement {
        model: parse(row, what, "model")?,
        database: DatabaseId::new(get(row, what, "database")?),
        schema: ident(row, what, "schema")?,
        epoch: Epoch::new(get(row, what, "epoch")?),
    }))
}

/// How connections to a cluster are protected.
pub(crate) fn tls(row: &Row, what: &'static str) -> Result<ServerTls, CatalogError> {
    let root_certificate = get::<Option<&str>>(row, what, "ssl_root_cert")?.map(Into::into);
    Ok(ServerTls { mode: parse(row, what, "sslmode")?, root_certificate })
}

/// Servers, as `HOST:PORT` each.
pub(crate) fn addresses(
    row: &Row,
    what: &'static str,
    column: &str,
) -> Result<Box<[ServerAddress]>, CatalogError> {
    let texts = get::<Vec<&str>>(row, what, column)?;
    texts.into_iter().map(|text| text.parse().map_err(|reason| bad(what, reason))).collect()
}
