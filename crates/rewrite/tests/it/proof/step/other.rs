//! Views, types, functions, triggers, sequences, statistics, comments.

#![allow(
    clippy::match_same_arms,
    clippy::unnecessary_wraps,
    reason = "a table of choices; all steps have one signature"
)]

use crate::proof::scene::{Scene, is_sortable, is_text, list, q};
use tenantry_schema::model::{Table, TypeKind, View};

pub(super) fn create_view(scene: &Scene<'_>) -> Option<String> {
    let name = q(&scene.fresh("v"));
    let word = scene.dice.word(&["CREATE VIEW", "CREATE OR REPLACE VIEW"]);
    let options =
        scene.dice.word(&["", "", " WITH (security_barrier = true)", " WITH (security_invoker = false)"]);
    Some(format!("{word} {name}{options} AS {}", query(scene)?))
}

fn query(scene: &Scene<'_>) -> Option<String> {
    let dice = scene.dice;
    let table = scene.table()?;
    let columns = scene.columns(table, 3, is_sortable)?;
    let from = q(&table.name);
    Some(match dice.below(8) {
        1 => format!("SELECT * FROM {from}"),
        2 => format!("SELECT {} AS k, count(*) AS n FROM {from} GROUP BY {0}", q(&columns[0])),
        3 => {
            let other = scene.table()?;
            let column = scene.columns(other, 1, |_| true)?;
            format!(
                "SELECT a.{}, b.{} AS other FROM {from} a LEFT JOIN {} b ON true",
                q(&columns[0]),
                q(&column[0]),
                q(&other.name)
            )
        }
        4 => match dice.one(&scene.model.views) {
            Some(view) => format!("SELECT count(*) AS n FROM {}", q(&view.name)),
            None => format!("SELECT count(*) AS n FROM {from}"),
        },
        5 => format!("SELECT {} FROM {from} WHERE {} IS NOT NULL ORDER BY 1", list(&columns), q(&columns[0])),
        6 => format!(
            "WITH x AS (SELECT {0} FROM {from}) SELECT {0}, row_number() OVER (ORDER BY {0}) AS nr FROM x",
            q(&columns[0])
        ),
        7 => format!(
            "SELECT t.* FROM {from} t WHERE EXISTS (SELECT 1 FROM {from} u WHERE u.{0} = t.{0})",
            q(&columns[0])
        ),
        _ => format!("SELECT {} FROM {from}", list(&columns)),
    })
}

fn a_view<'a>(scene: &Scene<'a>) -> Option<&'a View> {
    scene.dice.one(&scene.model.views)
}

pub(super) fn replace_view(scene: &Scene<'_>) -> Option<String> {
    let view = a_view(scene)?;
    let name = q(&view.name);
    let definition = view.definition.trim_end().trim_end_matches(';');
    Some(match scene.dice.below(3) {
        1 => format!("ALTER VIEW {name} RENAME TO {}", q(&scene.fresh("v"))),
        2 => format!("ALTER VIEW {name} SET (security_barrier = true)"),
        _ => format!(
            "CREATE OR REPLACE VIEW {name} AS SELECT x.*, 1 AS {} FROM (\n{definition}\n) x",
            q(&scene.fresh("more"))
        ),
    })
}

pub(super) fn drop_view(scene: &Scene<'_>) -> Option<String> {
    Some(format!("DROP VIEW {}{}", q(&a_view(scene)?.name), scene.dice.word(&["", " CASCADE"])))
}

pub(super) fn comment(scene: &Scene<'_>) -> Option<String> {
    let table = scene.table()?;
    let name = q(&table.name);
    let what = match scene.dice.below(6) {
        1 => format!("COLUMN {name}.{}", q(&scene.column(table, |_| true)?.name)),
        2 => format!("CONSTRAINT {} ON {name}", q(&scene.dice.one(&table.constraints)?.name)),
        3 => format!("INDEX {}", q(&scene.dice.one(&table.indexes)?.name)),
        4 => format!("VIEW {}", q(&a_view(scene)?.name)),
        5 => "TYPE mood".to_owned(),
        _ => format!("TABLE {name}"),
    };
    let text = scene.dice.word(&["'What it is for.'", "'it''s'", "NULL", "E'two\\nlines'"]);
    Some(format!("COMMENT ON {what} IS {text}"))
}

pub(super) fn change_enum(scene: &Scene<'_>) -> Option<String> {
    let enums: Vec<_> = scene
        .model
        .types
        .iter()
        .filter_map(|defined| match &defined.kind {
            TypeKind::Enum { labels } => Some((&defined.name, labels)),
            _ => None,
        })
        .collect();
    let (name, labels) = scene.dice.one(&enums)?;
    let name = q(name);
    let label = scene.fresh("l").replace('\'', "");
    Some(match scene.dice.below(3) {
        1 => format!("ALTER TYPE {name} ADD VALUE '{label}' BEFORE '{}'", labels.first()?),
        2 => format!("ALTER TYPE {name} RENAME VALUE '{}' TO '{label}'", labels.last()?),
        _ => format!("ALTER TYPE {name} ADD VALUE IF NOT EXISTS '{label}'"),
    })
}

