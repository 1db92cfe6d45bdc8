//! How long an audit of many tables takes: shared tables as Tenantry makes them by hand-written DDL, with row-level security,
//! composite keys and references. Part of the evidence behind "1,000 tables in under five seconds".

use anyhow::Context;
use clap::Parser;
use std::cmp::Reverse;
use std::io::Write;
use std::time::Duration;
use tenantry_audit::{Access, Ask, Options, audit, connect, registry};
use tenantry_bench::figures::{Figures, Output, Spent, Watch};
use tenantry_testkit::{Postgres, PostgresOptions};

/// Audits a database with so many tables, several times.
#[derive(Debug, Parser)]
struct Args {
    #[arg(long, default_value_t = 1_000)]
    tables: u32,
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How many of the slowest parts are named
    #[arg(long, default_value_t = 8)]
    slowest: usize,
    /// The major version [default: the newest]
    #[arg(long)]
    pg: Option<u32>,
    #[command(flatten)]
    output: Output,
}

/// Of a thousand tables.
const GOAL: Option<Duration> = Some(Duration::from_secs(5));

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut out = std::io::stdout();
    let postgres =
        Postgres::start(PostgresOptions { version: args.pg, ..PostgresOptions::default() }).await?;
    let admin = postgres.connect("postgres").await?;
    admin.batch_execute("CREATE DATABASE audited").await?;
    let access = Access {
        host: postgres.host().to_owned(),
        port: postgres.port(),
        user: postgres.superuser().to_owned(),
        password: Some(postgres.password().clone()),
        database: "audited".to_owned(),
    };
    let mut client = connect(&access).await?;
    client.batch_execute(&tables(args.tables)).await.context("making the tables")?;
    client.batch_execute("ANALYZE").await?;
    let mut figures = Figures::new(format!(
        "PostgreSQL {}, {} tables, {} rules",
        postgres.version(),
        args.tables,
        registry().len()
    ));
    let server: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    for _ in 0..args.rounds {
        let watch = Watch::start_with(server);
        let (report, _) = audit(&mut client, &Ask::default(), &Options::default()).await?;
        figures.note("the whole audit", GOAL, watch.stop());
        let mut slowest = report.timings;
        slowest.sort_by_key(|(_, took)| Reverse(*took));
        for (part, elapsed) in slowest.iter().take(args.slowest) {
            figures.note(part, None, Spent { elapsed: *elapsed, ..Spent::default() });
        }
    }
    writeln!(out, "{}", figures.finish(&args.output)?)?;
    drop(client);
    postgres.stop().await;
    Ok(())
}

/// One tenant table after another, each referring to the one before.
fn tables(count: u32) -> String {
    let body = "EXECUTE format('CREATE TABLE t%1$s (tenant_id bigint NOT NULL, id bigint NOT NULL, parent bigint, name text, amount numeric, data jsonb, \
        created_at timestamptz, PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name))', i); \
        EXECUTE format('CREATE INDEX ON t%1$s (tenant_id, created_at)', i); \
        EXECUTE format('CREATE INDEX ON t%1$s (tenant_id, parent)', i); \
        IF i > 1 THEN EXECUTE format('ALTER TABLE t%1$s ADD FOREIGN KEY (tenant_id, parent) REFERENCES t%2$s ON DELETE CASCADE', i, i - 1); END IF; \
        EXECUTE format('ALTER TABLE t%1$s ENABLE ROW LEVEL SECURITY', i); EXECUTE format('ALTER TABLE t%1$s FORCE ROW LEVEL SECURITY', i); \
        EXECUTE format('CREATE POLICY allow ON t%1$s USING (true)', i); \
        EXECUTE format('CREATE POLICY tenant_floor ON t%1$s AS RESTRICTIVE USING (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::bigint)', i); \
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON t%1$s TO app_user', i);";
    // In pieces: the locks of one transaction are limited.
    let mut sql = String::from("SET search_path = public; CREATE ROLE app_user LOGIN;");
    for first in (1..=count).step_by(100) {
        let last = (first + 99).min(count);
        let range = format!("{first}..{last}");
        sql.extend([
            "BEGIN; DO $do$ BEGIN FOR i IN ",
            &range,
            " LOOP ",
            body,
            " END LOOP; END $do$; COMMIT;",
        ]);
    }
    sql.push_str("SET search_path = pg_catalog");
    sql
}
