//! Bringing databases that were made by an older program to this program's core, and tenants' own to what they are granted there and to their
//! limits: on `cluster add`, and before a schema is applied.

use crate::database::{self, CoreOf};
use crate::isolation::{self, TenantType};
use crate::role_limit;
use crate::sql::Doing;
use crate::steps::Steps;
use crate::{Control, OpsError};
use tenantry_catalog::{Cluster, Database, DatabaseKind, DatabaseState, LimitsOf};
use tokio_postgres::Client;

const WHAT: &str = "looking at the isolation core";

/// The tenants' own databases of a cluster. One that is not on the server is left to `cluster check`.
pub(super) async fn own_databases(
    control: &Control,
    cluster: &Cluster,
    maintenance: &Client,
    steps: Steps<'_>,
) -> Result<(), OpsError> {
    // Older programs left databases with the connections that their tenants had at first. Their roles may have more before the catalog says so.
    let tx = control.catalog.transaction().await?;
    tx.follow_limits(LimitsOf::Cluster(cluster.id)).await?;
    let databases = tx.databases(Some(cluster.id)).await?;
    tx.rollback().await?;
    let ready = databases
        .iter()
        .filter(|database| database.kind == DatabaseKind::Tenant && database.state == DatabaseState::Ready);
    for database in ready {
        if !database::exists(maintenance, &database.name).await? {
            continue;
        }
        let mut admin = control.connect(&cluster.name, database.name.as_str()).await?;
        let Some((_, tenant_type)) = installed(&admin).await? else { continue };
        let core = CoreOf::new(control, database, tenant_type, Some(role_limit::of(database)))?;
        if !core.is_whole(&admin).await? {
            steps.next("install-core", &database.stable_name())?.run(false, core.install(&mut admin)).await?;
        }
        // Made before its tenant was given what pools refuse.
        if !database::is_open_to_its_tenant(&admin, database).await? {
            let opening = database::open_to_its_tenant(&admin, database);
            steps.next("open-database", &database.stable_name())?.run(false, opening).await?;
        }
    }
    let tx = control.catalog.transaction().await?;
    tx.follow_limits(LimitsOf::Cluster(cluster.id)).await?;
    Ok(tx.commit().await?)
}

/// Sees to it that a pool has this program's core, which what is applied to it may rest on. A newer one is refused.
pub(crate) async fn pool(
    control: &Control,
    pool: &Database,
    admin: &mut Client,
    steps: Steps<'_>,
) -> Result<(), OpsError> {
    let Some((version, tenant_type)) = installed(admin).await? else { return Ok(()) };
    if version == isolation::VERSION {
        return Ok(());
    }
    let core = CoreOf::new(control, pool, tenant_type, None)?;
    steps.next("install-core", &pool.stable_name())?.run(false, core.install(admin)).await
}

/// The core's version and its tenants' type.
async fn installed(admin: &Client) -> Result<Option<(i32, TenantType)>, OpsError> {
    let there = admin.query_one("SELECT to_regclass('tenancy.core') IS NOT NULL", &[]).await.doing(WHAT)?;
    if !there.get::<_, bool>(0) {
        return Ok(None);
    }
    let row = admin.query_opt("SELECT version, tenant_type FROM tenancy.core", &[]).await.doing(WHAT)?;
    Ok(row.map(|row| (row.get(0), tenant_type(row.get(1)))))
}

/// The type of a core's word.
pub(super) fn tenant_type(word: &str) -> TenantType {
    match word {
        "uuid" => TenantType::Uuid,
        "text" => TenantType::Text,
        _ => TenantType::Bigint,
    }
}
