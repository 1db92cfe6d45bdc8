//! What 100,000 tenants cost a gateway: memory, time to load, and the time until a change reaches it.
//!
//! `cargo bench -p tenantry-catalog --bench feed -- [--tenants N] [--changes N] [--json]`; Linux only, for the memory.
#![allow(clippy::print_stdout, reason = "a bench prints its results")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenantry_catalog::{Catalog, CatalogConfig, Feed, FeedOptions};
use tenantry_core::{RouteTable, TenantId, TenantState};
use tenantry_testkit::{Postgres, PostgresOptions};
use tokio::sync::watch;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A hundredth of the tenants has a database of its own, each tenth a schema, the rest shares a pool; half have a
/// domain, and a fifth a plan.
const SEED: &str = include_str!("seed.sql");

struct Options {
    tenants: i32,
    changes: usize,
    json: bool,
}

struct Figures {
    tenants: i32,
    version: String,
    seed: Duration,
    load: Duration,
    bytes_per_tenant: f64,
    /// From before the transaction begins until a receiver has the change; sorted.
    arrivals: Vec<Duration>,
    /// From the end of the commit; sorted.
    after_commit: Vec<Duration>,
}

fn options() -> Outcome<Options> {
    let mut options = Options { tenants: 100_000, changes: 200, json: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().ok_or_else(|| format!("{word} needs a number"));
        match word.as_str() {
            "--tenants" => options.tenants = number()?.parse()?,
            "--changes" => options.changes = number()?.parse()?,
            "--json" => options.json = true,
            // Cargo's own.
            "--bench" => {}
            other => return Err(format!("{other} is not an option of this bench").into()),
        }
    }
    Ok(options)
}

/// Resident memory of this process.
fn resident_bytes() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? * 1024.0)
}

async fn measure(options: &Options) -> Outcome<Figures> {
    let postgres = Postgres::start(PostgresOptions::default()).await?;
    let config = CatalogConfig::new(postgres.host(), postgres.port(), postgres.superuser(), "postgres")
        .with_password(postgres.password().clone());
    let catalog = Catalog::connect(config.clone()).await?;
    catalog.migrate().await?;
    let admin = postgres.connect("postgres").await?;
    let begun = Instant::now();
    admin.batch_execute(&SEED.replace("TENANTS", &options.tenants.to_string())).await?;
    let seed = begun.elapsed();

    let before = resident_bytes()?;
    let begun = Instant::now();
    let (mut routes, feed) = Feed::start(config, FeedOptions::default()).await?;
    let load = begun.elapsed();
    let bytes_per_tenant = (resident_bytes()? - before) / f64::from(options.tenants);
    let count = routes.borrow().tenant_count();
    if count != usize::try_from(options.tenants)? {
        return Err(format!("{count} tenants were loaded").into());
    }
    let (mut arrivals, mut after_commit) = (Vec::new(), Vec::new());
    for change in 0..options.changes {
        let (arrival, late) = change_one(&catalog, &mut routes, change).await?;
        arrivals.push(arrival);
        after_commit.push(late);
    }
    arrivals.sort_unstable();
    after_commit.sort_unstable();
    feed.stop().await;
    let version = postgres.version().to_string();
    Ok(Figures { tenants: options.tenants, version, seed, load, bytes_per_tenant, arrivals, after_commit })
}

/// Suspends or resumes one tenant, and waits until a receiver sees it.
async fn change_one(
    catalog: &Catalog,
    routes: &mut watch::Receiver<Arc<RouteTable>>,
    change: usize,
) -> Outcome<(Duration, Duration)> {
    let table = Arc::clone(&routes.borrow());
    let spread = i64::try_from(change * 499 % table.tenant_count())?;
    let route = table.tenant(TenantId::new(1 + spread)).ok_or("no such tenant")?;
    let wanted = match route.state {
        TenantState::Active => TenantState::Suspended,
        _ => TenantState::Active,
    };
    let begun = Instant::now();
    let tx = catalog.transaction().await?;
    tx.set_tenant_state(route.id, route.state, wanted).await?;
    tx.commit().await?;
    let committed = Instant::now();
    routes.wait_for(|table| table.tenant(route.id).is_some_and(|found| found.state == wanted)).await?;
    Ok((begun.elapsed(), committed.elapsed()))
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0.0, |duration| duration.as_secs_f64() * 1e3)
}

fn main() -> Outcome<()> {
    let options = options()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(measure(&options))?;
    let rows = [
        ("load_seconds", "time to load", figures.load.as_secs_f64(), "s"),
        ("bytes_per_tenant", "memory per tenant (RSS)", figures.bytes_per_tenant, "bytes"),
        ("change_p50_ms", "change, from its begin, p50", percentile(&figures.arrivals, 50), "ms"),
        ("change_p99_ms", "change, from its begin, p99", percentile(&figures.arrivals, 99), "ms"),
        ("after_commit_p50_ms", "change, after its commit, p50", percentile(&figures.after_commit, 50), "ms"),
        ("after_commit_p99_ms", "change, after its commit, p99", percentile(&figures.after_commit, 99), "ms"),
        ("seed_seconds", "(writing the tenants)", figures.seed.as_secs_f64(), "s"),
    ];
    if options.json {
        let mut object = serde_json::Map::new();
        object.insert("tenants".into(), figures.tenants.into());
        object.insert("postgres".into(), figures.version.into());
        object.extend(rows.map(|(name, _, value, _)| (name.to_owned(), value.into())));
        println!("{}", serde_json::Value::Object(object));
        return Ok(());
    }
    println!("route feed: {} tenants, PostgreSQL {}", figures.tenants, figures.version);
    for (_, title, value, unit) in rows {
        println!("  {title:<30} {value:>10.2} {unit}");
    }
    Ok(())
}
