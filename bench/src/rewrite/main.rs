//! `rewrite`: what it costs to rewrite a statement, in the gateway's way and in a migration's.
//!
//! No server, no network: one thread, the same statement over and over, in many short rounds: whatever else a machine does
//! makes a round slower and never faster, so the least is what a statement takes.
#![allow(clippy::print_stdout, reason = "a bench prints its results")]

use clap::Parser;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tenantry_bench::figures::{Figures, Output, Spent, Watch};
use tenantry_core::{ContextKind, SqlIdent, TenancyModel};
use tenantry_rewrite::{Rewriter, Script};
use tenantry_schema::model::Source;
use tenantry_schema::{Declaration, Model, Target};

/// Measures rewriting statements.
#[derive(Debug, Parser)]
#[command(name = "rewrite", version)]
struct Args {
    /// Only statements with these words in their names.
    #[arg(long, default_value = "")]
    only: String,
    #[command(flatten)]
    output: Output,
}

/// Tables of the schema: what is known of them must not make a statement slower.
const TABLES: usize = 150;
const ROUNDS: usize = 60;
const ROUND: Duration = Duration::from_millis(10);
const QUICK: Option<Duration> = Some(Duration::from_micros(10));
const LARGE: Option<Duration> = Some(Duration::from_micros(100));

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut bench = Bench {
        figures: Figures::new(format!(
            "statements of a schema of {TABLES} tables, each with the time of one"
        )),
        only: args.only,
    };
    let mut script = script()?;
    let rewriter = Rewriter::new(script.model(), &Declaration::default(), TenancyModel::Shared);
    let select = "SELECT id, name, created_at FROM t7 WHERE id = $1 AND parent = $2";
    bench.row("prefilter, SELECT by id", Some(Duration::from_nanos(100)), || {
        rewriter.might_need_rewrite(black_box(select))
    });
    for (name, goal, sql) in [
        ("SELECT by id (nothing to do)", None, select),
        ("SELECT * by id", QUICK, "SELECT * FROM t7 WHERE id = $1"),
        (
            "INSERT … ON CONFLICT",
            QUICK,
            "INSERT INTO t7 (id, name, c1) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        ),
        ("INSERT without a list", QUICK, "INSERT INTO t7 VALUES ($1, $2)"),
        (
            "two tables, GROUP BY key",
            None,
            "SELECT a.id, a.name, count(b.id) FROM t7 a JOIN t8 b ON b.parent = a.id WHERE a.c1 > $1 GROUP BY a.id ORDER BY 3 DESC LIMIT 10",
        ),
        (
            "INSERT with a list (parsed, nothing to do)",
            None,
            "INSERT INTO t7 (id, name) VALUES ($1, $2) RETURNING id",
        ),
    ] {
        bench.row(name, goal, || rewriter.rewrite(black_box(sql)).is_ok());
    }
    for (name, goal, sql) in [
        ("CREATE TABLE, 40 columns", LARGE, large_table()),
        (
            "CREATE TABLE, 3 columns",
            None,
            "CREATE TABLE small (id bigint PRIMARY KEY, a text, b int)".to_owned(),
        ),
        ("CREATE INDEX", None, "CREATE INDEX ON t7 (created_at)".to_owned()),
        ("ALTER TABLE ADD COLUMN", None, "ALTER TABLE t7 ADD COLUMN d text NOT NULL DEFAULT ''".to_owned()),
        ("DROP TABLE", None, format!("DROP TABLE t{}", TABLES - 1)),
    ] {
        bench.migration(name, goal, &mut script, &sql);
    }
    println!("{}", bench.figures.finish(&args.output)?);
    Ok(())
}

struct Bench {
    figures: Figures,
    only: String,
}

impl Bench {
    fn row(&mut self, name: &str, goal: Option<Duration>, mut work: impl FnMut() -> bool) {
        if !name.contains(&self.only) {
            return;
        }
        for _ in 0..ROUNDS {
            let (watch, start, mut calls) = (Watch::start(), Instant::now(), 0_u32);
            while start.elapsed() < ROUND {
                for _ in 0..4 {
                    assert!(black_box(work()), "{name}");
                }
                calls += 4;
            }
            let spent = watch.stop();
            self.figures.note(
                name,
                goal,
                Spent { elapsed: spent.elapsed / calls, cpu: spent.cpu / calls, server: None },
            );
        }
    }

    /// A refused migration leaves nothing behind, so that the next one starts from the same schema: what refuses it, and undoing
    /// what came before, is measured with it.
    fn migration(&mut self, name: &str, goal: Option<Duration>, script: &mut Script, sql: &str) {
        let refused = format!("{sql};\nCREATE POLICY tenantry_floor ON t1 USING (true)");
        self.row(name, goal, || match script.migrate(black_box(&refused)) {
            Err(refusal) => refusal.message.contains("are Tenantry's"),
            Ok(_) => false,
        });
    }
}

fn script() -> anyhow::Result<Script> {
    let target = Target {
        model: TenancyModel::Shared,
        schema: SqlIdent::new("public")?,
        owner: SqlIdent::new("tenantry_owner")?,
        app: SqlIdent::new("tenantry_app")?,
        reader: None,
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
