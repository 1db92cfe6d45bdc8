//! Enums, domains, composite types and ranges.

use super::table::Columns;
use super::text::{add, ident, literal};
use crate::model::{DomainCheck, Type, TypeKind};

/// CREATE TYPE or CREATE DOMAIN. A domain may be [`Columns::Bare`] too.
pub(super) fn create(defined: &Type, columns: Columns, out: &mut Vec<String>) {
    out.push(statement(defined, columns));
    if columns == Columns::Whole {
        domain_checks(defined, |check| check.unvalidated, out);
    }
}

/// What [`Columns::Bare`] has left out.
pub(super) fn complete(defined: &Type, out: &mut Vec<String>) {
    let TypeKind::Domain { default, .. } = &defined.kind else { return };
    if let Some(default) = default {
        out.push(format!("ALTER DOMAIN {} SET DEFAULT {default}", ident(&defined.name)));
    }
    domain_checks(defined, |_| true, out);
}

fn domain_checks(defined: &Type, wanted: impl Fn(&DomainCheck) -> bool, out: &mut Vec<String>) {
    let TypeKind::Domain { checks, .. } = &defined.kind else { return };
    for check in checks.iter().filter(|check| wanted(check)) {
        let constraint = ident(&check.name);
        out.push(format!(
            "ALTER DOMAIN {} ADD CONSTRAINT {constraint} {}",
            ident(&defined.name),
            check.definition
        ));
    }
}

fn statement(defined: &Type, columns: Columns) -> String {
    let name = ident(&defined.name);
    match &defined.kind {
        TypeKind::Enum { labels } => {
            let labels: Vec<String> = labels.iter().map(|label| literal(label)).collect();
            format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", "))
        }
        TypeKind::Domain { base, collation, default, not_null, not_null_name, checks, .. } => {
            let mut sql = format!("CREATE DOMAIN {name} AS {base}");
            push(&mut sql, " COLLATE ", collation.as_deref());
            if columns == Columns::Whole {
                push(&mut sql, " DEFAULT ", default.as_deref());
            }
            if let (Some(name), true) = (not_null_name, not_null) {
                add(&mut sql, format_args!(" CONSTRAINT {}", ident(name)));
            }
            push(&mut sql, " NOT NULL", not_null.then_some(""));
            for check in checks.iter().filter(|check| columns == Columns::Whole && !check.unvalidated) {
                add(&mut sql, format_args!("\n    CONSTRAINT {} {}", ident(&check.name), check.definition));
            }
            sql
        }
        TypeKind::Composite { attributes } => {
            let attributes: Vec<String> = attributes
                .iter()
                .map(|attribute| {
                    let mut sql = format!("\n    {} {}", ident(&attribute.name), attribute.type_name);
                    push(&mut sql, " COLLATE ", attribute.collation.as_deref());
                    sql
                })
                .collect();
            format!("CREATE TYPE {name} AS ({}\n)", attributes.join(","))
        }
        TypeKind::Range { subtype, opclass, collation, canonical, difference, multirange, .. } => {
            let mut sql = format!("CREATE TYPE {name} AS RANGE (SUBTYPE = {subtype}");
            push(&mut sql, ", SUBTYPE_OPCLASS = ", opclass.as_deref());
            push(&mut sql, ", COLLATION = ", collation.as_deref());
            push(&mut sql, ", CANONICAL = ", canonical.as_deref());
            push(&mut sql, ", SUBTYPE_DIFF = ", difference.as_deref());
            add(&mut sql, format_args!(", MULTIRANGE_TYPE_NAME = {})", ident(multirange)));
            sql
        }
    }
}

fn push(sql: &mut String, before: &str, value: Option<&str>) {
    if let Some(value) = value {
        sql.push_str(before);
        sql.push_str(value);
    }
}
