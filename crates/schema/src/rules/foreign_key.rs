//! `foreign-key`: a reference never leaves its tenant.

use super::primary_key::add_unique;
use super::{Case, Rule, SHARED, names};
use crate::check::{Remedy, Severity};
use crate::declaration::Kind;
use crate::model::{Constraint, ConstraintKind, ForeignAction, ForeignKey, Model};
use crate::read::rank;
use crate::rules::Docs;
use std::collections::BTreeMap;
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

    fn docs(&self) -> Docs {
        Docs {
            why: "PostgreSQL checks foreign keys past row-level security, even forced one. With the id alone a row can refer to another \
                  tenant's, keep it from being deleted, and be deleted along with it; and whether the other's row exists can be \
                  read from the error.",
            before: "CREATE TABLE projects (id bigint PRIMARY KEY);\n\
                     CREATE TABLE tasks (\n    id bigint PRIMARY KEY,\n    project_id bigint CONSTRAINT fk REFERENCES projects ON DELETE SET NULL\n);",
            after: "ALTER TABLE tasks ADD CONSTRAINT fk FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id) \
                    ON DELETE SET NULL (project_id)",
            ignore: "The notes about references to global tables, once rows of those are only ever marked as gone.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Warning, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let mut to_global: BTreeMap<String, Vec<String>> = BTreeMap::new();
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
                    (Some(kind @ (Kind::Global | Kind::Scoped)), Some(Kind::Tenant)) => case.error(
                        place,
                        format!(
                            "a {kind} table refers to the tenant table {}: its rows are not one tenant's",
                            key.target
                        ),
                        format!(
                            "declare {} \"tenant\", or {} \"{kind}\", or drop the reference",
                            table.name, key.target
                        ),
                    ),
                    // The target has no tenant, so the key stays as it is.
                    (Some(Kind::Tenant), Some(Kind::Global)) => {
                        if !table.is_partition() {
                            to_global.entry(key.target.clone()).or_default().push(place.clone());
                        }
                        reaches_all(key, case, place);
                    }
                    _ => {}
                }
            }
            model.tables[at].constraints.sort_by(|a, b| rank(a).cmp(&rank(b)));
        }
        for (target, places) in to_global {
            referred_to(case, &target, &places);
        }
    }
}

/// One statement on a global table may change rows of every tenant.
fn reaches_all(key: &ForeignKey, case: &mut Case<'_>, place: String) {
    let deletes = matches!(key.on_delete, ForeignAction::Cascade) || key.on_delete.sets();
    let updates = matches!(key.on_update, ForeignAction::Cascade) || key.on_update.sets();
    if deletes {
        case.warning(
            place,
            format!(
                "ON DELETE {}: deleting a row of {} changes rows of every tenant",
                key.on_delete.as_sql(),
                key.target
            ),
            "use RESTRICT, and mark rows of the global table as gone instead of deleting them",
        );
    } else if updates {
        case.warning(
            place,
            format!(
                "ON UPDATE {}: changing a key of {} changes rows of every tenant",
                key.on_update.as_sql(),
                key.target
            ),
            "use a key that never changes",
        );
    }
}

/// Databases of tenants' own hold copies of global tables.
fn referred_to(case: &mut Case<'_>, target: &str, places: &[String]) {
    let shown = match places {
        [first, second, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second} and {} more", rest.len())
        }
        few => few.join(", "),
    };
    case.note(
        target,
        format!("tenant tables refer to it ({shown}); where it is a copy, deleting a row is not checked against them"),
        "never delete rows of it: mark them as gone",
    );
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
        let check_name = case.fresh_name(model, &name, &[], "full");
        case.change(format!("{check_name} on {table}"), "a check keeps what MATCH FULL asked for");
        let kind = ConstraintKind::Check { definition, validated: true };
        let check = Constraint::new(check_name, kind);
        for child in heirs(model, at) {
            let mut inherited = check.clone();
            inherited.inherited = true;
            model.tables[child].constraints.push(inherited);
            model.tables[child].constraints.sort_by(|a, b| rank(a).cmp(&rank(b)));
        }
        // At the end: positions still to come stay what they are. The caller sorts.
        model.tables[at].constraints.push(check);
    }
    ensure_target(model, &target, &columns, case);
}

