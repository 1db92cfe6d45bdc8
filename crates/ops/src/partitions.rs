//! Declared partitions over the pools: what there is and what is due, making it, detaching what is older than is kept, dropping
//! what was detached, and a partition for one tenant.
//!
//! The database does the work (`isolation/partitions*.sql`); here the pools are found, and what changed goes to the audit trail.

use crate::sql::Doing;
use crate::{Control, OpsError, gate, tenant};
use serde::Serialize;
use tenantry_catalog::{Database, DatabaseKind, DatabaseState};
use tenantry_core::{ErrorKind, TenancyModel, TenantKey};
use tokio_postgres::Client;

/// Which pools, and which table.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    pub cluster: Option<String>,
    pub pool: Option<String>,
    /// A table of the schema `public`.
    pub table: Option<String>,
}

/// A partition, or one that is due and not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// `cluster/pool`.
    pub database: String,
    pub table: String,
    pub partition: Option<String>,
    /// `attached`, `default`, `due`, `detached`, `joining` or `leaving`.
    pub state: String,
    pub bounds: String,
    /// An estimate; negative where nothing was counted yet.
    pub rows: Option<i64>,
    pub bytes: Option<i64>,
    /// Older than is kept.
    pub over: bool,
}

/// What was done to a partition, or kept it from being done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub database: String,
    pub table: String,
    pub partition: Option<String>,
    /// `created`, `detached`, `dropped`, `given`, `taken` or `blocked`.
    pub outcome: String,
    pub detail: Option<String>,
}

const LIST: &str = "SELECT parent, partition, state, bounds, rows, bytes, over FROM tenancy.list_partitions()
     WHERE $1::text IS NULL OR parent::regclass = to_regclass($1)";
const CREATE: &str =
    "SELECT parent, partition, outcome, detail FROM tenancy.create_partitions(to_regclass($1))";
const DETACH: &str =
    "SELECT parent, partition, outcome, detail FROM tenancy.detach_partitions(to_regclass($1))";
const DROP: &str = "SELECT tenancy.drop_detached(to_regclass($1))";

/// Every partition of every managed table, and what is due.
pub async fn list(control: &Control, selection: &Selection) -> Result<Vec<Partition>, OpsError> {
    let mut all = Vec::new();
    for pool in pools(control, selection).await? {
        let admin = control.connect(&pool.cluster_name, pool.name.as_str()).await?;
        let table = qualified(&admin, selection).await?;
        let rows = admin.query(LIST, &[&table]).await.doing("listing partitions")?;
        all.extend(rows.iter().map(|row| Partition {
            database: pool.stable_name(),
            table: row.get(0),
            partition: row.get(1),
            state: row.get(2),
            bounds: row.get(3),
            rows: row.get(4),
            bytes: row.get(5),
            over: row.get(6),
        }));
    }
    Ok(all)
}

/// Makes what is due.
pub async fn create(control: &Control, selection: &Selection) -> Result<Vec<Outcome>, OpsError> {
    each(control, selection, CREATE, "partitions.create").await
}

/// Detaches what is older than is kept. Nothing is dropped.
pub async fn detach(control: &Control, selection: &Selection) -> Result<Vec<Outcome>, OpsError> {
    each(control, selection, DETACH, "partitions.detach").await
}

async fn each(
    control: &Control,
    selection: &Selection,
    sql: &str,
    action: &str,
) -> Result<Vec<Outcome>, OpsError> {
    let mut all = Vec::new();
    for pool in pools(control, selection).await? {
        let admin = control.connect(&pool.cluster_name, pool.name.as_str()).await?;
        let table = qualified(&admin, selection).await?;
        let rows = admin.query(sql, &[&table]).await.doing("working on partitions")?;
        let done: Vec<Outcome> = rows
            .iter()
            .map(|row| Outcome {
                database: pool.stable_name(),
                table: row.get(0),
                partition: row.get(1),
                outcome: row.get(2),
                detail: row.get(3),
            })
            .collect();
        record(control, &pool, action, &done).await?;
        all.extend(done);
    }
    Ok(all)
}

/// Drops partitions that were detached, with their rows.
pub async fn drop_detached(
    control: &Control,
    selection: &Selection,
    partitions: &[String],
) -> Result<Vec<Outcome>, OpsError> {
    let there = list(control, selection).await?;
    let mut all = Vec::new();
    for pool in pools(control, selection).await? {
        let on = pool.stable_name();
        let wanted = there.iter().filter(|found| {
            let name = found.partition.as_deref().unwrap_or_default();
            found.database == on
                && partitions.iter().any(|wanted| wanted == name || format!("public.{wanted}") == name)
        });
        let admin = control.connect(&pool.cluster_name, pool.name.as_str()).await?;
        let mut done = Vec::new();
        for found in wanted {
            admin.execute(DROP, &[&found.partition]).await.doing("dropping a detached partition")?;
            done.push(Outcome {
                database: on.clone(),
                table: found.table.clone(),
                partition: found.partition.clone(),
                outcome: "dropped".to_owned(),
                detail: None,
            });
        }
        record(control, &pool, "partitions.drop", &done).await?;
        all.extend(done);
    }
    if all.is_empty() {
        return Err(OpsError::refused(
            ErrorKind::InvalidInput,
            "there is no detached partition of that name",
            "see `tenantry schema partitions`",
        ));
    }
    Ok(all)
}

