//! The questions put to a database's catalog, one SQL file each. Running them is the caller's part.

use tenantry_core::SqlIdent;

/// One introspection query: no parameters, one row, one column of JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    pub name: &'static str,
    pub sql: &'static str,
}

macro_rules! queries {
    ($($name:literal),* $(,)?) => {
        &[$(Query { name: $name, sql: include_str!(concat!("introspect/", $name, ".sql")) }),*]
    };
}

/// All of them. Run [`introspection_settings`] and then each of these, in one repeatable-read transaction.
pub fn introspection() -> &'static [Query] {
    queries![
        "source",
        "types",
        "sequences",
        "tables",
        "columns",
        "constraints",
        "indexes",
        "triggers",
        "policies",
        "statistics",
        "rules",
        "views",
        "materialized_views",
        "functions",
        "aggregates",
        "operators",
        "definitions",
        "extensions",
        "dependencies",
        "unmodelled",
        "access",
    ]
}

/// What the transaction that asks has to set first. With `search_path` set to exactly the schema to be read, PostgreSQL
/// prints the schema's own names unqualified, so that they can be created elsewhere; the rest makes the text of constants
/// (partition bounds, defaults) independent of the server's configuration.
pub fn introspection_settings(schema: &SqlIdent) -> String {
    format!("SET LOCAL search_path TO {schema}; {}", include_str!("introspect/settings.sql"))
}
