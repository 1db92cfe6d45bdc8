//! `primary-key`: two tenants may use the same id.

use super::{Case, Rule, SHARED, lead, names};
use crate::declaration::Keys;
use crate::model::{Constraint, ConstraintKind, Model, UniqueKey};
use crate::read::rank;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct PrimaryKey;

impl Rule for PrimaryKey {
    fn id(&self) -> &'static str {
        "primary-key"
    }

    fn about(&self) -> &'static str {
        "With composite keys the primary key of a shared tenant table starts with the tenant column. With global ids it \
         stays as it is, and a unique constraint led by the tenant column is what foreign keys refer to. A key without \
         the tenant tells one tenant that another one uses a value."
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for at in 0..model.tables.len() {
            let table = &model.tables[at];
            if !case.is_tenant(table) {
                continue;
            }
            let Some(key) = table.primary_key() else {
                if !table.is_partition() {
                    case.warning(
                        &table.name,
                        "it has no primary key, so rows can't be told apart when a tenant moves",
                        "add one",
                    );
                }
                continue;
            };
            match case.declaration.tenancy.keys {
                Keys::Composite => composite(model, at, case),
                Keys::GlobalId => {
                    let mut columns = key.columns.clone();
                    lead(&mut columns, case.column());
                    add_unique(model, at, columns, case);
                }
            }
        }
    }
}

fn composite(model: &mut Model, at: usize, case: &mut Case<'_>) {
    let tenant = case.column().to_owned();
    let table = &mut model.tables[at];
    for constraint in &mut table.constraints {
        let ConstraintKind::PrimaryKey(key) = &mut constraint.kind else { continue };
        if lead(&mut key.columns, &tenant) {
            let place = format!("{} on {}", constraint.name, table.name);
            case.change(place, format!("the primary key becomes ({})", key.columns.join(", ")));
        }
        key.include.retain(|column| *column != tenant);
    }
}

/// Adds a unique constraint unless the columns are a key already.
pub(super) fn add_unique(model: &mut Model, at: usize, columns: Vec<String>, case: &mut Case<'_>) {
    let table = &model.tables[at];
    if names::is_key(table, &columns) {
        return;
    }
    let name = names::fresh(model, &table.name, &columns, "key");
    let place = format!("{name} on {}", table.name);
    case.change(place, format!("UNIQUE ({}) is added for foreign keys", columns.join(", ")));
    let key = UniqueKey {
        columns,
        include: Vec::new(),
        nulls_not_distinct: false,
        period: false,
        options: Vec::new(),
    };
    let kind = ConstraintKind::Unique(key);
    let table = &mut model.tables[at];
    table.constraints.push(Constraint { name, comment: None, deferrable: false, deferred: false, kind });
    table.constraints.sort_by(|a, b| rank(a).cmp(&rank(b)));
}
