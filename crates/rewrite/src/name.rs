//! Names as they are written in SQL, and as PostgreSQL makes them up.

use tenantry_core::ident::MAX_IDENT_BYTES;

/// Words that don't stand for a column everywhere: reserved, and those that may only be a type, a function, or neither. In
/// order: they are searched.
#[rustfmt::skip]
const KEYWORDS: [&str; 164] = [
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization",
    "between", "bigint", "binary", "bit", "boolean", "both", "case", "cast", "char", "character",
    "check", "coalesce", "collate", "collation", "column", "concurrently", "constraint", "create",
    "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
    "current_timestamp", "current_user", "dec", "decimal", "default", "deferrable", "desc", "distinct",
    "do", "else", "end", "except", "exists", "extract", "false", "fetch", "float", "for", "foreign",
    "freeze", "from", "full", "grant", "greatest", "group", "grouping", "having", "ilike", "in",
    "initially", "inner", "inout", "int", "integer", "intersect", "interval", "into", "is", "isnull",
    "join", "json", "json_array", "json_arrayagg", "json_exists", "json_object", "json_objectagg",
    "json_query", "json_scalar", "json_serialize", "json_table", "json_value", "lateral", "leading",
    "least", "left", "like", "limit", "localtime", "localtimestamp", "merge_action", "national",
    "natural", "nchar", "none", "normalize", "not", "notnull", "null", "nullif", "numeric", "offset",
    "on", "only", "or", "order", "out", "outer", "overlaps", "overlay", "placing", "position",
    "precision", "primary", "real", "references", "returning", "right", "row", "select", "session_user",
    "setof", "similar", "smallint", "some", "substring", "symmetric", "system_user", "table",
    "tablesample", "then", "time", "timestamp", "to", "trailing", "treat", "trim", "true", "union",
    "unique", "user", "using", "values", "varchar", "variadic", "verbose", "when", "where", "window",
    "with", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces",
    "xmlparse", "xmlpi", "xmlroot", "xmlserialize", "xmltable",
];

/// A name as it must be written, in quotes only where it needs them.
pub(crate) fn ident(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && KEYWORDS.binary_search(&name).is_err() {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// Names with commas between them.
pub(crate) fn idents<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| ident(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// `makeObjectName`: `<first>_<second>_<label>`, the longer of the first two cut until it fits.
pub(crate) fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let (mut a, mut b) = (first.len(), second.map_or(0, str::len));
    let overhead = usize::from(second.is_some()) + 1 + label.len();
    while a + b + overhead > MAX_IDENT_BYTES {
        if a > b {
            a -= 1;
        } else {
            b -= 1;
        }
    }
    let mut name = clip(first, a).to_owned();
    if let Some(second) = second {
        name.push('_');
        name.push_str(clip(second, b));
    }
    name.push('_');
    name.push_str(label);
    name
}

/// The longest start of at most that many bytes that ends with a whole character.
pub(crate) fn clip(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `<first>_<second>_<label>`, numbered until nothing has it.
pub(crate) fn free_name(
    first: &str,
    second: Option<&str>,
    label: &str,
    is_taken: impl Fn(&str) -> bool,
) -> String {
    let mut name = object_name(first, second, label);
    let mut number = 0_u32;
    while is_taken(&name) {
        number += 1;
        name = object_name(first, second, &format!("{label}{number}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(idents(&["id", "order", "A", "a\"b", "_x1"]), "id, \"order\", \"A\", \"a\"\"b\", _x1");
    }

    #[test]
    fn keywords_are_found() {
        assert!(KEYWORDS.is_sorted());
        assert!(KEYWORDS.iter().all(|word| ident(word) == format!("\"{word}\"")));
        assert_eq!([ident("alla"), ident("al")], ["alla", "al"]);
    }

    #[test]
    fn long_names_are_cut_as_postgres_cuts_them() {
        assert_eq!(object_name("users", Some("email"), "key"), "users_email_key");
        let long = object_name(&"a".repeat(60), Some(&"b".repeat(20)), "key");
        assert_eq!(long, format!("{}_{}_key", "a".repeat(38), "b".repeat(20)));
        assert_eq!(free_name("t", None, "pkey", |name| name == "t_pkey"), "t_pkey1");
    }
}
