//! `leakproof`: indexes that PostgreSQL will not use under row-level security.

use super::{Case, POOLED, Rule};
use crate::check::{Remedy, Severity};
use crate::model::{Index, IndexKey, Model, Table, TypeKind};
use crate::rules::Docs;
use std::collections::{BTreeMap, BTreeSet};
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Leakproof;

impl Rule for Leakproof {
    fn id(&self) -> &'static str {
        "leakproof"
    }

    fn about(&self) -> &'static str {
        "Under row-level security a condition becomes an index condition only if its operator is leakproof. Those of numeric, \
         enum, citext, array, jsonb, range and text search columns, and every expression, are not: their indexes lie idle."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "PostgreSQL tests the tenant floor before any condition that might tell something of the rows it is tested on. \
                  What is not marked LEAKPROOF can't be an index condition then: the rows of the tenant are read and filtered \
                  (measured: 12 ms instead of 0.05 ms on a tenant of 50,000 rows). The tenant's predicate in the query does not \
                  bring the index back. A schema of its own has a floor too; only a database of its own has none.",
            before: "CREATE TABLE invoices (id bigint PRIMARY KEY, amount numeric(12, 2));\n\
                     CREATE INDEX invoices_by_amount ON invoices (amount);",
            after: "CREATE TABLE invoices (id bigint PRIMARY KEY, amount_cents bigint);\n\
                    CREATE INDEX invoices_by_amount ON invoices (amount_cents);",
            ignore: "Where the index is for the operator's own reports, or tenants have so few rows that reading all of them is fast.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        POOLED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let types = Types::of(model);
        for table in &model.tables {
            // A partition's indexes are its parent's, mostly: once is enough.
            if !case.has_floor(table) || table.is_partition() {
                continue;
            }
            for index in &table.indexes {
                let lost = lost_keys(table, index, &types);
                if lost.is_empty() {
                    continue;
                }
                let names: Vec<&str> = lost.iter().map(|(name, _)| name.as_str()).collect();
                let remedies: BTreeSet<&str> = lost.iter().map(|(_, remedy)| *remedy).collect();
                let remedies: Vec<&str> = remedies.into_iter().collect();
                case.note(
                    format!("{} on {}", index.name, table.name),
                    format!("under row-level security no condition on {} uses it: the operators are not leakproof", names.join(", ")),
                    format!("{}; or give tenants that need it a database of their own", remedies.join("; ")),
                );
            }
        }
    }
}

/// What the schema's own types rest on.
struct Types<'a>(BTreeMap<&'a str, &'a TypeKind>);

impl<'a> Types<'a> {
    fn of(model: &'a Model) -> Self {
        Self(model.types.iter().map(|defined| (defined.name.as_str(), &defined.kind)).collect())
    }

    /// What to do about a column of this type, where its operators are not leakproof. The set is the same from 15 to 18;
    /// what an administrator marked leakproof is the auditor's to see.
    fn remedy(&self, type_name: &str) -> Option<&'static str> {
        let mut name = type_name;
        // A chain of domains ends: a domain can't be made of itself.
        while let Some(TypeKind::Domain { base, .. }) = self.0.get(unquoted(name)) {
            name = base;
        }
        if name.ends_with("[]") {
            return Some("look elements up in a table of their own instead of an array");
        }
        match self.0.get(unquoted(name)) {
            Some(TypeKind::Enum { .. }) => return Some("use text with a check instead of an enum"),
            Some(TypeKind::Range { .. }) => return Some(RANGE),
            Some(TypeKind::Composite { .. }) => {
                return Some("index the parts of the composite value as columns");
            }
            _ => {}
        }
        match name.split('(').next().unwrap_or(name) {
            "numeric" => Some("use bigint in the smallest unit (cents) instead of numeric"),
            "citext" => Some("use a stored generated column with lower() instead of citext"),
            "jsonb" | "json" => Some("take what is looked up out of the jsonb, into columns"),
            "tsvector" | "tsquery" => {
                Some("search text in a database of its own (a schema has a floor, too) or outside")
            }
            "ltree" | "hstore" => Some("take what is looked up out into columns"),
            range if range.ends_with("range") => Some(RANGE),
            _ => None,
        }
    }
}

