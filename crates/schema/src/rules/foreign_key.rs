//! `foreign-key`: a reference never leaves its tenant.

use super::primary_key::add_unique;
use super::{Case, Rule, SHARED, names};
use crate::declaration::Kind;
use crate::model::{Constraint, ConstraintKind, ForeignKey, Model};
use crate::read::rank;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct ForeignKeys;

impl Rule for ForeignKeys {
    fn id(&self) -> &'static str {
        "foreign-key"
    }

    fn about(&self) -> &'static str {
        "Foreign keys between shared tenant tables, those of a table to itself included, carry the tenant column on both \
         sides. PostgreSQL checks foreign keys past row-level security: without it a row could refer to another \
         tenant's, keep it from being deleted, and be deleted along with it."
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for at in 0..model.tables.len() {
            for position in 0..model.tables[at].constraints.len() {
                let table = &model.tables[at];
                let constraint = &table.constraints[position];
                let ConstraintKind::ForeignKey(key) = &constraint.kind else { continue };
                let place = format!("{} on {}", constraint.name, table.name);
                match (case.kind(&table.name), case.kind(&key.target)) {
                    _ if key.target_schema.is_some() => case.error(
                        place,
                        format!("it refers to {}, which is in another schema", key.target),
                        "put the application's tables into one schema",
                    ),
                    (Some(Kind::Tenant), Some(Kind::Tenant)) => {
                        within_tenant(model, at, position, case, &place);
                    }
                    (Some(Kind::Global), Some(Kind::Tenant)) => case.error(
                        place,
                        format!("a global table refers to the tenant table {}", key.target),
                        format!("declare {} \"tenant\", or {} \"global\"", table.name, key.target),
                    ),
                    // To a global table: the target has no tenant, so the key stays as it is.
                    _ => {}
                }
            }
            model.tables[at].constraints.sort_by(|a, b| rank(a).cmp(&rank(b)));
        }
    }
}

fn within_tenant(model: &mut Model, at: usize, position: usize, case: &mut Case<'_>, place: &str) {
    let tenant = case.column().to_owned();
    let constraint = &mut model.tables[at].constraints[position];
    let name = constraint.name.clone();
    let ConstraintKind::ForeignKey(key) = &mut constraint.kind else { return };
    if key.on_update.sets() {
        return case.error(
            place,
            format!("ON UPDATE {} would set the tenant column too", key.on_update.as_sql()),
            "use ON UPDATE CASCADE or NO ACTION, or a trigger",
        );
    }
    if key.on_delete.sets() && key.on_delete_columns.contains(&tenant) {
        return case.error(
            place,
            format!("ON DELETE {} would set the tenant column", key.on_delete.as_sql()),
            "leave it out of the column list",
        );
    }
    let check = compose(key, &tenant, case, place);
    let (target, columns) = (key.target.clone(), key.target_columns.clone());
    if let Some(definition) = check {
        let table = &model.tables[at].name;
        let check_name = names::fresh(model, &name, &[], "full");
        case.change(format!("{check_name} on {table}"), "a check keeps what MATCH FULL asked for");
        let kind = ConstraintKind::Check { definition, validated: true };
        let check = Constraint { name: check_name, comment: None, deferrable: false, deferred: false, kind };
        // At the end: positions still to come stay what they are. The caller sorts.
        model.tables[at].constraints.push(check);
    }
    ensure_target(model, &target, &columns, case);
}

/// Adds the tenant to both sides. Returns the check that replaces MATCH FULL, where one is needed.
fn compose(key: &mut ForeignKey, tenant: &str, case: &mut Case<'_>, place: &str) -> Option<String> {
    let paired = key.columns.iter().zip(&key.target_columns).any(|(from, to)| from == tenant && to == tenant);
    if key.on_delete.sets() && key.on_delete_columns.is_empty() {
        // Without a list the server would try to set the tenant column as well.
        key.on_delete_columns = key.columns.iter().filter(|column| *column != tenant).cloned().collect();
        case.change(place, format!("ON DELETE {} names its columns", key.on_delete.as_sql()));
    }
    if paired {
        return None;
    }
    key.columns.insert(0, tenant.to_owned());
    key.target_columns.insert(0, tenant.to_owned());
    case.change(place, format!("the foreign key becomes ({})", key.columns.join(", ")));
    if !key.full {
        return None;
    }
    // The tenant column is never null, so FULL would refuse every null. One column: SIMPLE means the same.
    key.full = false;
    case.change(place, "MATCH FULL becomes MATCH SIMPLE");
    key.full_check.take()
}

/// A foreign key needs a key to refer to: on the target, and on its partitions, whose indexes have names of their own.
fn ensure_target(model: &mut Model, target: &str, columns: &[String], case: &mut Case<'_>) {
    let Some(table) = model.table(target) else { return };
    if names::is_key(table, columns) {
        return;
    }
    let tree: Vec<usize> = (0..model.tables.len())
        .filter(|at| model.tables[*at].name == target || model.root(&model.tables[*at].name) == target)
        .collect();
    for at in tree {
        add_unique(model, at, columns.to_vec(), case);
    }
}
