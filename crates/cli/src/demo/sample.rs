//! The sample product: its schema and its declaration, as in `examples/sample`, and its rows.

use super::cast::{self, Role};
use super::stage::Stage;
use crate::config::Config;
use anyhow::Context;
use std::collections::BTreeSet;
use std::path::PathBuf;
use tenantry_core::TenantKey;
use tenantry_ops::schema::Source;
use tenantry_ops::tenant;
use tokio_postgres::SimpleQueryMessage;

const SCHEMA: &str = include_str!("../../../../examples/sample/schema.sql");
const DECLARATION: &str = include_str!("../../../../examples/sample/tenantry.toml");
/// The rows of the one global table.
const COUNTRIES: &str = include_str!("../../../../examples/sample/countries.sql");

/// The plain schema.
pub(super) fn source() -> Source {
    Source { file: "examples/sample/schema.sql".to_owned(), sql: SCHEMA.to_owned() }
}

/// What is declared about it, and the plans.
pub(super) fn config() -> anyhow::Result<Config> {
    Ok(Config::parse(PathBuf::from("examples/sample/tenantry.toml"), DECLARATION.to_owned())?)
}

/// Fills in the rows that a demo starts with: the operator's, then each tenant's. What is there already stays.
pub(super) async fn fill(stage: &Stage) -> anyhow::Result<()> {
    let mut filled = BTreeSet::new();
    for role in &cast::TENANTS {
        let database = database_of(stage, role).await?;
        if !filled.contains(&database) {
            write_countries(stage, &database).await?;
            filled.insert(database);
        }
        write_rows(stage, role).await.with_context(|| format!("can't fill in the rows of {}", role.key))?;
    }
    Ok(())
}

async fn database_of(stage: &Stage, role: &Role) -> anyhow::Result<String> {
    let info = tenant::show(&stage.control, &TenantKey::new(role.key)?).await?;
    let place = info.placement.with_context(|| format!("tenant {} has no place", role.key))?;
    Ok(place.database)
}

/// Global rows are the operator's: they go to each database directly, once, as an administrator.
async fn write_countries(stage: &Stage, database: &str) -> anyhow::Result<()> {
    let admin = stage.postgres.connect(database).await?;
    admin.batch_execute("SET search_path TO public").await?;
    admin.batch_execute(COUNTRIES).await?;
    Ok(())
}

/// The tenant's own rows go through the gateway, as its application would send them.
async fn write_rows(stage: &Stage, role: &Role) -> anyhow::Result<()> {
    let client = stage.connect(cast::LOGIN, Some(role.key)).await?;
    let found = client.simple_query("SELECT FROM members LIMIT 1").await?;
    if !found.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))) {
        client.batch_execute(&format!("BEGIN;\n{}\nCOMMIT;", role.rows)).await?;
    }
    Ok(())
}