const RANGE: &str = "keep the bounds of the range in columns and index them";

fn unquoted(name: &str) -> &str {
    name.trim_matches('"')
}

/// The keys that no condition can use, each with what to do instead.
fn lost_keys(table: &Table, index: &Index, types: &Types<'_>) -> Vec<(String, &'static str)> {
    if matches!(index.method.as_str(), "hnsw" | "ivfflat") {
        // Ordering operators are not bound by it; the rule `index` says what else is wrong with them.
        return Vec::new();
    }
    index.keys.iter().filter_map(|key| lost_key(table, index, key, types)).collect()
}

fn lost_key(
    table: &Table,
    index: &Index,
    key: &IndexKey,
    types: &Types<'_>,
) -> Option<(String, &'static str)> {
    let Some(name) = &key.column else {
        let expression = key.expression.clone().unwrap_or_default();
        return Some((expression, "index a stored generated column instead of the expression"));
    };
    let column = table.column(name)?;
    let remedy = types.remedy(&column.type_name).or_else(|| {
        let patterns = key.opclass.as_deref().is_some_and(|class| class.ends_with("_pattern_ops"));
        match index.method.as_str() {
            "btree" | "brin" | "hash" if patterns => Some("use ^@ (starts_with) instead of LIKE 'x%'"),
            "btree" | "brin" | "hash" => None,
            _ if is_equality(&column.type_name, key) => None,
            _ => Some("search by a B-tree index on a plain column where one fits"),
        }
    })?;
    Some((name.clone(), remedy))
}

/// Inside a GIN or GiST index, what btree_gin and btree_gist make of a plain type works as in a B-tree.
fn is_equality(type_name: &str, key: &IndexKey) -> bool {
    const PLAIN: &[&str] = &[
        "bigint",
        "integer",
        "smallint",
        "uuid",
        "text",
        "date",
        "boolean",
        "inet",
        "cidr",
        "double precision",
        "real",
    ];
    let plain = PLAIN.contains(&type_name)
        || type_name.starts_with("timestamp")
        || type_name.starts_with("character");
    plain && !key.opclass.as_deref().is_some_and(|class| class.contains("trgm"))
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    const MESSAGE: &str = "uses it: the operators are not leakproof";

    fn note(index: &str, keys: &str) -> String {
        format!("note: {index} on t: under row-level security no condition on {keys} {MESSAGE}")
    }

    #[test]
    fn types_whose_operators_are_not_leakproof() {
        let sql = "CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('a'); CREATE DOMAIN price AS numeric(9, 2);
            CREATE TABLE t (id bigint, n numeric, p price, e mood, c citext, a int[], j jsonb, r tstzrange, s text);
            CREATE INDEX a1 ON t (n, id); CREATE INDEX a2 ON t (p); CREATE INDEX a3 ON t (e); CREATE INDEX a4 ON t (c);
            CREATE INDEX a5 ON t USING gin (a); CREATE INDEX a6 ON t USING gin (j); CREATE INDEX a7 ON t USING gist (r);
            CREATE INDEX a8 ON t (lower(s)); CREATE INDEX a9 ON t (s text_pattern_ops);";
        let keys = ["n", "p", "e", "c", "a", "j", "r", "lower(s)", "s"];
        let expected: Vec<String> = (1..).zip(keys).map(|(at, key)| note(&format!("a{at}"), key)).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        hits(&Leakproof, sql, "", &expected);
    }

    #[test]
    fn plain_types_and_tables_without_a_floor() {
        misses(
            &Leakproof,
            "CREATE TABLE t (id bigint, s text, u uuid, at timestamptz, d date, f float8, b bool, i inet);
             CREATE INDEX ON t (id); CREATE INDEX ON t (s, at DESC); CREATE INDEX ON t (u); CREATE INDEX ON t (d) WHERE b;
             CREATE INDEX ON t (f); CREATE INDEX ON t USING brin (at); CREATE INDEX ON t USING hash (s); CREATE INDEX ON t USING gist (i inet_ops)",
            "",
        );
        // A global table has no floor.
        misses(
            &Leakproof,
            "CREATE TABLE t (id bigint PRIMARY KEY, n numeric); CREATE INDEX i ON t (n)",
            "[tables]\nt = \"global\"",
        );
    }
}
