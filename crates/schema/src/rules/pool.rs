//! `pool-table`: in a schema beside the pool, what tenants share is the pool's.
//!
//! Global and scoped tables are not there at all: the pool's are found by `search_path`, and foreign keys name them. In a
//! database of its own they are copies (see `global`).

use super::{Case, Docs, Rule};
use crate::check::{Remedy, Severity};
use crate::declaration::{Declaration, Kind};
use crate::model::{ConstraintKind, Model, ObjectKind, Table, TypeKind};
use std::collections::HashSet;
use tenantry_core::TenancyModel;

/// Where a schema placement finds the pool's tables.
pub(super) const POOL: &str = "public";

#[derive(Debug)]
pub(super) struct PoolTables;

impl Rule for PoolTables {
    fn id(&self) -> &'static str {
        "pool-table"
    }

    fn about(&self) -> &'static str {
        "In a tenant's own schema there are no global and no scoped tables: those of the pool in the same database are used. \
         They are found behind the tenant's tables in `search_path`, and foreign keys refer to them there."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A copy in every schema would have to be kept up in every schema, and an empty one fails every reference to it. \
                  What lies in the same database needs no copy.",
            before: "CREATE TABLE countries (code text PRIMARY KEY);\n\
                     CREATE TABLE addresses (id bigint PRIMARY KEY, country text CONSTRAINT of_country REFERENCES countries);\n\
                     -- tenantry.toml\n\
                     [tables]\n\
                     countries = \"global\"",
            after: "ALTER TABLE addresses ADD CONSTRAINT of_country FOREIGN KEY (country) REFERENCES public.countries (code)",
            ignore: "The warning about types, where such columns are never compared with each other.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        &[TenancyModel::Schema]
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Warning, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let here: HashSet<String> = model.tables.iter().map(|table| table.name.clone()).collect();
        for at in 0..model.tables.len() {
            if is_pools(case, &model.tables[at].name) {
                own_types(model, &model.tables[at], case);
                case.change(&model.tables[at].name, "the pool's table is used: it is found by search_path");
            } else {
                comparable(model, &model.tables[at], case);
                refer(&mut model.tables[at], &here, case);
            }
        }
        let idle = only_for_the_pool(model, |name| is_pools(case, name));
        model.sequences.retain(|sequence| !idle.contains(&sequence.name));
        model.tables.retain(|table| !is_pools(case, &table.name));
        let tables = &model.tables;
        let is_there = |name: &str| tables.iter().any(|table| table.name == name);
        model.sequences.retain(|sequence| sequence.owned_by.as_ref().is_none_or(|by| is_there(&by.table)));
    }
}

/// Sequences that nothing but defaults of the pool's tables takes numbers from. They need not be owned by a column.
fn only_for_the_pool(model: &Model, is_pools: impl Fn(&str) -> bool) -> HashSet<String> {
    let (mut theirs, mut ours) = (HashSet::new(), HashSet::new());
    for dependency in model.dependencies.iter().filter(|one| one.to.kind == ObjectKind::Sequence) {
        let pools = dependency.from.kind == ObjectKind::Table && is_pools(&dependency.from.name);
        if pools { &mut theirs } else { &mut ours }.insert(dependency.to.name.clone());
    }
    theirs.retain(|name| !ours.contains(name));
    theirs
}

/// By kind, or by declaration: the table itself may be in another schema.
fn is_pools(case: &Case<'_>, name: &str) -> bool {
    let kind = case.kind(name).or_else(|| case.declaration.tables.get(name).map(super::TableEntry::kind));
    kind.is_some_and(|kind| kind != Kind::Tenant)
}

/// Where the target is not in the model, the key was the pool's already and was read without its schema.
fn refer(table: &mut Table, here: &HashSet<String>, case: &mut Case<'_>) {
    for constraint in &mut table.constraints {
        let ConstraintKind::ForeignKey(key) = &mut constraint.kind else { continue };
        if key.target_schema.is_some() || !is_pools(case, &key.target) {
            continue;
        }
        key.target_schema = Some(POOL.to_owned());
        if here.contains(&key.target) {
            let place = format!("{} on {}", constraint.name, table.name);
            case.change(place, "the foreign key refers to the pool's table");
        }
    }
}

