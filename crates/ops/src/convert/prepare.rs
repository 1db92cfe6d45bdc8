//! The catalog's row of the database, the isolation core in it, and the ledger's beginning.

use super::ledger::{self, Ledger};
use super::{Convert, stages};
use crate::cluster::{self, AddCluster};
use crate::database::CoreOf;
use crate::isolation;
use crate::sql::Doing;
use crate::steps::Steps;
use crate::{Control, OpsError, Silent};
use tenantry_catalog::{Database, DatabaseKind, NewDatabase};
use tenantry_core::ErrorKind;
use tokio_postgres::Client;

/// A conversion that an older program began may lack the reader.
const INSTALLED: &str = "SELECT to_regclass('tenancy.gate') IS NOT NULL
  AND EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)";
/// Server connections that one gateway may open, as `cluster add` has it.
const MAX_CONNECTIONS: u32 = 50;

/// The database as the catalog knows it, registered and with the core: beside an application that keeps all that it had.
pub(super) async fn pool(
    control: &Control,
    request: &Convert,
    admin: &mut Client,
    steps: Steps<'_>,
    on: &str,
) -> Result<Database, OpsError> {
    let step = steps.next("register-pool", on)?;
    let found = find(control, request).await?;
    step.run(found.is_some(), register(control, request)).await?;
    let Some(database) = find(control, request).await? else {
        return Err(OpsError::refused(
            ErrorKind::Conflict,
            format!("{on} was removed meanwhile"),
            "run it again",
        ));
    };
    let step = steps.next("install-core", on)?;
    let tenant_type = request.declaration.tenancy.value_type;
    let there = admin
        .query_one(INSTALLED, &[&isolation::reader(&database.login)?.as_str()])
        .await
        .doing("looking for the isolation core")?;
    let core = CoreOf::new(control, &database, tenant_type, None)?;
    step.run(there.get(0), core.install_beside(admin)).await?;
    Ok(database)
}

pub(super) async fn find(control: &Control, request: &Convert) -> Result<Option<Database>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let found = match tx.find_cluster(&request.cluster).await? {
        Some(cluster) => tx.find_database(cluster.id, &request.database).await?,
        None => None,
    };
    tx.rollback().await?;
    Ok(found)
}

async fn register(control: &Control, request: &Convert) -> Result<(), OpsError> {
    let tx = control.catalog.snapshot().await?;
    let known = tx.find_cluster(&request.cluster).await?;
    tx.rollback().await?;
    if known.is_none() {
        let add = AddCluster {
            name: request.cluster.clone(),
            pools: Vec::new(),
            tenant_type: request.declaration.tenancy.value_type,
            context: None,
            max_connections: MAX_CONNECTIONS,
            cluster_connections: None,
        };
        Box::pin(cluster::add(control, &add, &Silent)).await?;
    }
    let tx = control.catalog.transaction().await?;
    let cluster = tx.cluster(&request.cluster).await?;
    let new = NewDatabase {
        cluster: cluster.id,
        name: request.database.clone(),
        kind: DatabaseKind::Pool,
        login: isolation::pool_login(&request.database)?,
        context: cluster.context,
        max_connections: MAX_CONNECTIONS,
    };
    tx.upsert_database(&new).await?;
    let subject = format!("database/{}/{}", request.cluster, request.database.as_str());
    let details = serde_json::json!({ "context": new.context.as_str(), "converted": true });
    tx.audit(&control.audit("convert.begin", subject, None, details)).await?;
    Ok(tx.commit().await?)
}

/// The ledger: found, and the same request; or begun, with the schema as it is now.
pub(super) async fn ledger(
    admin: &Client,
    request: &Convert,
    begun: Option<Ledger>,
    steps: Steps<'_>,
    on: &str,
) -> Result<Ledger, OpsError> {
    let step = steps.next("write-ledger", on)?;
    if let Some(ledger) = begun {
        step.run(true, async { Ok(()) }).await?;
        if ledger.request != ledger::describe(request) {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                "a conversion of this database was begun with another declaration or another mapping of tenants",
                "go on with the same request, or abort that one: tenantry convert abort",
            ));
        }
        return Ok(ledger);
    }
    let mut written = None;
    step.run(false, async {
        written = Some(ledger::begin(admin, request, stages::facts(admin).await?).await?);
        Ok(())
    })
    .await?;
    written
        .ok_or_else(|| OpsError::refused(ErrorKind::Internal, "the ledger was not written", "run it again"))
}
