//! Children in the sense of `INHERITS`: what they write themselves and what comes from their parents.

use super::constraint::{is_twin, late, written};
use super::table::{Columns, column_definition};
use super::text::{chosen_name, ident, idents};
use crate::model::{Column, Constraint, Model, Table};

/// How a child comes to its parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Birth {
    /// `CREATE TABLE … INHERITS`: its columns stand in the order that gives.
    Born,
    /// Its columns stand in another order, which statements without a list of columns rest on: it is created by itself,
    /// with all columns, and inherits afterwards.
    Adopted,
}

pub(super) fn birth(model: &Model, table: &Table) -> Birth {
    let mut order: Vec<&str> = Vec::new();
    let parents = table.inherits.iter().filter_map(|parent| model.table(parent));
    let own = table.columns.iter().filter(|column| !column.inherited);
    for column in parents.flat_map(|parent| &parent.columns).chain(own) {
        if !order.contains(&column.name.as_str()) {
            order.push(&column.name);
        }
    }
    let actual = table.columns.iter().map(|column| column.name.as_str());
    if order.into_iter().eq(actual) { Birth::Born } else { Birth::Adopted }
}

/// The lines of CREATE TABLE: columns and constraints.
pub(super) fn lines(model: &Model, table: &Table, columns: Columns) -> Vec<String> {
    let all = table.inherits.is_empty() || birth(model, table) == Birth::Adopted;
    let own_columns = table.columns.iter().filter(|column| all || !column.inherited);
    let own_columns = own_columns.filter_map(|column| columns.line(table, column, all));
    let own = |constraint: &&Constraint| {
        (all || !constraint.inherited) && !late(constraint) && !is_twin(table, constraint)
    };
    let own = table.constraints.iter().filter(own).filter(|constraint| columns.has(constraint));
    let again = table.columns.iter().filter(|column| !all && says_not_null_again(model, table, column));
    let again = again.map(|column| {
        let usual = chosen_name(&table.name, Some(&column.name), "not_null");
        let name = column.not_null_name.as_ref().unwrap_or(&usual);
        format!("CONSTRAINT {} NOT NULL {}", ident(name), ident(&column.name))
    });
    own_columns.chain(own.map(written)).chain(again).collect()
}

fn has_own_not_null(column: &Column) -> bool {
    column.inherited && column.not_null && !column.not_null_inherited && !column.not_null_unvalidated
}

/// An inherited column has a NOT NULL of its own beside the parent's: known of 18 and later, which have the syntax for it.
fn says_not_null_again(model: &Model, table: &Table, column: &Column) -> bool {
    let mut parents = table.inherits.iter().filter_map(|parent| model.table(parent)?.column(&column.name));
    has_own_not_null(column) && parents.any(|parent| parent.not_null)
}

/// What has to follow CREATE TABLE.
pub(super) fn after(model: &Model, table: &Table, out: &mut Vec<String>) {
    if table.inherits.is_empty() {
        return;
    }
    let name = ident(&table.name);
    if birth(model, table) == Birth::Adopted {
        let parents = table.inherits.iter();
        return out.extend(parents.map(|parent| format!("ALTER TABLE {name} INHERIT {}", ident(parent))));
    }
    for column in table.columns.iter().filter(|column| column.inherited) {
        let place = format!("ALTER TABLE ONLY {name} ALTER COLUMN {}", ident(&column.name));
        if column.generated.is_none() && column.default != inherited_default(model, table, column) {
            out.push(match &column.default {
                Some(default) => format!("{place} SET DEFAULT {default}"),
                None => format!("{place} DROP DEFAULT"),
            });
        }
        let own = has_own_not_null(column) && !says_not_null_again(model, table, column);
        match &column.not_null_name {
            Some(constraint) if own => {
                let pair = idents(&[constraint, &column.name], " NOT NULL ");
                out.push(format!("ALTER TABLE ONLY {name} ADD CONSTRAINT {pair}"));
            }
            None if own => out.push(format!("{place} SET NOT NULL")),
            _ => {}
        }
    }
}

/// The default that the column gets from its parents.
fn inherited_default(model: &Model, table: &Table, column: &Column) -> Option<String> {
    let parents = table.inherits.iter().filter_map(|parent| model.table(parent));
    let mut columns = parents.filter_map(|parent| parent.column(&column.name));
    columns.find_map(|parent| parent.default.clone())
}

impl Columns {
    fn line(self, table: &Table, column: &Column, standalone: bool) -> Option<String> {
        let mut column = column.clone();
        if self == Self::Bare {
            column.default = None;
        }
        // Said here, it would become the child's own.
        column.not_null &= standalone || !column.not_null_inherited;
        if table.of.is_none() {
            return Some(column_definition(table, &column));
        }
        let says_something = column.not_null || column.default.is_some() || column.generated.is_some();
        let name = ident(&column.name);
        let type_name = column.type_name.clone();
        says_something
            .then(|| column_definition(table, &column).replacen(&format!("{name} {type_name}"), &name, 1))
    }

    fn has(self, constraint: &Constraint) -> bool {
        self == Self::Whole || !matches!(constraint.kind, crate::model::ConstraintKind::Check { .. })
    }
}
