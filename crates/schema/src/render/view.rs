//! Views, materialized views, rewrite rules and triggers.

use super::table::{finish_columns, index_with_settings};
use super::text::{add, ident, options};
use crate::model::{MaterializedView, Model, View};

pub(crate) fn create_view(view: &View) -> String {
    let definition = view.definition.trim_end().trim_end_matches(';');
    format!("CREATE VIEW {}{} AS\n{definition}", ident(&view.name), options(&view.options))
}

/// Without rows, which are computed when everything is there.
pub(super) fn create_materialized(view: &MaterializedView) -> String {
    let mut sql = format!("CREATE MATERIALIZED VIEW {}", ident(&view.name));
    if let Some(method) = &view.access_method {
        add(&mut sql, format_args!(" USING {}", ident(method)));
    }
    let definition = view.definition.trim_end().trim_end_matches(';');
    add(&mut sql, format_args!("{} AS\n{definition}\nWITH NO DATA", options(&view.options)));
    sql
}

/// Settings of columns, indexes.
pub(super) fn finish_materialized(view: &MaterializedView, out: &mut Vec<String>) {
    let alter = format!("ALTER MATERIALIZED VIEW {}", ident(&view.name));
    finish_columns(&alter, &view.columns, out);
    for index in view.indexes.iter().filter(|index| !index.invalid) {
        index_with_settings(&view.name, &alter, index, out);
    }
}

/// Fills those that hold rows in the plain schema. `order` names them in the order in which they were created.
pub(super) fn refresh<'a>(model: &Model, order: impl Iterator<Item = &'a str>, out: &mut Vec<String>) {
    let views = order.filter_map(|name| model.materialized_view(name)).filter(|view| view.populated);
    out.extend(views.map(|view| format!("REFRESH MATERIALIZED VIEW {}", ident(&view.name))));
}

/// Defaults of views' columns.
pub(super) fn column_defaults(view: &View, out: &mut Vec<String>) {
    for column in &view.column_defaults {
        let place = format!("ALTER VIEW {} ALTER COLUMN {}", ident(&view.name), ident(&column.column));
        out.push(format!("{place} SET DEFAULT {}", column.default));
    }
}

pub(super) fn rules(model: &Model, out: &mut Vec<String>) {
    let tables = model.tables.iter().map(|table| (&table.name, &table.rules));
    let views = model.views.iter().map(|view| (&view.name, &view.rules));
    for (relation, rules) in tables.chain(views) {
        for rule in rules {
            out.push(rule.definition.clone());
            out.extend(state(relation, "RULE", &rule.name, rule.enabled));
        }
    }
}

pub(super) fn triggers(model: &Model, out: &mut Vec<String>) {
    let tables = model.tables.iter().map(|table| (&table.name, &table.triggers));
    let views = model.views.iter().map(|view| (&view.name, &view.triggers));
    for (relation, triggers) in tables.chain(views) {
        for trigger in triggers {
            out.push(trigger.definition.clone());
            out.extend(state(relation, "TRIGGER", &trigger.name, trigger.enabled));
        }
    }
    // A statement about the parent's reaches the partitions' too, so what differs there comes last.
    for table in &model.tables {
        for trigger in &table.trigger_states {
            let name = ident(&trigger.name);
            out.push(match trigger.enabled {
                'O' => format!("ALTER TABLE {} ENABLE TRIGGER {name}", ident(&table.name)),
                other => match state(&table.name, "TRIGGER", &trigger.name, other) {
                    Some(statement) => statement,
                    None => continue,
                },
            });
        }
    }
}

/// The statement that sets another state than the usual one.
fn state(relation: &str, what: &str, name: &str, enabled: char) -> Option<String> {
    let word = match enabled {
        'D' => "DISABLE",
        'R' => "ENABLE REPLICA",
        'A' => "ENABLE ALWAYS",
        _ => return None,
    };
    Some(format!("ALTER TABLE {} {word} {what} {}", ident(relation), ident(name)))
}