/// Which way a tenant's rows go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Out of the default partition, into one of the tenant's own.
    Give,
    /// Back.
    Take,
}

impl Direction {
    const fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Give => &["split_tenant", "validate_split", "attach_split"],
            Self::Take => &["detach_split", "merge_split"],
        }
    }
}

/// Gives a suspended tenant a partition of its own of a table, or takes it back. Each step is a transaction of its own and looks
/// whether it was done: after a failure the same call goes on.
pub async fn move_tenant(
    control: &Control,
    table: &str,
    key: &TenantKey,
    direction: Direction,
) -> Result<Outcome, OpsError> {
    let _lock = control.lock(&tenant::lock_name(key)).await?;
    let schema = crate::schema::required(control).await?;
    let (found, database) = tenant::find(control, key).await?;
    let model = found.placement.as_ref().map(|placement| placement.model);
    let (Some(TenancyModel::Shared), Some(pool)) = (model, database) else {
        return Err(OpsError::refused(
            ErrorKind::InvalidInput,
            format!("tenant {key} is in no shared tables"),
            "only rows of shared tables lie in partitions",
        ));
    };
    let value = gate::value(&found, schema.declaration.tenancy.value_type);
    let admin = control.connect(&pool.cluster_name, pool.name.as_str()).await?;
    let selection = Selection { table: Some(table.to_owned()), ..Selection::default() };
    let table = qualified(&admin, &selection).await?;
    for step in direction.steps() {
        // Moving and validating take as long as there are rows; the waits for locks are bounded inside.
        admin.batch_execute("SET statement_timeout = 0").await.doing("moving a tenant between partitions")?;
        let sql = format!("SELECT tenancy.{step}(to_regclass($1), $2)");
        admin
            .query(&sql, &[&table, &value])
            .await
            .doing(&format!("moving a tenant between partitions ({step})"))?;
    }
    let word = if direction == Direction::Give { "given" } else { "taken" };
    let outcome = Outcome {
        database: pool.stable_name(),
        table: table.unwrap_or_default(),
        partition: None,
        outcome: word.to_owned(),
        detail: Some(key.to_string()),
    };
    record(control, &pool, "partitions.move", std::slice::from_ref(&outcome)).await?;
    Ok(outcome)
}

/// The pools that are asked for, by name.
async fn pools(control: &Control, selection: &Selection) -> Result<Vec<Database>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let cluster = match &selection.cluster {
        Some(name) => Some(tx.cluster(name).await?.id),
        None => None,
    };
    let all = tx.databases(cluster).await?;
    tx.rollback().await?;
    let pools: Vec<Database> = all
        .into_iter()
        .filter(|database| database.kind == DatabaseKind::Pool && database.state == DatabaseState::Ready)
        .filter(|database| selection.pool.as_ref().is_none_or(|pool| *pool == database.name.as_str()))
        .collect();
    match (&selection.pool, pools.is_empty()) {
        (Some(pool), true) => Err(OpsError::refused(
            ErrorKind::InvalidInput,
            format!("there is no pool {pool:?} that is ready"),
            "see `tenantry cluster list`",
        )),
        _ => Ok(pools),
    }
}

/// The table's name as `to_regclass` takes it, quoted where it must be; refused where there is none.
async fn qualified(admin: &Client, selection: &Selection) -> Result<Option<String>, OpsError> {
    let Some(table) = &selection.table else { return Ok(None) };
    let sql = "SELECT p.parent::text FROM tenancy.partitioning p JOIN pg_class c ON c.oid = p.parent WHERE c.relname = $1";
    let row = admin.query_opt(sql, &[table]).await.doing("looking for a managed table")?;
    row.map(|row| Some(row.get(0))).ok_or_else(|| {
        OpsError::refused(
            ErrorKind::InvalidInput,
            format!("{table} is no table whose partitions are looked after"),
            "declare `partition` for it under [tables] before the schema is applied",
        )
    })
}

async fn record(control: &Control, pool: &Database, action: &str, done: &[Outcome]) -> Result<(), OpsError> {
    let changed: Vec<&Outcome> = done.iter().filter(|outcome| outcome.outcome != "blocked").collect();
    if changed.is_empty() {
        return Ok(());
    }
    let details = serde_json::json!({ "partitions": changed });
    let tx = control.catalog.transaction().await?;
    tx.audit(&control.audit(action, format!("database/{}", pool.stable_name()), None, details)).await?;
    Ok(tx.commit().await?)
}
