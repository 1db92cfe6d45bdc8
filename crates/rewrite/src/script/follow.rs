//! Renames: names that the rules made from the old name follow it, as if the schema had been compiled under the new one.

use super::Script;
use super::build::Built;
use super::plain::Plain;
use crate::name::{ident, object_name};
use tenantry_core::TenancyModel;
use tenantry_schema::model::{Constraint, ConstraintKind, Table};
use tenantry_schema::{Kind, Model};

/// What a statement renames in a table: the table itself, a column, or something else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Renamed<'a> {
    pub old_table: &'a str,
    pub new_table: &'a str,
    /// Old and new name.
    pub column: Option<(&'a str, &'a str)>,
}

impl Script {
    /// The statements that rename what the rules had added, given the plain model before the rename.
    pub(super) fn follow(&self, before: &Plain, renamed: Renamed<'_>) -> Vec<String> {
        if self.target.model != TenancyModel::Shared {
            return Vec::new();
        }
        let old = self.build(before, &[renamed.old_table]);
        let new = self.build(&self.model, &[renamed.new_table]);
        let mut out = Vec::new();
        for table in &new.model.tables {
            let was = if table.name == renamed.new_table { renamed.old_table } else { &table.name };
            let rename = |(from, to): (&str, &str)| {
                format!(
                    "ALTER TABLE {} RENAME CONSTRAINT {} TO {}",
                    ident(&table.name),
                    ident(from),
                    ident(to)
                )
            };
            let olds = added(&old, before, was);
            let news = added(&new, &self.model, &table.name);
            for (from, to) in pairs(&olds, &news, renamed.column) {
                out.push(rename((&from.name, &to.name)));
            }
            if was != table.name && self.names_not_null(&new, table) {
                let tenant = Some(self.declaration.tenancy.column.as_str());
                let (from, to) =
                    (object_name(was, tenant, "not_null"), object_name(&table.name, tenant, "not_null"));
                out.push(rename((&from, &to)));
            }
        }
        out
    }

    /// From `PostgreSQL` 18 on a NOT NULL has a name. An adopted tenant column has the one that the plain schema gave it.
    fn names_not_null(&self, built: &Built, table: &Table) -> bool {
        let plain = self.model.table(&table.name);
        let adopted =
            plain.is_some_and(|plain| plain.column(self.declaration.tenancy.column.as_str()).is_some());
        self.model.source.version >= 180_000
            && !adopted
            && built.kinds.get(&table.name) == Some(&Kind::Tenant)
    }
}

/// The constraints of a table that the plain schema does not have.
fn added<'b>(built: &'b Built, plain: &Model, table: &str) -> Vec<&'b Constraint> {
    let (Some(built), Some(plain)) = (built.model.table(table), plain.table(table)) else {
        return Vec::new();
    };
    let own = |constraint: &&Constraint| !plain.constraints.iter().any(|own| own.name == constraint.name);
    built.constraints.iter().filter(own).collect()
}

/// Which of them became which, where the name changed.
fn pairs<'b>(
    olds: &[&'b Constraint],
    news: &[&'b Constraint],
    column: Option<(&str, &str)>,
) -> Vec<(&'b Constraint, &'b Constraint)> {
    let open = |list: &[&'b Constraint], other: &[&'b Constraint]| -> Vec<&'b Constraint> {
        list.iter().copied().filter(|one| !other.iter().any(|two| two.name == one.name)).collect()
    };
    let (olds, mut news) = (open(olds, news), open(news, olds));
    let mut out = Vec::new();
    for old in olds {
        if let Some(at) = news.iter().position(|new| is_same(&old.kind, &new.kind, column)) {
            out.push((old, news.remove(at)));
        }
    }
    out
}

fn is_same(old: &ConstraintKind, new: &ConstraintKind, column: Option<(&str, &str)>) -> bool {
    match (old, new) {
        (ConstraintKind::Unique(old), ConstraintKind::Unique(new)) => {
            let renamed = old.columns.iter().map(|name| match column {
                Some((from, to)) if name == from => to,
                _ => name,
            });
            renamed.eq(new.columns.iter().map(String::as_str))
        }
        // The check that stands for MATCH FULL: a foreign key has one at most, and one thing is renamed at a time.
        (ConstraintKind::Check { .. }, ConstraintKind::Check { .. }) => true,
        _ => false,
    }
}