pub(super) fn create_type(scene: &Scene<'_>) -> Option<String> {
    let name = q(&scene.fresh("ty"));
    Some(match scene.dice.below(5) {
        1 => format!("CREATE TYPE {name} AS (a integer, b text)"),
        2 => format!("CREATE TYPE {name} AS RANGE (subtype = float8)"),
        3 => format!("CREATE DOMAIN {name} AS text DEFAULT 'x' CHECK (VALUE <> '')"),
        4 => "ALTER TYPE address ADD ATTRIBUTE country text".to_owned(),
        _ => format!("CREATE TYPE {name} AS ENUM ('a', 'b')"),
    })
}

pub(super) fn change_domain(scene: &Scene<'_>) -> Option<String> {
    scene.model.types.iter().find(|defined| defined.name == "positive")?;
    let what = scene.dice.word(&[
        "SET DEFAULT 1",
        "ADD CONSTRAINT small CHECK (VALUE < 1000)",
        "SET NOT NULL",
        "RENAME TO plus",
    ]);
    Some(format!("ALTER DOMAIN positive {what}"))
}

pub(super) fn sequence(scene: &Scene<'_>) -> Option<String> {
    let name = q(&scene.fresh("seq"));
    Some(match scene.dice.below(4) {
        1 => format!("CREATE SEQUENCE {name} AS integer START WITH 5 CACHE 10"),
        2 => format!("ALTER SEQUENCE {} INCREMENT BY 5", q(&scene.dice.one(&scene.model.sequences)?.name)),
        3 => {
            let table = scene.table()?;
            let column = scene.column(table, |column| {
                column.type_name == "bigint" && column.identity.is_none() && column.generated.is_none()
            })?;
            let sequence = scene.model.sequences.iter().find(|sequence| sequence.owned_by.is_none())?;
            format!(
                "ALTER TABLE {} ALTER {} SET DEFAULT nextval('{}')",
                q(&table.name),
                q(&column.name),
                q(&sequence.name)
            )
        }
        _ => format!("CREATE SEQUENCE {name}"),
    })
}

pub(super) fn create_function(scene: &Scene<'_>) -> Option<String> {
    let name = q(&scene.fresh("f"));
    Some(match scene.dice.below(5) {
        1 => {
            let table = scene.table()?;
            format!("CREATE FUNCTION {name}() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM {}'", q(&table.name))
        }
        2 => {
            let table = scene.table()?;
            format!("CREATE FUNCTION {name}() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM {}; END", q(&table.name))
        }
        3 => "CREATE OR REPLACE FUNCTION doubled(n integer) RETURNS integer LANGUAGE sql IMMUTABLE RETURN n * 3".to_owned(),
        4 => format!("CREATE PROCEDURE {name}(x integer) LANGUAGE plpgsql AS $$ BEGIN NULL; END $$"),
        _ => format!("CREATE FUNCTION {name}(a integer, b text DEFAULT 'x') RETURNS text LANGUAGE sql IMMUTABLE RETURN a || b"),
    })
}

pub(super) fn create_trigger(scene: &Scene<'_>) -> Option<String> {
    let with_n = |table: &&Table| table.column("n").is_some() && !table.is_partition();
    let tables: Vec<&Table> = scene.model.tables.iter().filter(with_n).collect();
    let table = scene.dice.one(&tables)?;
    scene.model.functions.iter().find(|function| function.name == "touch")?;
    let when =
        scene.dice.word(&["BEFORE INSERT", "BEFORE UPDATE OF n", "BEFORE INSERT OR UPDATE", "AFTER DELETE"]);
    let condition = if when == "BEFORE INSERT" { scene.dice.word(&["", " WHEN (NEW.n > 0)"]) } else { "" };
    Some(format!(
        "CREATE TRIGGER {} {when} ON {} FOR EACH ROW{condition} EXECUTE FUNCTION touch()",
        q(&scene.fresh("tr")),
        q(&table.name)
    ))
}

pub(super) fn drop_trigger(scene: &Scene<'_>) -> Option<String> {
    let with: Vec<&Table> = scene
        .model
        .tables
        .iter()
        .filter(|table| !table.triggers.is_empty() && !table.is_partition())
        .collect();
    let table = scene.dice.one(&with)?;
    let (table, trigger) = (q(&table.name), q(&scene.dice.one(&table.triggers)?.name));
    Some(match scene.dice.below(3) {
        1 => format!("ALTER TABLE {table} DISABLE TRIGGER {trigger}"),
        2 => format!("ALTER TRIGGER {trigger} ON {table} RENAME TO {}", q(&scene.fresh("tr"))),
        _ => format!("DROP TRIGGER {trigger} ON {table}"),
    })
}

pub(super) fn statistics(scene: &Scene<'_>) -> Option<String> {
    let table = scene.table()?;
    let columns = scene
        .columns(table, 3, |column| is_sortable(column) || is_text(column))
        .filter(|columns| columns.len() > 1)?;
    let kinds = scene.dice.word(&["", " (ndistinct)", " (dependencies, mcv)"]);
    Some(format!(
        "CREATE STATISTICS {}{kinds} ON {} FROM {}",
        q(&scene.fresh("st")),
        list(&columns),
        q(&table.name)
    ))
}
