//! How long the schema engine takes: reading a large schema from a server, and compiling a smaller one.
//!
//! Tables have ten columns, three indexes and three foreign keys each; some have a trigger, a comment or a view.

use anyhow::{Context, Result};
use clap::Parser;
use comfy_table::Table;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use tenantry_core::{ContextKind, SqlIdent, TenancyModel};
use tenantry_schema::{Declaration, Target, check, compile, introspection, introspection_settings, read};
use tenantry_testkit::{Postgres, PostgresOptions};
use tokio_postgres::Client;

/// Measures reading and compiling schemas.
#[derive(Debug, Parser)]
#[command(name = "schema", version)]
struct Args {
    /// Tables of the schema that is read.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    tables: u32,
    /// Tables of the schema that is compiled.
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    compiled_tables: u32,
    /// How often each is measured; the median is shown.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// PostgreSQL's major version; the newest that is installed if not given.
    #[arg(long, value_name = "VERSION")]
    pg: Option<u32>,
    /// Also shows how long each introspection query takes.
    #[arg(long)]
    queries: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let postgres =
        Postgres::start(PostgresOptions { version: args.pg, ..PostgresOptions::default() }).await?;
    let mut shown = Table::new();
    shown.set_header(["what", "tables", "median ms", "least ms"]);
    let large = measure(&postgres, "large", args.tables, &args).await?;
    let small = measure(&postgres, "small", args.compiled_tables, &args).await?;
    for (tables, figures) in [(args.tables, &large), (args.compiled_tables, &small)] {
        for (what, times) in figures.iter().filter(|(what, _)| args.queries || !what.starts_with("  ")) {
            let least = times.iter().min().copied().unwrap_or_default();
            shown.add_row([what.clone(), tables.to_string(), ms(median(times)), ms(least)]);
        }
    }
    let version = postgres.version();
    #[allow(clippy::print_stdout, reason = "the result of the program")]
    {
        println!("PostgreSQL {version}\n{shown}");
    }
    postgres.stop().await;
    Ok(())
}

type Figures = Vec<(String, Vec<Duration>)>;

async fn measure(postgres: &Postgres, name: &str, tables: u32, args: &Args) -> Result<Figures> {
    let admin = postgres.connect("postgres").await?;
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    let client = postgres.connect(name).await?;
    client.batch_execute(&schema(tables)).await.context("loading the schema")?;
    client.batch_execute("ANALYZE pg_catalog.pg_depend").await?;
    let mut figures = Figures::new();
    for _ in 0..args.rounds {
        let facts = facts(&client, &mut figures).await?;
        let start = Instant::now();
        let model = read(&facts)?;
        note(&mut figures, "read the facts", start);
        let declaration = Declaration::default();
        for tenancy in TenancyModel::ALL {
            let target = target(tenancy)?;
            let start = Instant::now();
            compile(&model, &declaration, &target)?;
            note(&mut figures, &format!("compile for the {tenancy} model"), start);
        }
        let start = Instant::now();
        check(&model, &declaration);
        note(&mut figures, "check for every model", start);
    }
    Ok(figures)
}

async fn facts(client: &Client, figures: &mut Figures) -> Result<Vec<(String, String)>> {
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    client.batch_execute(&introspection_settings(&SqlIdent::new("public")?)).await?;
    let whole = Instant::now();
    let mut facts = Vec::new();
    for query in introspection() {
        let start = Instant::now();
        let row =
            client.query_one(query.sql, &[]).await.with_context(|| format!("asking for {}", query.name))?;
        note(figures, &format!("  {}", query.name), start);
        facts.push((query.name.to_owned(), row.get(0)));
    }
    note(figures, "ask the catalog", whole);
    client.batch_execute("COMMIT").await?;
    Ok(facts)
}

fn target(model: TenancyModel) -> Result<Target> {
    Ok(Target {
        model,
        schema: SqlIdent::new("app")?,
        owner: SqlIdent::new("owner")?,
        app: SqlIdent::new("app")?,
        context: ContextKind::Carrier,
        tenant_value: (model == TenancyModel::Schema).then(|| "1".to_owned()),
    })
}

fn schema(tables: u32) -> String {
    let mut sql = String::from(
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n",
    );
    for at in 0..tables {
        // Of the tables before it, so that all exist.
        let [first, second, third] = [at.saturating_sub(1), at / 2, at];
        write!(
            sql,
            "CREATE TABLE table_{at} (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, code varchar(20) UNIQUE,
                first_id bigint REFERENCES table_{first} ON DELETE CASCADE, second_id bigint NOT NULL REFERENCES table_{second},
                third_id bigint REFERENCES table_{third} ON DELETE SET NULL, amount numeric(10, 2) DEFAULT 0 CHECK (amount >= 0),
                settings jsonb DEFAULT '{{}}', created_at timestamptz NOT NULL DEFAULT now(), done boolean DEFAULT false);
             CREATE INDEX table_{at}_first ON table_{at} (first_id, created_at DESC);
             CREATE INDEX table_{at}_name ON table_{at} (lower(name)) WHERE NOT done;
             CREATE UNIQUE INDEX table_{at}_name_second ON table_{at} (second_id, name);\n"
        )
        .expect("a String takes everything");
        if at % 5 == 0 {
            write!(
                sql,
                "COMMENT ON COLUMN table_{at}.name IS 'a name';
                 CREATE TRIGGER touch BEFORE UPDATE ON table_{at} FOR EACH ROW EXECUTE FUNCTION touch();
                 CREATE VIEW view_{at} AS SELECT a.id, a.name, b.code FROM table_{at} a JOIN table_{first} b ON b.id = a.first_id;\n"
            )
            .expect("a String takes everything");
        }
    }
    sql
}

fn note(figures: &mut Figures, what: &str, start: Instant) {
    let elapsed = start.elapsed();
    match figures.iter_mut().find(|(known, _)| known == what) {
        Some((_, times)) => times.push(elapsed),
        None => figures.push((what.to_owned(), vec![elapsed])),
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1_000.0)
}
