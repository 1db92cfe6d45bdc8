//! `materialized-view`: rows that row-level security does not reach become rows that it does.
//!
//! A materialized view becomes a tenant table of its name, a view of its query beside it, and a function that fills the table
//! from the view inside one tenant's context. All three are ordinary objects, which the other rules treat as such: the floor,
//! the keys, the GROUP BY that rests on a key. Read back, there is nothing left for this rule to do.

#[cfg(test)]
mod tests;

use super::{Case, POOLED, Rule, names, printed};
use crate::check::{Remedy, Severity};
use crate::declaration::Kind;
use crate::model::{
    Column, Constraint, ConstraintKind, Function, MaterializedView, Model, Object, ObjectKind, Table,
    UniqueKey, View,
};
use crate::render::text::{ident, idents, literal};
use crate::rules::Docs;
use std::collections::BTreeSet;
use tenantry_core::{SqlIdent, TenancyModel};

#[derive(Debug)]
pub(super) struct MaterializedViews;

/// How the line of a comment starts that says what an object has to do with a materialized view.
const LINE: &str = "tenantry:materialized=";
/// When each of a tenant's materialized views was refreshed last. Its rows are also what two refreshes at once wait for.
const LOG: &str = "tenantry_refreshed";
/// Unique and no primary key: that one would stay without the tenant where ids are global.
const LOG_KEY: &str = "tenantry_refreshed_name_key";

impl Rule for MaterializedViews {
    fn id(&self) -> &'static str {
        "materialized-view"
    }

    fn about(&self) -> &'static str {
        "Where tenants share a database, a materialized view becomes a table of each tenant's own rows under the same name, \
         with its indexes, beside a view of its query (`<name>_query`) and a function that fills it for the tenant that calls \
         (`refresh_<name>()`). One that shows nothing but global tables stays what it is."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "Whoever may read a materialized view reads all of it: row-level security can't be enabled on it. It could not be \
                  filled either: REFRESH runs as the owner of the tables, whom the floor binds and who is inside no tenant. A \
                  role past row-level security could fill it, and every query would have to be proved right for all tenants at \
                  once: aggregates without GROUP BY, windows, DISTINCT, LIMIT, subqueries and functions that run SQL are not; \
                  what it holds would outlive an erased tenant, and stay behind when one moves. Filled inside a tenant's \
                  context, any query means what it means in a database of its own, nothing is past the floor, and erasing and \
                  moving treat the rows as the tenant's. Statements change in one thing: instead of REFRESH MATERIALIZED VIEW, \
                  each tenant calls the function. Until it does for the first time, the table is empty.",
            before: "CREATE TABLE orders (id bigint PRIMARY KEY, day date, amount bigint);\n\
                     CREATE MATERIALIZED VIEW sales AS SELECT day, sum(amount) AS amount FROM orders GROUP BY day;",
            after: "CREATE TABLE orders (id bigint PRIMARY KEY, day date, amount bigint);\n\
                    CREATE VIEW sales AS SELECT day, sum(amount) AS amount FROM orders GROUP BY day;",
            ignore: "The note, once the application calls the function.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        POOLED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for view in &mut model.views {
            // Nobody writes through it, however simple it is.
            if is_ours(view.comment.as_deref()) {
                view.updatable = 0;
            }
        }
        let global: BTreeSet<String> = names_of(model).filter(|name| is_global(model, case, name)).collect();
        let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(&mut model.materialized_views)
            .into_iter()
            .partition(|view| global.contains(&view.name));
        model.materialized_views = stay;
        for view in go {
            replace(model, view, case);
        }
    }
}

fn names_of(model: &Model) -> impl Iterator<Item = String> {
    model.materialized_views.iter().map(|view| view.name.clone())
}

/// Whether a table's comment says that it belongs to a materialized view: it holds tenants' rows.
pub(crate) fn is_companion(table: &Table) -> bool {
    is_ours(table.comment.as_deref())
}

/// What stands beside a table that was a materialized view, in a model that went through the rules: the view of its query and the
/// function that fills it. Nothing where it stayed what it was.
pub fn materialized_companions(model: &Model, name: &str) -> Option<(String, String)> {
    let says = |comment: &Option<String>, what: &str| *comment == Some(format!("{LINE}{what} of {name}"));
    let query = model.views.iter().find(|view| says(&view.comment, "query"))?;
    let function = model.functions.iter().find(|function| says(&function.comment, "refresh"))?;
    Some((query.name.clone(), function.name.clone()))
}

/// The table that all of them share.
pub const MATERIALIZED_LOG: &str = LOG;

fn is_ours(comment: Option<&str>) -> bool {
    comment.is_some_and(|comment| comment.lines().any(|line| line.starts_with(LINE)))
}

/// It rests on global tables alone, which have no floor in shared tables, and calls nothing that could look elsewhere.
fn is_global(model: &Model, case: &Case<'_>, name: &str) -> bool {
    if case.tenancy != TenancyModel::Shared {
        return false;
    }
    let mut open = vec![name];
    let (mut seen, mut tables) = (BTreeSet::new(), 0);
    while let Some(name) = open.pop() {
        let from = |object: &Object| {
            matches!(object.kind, ObjectKind::View | ObjectKind::MaterializedView) && object.name == *name
        };
        for edge in model.dependencies.iter().filter(|edge| from(&edge.from)) {
            match edge.to.kind {
                ObjectKind::Table if case.kind(&edge.to.name) == Some(Kind::Global) => tables += 1,
                ObjectKind::View | ObjectKind::MaterializedView => {
                    if seen.insert(&edge.to.name) {
                        open.push(&edge.to.name);
                    }
                }
                ObjectKind::Type => {}
                _ => return false,
            }
        }
    }
    tables > 0
}

