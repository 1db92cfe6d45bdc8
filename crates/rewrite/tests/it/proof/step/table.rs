//! Tables and partitions.

#![allow(
    clippy::match_same_arms,
    clippy::unnecessary_wraps,
    reason = "a table of choices; all steps have one signature"
)]

use super::{column, constraint};
use crate::proof::plain::{a_type, default_for};
use crate::proof::scene::{Scene, keys, q};
use tenantry_schema::model::Table;

pub(super) fn create(scene: &Scene<'_>) -> Option<String> {
    let dice = scene.dice;
    // Now and then it is the table that the declaration already calls global.
    let known = |name: &&String| scene.model.table(name).is_none();
    let expected = scene.declaration.tables.keys().find(known).filter(|_| dice.once_in(3));
    let name = expected.cloned().unwrap_or_else(|| scene.fresh("made"));
    let mut lines = vec![
        dice.word(&[
            "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            "id serial PRIMARY KEY",
            "id uuid CONSTRAINT its_key PRIMARY KEY DEFAULT gen_random_uuid()",
            "id integer, at date, PRIMARY KEY (id, at)",
            "id text",
        ])
        .to_owned(),
        "n integer".to_owned(),
    ];
    for at in 0..dice.below(4) {
        let sql_type = a_type(dice);
        let default = default_for(sql_type, dice).filter(|_| dice.once_in(3));
        let default = default.map_or_else(String::new, |default| format!(" DEFAULT {default} NOT NULL"));
        lines.push(format!("c{at} {sql_type}{default}"));
    }
    lines.push(
        dice.word(&[
            "label text UNIQUE",
            "label text NOT NULL, UNIQUE (n, label)",
            "label text, CONSTRAINT by_label UNIQUE NULLS NOT DISTINCT (label) INCLUDE (n)",
            "label text UNIQUE DEFERRABLE INITIALLY DEFERRED",
            "label text CHECK (label <> ''), CHECK (n > 0)",
            "label text, EXCLUDE USING gist (n WITH =)",
            "label varchar(10) CONSTRAINT named_unique UNIQUE CONSTRAINT must_be NOT NULL",
        ])
        .to_owned(),
    );
    if dice.once_in(2)
        && let Some(line) = reference(scene, &name)
    {
        lines.push(line);
    }
    let (before, after) = match dice.below(8) {
        5 => ("UNLOGGED ", ""),
        6 => ("", " WITH (autovacuum_enabled = false)"),
        7 => ("", " WITH (fillfactor = 50)"),
        _ => ("", ""),
    };
    let exists = dice.word(&["", "", "IF NOT EXISTS "]);
    Some(format!("CREATE {before}TABLE {exists}{} (\n    {}\n){after}", q(&name), lines.join(",\n    ")))
}

/// A column that refers to another table, or to this one.
fn reference(scene: &Scene<'_>, name: &str) -> Option<String> {
    if scene.dice.once_in(4) {
        return Some(format!("parent bigint, FOREIGN KEY (parent) REFERENCES {} ON DELETE CASCADE", q(name)));
    }
    let target = scene.table()?;
    let known = keys(target);
    let key = scene.dice.one(&known)?;
    let columns: Vec<(String, &str)> = key
        .columns
        .iter()
        .enumerate()
        .filter_map(|(at, name)| Some((format!("to{at}"), target.column(name)?.type_name.as_str())))
        .collect();
    let action = column::actions(scene);
    let mut sql: Vec<String> = columns.iter().map(|(name, sql_type)| format!("{name} {sql_type}")).collect();
    let is_primary = target.primary_key().is_some_and(|primary| primary.columns == key.columns);
    let named =
        if is_primary { String::new() } else { format!(" ({})", crate::proof::scene::list(&key.columns)) };
    if sql.len() == 1 && scene.dice.once_in(2) {
        return Some(format!("{} REFERENCES {}{named}{action}", sql[0], q(&target.name)));
    }
    let from: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
    sql.push(format!("FOREIGN KEY ({}) REFERENCES {}{named}{action}", from.join(", "), q(&target.name)));
    Some(sql.join(",\n    "))
}

