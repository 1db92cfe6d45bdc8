//! `declaration`: every table has a kind, and everything the declaration names is there.

use super::{ALL, Case, MARKER, Rule, names, same_columns};
use crate::check::{Remedy, Severity};
use crate::declaration::{Kind, TableEntry, split_unique};
use crate::model::{ConstraintKind, Model, Table};
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Declared;

impl Rule for Declared {
    fn id(&self) -> &'static str {
        "declaration"
    }

    fn about(&self) -> &'static str {
        "Every table is classified, and the declaration names only what the schema has. Nothing is applied otherwise: \
         a table that nobody classified would be a table that nobody isolates."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A table that nobody classified is a table that nobody isolates. A name that is not there is a typo, \
                  and the table that was meant would silently become a tenant table.",
            before: "CREATE TABLE countries (code text PRIMARY KEY);\n\
                     -- tenantry.toml\n\
                     [tables]\n\
                     countires = \"global\"",
            after: "CREATE TABLE countries (code text PRIMARY KEY);\n\
                    -- tenantry.toml\n\
                    [tables]\n\
                    countries = \"global\"",
            ignore: "Never: nothing is compiled before the declaration is right.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Warning, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for table in &model.tables {
            if case.kind(&table.name).is_none() && !table.is_partition() {
                case.error(
                    &table.name,
                    "the table is not classified, and the declaration refuses unnamed tables",
                    format!("add it to [tables]: {} = \"tenant\" or \"global\"", table.name),
                );
            }
        }
        let declaration = case.declaration;
        for (name, entry) in &declaration.tables {
            table_entry(model, case, name, entry);
        }
        for key in declaration.unique.keys() {
            unique_entry(model, case, key);
        }
    }
}

fn table_entry(model: &Model, case: &mut Case<'_>, name: &str, entry: &TableEntry) {
    let place = format!("[tables] {name}");
    let Some(table) = model.table(name) else {
        if is_the_pools(model, case, entry.kind()) {
            return;
        }
        return case.error(place, "there is no such table", suggestion(model, name));
    };
    if table.is_partition() {
        let root = model.root(name);
        return case.error(
            place,
            format!("it is a partition of {root}"),
            format!("declare {root}: partitions follow it"),
        );
    }
    if let TableEntry::Detailed(details) = entry
        && let Some(via) = &details.via
    {
        match details.kind {
            Kind::Scoped => via_sharing(model, case, table, via),
            Kind::Tenant | Kind::Global => via_entry(model, case, table, via),
        }
    }
}

/// In a schema placement that is read back, global and scoped tables are the pool's.
fn is_the_pools(model: &Model, case: &Case<'_>, kind: Kind) -> bool {
    let mut comments = model.tables.iter().filter_map(|table| table.comment.as_deref());
    kind != Kind::Tenant
        && case.tenancy == TenancyModel::Schema
        // Where every table is the pool's, nothing is left that could say so; the other models still ask for the table.
        && (model.tables.is_empty() || comments.any(|comment| comment.lines().any(|line| line.starts_with(MARKER))))
}

/// Of a scoped table: `links.column`, a column of the table that says with whom rows are shared, or a column of its own.
fn via_sharing(model: &Model, case: &mut Case<'_>, table: &Table, via: &str) {
    let place = format!("[tables] {}", table.name);
    let (of, columns) = match via.split_once('.') {
        None => (Some(table), via),
        Some((links, columns)) => (model.table(links), columns),
    };
    let Some(of) = of else {
        let links = via.split('.').next().unwrap_or_default();
        return case.error(place, format!("via names no table: {links:?}"), suggestion(model, links));
    };
    for column in columns.split(',').map(str::trim).filter(|column| of.column(column).is_none()) {
        let near = names::nearest(column, of.columns.iter().map(|column| column.name.as_str()));
        let hint = near.map_or_else(
            || {
                format!(
                    "name the column of {} that refers to {}, or one of {} itself",
                    of.name, table.name, table.name
                )
            },
            |near| format!("did you mean {near}?"),
        );
        case.error(place.clone(), format!("{} has no column {column:?}", of.name), hint);
    }
}

/// `via = "parent.column"`: a column of this table that leads to its parent.
fn via_entry(model: &Model, case: &mut Case<'_>, table: &Table, via: &str) {
    let place = format!("[tables] {}", table.name);
    let Some((parent, column)) = via.split_once('.') else {
        return case.error(place, format!("via = {via:?} is not a path"), "write it as \"parent.column\"");
    };
    if model.table(parent).is_none() {
        return case.error(place, format!("via names no table: {parent:?}"), suggestion(model, parent));
    }
    if table.column(column).is_none() {
        let near = names::nearest(column, table.columns.iter().map(|column| column.name.as_str()));
        let hint = near.map_or_else(
            || format!("name the column of {} that refers to {parent}", table.name),
            |near| format!("did you mean {parent}.{near}?"),
        );
        case.error(place, format!("{} has no column {column:?}", table.name), hint);
    }
}

