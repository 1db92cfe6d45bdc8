//! COMMENT ON, for everything that has one.

use super::text::{ident, literal};
use crate::model::{Model, Table, Trigger, TypeKind, View};

pub(crate) fn comments(model: &Model, out: &mut Vec<String>) {
    for defined in &model.types {
        let word = if matches!(defined.kind, TypeKind::Domain { .. }) { "DOMAIN" } else { "TYPE" };
        comment(out, defined.comment.as_deref(), || format!("{word} {}", ident(&defined.name)));
    }
    for sequence in &model.sequences {
        comment(out, sequence.comment.as_deref(), || format!("SEQUENCE {}", ident(&sequence.name)));
    }
    for function in &model.functions {
        comment(out, function.comment.as_deref(), || {
            format!("ROUTINE {}({})", ident(&function.name), function.arguments)
        });
    }
    model.tables.iter().for_each(|table| table_comments(table, out));
    model.views.iter().for_each(|view| view_comments(view, out));
}

fn comment(out: &mut Vec<String>, text: Option<&str>, what: impl FnOnce() -> String) {
    if let Some(text) = text {
        out.push(format!("COMMENT ON {} IS {}", what(), literal(text)));
    }
}

fn table_comments(table: &Table, out: &mut Vec<String>) {
    let name = ident(&table.name);
    comment(out, table.comment.as_deref(), || format!("TABLE {name}"));
    for column in &table.columns {
        comment(out, column.comment.as_deref(), || format!("COLUMN {name}.{}", ident(&column.name)));
    }
    for constraint in &table.constraints {
        comment(out, constraint.comment.as_deref(), || {
            format!("CONSTRAINT {} ON {name}", ident(&constraint.name))
        });
    }
    for index in &table.indexes {
        comment(out, index.comment.as_deref(), || format!("INDEX {}", ident(&index.name)));
    }
    for policy in &table.policies {
        comment(out, policy.comment.as_deref(), || format!("POLICY {} ON {name}", ident(&policy.name)));
    }
    for statistics in &table.statistics {
        comment(out, statistics.comment.as_deref(), || format!("STATISTICS {}", ident(&statistics.name)));
    }
    trigger_comments(&table.name, &table.triggers, out);
}

fn view_comments(view: &View, out: &mut Vec<String>) {
    let name = ident(&view.name);
    comment(out, view.comment.as_deref(), || format!("VIEW {name}"));
    for column in &view.column_comments {
        comment(out, Some(&column.comment), || format!("COLUMN {name}.{}", ident(&column.column)));
    }
    trigger_comments(&view.name, &view.triggers, out);
}

fn trigger_comments(relation: &str, triggers: &[Trigger], out: &mut Vec<String>) {
    for trigger in triggers {
        comment(out, trigger.comment.as_deref(), || {
            format!("TRIGGER {} ON {}", ident(&trigger.name), ident(relation))
        });
    }
}