pub(super) fn like(scene: &Scene<'_>) -> Option<String> {
    let table = scene.table()?;
    let including = scene.dice.word(&[
        "",
        " INCLUDING ALL",
        " INCLUDING DEFAULTS INCLUDING CONSTRAINTS",
        " INCLUDING INDEXES",
    ]);
    Some(format!("CREATE TABLE {} (LIKE {}{including})", q(&scene.fresh("copy")), q(&table.name)))
}

pub(super) fn drop(scene: &Scene<'_>) -> Option<String> {
    let table = scene.undeclared()?;
    Some(
        format!("DROP TABLE {}{}", scene.dice.word(&["", "IF EXISTS "]), q(&table.name))
            + scene.dice.word(&["", " CASCADE"]),
    )
}

pub(super) fn rename(scene: &Scene<'_>) -> Option<String> {
    let table = scene.undeclared()?;
    Some(format!("ALTER TABLE {} RENAME TO {}", q(&table.name), q(&scene.fresh("t"))))
}

pub(super) fn settings(scene: &Scene<'_>) -> Option<String> {
    let table = scene.table().filter(|table| table.partition_by.is_none())?;
    let what = scene.dice.word(&[
        "SET (fillfactor = 60)",
        "REPLICA IDENTITY FULL",
        "SET (autovacuum_vacuum_scale_factor = 0.01)",
        "RESET (fillfactor)",
        "SET UNLOGGED",
        "SET LOGGED",
        "REPLICA IDENTITY DEFAULT",
    ]);
    Some(format!("ALTER TABLE {} {what}", q(&table.name)))
}

/// One ALTER TABLE with several commands.
pub(super) fn several(scene: &Scene<'_>) -> Option<String> {
    let table = scene.table()?;
    let first = column::add_to(scene, table)?;
    let second = match scene.dice.below(3) {
        0 => column::add_to(scene, table)?,
        1 => format!("ADD {}", constraint::unique_of(scene, table)?),
        _ => {
            let column = scene.column(table, |column| scene.is_free(table, column))?;
            format!("ALTER {} {} NOT NULL", q(&column.name), if column.not_null { "DROP" } else { "SET" })
        }
    };
    Some(format!("ALTER TABLE {} {first}, {second}", q(&table.name)))
}

fn partitioned<'a>(scene: &Scene<'a>, by: &str) -> Option<&'a Table> {
    let fits = |table: &&Table| table.partition_by.as_ref().is_some_and(|key| key.starts_with(by));
    let tables: Vec<&Table> = scene.model.tables.iter().filter(fits).collect();
    scene.dice.one(&tables).copied()
}

pub(super) fn partition(scene: &Scene<'_>) -> Option<String> {
    let name = q(&scene.fresh("part"));
    if scene.dice.once_in(2) {
        let table = partitioned(scene, "RANGE")?;
        let bounds =
            scene.dice.word(&["FROM ('2023-01-01') TO ('2024-01-01')", "FROM (MINVALUE) TO ('2020-01-01')"]);
        return Some(format!("CREATE TABLE {name} PARTITION OF {} FOR VALUES {bounds}", q(&table.name)));
    }
    let table = partitioned(scene, "LIST").or_else(|| partitioned(scene, "RANGE"))?;
    Some(format!("CREATE TABLE {name} PARTITION OF {} DEFAULT", q(&table.name)))
}

pub(super) fn attach_or_detach(scene: &Scene<'_>) -> Option<String> {
    let partitions: Vec<&Table> = scene.model.tables.iter().filter(|table| table.is_partition()).collect();
    let table = scene.dice.one(&partitions)?;
    let parent = &table.partition_of.as_ref()?.parent;
    Some(format!("ALTER TABLE {} DETACH PARTITION {}", q(parent), q(&table.name)))
}
