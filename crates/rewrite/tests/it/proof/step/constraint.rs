//! Keys, foreign keys, checks and exclusions: adding, changing, dropping.

use super::column::actions;
use crate::proof::scene::{Scene, is_number, is_plain, is_sortable, keys, list, q};
use tenantry_schema::model::{ConstraintKind, Table};

/// `CONSTRAINT name `, or nothing: then the server makes a name up, which must be the same in all models.
fn called(scene: &Scene<'_>, stem: &str) -> String {
    if scene.dice.once_in(2) { format!("CONSTRAINT {} ", q(&scene.fresh(stem))) } else { String::new() }
}

pub(super) fn foreign_key(scene: &Scene<'_>) -> Option<String> {
    let table = scene.table()?;
    let target = if scene.dice.once_in(4) { table } else { scene.table()? };
    let known = keys(target);
    let key = scene.dice.one(&known)?;
    // For each column of the key one of the same type.
    let mut columns: Vec<String> = Vec::new();
    for name in &key.columns {
        let wanted = &target.column(name)?.type_name;
        let free = |column: &&tenantry_schema::model::Column| {
            column.type_name == *wanted && !columns.contains(&column.name) && column.generated.is_none()
        };
        let fitting: Vec<_> = table.columns.iter().filter(free).collect();
        columns.push(scene.dice.one(&fitting)?.name.clone());
    }
    let is_primary = target.primary_key().is_some_and(|primary| primary.columns == key.columns);
    let named = if is_primary && !scene.dice.once_in(3) {
        String::new()
    } else {
        format!(" ({})", list(&key.columns))
    };
    let name = called(scene, "fk");
    let actions = match scene.dice.below(6) {
        5 if columns.len() > 1 => format!(" ON DELETE SET NULL ({})", q(&columns[0])),
        _ => actions(scene).to_owned(),
    };
    let valid = scene.dice.word(&["", "", "", " NOT VALID"]);
    Some(format!(
        "ALTER TABLE {} ADD {name}FOREIGN KEY ({}) REFERENCES {}{named}{actions}{valid}",
        q(&table.name),
        list(&columns),
        q(&target.name)
    ))
}

pub(super) fn unique(scene: &Scene<'_>) -> Option<String> {
    let table = scene.table()?;
    let name = called(scene, "uq");
    Some(format!("ALTER TABLE {} ADD {name}{}", q(&table.name), unique_of(scene, table)?))
}

pub(super) fn unique_of(scene: &Scene<'_>, table: &Table) -> Option<String> {
    let columns = scene.columns(table, 3, is_sortable)?;
    let nulls = scene.dice.word(&["", "", " NULLS NOT DISTINCT"]);
    let rest = match scene.dice.below(6) {
        3 => " DEFERRABLE".to_owned(),
        4 => " WITH (fillfactor = 80)".to_owned(),
        5 => match table.columns.iter().find(|column| !columns.contains(&column.name)) {
            Some(other) => format!(" INCLUDE ({})", q(&other.name)),
            None => String::new(),
        },
        _ => String::new(),
    };
    Some(format!("UNIQUE{nulls} ({}){rest}", list(&columns)))
}

pub(super) fn primary_key(scene: &Scene<'_>) -> Option<String> {
    let without: Vec<&Table> = scene
        .model
        .tables
        .iter()
        .filter(|table| table.primary_key().is_none() && !table.is_partition())
        .collect();
    let table = scene.dice.one(&without)?;
    let columns = scene.columns(table, 2, |column| is_sortable(column) && column.generated.is_none())?;
    Some(format!(
        "ALTER TABLE {} ADD {}PRIMARY KEY ({})",
        q(&table.name),
        called(scene, "pk"),
        list(&columns)
    ))
}

pub(super) fn check(scene: &Scene<'_>) -> Option<String> {
    let table = scene.table()?;
    let column = scene.column(table, is_number)?;
    let name = called(scene, "ck");
    let rest = scene.dice.word(&["", "", " NOT VALID", " NO INHERIT"]);
    let column = q(&column.name);
    let condition = scene.dice.word(&["> 0", "IS NOT NULL", "IN (1, 2, 3)", "BETWEEN 1 AND 10"]);
    Some(format!("ALTER TABLE {} ADD {name}CHECK ({column} {condition}){rest}", q(&table.name)))
}

pub(super) fn exclusion(scene: &Scene<'_>) -> Option<String> {
    let table = scene.table()?;
    let column = scene.column(table, |column| {
        is_plain(column) && (is_number(column) || column.type_name.ends_with("range"))
    })?;
    let operator = if column.type_name.ends_with("range") { "&&" } else { "=" };
    let name = called(scene, "ex");
    let rest = scene.dice.word(&["", " WHERE (true)", " DEFERRABLE INITIALLY DEFERRED"]);
    Some(format!(
        "ALTER TABLE {} ADD {name}EXCLUDE USING gist ({} WITH {operator}){rest}",
        q(&table.name),
        q(&column.name)
    ))
}

/// A table and one of its constraints. Foreign keys of partitions are their parent's.
fn one_of(scene: &Scene<'_>, fits: impl Fn(&ConstraintKind) -> bool) -> Option<(String, String)> {
    let all: Vec<(&Table, &tenantry_schema::model::Constraint)> = scene
        .model
        .tables
        .iter()
        .filter(|table| !table.is_partition())
        .flat_map(|table| table.constraints.iter().map(move |constraint| (table, constraint)))
        .filter(|(table, constraint)| fits(&constraint.kind) && !is_declared(scene, table, &constraint.kind))
        .collect();
    let (table, constraint) = scene.dice.one(&all)?;
    Some((table.name.clone(), constraint.name.clone()))
}

/// What the declaration calls unique over all tenants has to stay.
fn is_declared(scene: &Scene<'_>, table: &Table, kind: &ConstraintKind) -> bool {
    let ConstraintKind::Unique(key) = kind else { return false };
    scene.declaration.unique.contains_key(&format!("{}.{}", table.name, key.columns.join(", ")))
}

pub(super) fn drop(scene: &Scene<'_>) -> Option<String> {
    let (table, name) = one_of(scene, |_| true)?;
    let rest = scene.dice.word(&["", " CASCADE"]);
    let word = scene.dice.word(&["DROP CONSTRAINT", "DROP CONSTRAINT IF EXISTS"]);
    Some(format!("ALTER TABLE {} {word} {}{rest}", q(&table), q(&name)))
}

pub(super) fn rename(scene: &Scene<'_>) -> Option<String> {
    let (table, name) = one_of(scene, |_| true)?;
    Some(format!("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", q(&table), q(&name), q(&scene.fresh("cn"))))
}

pub(super) fn validate(scene: &Scene<'_>) -> Option<String> {
    let open = |kind: &ConstraintKind| match kind {
        ConstraintKind::ForeignKey(key) => !key.validated,
        ConstraintKind::Check { validated, .. } => !validated,
        _ => false,
    };
    let (table, name) = one_of(scene, open)?;
    Some(format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", q(&table), q(&name)))
}

pub(super) fn alter(scene: &Scene<'_>) -> Option<String> {
    let (table, name) = one_of(scene, |kind| matches!(kind, ConstraintKind::ForeignKey(_)))?;
    let what = scene.dice.word(&["DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED", "NOT DEFERRABLE"]);
    Some(format!("ALTER TABLE {} ALTER CONSTRAINT {} {what}", q(&table), q(&name)))
}
