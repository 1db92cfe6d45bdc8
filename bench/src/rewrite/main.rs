//! `rewrite`: what it costs to rewrite a statement, in the gateway's way and in a migration's.
//!
//! No server, no network: one thread, the same statement over and over, the fastest of many short rounds: whatever else
//! a machine does makes a round slower and never faster.
#![allow(clippy::print_stdout, reason = "a bench prints its results")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tenantry_core::{ContextKind, SqlIdent, TenancyModel};
use tenantry_rewrite::{Rewriter, Script};
use tenantry_schema::model::Source;
use tenantry_schema::{Declaration, Model, Target};

/// Tables of the schema: what is known of them must not make a statement slower.
const TABLES: usize = 150;
const ROUNDS: usize = 60;
const ROUND: Duration = Duration::from_millis(10);

fn main() -> anyhow::Result<()> {
    let script = script()?;
    let rewriter = Rewriter::new(script.model(), &Declaration::default(), TenancyModel::Shared);
    println!("{:<44} {:>12}  goal", "statement, schema of 150 tables", "time");
    let select = "SELECT id, name, created_at FROM t7 WHERE id = $1 AND parent = $2";
    row("prefilter, SELECT by id", "~100 ns", || rewriter.might_need_rewrite(black_box(select)));
    for (name, goal, sql) in [
        ("SELECT by id (nothing to do)", "", select),
        ("SELECT * by id", "10 µs", "SELECT * FROM t7 WHERE id = $1"),
        (
            "INSERT … ON CONFLICT",
            "10 µs",
            "INSERT INTO t7 (id, name, c1) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        ),
        ("INSERT without a list", "10 µs", "INSERT INTO t7 VALUES ($1, $2)"),
        (
            "two tables, GROUP BY key",
            "",
            "SELECT a.id, a.name, count(b.id) FROM t7 a JOIN t8 b ON b.parent = a.id WHERE a.c1 > $1 GROUP BY a.id ORDER BY 3 DESC LIMIT 10",
        ),
        (
            "INSERT with a list (parsed, nothing to do)",
            "",
            "INSERT INTO t7 (id, name) VALUES ($1, $2) RETURNING id",
        ),
    ] {
        row(name, goal, || rewriter.rewrite(black_box(sql)).is_ok());
    }
    let large = large_table();
    // A refused migration leaves nothing behind, so that the next one starts from the same schema.
    let mut script = script;
    let refused = format!("{large}; ALTER TABLE large DISABLE ROW LEVEL SECURITY");
    row("CREATE TABLE, 40 columns", "100 µs", || script.migrate(black_box(&refused)).is_err());
    let index = "CREATE INDEX ON t7 (created_at); ALTER TABLE t7 DISABLE ROW LEVEL SECURITY";
    row("CREATE INDEX", "", || script.migrate(black_box(index)).is_err());
    Ok(())
}

fn row(name: &str, goal: &str, work: impl FnMut() -> bool) {
    println!("{name:<44} {:>12}  {goal}", show(fastest(work)));
}

/// Nanoseconds of one call.
fn fastest(mut work: impl FnMut() -> bool) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let (start, mut calls) = (Instant::now(), 0_u32);
        while start.elapsed() < ROUND {
            for _ in 0..4 {
                black_box(work());
            }
            calls += 4;
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
    });
    rounds.fold(f64::INFINITY, f64::min)
}

fn show(nanoseconds: f64) -> String {
    if nanoseconds < 1_000.0 {
        format!("{nanoseconds:.0} ns")
    } else {
        format!("{:.2} µs", nanoseconds / 1_000.0)
    }
}

fn script() -> anyhow::Result<Script> {
    let target = Target {
        model: TenancyModel::Shared,
        schema: SqlIdent::new("public")?,
        owner: SqlIdent::new("tenantry_owner")?,
        app: SqlIdent::new("tenantry_app")?,
        context: ContextKind::Carrier,
        tenant_value: None,
    };
    let source = Source { version: 180_000, schema: "public".to_owned() };
    let mut script = Script::new(&Model { source, ..Model::default() }, &Declaration::default(), &target);
    let mut sql = String::new();
    for number in 0..TABLES {
        let parent = number.saturating_sub(1);
        write!(
            sql,
            "CREATE TABLE t{number} (id bigint PRIMARY KEY, name text UNIQUE, parent bigint REFERENCES t{parent}, c1 int, \
             c2 numeric(10, 2) NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now()); \
             CREATE INDEX ON t{number} (parent);"
        )?;
    }
    script.migrate(&sql)?;
    Ok(script)
}

fn large_table() -> String {
    let columns: Vec<String> = (0..36)
        .map(|number| format!("c{number} numeric(12, 2) NOT NULL DEFAULT 0 CHECK (c{number} >= 0)"))
        .collect();
    format!(
        "CREATE TABLE large (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slug text NOT NULL UNIQUE, \
         a bigint REFERENCES t1 ON DELETE SET NULL, b bigint REFERENCES t2 ON DELETE CASCADE, {}, UNIQUE (a, b))",
        columns.join(", ")
    )
}
