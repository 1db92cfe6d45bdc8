//! Indexes.

#![allow(
    clippy::match_same_arms,
    clippy::unnecessary_wraps,
    reason = "a table of choices; all steps have one signature"
)]

use crate::proof::scene::{Scene, is_number, is_sortable, is_text, q};
use tenantry_schema::model::{Index, Table};

pub(super) fn create(scene: &Scene<'_>) -> Option<String> {
    let table = scene.table()?;
    let dice = scene.dice;
    let (unique, keys) =
        if dice.below(6) < 4 { btree(scene, table)? } else { ("", other_method(scene, table)?) };
    let concurrently = if dice.once_in(4) && table.partition_by.is_none() { " CONCURRENTLY" } else { "" };
    let name = match dice.below(3) {
        0 => format!(" {}", q(&scene.fresh("ix"))),
        1 => format!(" IF NOT EXISTS {}", q(&scene.fresh("ix"))),
        _ => String::new(),
    };
    let rest = match dice.below(5) {
        2 => scene
            .column(table, is_number)
            .map_or_else(String::new, |column| format!(" WHERE {} > 0", q(&column.name))),
        3 => " WITH (fillfactor = 90)".to_owned(),
        4 => scene
            .column(table, is_text)
            .map_or_else(String::new, |column| format!(" WHERE {} <> ''", q(&column.name))),
        _ => String::new(),
    };
    // Only B-trees know that fill factor and all of these clauses.
    let rest = if keys.starts_with("USING") && rest.contains("WITH") { String::new() } else { rest };
    Some(format!("CREATE {unique}INDEX{concurrently}{name} ON {} {keys}{rest}", q(&table.name)))
}

fn btree(scene: &Scene<'_>, table: &Table) -> Option<(&'static str, String)> {
    let dice = scene.dice;
    let columns = scene.columns(table, 3, is_sortable)?;
    let mut keys: Vec<String> = columns
        .iter()
        .map(|name| {
            let collate = if table.column(name).is_some_and(is_text) {
                dice.word(&["", "", " COLLATE \"C\"", " text_pattern_ops"])
            } else {
                ""
            };
            format!("{}{collate}{}", q(name), dice.word(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]))
        })
        .collect();
    if dice.once_in(3) {
        match scene.column(table, is_text) {
            Some(text) => keys.push(format!("lower({})", q(&text.name))),
            None => keys.push(format!("({} + 1)", q(&scene.column(table, is_number)?.name))),
        }
    }
    let unique = dice.word(&["", "UNIQUE "]);
    let nulls = if unique.is_empty() { "" } else { dice.word(&["", " NULLS NOT DISTINCT"]) };
    let include = if dice.once_in(4) {
        scene
            .column(table, |column| !columns.contains(&column.name))
            .map_or_else(String::new, |c| format!(" INCLUDE ({})", q(&c.name)))
    } else {
        String::new()
    };
    Some((unique, format!("({}){include}{nulls}", keys.join(", "))))
}

fn other_method(scene: &Scene<'_>, table: &Table) -> Option<String> {
    let column = scene.column(table, |column| method_for(&column.type_name).is_some())?;
    let (method, opclass) = method_for(&column.type_name)?;
    Some(format!("USING {method} ({}{opclass})", q(&column.name)))
}

fn method_for(sql_type: &str) -> Option<(&'static str, &'static str)> {
    Some(match sql_type {
        "jsonb" => ("gin", " jsonb_path_ops"),
        "integer[]" | "text[]" | "tsvector" => ("gin", ""),
        "point" => ("spgist", ""),
        "int4range" | "tstzrange" => ("gist", ""),
        "inet" => ("gist", " inet_ops"),
        "timestamp with time zone" | "date" => ("brin", ""),
        "text" | "uuid" => ("hash", ""),
        "integer" => ("gist", ""),
        _ => return None,
    })
}

fn one_of(scene: &Scene<'_>, fits: impl Fn(&Index) -> bool) -> Option<(String, String)> {
    let all: Vec<(&Table, &Index)> = scene
        .model
        .tables
        .iter()
        .filter(|table| !table.is_partition())
        .flat_map(|table| table.indexes.iter().map(move |index| (table, index)))
        .filter(|(_, index)| fits(index))
        .collect();
    let (table, index) = scene.dice.one(&all)?;
    Some((table.name.clone(), index.name.clone()))
}

pub(super) fn drop(scene: &Scene<'_>) -> Option<String> {
    let (_, name) = one_of(scene, |_| true)?;
    let word = scene.dice.word(&["DROP INDEX", "DROP INDEX IF EXISTS", "DROP INDEX CONCURRENTLY"]);
    Some(format!("{word} {}", q(&name)))
}

pub(super) fn rename(scene: &Scene<'_>) -> Option<String> {
    let (_, name) = one_of(scene, |_| true)?;
    Some(format!("ALTER INDEX {} RENAME TO {}", q(&name), q(&scene.fresh("ix"))))
}

pub(super) fn use_for_constraint(scene: &Scene<'_>) -> Option<String> {
    let plain = |index: &Index| {
        index.unique
            && index.method == "btree"
            && index.predicate.is_none()
            && index.keys.iter().all(|key| {
                key.column.is_some() && !key.descending && !key.nulls_first && key.opclass.is_none()
            })
    };
    let (table, name) = one_of(scene, plain)?;
    let constraint = scene.dice.word(&["", "CONSTRAINT as_a_constraint "]);
    Some(format!("ALTER TABLE {} ADD {constraint}UNIQUE USING INDEX {}", q(&table), q(&name)))
}