/// Types belong to each schema: the pool's `mood` is another one than the tenant's.
fn own_types(model: &Model, table: &Table, case: &mut Case<'_>) {
    for column in &table.columns {
        if let Some((name, _)) = own_type(model, &column.type_name) {
            case.warning(
                format!("{}.{}", table.name, column.name),
                format!("its type {name} is the pool's there, and the tenant's own tables have another of that name"),
                "compare such columns as text, or use a built-in type with a check",
            );
        }
    }
}

/// A foreign key between two enums is refused by the server, even if they have one name. Domains compare as what they rest on.
fn comparable(model: &Model, table: &Table, case: &mut Case<'_>) {
    for constraint in &table.constraints {
        let ConstraintKind::ForeignKey(key) = &constraint.kind else { continue };
        if !is_pools(case, &key.target) {
            continue;
        }
        for column in key.columns.iter().filter_map(|name| table.column(name)) {
            match own_type(model, &column.type_name) {
                Some((name, kind)) if !matches!(kind, TypeKind::Domain { .. }) => case.error(
                    format!("{} on {}", constraint.name, table.name),
                    format!("the tenant's type {name} is not the {name} of the pool's table {}", key.target),
                    "use a built-in type with a check for this key, or place no tenants in schemas",
                ),
                _ => {}
            }
        }
    }
}

fn own_type<'a>(model: &'a Model, written: &str) -> Option<(&'a str, &'a TypeKind)> {
    let base = written.trim_end_matches("[]").trim_matches('"');
    let defined = model.types.iter().find(|defined| defined.name == base)?;
    Some((&defined.name, &defined.kind))
}

/// Whether a schema placement needs the pool's tables.
pub fn needs_pool(declaration: &Declaration) -> bool {
    declaration.tables.values().any(|entry| entry.kind() != Kind::Tenant)
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    const USED: &str = "change: g: the pool's table is used: it is found by search_path";
    const GLOBAL: &str = "[tables]\ng = \"global\"";

    #[test]
    fn what_is_shared_is_the_pools() {
        let sql = "CREATE TABLE g (id serial PRIMARY KEY, part_of int CONSTRAINT whole REFERENCES g);
            CREATE TABLE t (id bigint PRIMARY KEY, g int CONSTRAINT of_g REFERENCES g, t bigint REFERENCES t)";
        let refers = "change: of_g on t: the foreign key refers to the pool's table";
        hits(&PoolTables, sql, GLOBAL, &[USED, refers]);
        hits(&PoolTables, sql, "[tables]\ng = \"scoped\"", &[USED, refers]);
        misses(&PoolTables, sql, "");
    }

    #[test]
    fn partitions_and_children_go_with_their_parents() {
        let sql =
            "CREATE TABLE g (id int) PARTITION BY LIST (id); CREATE TABLE g_rest PARTITION OF g DEFAULT;
            CREATE TABLE h (id int); CREATE TABLE h_child (n int) INHERITS (h);";
        let of = |name: &str| USED.replacen("g:", &format!("{name}:"), 1);
        let all = [USED.to_owned(), of("g_rest"), of("h"), of("h_child")];
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        hits(&PoolTables, sql, "[tables]\ng = \"global\"\nh = \"global\"", &all);
    }

    #[test]
    fn types_are_each_schemas_own() {
        let sql = |kind: &str| {
            format!(
                "CREATE {kind}; CREATE TABLE g (k code PRIMARY KEY); CREATE TABLE t (k code CONSTRAINT of_g REFERENCES g)"
            )
        };
        let warning = "warning: g.k: its type code is the pool's there, and the tenant's own tables have another of that name";
        let refers = "change: of_g on t: the foreign key refers to the pool's table";
        hits(&PoolTables, &sql("DOMAIN code AS text"), GLOBAL, &[USED, warning, refers]);
        let error = "error: of_g on t: the tenant's type code is not the code of the pool's table g";
        hits(&PoolTables, &sql("TYPE code AS ENUM ('a')"), GLOBAL, &[USED, warning, refers, error]);
    }
}
