//! Foreign keys from and to scoped tables.

use super::column::declared_global;
use super::{COLUMN, is_scoped_name, members_write};
use crate::declaration::Kind;
use crate::model::{Constraint, ConstraintKind, ForeignAction, ForeignKey, Model, Table, Trigger};
use crate::render::text::{ident, idents, literal};
use crate::rules::overrides::is_companion;
use crate::rules::{Case, names, same_columns};
use std::fmt::Write as _;
use tenantry_core::TenancyModel;

/// References that can't be kept, whatever is done.
pub(super) fn refuse(model: &Model, case: &mut Case<'_>) {
    for table in &model.tables {
        for constraint in &table.constraints {
            let ConstraintKind::ForeignKey(key) = &constraint.kind else { continue };
            let place = format!("{} on {}", constraint.name, table.name);
            let to_scoped = is_scoped_name(case, &key.target);
            match case.kind(&table.name) {
                Some(Kind::Scoped) if case.kind(&key.target) == Some(Kind::Tenant) => case.error(
                    place.clone(),
                    format!("a scoped table refers to the tenant table {}: others who see the row would refer to it too", key.target),
                    format!("declare {} \"tenant\", or {} \"scoped\" or \"global\"", table.name, key.target),
                ),
                Some(Kind::Global) if to_scoped => case.error(
                    place.clone(),
                    format!("a global table refers to the scoped table {}, of which not everybody sees every row", key.target),
                    format!("declare {} \"scoped\", or {} \"global\"", table.name, key.target),
                ),
                Some(Kind::Tenant | Kind::Scoped) if to_scoped && !is_companion(table) => {
                    reach(key, place.clone(), case);
                }
                _ => {}
            }
            if to_scoped && case.tenancy != TenancyModel::Database && !by_primary_key(model, key, case) {
                case.error(
                    place,
                    format!(
                        "({}) of {} is unique within a scope only",
                        key.target_columns.join(", "),
                        key.target
                    ),
                    "refer to its primary key, or declare it under [unique] as \"global\"",
                );
            }
        }
    }
}

/// Whether what is referred to stays unique. Of a table that is the pool's, it was looked at when that was made.
fn by_primary_key(model: &Model, key: &ForeignKey, case: &Case<'_>) -> bool {
    let Some(target) = model.table(&key.target) else { return true };
    let primary =
        target.primary_key().is_some_and(|primary| same_columns(&primary.columns, &key.target_columns));
    primary
        || declared_global(case, &key.target).iter().any(|columns| same_columns(columns, &key.target_columns))
}

/// What one member does to a shared row must not change another's rows: a tenant's, or scoped ones, which may be another's own or the
/// operator's. Cascades run past row-level security.
fn reach(key: &ForeignKey, place: String, case: &mut Case<'_>) {
    let acts = |action: ForeignAction| action.sets() || action == ForeignAction::Cascade;
    if members_write(case.declaration, &key.target) && (acts(key.on_delete) || acts(key.on_update)) {
        case.error(
            place,
            format!(
                "members may write {}, so one of them would delete or change others' rows here",
                key.target
            ),
            "use NO ACTION, or declare writable_by = \"operator\"",
        );
    }
}

/// PostgreSQL checks foreign keys past row-level security, so a trigger asks whether the row may see what it refers to.
pub(super) fn check_visibility(model: &mut Model, schema: Option<&str>, case: &mut Case<'_>) {
    for table in &mut model.tables {
        let source = case.kind(&table.name);
        // Where the table is the pool's, so is its trigger.
        let pools = schema.is_some() && source == Some(Kind::Scoped);
        if pools || !matches!(source, Some(Kind::Tenant | Kind::Scoped)) {
            continue;
        }
        let mut wanted = Vec::new();
        for constraint in &table.constraints {
            let ConstraintKind::ForeignKey(key) = &constraint.kind else { continue };
            if is_scoped_name(case, &key.target) {
                wanted.push(trigger(table, constraint, key, schema, case));
            }
        }
        for trigger in wanted {
            if let Some(known) = table.triggers.iter_mut().find(|known| known.name == trigger.name) {
                // The server prints names without quotes where they need none.
                let bare = |definition: &str| definition.replace('"', "");
                if bare(&known.definition) != bare(&trigger.definition) {
                    known.definition = trigger.definition;
                }
            } else {
                let place = format!("trigger {} on {}", trigger.name, table.name);
                case.change(place, "it keeps references to visible rows");
                table.triggers.push(trigger);
            }
        }
        table.triggers.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

/// `a,b`; an array's text where a name has a sign that would be read as more than a name.
fn list(names: &[String]) -> String {
    if names.iter().all(|name| !name.contains(',') && !name.starts_with('{')) {
        return names.join(",");
    }
    let quoted = names.iter().map(|name| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")));
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

fn trigger(
    table: &Table,
    constraint: &Constraint,
    key: &ForeignKey,
    schema: Option<&str>,
    case: &Case<'_>,
) -> Trigger {
    let name = names::cut(&format!("tenantry_scope_{}", constraint.name), "");
    // Whose row it is: a column here, one tenant for a whole schema, or (for a scoped row) everybody of its scope.
    let (mut columns, whose) = (
        key.columns.clone(),
        match (case.kind(&table.name), &case.floor.tenant_value) {
            (Some(Kind::Scoped), _) => String::new(),
            (_, Some(value)) if case.tenancy == TenancyModel::Schema => format!("={value}"),
            _ => case.column().to_owned(),
        },
    );
    match whose.as_str() {
        "" => columns.push(COLUMN.to_owned()),
        one if one.starts_with('=') => {}
        column => columns.push(column.to_owned()),
    }
    columns.dedup();
    let arguments = [
        constraint.name.as_str(),
        schema.unwrap_or_default(),
        &key.target,
        &list(&key.columns),
        &list(&key.target_columns),
        &whose,
    ];
    let arguments: Vec<String> = arguments.iter().map(|argument| literal(argument)).collect();
    let when = if constraint.deferred { "DEFERRED" } else { "IMMEDIATE" };
    let mut definition = format!("CREATE CONSTRAINT TRIGGER {}", ident(&name));
    write!(
        definition,
        " AFTER INSERT OR UPDATE OF {} ON {} DEFERRABLE INITIALLY {when} FOR EACH ROW EXECUTE FUNCTION \
         tenancy.check_scope({})",
        idents(&columns, ", "),
        ident(&table.name),
        arguments.join(", ")
    )
    .expect("a String takes everything");
    Trigger { name, comment: None, definition, enabled: 'O' }
}
