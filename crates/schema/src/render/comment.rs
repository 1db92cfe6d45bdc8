//! COMMENT ON, for everything that has one.

use super::text::{chosen_name, ident, literal};
use crate::model::{
    Index, MaterializedView, Model, RewriteRule, Statistics, Table, Trigger, Type, TypeKind, View,
};

pub(crate) fn comments(model: &Model, out: &mut Vec<String>) {
    for defined in &model.types {
        let word = if matches!(defined.kind, TypeKind::Domain { .. }) { "DOMAIN" } else { "TYPE" };
        comment(out, defined.comment.as_deref(), || format!("{word} {}", ident(&defined.name)));
        type_comments(defined, out);
    }
    for defined in &model.definitions {
        let word = defined.kind.as_str().to_uppercase();
        comment(out, defined.comment.as_deref(), || format!("{word} {}", defined.name));
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
    model.materialized_views.iter().for_each(|view| materialized_view_comments(view, out));
}

fn type_comments(defined: &Type, out: &mut Vec<String>) {
    let name = ident(&defined.name);
    match &defined.kind {
        TypeKind::Enum { .. } => {}
        TypeKind::Domain { checks, not_null_name, not_null_comment, .. } => {
            let own = chosen_name(&defined.name, None, "not_null");
            let not_null = (not_null_name.as_ref().unwrap_or(&own), not_null_comment);
            let checks = checks.iter().map(|check| (&check.name, &check.comment));
            for (constraint, text) in checks.chain([not_null]) {
                comment(out, text.as_deref(), || {
                    format!("CONSTRAINT {} ON DOMAIN {name}", ident(constraint))
                });
            }
        }
        TypeKind::Composite { attributes } => {
            for attribute in attributes {
                let text = attribute.comment.as_deref();
                comment(out, text, || format!("COLUMN {name}.{}", ident(&attribute.name)));
            }
        }
        TypeKind::Range { multirange, multirange_comment, .. } => {
            comment(out, multirange_comment.as_deref(), || format!("TYPE {}", ident(multirange)));
        }
    }
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
        if let Some(identity) = &column.identity {
            comment(out, identity.comment.as_deref(), || format!("SEQUENCE {}", ident(&identity.sequence)));
        }
        comment(out, column.not_null_comment.as_deref(), || {
            let own = || chosen_name(&table.name, Some(&column.name), "not_null");
            let constraint = column.not_null_name.clone().unwrap_or_else(own);
            format!("CONSTRAINT {} ON {name}", ident(&constraint))
        });
    }
    for constraint in &table.constraints {
        comment(out, constraint.comment.as_deref(), || {
            format!("CONSTRAINT {} ON {name}", ident(&constraint.name))
        });
        comment(out, constraint.index_comment.as_deref(), || format!("INDEX {}", ident(&constraint.name)));
    }
    index_comments(table.partition_by.is_some(), &table.indexes, out);
    for policy in &table.policies {
        comment(out, policy.comment.as_deref(), || format!("POLICY {} ON {name}", ident(&policy.name)));
    }
    statistics_comments(&table.statistics, out);
    trigger_comments(&table.name, &table.triggers, out);
    rule_comments(&table.name, &table.rules, out);
}

/// An invalid index of a partitioned table is created as such, any other is not.
fn index_comments(partitioned: bool, indexes: &[Index], out: &mut Vec<String>) {
    for index in indexes.iter().filter(|index| partitioned || !index.invalid) {
        comment(out, index.comment.as_deref(), || format!("INDEX {}", ident(&index.name)));
    }
}

fn statistics_comments(statistics: &[Statistics], out: &mut Vec<String>) {
    for statistics in statistics {
        comment(out, statistics.comment.as_deref(), || format!("STATISTICS {}", ident(&statistics.name)));
    }
}

fn view_comments(view: &View, out: &mut Vec<String>) {
    let name = ident(&view.name);
    comment(out, view.comment.as_deref(), || format!("VIEW {name}"));
    for column in &view.column_comments {
        comment(out, Some(&column.comment), || format!("COLUMN {name}.{}", ident(&column.column)));
    }
    trigger_comments(&view.name, &view.triggers, out);
    rule_comments(&view.name, &view.rules, out);
}

fn materialized_view_comments(view: &MaterializedView, out: &mut Vec<String>) {
    let name = ident(&view.name);
    comment(out, view.comment.as_deref(), || format!("MATERIALIZED VIEW {name}"));
    for column in &view.columns {
        comment(out, column.comment.as_deref(), || format!("COLUMN {name}.{}", ident(&column.name)));
    }
    index_comments(false, &view.indexes, out);
    statistics_comments(&view.statistics, out);
}

fn rule_comments(relation: &str, rules: &[RewriteRule], out: &mut Vec<String>) {
    for rule in rules {
        comment(out, rule.comment.as_deref(), || {
            format!("RULE {} ON {}", ident(&rule.name), ident(relation))
        });
    }
}

fn trigger_comments(relation: &str, triggers: &[Trigger], out: &mut Vec<String>) {
    for trigger in triggers {
        comment(out, trigger.comment.as_deref(), || {
            format!("TRIGGER {} ON {}", ident(&trigger.name), ident(relation))
        });
    }
}
