//! How long the schema engine takes: reading a large schema from a server, and compiling a smaller one.
//!
//! Tables have ten columns, three indexes and three foreign keys each; some have a trigger, a comment or a view.

use anyhow::{Context, Result};
use clap::Parser;
use std::fmt::Write as _;
use std::time::Duration;
use tenantry_bench::figures::{Figures, Output, Watch};
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
    /// How often each is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// PostgreSQL's major version; the newest that is installed if not given.
    #[arg(long, value_name = "VERSION")]
    pg: Option<u32>,
    /// Also shows how long each introspection query takes.
    #[arg(long)]
    queries: bool,
    #[command(flatten)]
    output: Output,
}

/// Of the defaults' numbers of tables.
const READ: Option<Duration> = Some(Duration::from_secs(2));
const COMPILE: Option<Duration> = Some(Duration::from_millis(100));

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let postgres =
        Postgres::start(PostgresOptions { version: args.pg, ..PostgresOptions::default() }).await?;
    let mut figures = Figures::new(format!("PostgreSQL {}", postgres.version()));
    let (large, small) = (args.tables, args.compiled_tables);
    measure(&postgres, "large", large, [READ, None], &args, &mut figures).await?;
    measure(&postgres, "small", small, [None, COMPILE], &args, &mut figures).await?;
    #[allow(clippy::print_stdout, reason = "the result of the program")]
    {
        println!("{}", figures.finish(&args.output)?);
    }
    postgres.stop().await;
    Ok(())
}

/// `goals`: of reading and of compiling.
async fn measure(
    postgres: &Postgres,
    name: &str,
    tables: u32,
    goals: [Option<Duration>; 2],
    args: &Args,
    figures: &mut Figures,
) -> Result<()> {
    let admin = postgres.connect("postgres").await?;
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await?;
    let client = postgres.connect(name).await?;
    client.batch_execute(&schema(tables)).await.context("loading the schema")?;
    client.batch_execute("ANALYZE pg_catalog.pg_depend").await?;
    let server: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    let [to_read, to_compile] = goals;
    for _ in 0..args.rounds {
        let whole = Watch::start_with(server);
        let facts = facts(&client, server, tables, args.queries, figures).await?;
        let watch = Watch::start();
        let model = read(&facts)?;
        figures.note(&format!("{tables} tables: make the model of it"), None, watch.stop());
        figures.note(&format!("{tables} tables: read, both together"), to_read, whole.stop());
        let declaration = Declaration::default();
        for tenancy in TenancyModel::ALL {
            let target = target(tenancy)?;
            let watch = Watch::start();
            compile(&model, &declaration, &target)?;
            figures.note(
                &format!("{tables} tables: compile for the {tenancy} model"),
                to_compile,
                watch.stop(),
            );
        }
        let watch = Watch::start();
        check(&model, &declaration);
        figures.note(&format!("{tables} tables: check for every model"), None, watch.stop());
    }
    Ok(())
}

async fn facts(
    client: &Client,
    server: i32,
    tables: u32,
    each: bool,
    figures: &mut Figures,
) -> Result<Vec<(String, String)>> {
    let whole = Watch::start_with(server);
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    client.batch_execute(&introspection_settings(&SqlIdent::new("public")?)).await?;
    let mut facts = Vec::new();
    for query in introspection() {
        let watch = Watch::start_with(server);
        let row =
            client.query_one(query.sql, &[]).await.with_context(|| format!("asking for {}", query.name))?;
        if each {
            figures.note(&format!("{tables} tables:   {}", query.name), None, watch.stop());
        }
        facts.push((query.name.to_owned(), row.get(0)));
    }
    client.batch_execute("COMMIT").await?;
    figures.note(&format!("{tables} tables: ask the catalog"), None, whole.stop());
    Ok(facts)
}

fn target(model: TenancyModel) -> Result<Target> {
    Ok(Target {
        model,
        schema: SqlIdent::new("app")?,
        owner: SqlIdent::new("owner")?,
        app: SqlIdent::new("app")?,
        reader: None,
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
