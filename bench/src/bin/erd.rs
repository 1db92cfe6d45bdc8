//! How long diagrams take: a product's schema of 107 tables, from the model on, as `tenantry erd` draws it.

#![allow(clippy::print_stdout, reason = "a bench prints its results")]

use anyhow::{Context, Result};
use clap::Parser;
use std::hint::black_box;
use std::time::Duration;
use tenantry_bench::figures::{Figures, Output, Watch};
use tenantry_core::{SqlIdent, TenancyModel};
use tenantry_erd::{Graph, dbml, diff, graph, html, layout, mermaid, svg};
use tenantry_schema::{Declaration, Model, introspection, introspection_settings, read};
use tenantry_testkit::{Postgres, PostgresOptions};

const SCHEMA: &str = include_str!("../../../crates/schema/tests/data/saas.sql");
const DECLARED: &str = include_str!("../../../crates/schema/tests/data/saas.toml");
/// Of a whole page, laid out and written.
const GOAL: Option<Duration> = Some(Duration::from_secs(1));

/// Measures drawing diagrams.
#[derive(Debug, Parser)]
#[command(name = "erd", version)]
struct Args {
    /// How often each is measured.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// PostgreSQL's major version; the newest that is installed if not given.
    #[arg(long, value_name = "VERSION")]
    pg: Option<u32>,
    #[command(flatten)]
    output: Output,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    let postgres =
        Postgres::start(PostgresOptions { version: args.pg, ..PostgresOptions::default() }).await?;
    let model = model(&postgres).await;
    postgres.stop().await;
    let model = model?;
    let declaration: Declaration = toml::from_str(DECLARED)?;
    let shared = graph(&model, &declaration, TenancyModel::Shared);
    let mut figures = Figures::new(format!(
        "diagrams of {} tables with {} references",
        shared.tables.len(),
        shared.references.len()
    ));
    let changes = diff(&shared, &graph(&model, &declaration, TenancyModel::Database));
    for _ in 0..args.rounds {
        let mut row = |what: &str, goal, work: &mut dyn FnMut()| {
            let watch = Watch::start();
            work();
            figures.note(what, goal, watch.stop());
        };
        row("graph of the shared model", None, &mut || {
            black_box(graph(&model, &declaration, TenancyModel::Shared));
        });
        row("layout", None, &mut || {
            black_box(layout::layout(&shared));
        });
        row("graph, layout and page (HTML)", GOAL, &mut || {
            black_box(html(&graph(&model, &declaration, TenancyModel::Shared)));
        });
        for (what, write) in
            [("picture (SVG), laid out", svg as fn(&Graph) -> String), ("Mermaid", mermaid), ("DBML", dbml)]
        {
            row(what, None, &mut || {
                black_box(write(&shared));
            });
        }
        row("page of a difference, laid out", GOAL, &mut || {
            black_box(html(&changes));
        });
    }
    println!("{}", figures.finish(&args.output)?);
    Ok(())
}

async fn model(postgres: &Postgres) -> Result<Model> {
    let client = postgres.connect("postgres").await?;
    client.batch_execute(SCHEMA).await.context("loading the schema")?;
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    client.batch_execute(&introspection_settings(&SqlIdent::new("public")?)).await?;
    let mut facts = Vec::new();
    for query in introspection() {
        let row =
            client.query_one(query.sql, &[]).await.with_context(|| format!("asking for {}", query.name))?;
        facts.push((query.name.to_owned(), row.get(0)));
    }
    Ok(read(&facts)?)
}
