//! Reading rows: a column that does not hold what it should is an error that names it, never a panic.

use crate::error::CatalogError;
use std::fmt::Display;
use std::str::FromStr;
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
