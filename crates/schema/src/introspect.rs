//! The questions put to a database's catalog, one SQL file each. Running them is the caller's part.

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

/// All of them. Run each with `search_path` set to exactly the schema to be read, in one repeatable-read transaction:
/// the deparser of PostgreSQL then prints the schema's own names unqualified, so that they can be created elsewhere.
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
        "views",
        "functions",
        "extensions",
        "dependencies",
        "unmodelled",
    ]
}
