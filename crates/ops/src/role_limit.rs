//! How many connections a server lets the login roles of a tenant's own database have: that follows the tenant's limit.
//!
//! The tenant's limit itself is kept by each gateway, which lets its clients wait. A server that counts can only refuse, and it counts
//! all gateways' connections together, idle ones included: so its bound leaves room for several of them, and is there for the case that
//! something goes wrong. It is raised before gateways hear of a limit, and lowered after.

use crate::sql::Doing;
use crate::{Control, OpsError, isolation};
use std::collections::BTreeMap;
use tenantry_catalog::{Database, LimitsOf, NewPlan, Tx};
use tenantry_core::{SqlIdent, TenantKey};
use tokio_postgres::Client;

/// Gateways that there is room for: two, while both are being replaced.
const GATEWAYS: u32 = 4;
/// However few its tenant may use: a pool whose route has changed keeps what it has lent beside its successor's.
const LEAST: u32 = 16;
/// Changes of limits that touch roles go one after the other.
const LOCK: &str = "role-limits";

/// What is to change in the catalog, and whose limits that changes.
pub(crate) trait Change {
    /// The tenant, or the plans.
    fn of(&self) -> Of<'_>;
    /// Writes what is not so yet, with the audit row. What was written may be rolled back, and be written again.
    async fn write(&self, control: &Control, tx: &Tx) -> Result<(), OpsError>;
}

/// Whose databases.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of<'a> {
    Tenant(&'a TenantKey),
    Plans(&'a [NewPlan]),
}

impl Of<'_> {
    async fn databases(self, tx: &Tx) -> Result<Vec<Database>, OpsError> {
        Ok(match self {
            Self::Tenant(key) => tx.own_databases(Some(key), &[]).await?,
            Self::Plans(plans) => {
                let names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
                tx.own_databases(None, &names).await?
            }
        })
    }

    /// Gives the databases the sizes that the limits ask for.
    async fn resize(self, tx: &Tx) -> Result<(), OpsError> {
        match self {
            Self::Tenant(key) => tx.follow_limits(LimitsOf::Tenant(tx.tenant(key).await?.id)).await?,
            Self::Plans(plans) => {
                for plan in plans {
                    tx.follow_limits(LimitsOf::Plan(tx.plan(&plan.name).await?.id)).await?;
                }
            }
        }
        Ok(())
    }
}

/// Which roles are altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Those that may have too few.
    Low,
    /// Those that may have too many.
    High,
}

/// What each of the two roles of a tenant's own database may have.
pub(crate) fn of(database: &Database) -> u32 {
    database.max_connections.max(LEAST).saturating_mul(GATEWAYS)
}

/// Makes a change of limits, and sees to it that no server refuses what a limit allows, before or after. Stopped anywhere, the same
/// change made again does the rest.
pub(crate) async fn follow(control: &Control, change: &impl Change) -> Result<(), OpsError> {
    let tx = control.catalog.transaction().await?;
    if change.of().databases(&tx).await?.is_empty() {
        change.write(control, &tx).await?;
        return Ok(tx.commit().await?);
    }
    tx.rollback().await?;
    let _lock = control.lock(LOCK).await?;
    // Which limits there will be is asked of the catalog; servers are not waited for while others wait for this transaction.
    let tx = control.catalog.transaction().await?;
    change.write(control, &tx).await?;
    change.of().resize(&tx).await?;
    let coming = change.of().databases(&tx).await?;
    tx.rollback().await?;
    alter(control, &coming, Which::Low).await?;

    let tx = control.catalog.transaction().await?;
    change.write(control, &tx).await?;
    change.of().resize(&tx).await?;
    tx.commit().await?;
    settle_locked(control, change.of()).await
}

/// Does what a change that was stopped may have left undone.
pub(crate) async fn settle(control: &Control, of: Of<'_>) -> Result<(), OpsError> {
    let tx = control.catalog.snapshot().await?;
    let databases = of.databases(&tx).await?;
    tx.rollback().await?;
    if databases.is_empty() {
        return Ok(());
    }
    let _lock = control.lock(LOCK).await?;
    settle_locked(control, of).await
}

async fn settle_locked(control: &Control, of: Of<'_>) -> Result<(), OpsError> {
    let tx = control.catalog.snapshot().await?;
    let databases = of.databases(&tx).await?;
    tx.rollback().await?;
    alter(control, &databases, Which::Low).await?;
    alter(control, &databases, Which::High).await
}

/// Alters those of the databases' roles that differ in this way. Roles that are not there come with the core, and get theirs then.
async fn alter(control: &Control, databases: &[Database], which: Which) -> Result<(), OpsError> {
    let mut clusters: BTreeMap<&str, Vec<&Database>> = BTreeMap::new();
    for database in databases {
        clusters.entry(&database.cluster_name).or_default().push(database);
    }
    for (cluster, databases) in clusters {
        let maintenance = control.connect_maintenance(cluster).await?;
        let statements = statements(&maintenance, &databases, which).await?;
        if statements.is_empty() {
            continue;
        }
        if which == Which::High {
            // Who has not heard yet may open as many as before.
            control.wait_for_gateways(crate::control::HEARING).await?;
        }
        for statement in statements {
            maintenance.batch_execute(&statement).await.doing("altering a login role's connection limit")?;
        }
    }
    Ok(())
}

/// Whether the server would refuse what the limit allows.
pub(crate) async fn has_few(admin: &Client, database: &Database) -> Result<bool, OpsError> {
    Ok(!statements(admin, &[database], Which::Low).await?.is_empty())
}

async fn statements(
    maintenance: &Client,
    databases: &[&Database],
    which: Which,
) -> Result<Vec<String>, OpsError> {
    let mut wanted: BTreeMap<SqlIdent, u32> = BTreeMap::new();
    for database in databases {
        wanted.insert(database.login.clone(), of(database));
        wanted.insert(isolation::reader(&database.login)?, of(database));
    }
    let names: Vec<&str> = wanted.keys().map(SqlIdent::as_str).collect();
    let sql = "SELECT rolname::text, rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = ANY ($1::text[])";
    let rows = maintenance.query(sql, &[&names]).await.doing("looking at login roles' connection limits")?;
    let found: BTreeMap<String, i32> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let differs = |(role, wanted): &(&SqlIdent, &u32)| {
        let wanted = i32::try_from(**wanted).unwrap_or(i32::MAX);
        // -1: as many as it likes.
        found.get(role.as_str()).is_some_and(|found| match which {
            Which::Low => (0..wanted).contains(found),
            Which::High => *found < 0 || *found > wanted,
        })
    };
    let alter = |(role, wanted): (&SqlIdent, &u32)| {
        format!("ALTER ROLE {role} CONNECTION LIMIT {}", i32::try_from(*wanted).unwrap_or(i32::MAX))
    };
    Ok(wanted.iter().filter(differs).map(alter).collect())
}
