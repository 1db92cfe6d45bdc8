//! `view`: a view shows what its reader may see, not what its owner may.

use super::query::{Shape, adapt, tokens};
use super::{Case, Rule, SHARED, printed};
use crate::check::{Remedy, Severity};
use crate::declaration::Keys;
use crate::model::{Model, View};
use crate::rules::Docs;
use std::collections::BTreeMap;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Views;

const INVOKER: &str = "security_invoker";

impl Rule for Views {
    fn id(&self) -> &'static str {
        "view"
    }

    fn about(&self) -> &'static str {
        "Views over shared tables are security_invoker, so that the policies of the one who reads apply. Where a GROUP BY rests \
         on a primary key, the tenant column joins it, because the key now has the tenant in it."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A view reads with the rights of its owner, and where that is a superuser or a role past row-level security, it \
                  shows every tenant's rows. Columns that a GROUP BY does not name may be selected only while it holds the \
                  whole primary key.",
            before: "CREATE TABLE projects (id bigint PRIMARY KEY, name text);\n\
                     CREATE VIEW project_names AS SELECT id, name, count(*) AS n FROM projects p GROUP BY id;",
            after: "CREATE VIEW project_names WITH (security_invoker = 'true') AS SELECT …id, …name, count(*) AS n FROM projects p \
                    GROUP BY …id, …tenant_id",
            ignore: "The note about whole rows, where readers of the view don't mind one column more.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        if model.views.is_empty() {
            return;
        }
        let shapes = shapes(model, case);
        for view in &mut model.views {
            let place = format!("view {}", view.name);
            adapt_query(view, &shapes, case, &place);
            whole_rows(view, case, &place);
            let wanted = format!("{INVOKER}=true");
            if !view.options.contains(&wanted) {
                view.options.retain(|option| !option.starts_with(INVOKER));
                view.options.push(wanted);
                view.options.sort();
                case.change(place, "the view becomes security_invoker");
            }
        }
    }
}

/// Adapts the query to the tenant columns of its tables, where the tables' keys have it in them.
fn adapt_query(view: &mut View, shapes: &BTreeMap<String, Shape>, case: &mut Case<'_>, place: &str) {
    let printed = printed(&case.declaration.tenancy.column);
    let may_rest = |table: &str| view.groups_by.iter().any(|name| name == table);
    let adapted = adapt(&view.definition, shapes, may_rest, case.column(), &printed);
    let rests_on = view.groups_by.iter().filter(|table| shapes.get(*table).is_some_and(Shape::is_grouped_by));
    let missed: Vec<&str> =
        rests_on.filter(|table| !adapted.grouped.contains(*table)).map(String::as_str).collect();
    if !missed.is_empty() {
        return case.error(
            place,
            format!(
                "its GROUP BY rests on the primary key of {}, which gets the tenant column",
                missed.join(", ")
            ),
            "name every selected column in GROUP BY, or declare keys = \"global-id\"",
        );
    }
    view.definition = adapted.text;
    if adapted.regrouped {
        case.change(place, format!("{printed} joins the primary keys in its GROUP BY"));
    }
}

/// The tenant tables as queries see them.
pub(super) fn shapes(model: &Model, case: &Case<'_>) -> BTreeMap<String, Shape> {
    let composite = case.declaration.tenancy.keys == Keys::Composite;
    let tables =
        model.tables.iter().filter(|table| case.tenancy == TenancyModel::Shared && case.is_tenant(table));
    let shapes = tables.map(|table| {
        let key = table.primary_key().map(|key| key.columns.clone()).unwrap_or_default().into_iter();
        let key = key.filter(|column| column != case.column()).collect();
        let columns = table.columns.iter().map(|column| column.name.clone()).collect();
        (table.name.clone(), Shape { columns, key, composite })
    });
    shapes.collect()
}

/// `row_to_json(t.*)` and the like have one field more in shared tables.
fn whole_rows(view: &View, case: &mut Case<'_>, place: &str) {
    let tokens = tokens(&view.definition);
    let whole = tokens.windows(2).any(|pair| pair[0].is(".") && pair[1].is("*"));
    if whole {
        case.note(
            place,
            format!("it uses whole rows (t.*): in shared tables they have {} too", case.column()),
            "name the columns",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::{compiles_to, hits, misses};
    use super::*;

    const TABLES: &str = "CREATE TABLE a (id bigint PRIMARY KEY, name text); CREATE TABLE b (id bigint PRIMARY KEY, a bigint);";
    const INVOKES: &str = "change: view v: the view becomes security_invoker";

    fn view(query: &str) -> String {
        format!("{TABLES} CREATE VIEW v AS {query}")
    }

    #[test]
    fn views_ask_as_their_reader() {
        hits(&Views, &view("SELECT * FROM a"), "", &[INVOKES]);
        misses(&Views, &format!("{TABLES} CREATE VIEW v WITH (security_invoker) AS SELECT 1 AS one"), "");
        misses(&Views, TABLES, "");
    }

    #[test]
    fn the_tenant_joins_a_group_by_that_rests_on_a_key() {
        let joins = "change: view v: tenant_id joins the primary keys in its GROUP BY";
        let one = view("SELECT id, name, count(*) FROM a GROUP BY id HAVING count(*) > 1 ORDER BY name");
        hits(&Views, &one, "", &[INVOKES, joins]);
        compiles_to(&one, "", "GROUP BY …id, …tenant_id HAVING");
        let two =
            view("SELECT x.name, y.a, count(*) FROM a x LEFT JOIN b y ON y.a = x.id GROUP BY x.id, y.id");
        hits(&Views, &two, "", &[INVOKES, joins]);
        compiles_to(&two, "", "GROUP BY x.id, y.id, x.tenant_id, y.tenant_id");
        let twice =
            view("SELECT x.name, y.name AS n, count(*) FROM a x JOIN a y ON y.id = x.id GROUP BY x.id, y.id");
        hits(&Views, &twice, "", &[INVOKES, joins]);
        let both = view(
            "SELECT name, count(*) FROM a GROUP BY id UNION ALL SELECT name, count(*) FROM a GROUP BY id",
        );
        hits(&Views, &both, "", &[INVOKES, joins]);
        let nested = view("SELECT q.name FROM (SELECT a.id, a.name, count(*) FROM a GROUP BY a.id) q");
        hits(&Views, &nested, "", &[INVOKES, joins]);
        let whole = view("SELECT id, name, count(*) FROM a GROUP BY id, name");
        hits(&Views, &whole, "", &[INVOKES]);
        hits(&Views, &one, "[tenancy]\nkeys = \"global-id\"", &[INVOKES]);
        hits(&Views, &one, "[tables]\na = \"global\"", &[INVOKES]);
    }

    #[test]
    fn a_group_by_that_is_not_understood_is_refused() {
        let error = "error: view v: its GROUP BY rests on the primary key of a, which gets the tenant column";
        let joined = "SELECT j.name, count(*) FROM (a CROSS JOIN generate_series(1, 2) n) AS j GROUP BY j.id";
        hits(&Views, &view(joined), "", &[INVOKES, error]);
    }

    #[test]
    fn whole_rows_have_one_column_more() {
        let note = "note: view v: it uses whole rows (t.*): in shared tables they have tenant_id too";
        hits(&Views, &view("SELECT to_jsonb(a) AS j FROM a"), "", &[INVOKES, note]);
    }
}