fn replace(model: &mut Model, view: MaterializedView, case: &mut Case<'_>) {
    let place = format!("materialized view {}", view.name);
    let function = names::cut(&format!("refresh_{}", view.name), "");
    if model.functions.iter().any(|known| known.name == function && known.arguments.is_empty()) {
        return case.error(
            place,
            format!("the function that refreshes it would be {function}(), and there is one already"),
            "rename that function, or make the materialized view a table that it fills",
        );
    }
    if model.table(LOG).is_some_and(|table| !is_companion(table)) {
        let message = format!("the table {LOG} is there already");
        return case.error(
            place,
            message,
            "rename it: the name is for when materialized views were refreshed",
        );
    }
    let query = case.fresh_name(model, &view.name, &[], "query");
    case.change(&place, format!("it becomes a table of each tenant's own rows, filled by {function}()"));
    case.note(
        &place,
        "REFRESH MATERIALIZED VIEW has nothing to refresh where tenants share a database",
        format!(
            "call SELECT {function}() there, inside each tenant; before the first call the table is empty"
        ),
    );
    log(model, case);
    redirect(model, &view.name, &query);
    model.functions.push(refresh(&view, &query, function));
    model.functions.sort_by_key(Function::object_name);
    model.views.push(View {
        name: query,
        comment: Some(format!("{LINE}query of {}", view.name)),
        definition: view.definition.clone(),
        groups_by: view.groups_by.clone(),
        ..View::default()
    });
    model.views.sort_by(|a, b| a.name.cmp(&b.name));
    case.kinds.insert(view.name.clone(), Kind::Tenant);
    model.tables.push(table(view));
    model.tables.sort_by(|a, b| a.name.cmp(&b.name));
}

/// The table that holds the rows, with everything that the materialized view had.
fn table(view: MaterializedView) -> Table {
    let mut lines: Vec<String> =
        view.comment.iter().flat_map(|text| text.lines()).map(ToOwned::to_owned).collect();
    lines.push(format!("{LINE}rows"));
    Table {
        name: view.name,
        comment: Some(lines.join("\n")),
        replica_identity: 'd',
        options: view.options,
        columns: view.columns,
        indexes: view.indexes,
        statistics: view.statistics,
        access_method: view.access_method,
        tablespace: view.tablespace,
        ..Table::default()
    }
}

fn log(model: &mut Model, case: &mut Case<'_>) {
    case.kinds.insert(LOG.to_owned(), Kind::Tenant);
    if model.table(LOG).is_some() {
        return;
    }
    case.change(LOG, "the table that says when a tenant's materialized views were refreshed is added");
    let column = |name: &str, type_name: &str, default: Option<&str>| Column {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        not_null: true,
        default: default.map(ToOwned::to_owned),
        ..Column::default()
    };
    let key = UniqueKey {
        columns: vec!["name".to_owned()],
        include: Vec::new(),
        nulls_not_distinct: false,
        period: false,
        options: Vec::new(),
    };
    case.is_taken_now(LOG);
    model.tables.push(Table {
        name: LOG.to_owned(),
        comment: Some(format!("{LINE}log")),
        replica_identity: 'd',
        columns: vec![
            column("name", "text", None),
            column("refreshed_at", "timestamp with time zone", Some("now()")),
        ],
        constraints: vec![Constraint::new(LOG_KEY, ConstraintKind::Unique(key))],
        ..Table::default()
    });
    model.tables.sort_by(|a, b| a.name.cmp(&b.name));
}

/// What the materialized view needed, its query needs; who needed it needs the table.
fn redirect(model: &mut Model, name: &str, query: &str) {
    let is_it = |object: &Object| object.kind == ObjectKind::MaterializedView && object.name == name;
    for edge in &mut model.dependencies {
        if is_it(&edge.from) {
            edge.from = Object { kind: ObjectKind::View, name: query.to_owned() };
        }
        if is_it(&edge.to) {
            edge.to.kind = ObjectKind::Table;
        }
    }
    model.dependencies.sort();
}

/// Each statement sees what was committed before it: whoever waits for another refresh of the same tenant at the first one
/// deletes what that one has inserted.
fn refresh(view: &MaterializedView, query: &str, name: String) -> Function {
    let columns: Vec<&str> = view.columns.iter().map(|column| column.name.as_str()).collect();
    let (table, columns, query) = (ident(&view.name), idents(&columns, ", "), ident(query));
    let body = format!(
        "\nINSERT INTO {LOG} (name) VALUES ({})\n    \
         ON CONFLICT ON CONSTRAINT {LOG_KEY} DO UPDATE SET refreshed_at = now();\n\
         DELETE FROM {table};\n\
         INSERT INTO {table} ({columns}) SELECT {columns} FROM {query};\n",
        literal(&view.name)
    );
    let definition = format!(
        "CREATE OR REPLACE FUNCTION {}()\n RETURNS void\n LANGUAGE sql\nAS $function${body}$function$\n",
        SqlIdent::new(name.as_str()).map_or_else(|_| ident(&name), |name| printed(&name))
    );
    Function {
        name,
        arguments: String::new(),
        comment: Some(format!("{LINE}refresh of {}", view.name)),
        procedure: false,
        language: "sql".to_owned(),
        security_definer: false,
        leakproof: false,
        trigger: false,
        settings: Vec::new(),
        body: Some(body),
        definition,
    }
}