/// The tables that inherit from this one, directly or not.
fn heirs(model: &Model, at: usize) -> Vec<usize> {
    let mut heirs = vec![at];
    let mut next = 0;
    while let Some(parent) = heirs.get(next).map(|at| model.tables[*at].name.clone()) {
        let children = (0..model.tables.len()).filter(|at| model.tables[*at].inherits.contains(&parent));
        let new: Vec<usize> = children.filter(|child| !heirs.contains(child)).collect();
        heirs.extend(new);
        next += 1;
    }
    heirs.split_off(1)
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

#[cfg(test)]
mod tests {
    use super::super::lab::{compiles_to, hits, misses};
    use super::*;

    const P: &str = "CREATE TABLE p (id bigint PRIMARY KEY, a int, b int, UNIQUE (a, b));";

    fn child(columns: &str) -> String {
        format!("{P} CREATE TABLE c (id bigint PRIMARY KEY, p bigint, a int, b int, {columns})")
    }

    const BECOMES: &str = "change: k on c: the foreign key becomes (tenant_id, p)";

    #[test]
    fn references_within_a_tenant_carry_it() {
        let sql = child("CONSTRAINT k FOREIGN KEY (p) REFERENCES p DEFERRABLE INITIALLY DEFERRED");
        hits(&ForeignKeys, &sql, "", &[BECOMES]);
        compiles_to(
            &sql,
            "",
            "FOREIGN KEY (tenant_id, p) REFERENCES p (tenant_id, id) DEFERRABLE INITIALLY DEFERRED",
        );
        let to_itself = "CREATE TABLE c (id bigint PRIMARY KEY, p bigint CONSTRAINT k REFERENCES c)";
        hits(&ForeignKeys, to_itself, "", &[BECOMES]);
    }

    #[test]
    fn deleting_sets_the_reference_alone() {
        let sql = child("CONSTRAINT k FOREIGN KEY (p) REFERENCES p ON DELETE SET NULL");
        hits(&ForeignKeys, &sql, "", &[BECOMES, "change: k on c: ON DELETE SET NULL names its columns"]);
        let updating = child("CONSTRAINT k FOREIGN KEY (p) REFERENCES p ON UPDATE SET DEFAULT");
        hits(
            &ForeignKeys,
            &updating,
            "",
            &["error: k on c: ON UPDATE SET DEFAULT would set the tenant column too"],
        );
    }

    #[test]
    fn match_full_becomes_a_check() {
        let simple = "change: k on c: MATCH FULL becomes MATCH SIMPLE";
        hits(
            &ForeignKeys,
            &child("CONSTRAINT k FOREIGN KEY (p) REFERENCES p MATCH FULL"),
            "",
            &[BECOMES, simple],
        );
        let two = child("CONSTRAINT k FOREIGN KEY (a, b) REFERENCES p (a, b) MATCH FULL");
        let becomes = "change: k on c: the foreign key becomes (tenant_id, a, b)";
        let kept = "change: k_full on c: a check keeps what MATCH FULL asked for";
        hits(&ForeignKeys, &two, "", &[becomes, simple, kept]);
        compiles_to(&two, "", "CONSTRAINT k_full CHECK ((num_nulls(a, b) = ANY (ARRAY[0, 2])))");
    }

    #[test]
    fn references_between_kinds() {
        let sql = child("CONSTRAINT k FOREIGN KEY (p) REFERENCES p");
        let note = "note: p: tenant tables refer to it (k on c); where it is a copy, deleting a row is not checked against them";
        hits(&ForeignKeys, &sql, "[tables]\np = \"global\"", &[note]);
        let error =
            "error: k on c: a global table refers to the tenant table p: its rows are not one tenant's";
        hits(&ForeignKeys, &sql, "[tables]\nc = \"global\"", &[error]);
        hits(&ForeignKeys, &sql, "[tables]\nc = \"scoped\"", &[&error.replace("global", "scoped")]);
        misses(&ForeignKeys, &sql, "[tables]\nc = \"global\"\np = \"global\"");
        let cascade = child("CONSTRAINT k FOREIGN KEY (p) REFERENCES p ON DELETE CASCADE");
        let all = "warning: k on c: ON DELETE CASCADE: deleting a row of p changes rows of every tenant";
        hits(&ForeignKeys, &cascade, "[tables]\np = \"global\"", &[note, all]);
    }

    #[test]
    fn references_that_carry_the_tenant() {
        let sql = "CREATE TABLE p (tenant_id bigint, id bigint, PRIMARY KEY (tenant_id, id));
            CREATE TABLE c (tenant_id bigint, p bigint, FOREIGN KEY (tenant_id, p) REFERENCES p)";
        misses(&ForeignKeys, sql, "");
    }
}