fn unique_entry(model: &Model, case: &mut Case<'_>, key: &str) {
    let place = format!("[unique] {key:?}");
    let Some((name, columns)) = split_unique(key) else {
        return case.error(
            place,
            "it is not a table and its columns",
            "write \"table.column\" or \"table.a, b\"",
        );
    };
    let Some(table) = model.table(name) else {
        let kind = case.declaration.tables.get(name).map_or(Kind::Tenant, TableEntry::kind);
        if !is_the_pools(model, case, kind) {
            case.error(place, "there is no such table", suggestion(model, name));
        }
        return;
    };
    let columns: Vec<String> = columns.into_iter().map(ToOwned::to_owned).collect();
    if !uniques(table).iter().any(|unique| same_columns(unique, &columns)) {
        let known: Vec<String> =
            uniques(table).iter().map(|unique| format!("{name}.{}", unique.join(", "))).collect();
        let hint = match known.as_slice() {
            [] => format!("{name} has no unique constraint"),
            known => format!("{name} has: {}", known.join("; ")),
        };
        return case.error(place, "there is no unique constraint or index on just these columns", hint);
    }
    if case.kind(name) == Some(Kind::Global) {
        case.note(
            place,
            format!("{name} is a global table: its constraints are global anyway"),
            "remove the entry",
        );
    }
}

/// The columns of every unique constraint and plain unique index.
fn uniques(table: &Table) -> Vec<Vec<String>> {
    let constraints = table.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::Unique(key) => Some(key.columns.clone()),
        _ => None,
    });
    let indexes = table
        .indexes
        .iter()
        .filter(|index| index.unique)
        .filter_map(|index| index.keys.iter().map(|key| key.column.clone()).collect());
    constraints.chain(indexes).collect()
}

fn suggestion(model: &Model, name: &str) -> String {
    match names::nearest(name, model.tables.iter().map(|table| table.name.as_str())) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "remove the entry, or add the table to the schema".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    const SQL: &str = "CREATE TABLE posts (id bigint PRIMARY KEY, slug text UNIQUE);
        CREATE TABLE comments (id bigint PRIMARY KEY, post_id bigint REFERENCES posts);";

    #[test]
    fn names_that_are_not_there() {
        hits(
            &Declared,
            SQL,
            "[tables]\npsots = \"global\"",
            &["error: [tables] psots: there is no such table"],
        );
        let via = |path: &str| format!("[tables]\ncomments = {{ kind = \"tenant\", via = \"{path}\" }}");
        hits(&Declared, SQL, &via("posts"), &["error: [tables] comments: via = \"posts\" is not a path"]);
        hits(
            &Declared,
            SQL,
            &via("post.post_id"),
            &["error: [tables] comments: via names no table: \"post\""],
        );
        hits(
            &Declared,
            SQL,
            &via("posts.post"),
            &["error: [tables] comments: comments has no column \"post\""],
        );
        misses(&Declared, SQL, &via("posts.post_id"));
    }

    #[test]
    fn partitions_follow_their_parent() {
        let sql =
            "CREATE TABLE t (at date) PARTITION BY RANGE (at); CREATE TABLE t_rest PARTITION OF t DEFAULT;";
        hits(
            &Declared,
            sql,
            "[tables]\nt_rest = \"global\"",
            &["error: [tables] t_rest: it is a partition of t"],
        );
        misses(&Declared, sql, "[tables]\nt = \"global\"");
    }

    #[test]
    fn unique_names_a_constraint() {
        let unique = |key: &str| format!("[unique]\n\"{key}\" = \"global\"");
        let not = "there is no unique constraint or index on just these columns";
        hits(&Declared, SQL, &unique("posts.id"), &[&format!("error: [unique] \"posts.id\": {not}")]);
        hits(
            &Declared,
            SQL,
            &unique("posts"),
            &["error: [unique] \"posts\": it is not a table and its columns"],
        );
        misses(&Declared, SQL, &unique("posts.slug"));
    }

    #[test]
    fn unclassified_tables_where_the_declaration_refuses_them() {
        let refuse = "[tenancy]\ndefault = \"refuse\"\n[tables]\nposts = \"tenant\"\n";
        let message =
            "error: comments: the table is not classified, and the declaration refuses unnamed tables";
        hits(&Declared, SQL, refuse, &[message]);
        misses(&Declared, SQL, &format!("{refuse}comments = \"tenant\""));
    }

    #[test]
    fn suppressions_that_do_nothing() {
        let ignore = |rule: &str, place: &str, reason: &str| {
            format!("[[ignore]]\nrule = \"{rule}\"\nplace = \"{place}\"\nreason = \"{reason}\"")
        };
        let sql = "CREATE TABLE t (a text)";
        hits(
            &Declared,
            sql,
            &ignore("primry-key", "t", "x"),
            &["warning: [[ignore]] primry-key, \"t\": there is no rule \"primry-key\""],
        );
        let nothing = "warning: [[ignore]] primary-key, \"u\": no finding of this rule is at this place";
        hits(&Declared, sql, &ignore("primary-key", "u", "x"), &[nothing]);
        let unsaid = "warning: [[ignore]] primary-key, \"t\": it has no reason, so it ignores nothing";
        hits(&Declared, sql, &ignore("primary-key", "t", " "), &[unsaid]);
        misses(&Declared, sql, &ignore("primary-key", "*", "a log"));
    }
}
