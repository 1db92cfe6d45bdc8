//! `CONSTRAINT name …`, in CREATE TABLE and in ALTER TABLE … ADD.

use super::table::index_key;
use super::text::{add, ident, idents, options};
use crate::model::{Constraint, ConstraintKind, Exclusion, ForeignAction, ForeignKey, Table, UniqueKey};

/// Whether it is added after the tables: foreign keys, and checks that are not validated.
pub(crate) fn late(constraint: &Constraint) -> bool {
    match &constraint.kind {
        ConstraintKind::ForeignKey(_) => true,
        ConstraintKind::Check { validated, .. } => !validated,
        _ => false,
    }
}

/// Whether CREATE TABLE would leave it out: of several constraints that ask for the same index PostgreSQL makes one, unless each has
/// a statement of its own.
pub fn is_twin(table: &Table, constraint: &Constraint) -> bool {
    let before = table.constraints.iter().take_while(|other| other.name != constraint.name);
    let mut indexed = before.filter(|other| asks_for_the_same_index(other, constraint));
    indexed.next().is_some()
}

/// As the server compares them in one CREATE TABLE: storage parameters and whether the index is unique don't count.
pub fn asks_for_the_same_index(a: &Constraint, b: &Constraint) -> bool {
    use ConstraintKind::{Exclusion, PrimaryKey, Unique};
    let alike = match (&a.kind, &b.kind) {
        (PrimaryKey(a) | Unique(a), PrimaryKey(b) | Unique(b)) => {
            a.columns == b.columns
                && a.include == b.include
                && a.nulls_not_distinct == b.nulls_not_distinct
                && a.period == b.period
        }
        (Exclusion(a), Exclusion(b)) => {
            (&a.method, &a.keys, &a.operators) == (&b.method, &b.keys, &b.operators)
                && (&a.include, &a.predicate) == (&b.include, &b.predicate)
        }
        _ => false,
    };
    alike && a.deferrable == b.deferrable && a.deferred == b.deferred
}

/// `CONSTRAINT name …`, for CREATE TABLE and ALTER TABLE … ADD.
pub fn written(constraint: &Constraint) -> String {
    let body = match &constraint.kind {
        ConstraintKind::PrimaryKey(key) => format!("PRIMARY KEY {}", unique_key(key)),
        ConstraintKind::Unique(key) => {
            let nulls = if key.nulls_not_distinct { "NULLS NOT DISTINCT " } else { "" };
            format!("UNIQUE {nulls}{}", unique_key(key))
        }
        ConstraintKind::Exclusion(exclusion) => exclusion_body(exclusion),
        ConstraintKind::Check { definition, .. } => definition.clone(),
        ConstraintKind::ForeignKey(key) => foreign_key(key),
    };
    let deferrable = match (constraint.deferrable, constraint.deferred) {
        (false, _) => "",
        (true, false) => " DEFERRABLE",
        (true, true) => " DEFERRABLE INITIALLY DEFERRED",
    };
    let mut sql = format!("CONSTRAINT {} {body}{deferrable}", ident(&constraint.name));
    if let ConstraintKind::ForeignKey(key) = &constraint.kind {
        if !key.enforced {
            sql.push_str(" NOT ENFORCED");
        } else if !key.validated {
            sql.push_str(" NOT VALID");
        }
    }
    sql
}

fn unique_key(key: &UniqueKey) -> String {
    let period = if key.period { " WITHOUT OVERLAPS" } else { "" };
    let include = include(&key.include);
    format!("({}{period}){include}{}", idents(&key.columns, ", "), options(&key.options))
}

fn include(columns: &[String]) -> String {
    if columns.is_empty() { String::new() } else { format!(" INCLUDE ({})", idents(columns, ", ")) }
}

fn exclusion_body(exclusion: &Exclusion) -> String {
    let pairs = exclusion.keys.iter().zip(&exclusion.operators);
    let elements: Vec<String> =
        pairs.map(|(key, operator)| format!("{} WITH {operator}", index_key(key))).collect();
    let predicate = exclusion.predicate.as_ref().map_or_else(String::new, |text| format!(" WHERE ({text})"));
    format!(
        "EXCLUDE USING {} ({}){}{}{predicate}",
        ident(&exclusion.method),
        elements.join(", "),
        include(&exclusion.include),
        options(&exclusion.options)
    )
}

pub(crate) fn foreign_key(key: &ForeignKey) -> String {
    let target = match &key.target_schema {
        Some(schema) => format!("{schema}.{}", ident(&key.target)),
        None => ident(&key.target),
    };
    let mut sql = format!(
        "FOREIGN KEY ({}) REFERENCES {target} ({})",
        columns(&key.columns, key.period),
        columns(&key.target_columns, key.period)
    );
    if key.full {
        sql.push_str(" MATCH FULL");
    }
    if key.on_update != ForeignAction::NoAction {
        add(&mut sql, format_args!(" ON UPDATE {}", key.on_update.as_sql()));
    }
    if key.on_delete != ForeignAction::NoAction {
        add(&mut sql, format_args!(" ON DELETE {}", key.on_delete.as_sql()));
    }
    if !key.on_delete_columns.is_empty() {
        add(&mut sql, format_args!(" ({})", idents(&key.on_delete_columns, ", ")));
    }
    sql
}

fn columns(names: &[String], period: bool) -> String {
    match names.split_last() {
        Some((last, rest)) if period => {
            let rest: Vec<String> = rest.iter().map(|name| format!("{}, ", ident(name))).collect();
            format!("{}PERIOD {}", rest.concat(), ident(last))
        }
        _ => idents(names, ", "),
    }
}
