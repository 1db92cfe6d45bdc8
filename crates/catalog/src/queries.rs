//! All SQL of this crate, by name. Each text stands in a file of `queries/`, and a test prepares every one of them.

/// A statement and the name by which errors and tests call it.
#[derive(Debug, Clone, Copy)]
pub struct Query {
    pub name: &'static str,
    pub sql: &'static str,
}

macro_rules! queries {
    ($($constant:ident = $name:literal,)*) => {
        $(pub(crate) const $constant: Query = Query { name: $name, sql: include_str!(concat!("queries/", $name, ".sql")) };)*
        const ALL: &[Query] = &[$($constant),*];
    };
}

queries! {
    OPERATION_LOCK = "operation_lock",
    STILL_VALID = "still_valid",
}

/// Every statement that this crate sends with parameters.
pub fn queries() -> &'static [Query] {
    ALL
}
