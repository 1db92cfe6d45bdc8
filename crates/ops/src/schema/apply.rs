//! Applying the compiled schema to one SQL schema of a data database, once.

use super::{Place, PlainSchema, required};
use crate::cluster::upgrade;
use crate::sql::Doing;
use crate::steps::Steps;
use crate::{Control, OpsError, Progress};
use tenantry_catalog::{Database, DatabaseKind};
use tenantry_core::{ErrorKind, SqlIdent, TenancyModel};
use tokio_postgres::{GenericClient, Transaction};

/// What `apply` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    Now,
    AlreadyThere,
}

const RECORDED: &str = "SELECT fingerprint FROM tenancy.schema_version WHERE schema = $1";
const RECORD: &str = "INSERT INTO tenancy.schema_version (schema, version, fingerprint) VALUES ($1, $2, $3)";
/// Held while a database's schema changes.
const APPLY_LOCK: i64 = 0x5445_4E41_5343_4845;

/// Applies the current schema's shared form to one pool.
pub async fn apply(
    control: &Control,
    cluster: &str,
    pool: &str,
    progress: &dyn Progress,
) -> Result<Applied, OpsError> {
    let schema = required(control).await?;
    let tx = control.catalog.snapshot().await?;
    let found = tx.find_database(tx.cluster(cluster).await?.id, &SqlIdent::new(pool)?).await?;
    tx.rollback().await?;
    let Some(pool) = found.filter(|found| found.kind == DatabaseKind::Pool) else {
        return Err(OpsError::refused(
            ErrorKind::InvalidInput,
            format!("cluster {cluster:?} has no pool {pool:?}"),
            "see `tenantry cluster list`",
        ));
    };
    apply_to_pool(control, &schema, &pool, Steps::new(progress)).await
}

/// The step of `apply`, which provisioning a shared tenant begins with.
pub(crate) async fn apply_to_pool(
    control: &Control,
    schema: &PlainSchema,
    pool: &Database,
    steps: Steps<'_>,
) -> Result<Applied, OpsError> {
    let on = pool.stable_name();
    let mut admin = control.connect(&pool.cluster_name, pool.name.as_str()).await?;
    upgrade::pool(control, pool, &mut admin, steps).await?;
    let step = steps.next("apply-schema", &on)?;
    let place = Place {
        model: TenancyModel::Shared,
        schema: SqlIdent::new("public")?,
        login: pool.login.clone(),
        context: pool.context,
        tenant_value: None,
    };
    let fingerprint = schema.compile(&place)?.fingerprint;
    let there = is_applied(&admin, &place.schema, &fingerprint).await?;
    let done = there && pool.fingerprint.as_ref() == Some(&fingerprint);
    step.run(done, async {
        let tx = admin.transaction().await.doing("applying the schema")?;
        apply_in(&tx, schema, &place).await?;
        tx.commit().await.doing("applying the schema")?;
        record(control, pool, &fingerprint).await
    })
    .await?;
    Ok(if there { Applied::AlreadyThere } else { Applied::Now })
}

async fn record(control: &Control, pool: &Database, fingerprint: &str) -> Result<(), OpsError> {
    let tx = control.catalog.transaction().await?;
    tx.set_database_fingerprint(pool.id, fingerprint).await?;
    let details = serde_json::json!({ "fingerprint": fingerprint });
    tx.audit(&control.audit("schema.apply", format!("database/{}", pool.stable_name()), None, details))
        .await?;
    Ok(tx.commit().await?)
}

/// Whether this schema is there in this version. Another version is refused.
pub(crate) async fn is_applied(
    admin: &impl GenericClient,
    schema: &SqlIdent,
    fingerprint: &str,
) -> Result<bool, OpsError> {
    let row = admin.query_opt(RECORDED, &[&schema.as_str()]).await.doing("looking for the applied schema")?;
    let Some(row) = row else { return Ok(false) };
    if row.get::<_, &str>(0) == fingerprint {
        return Ok(true);
    }
    Err(OpsError::refused(
        ErrorKind::NotSupported,
        format!("schema {schema} holds another version of the product's schema"),
        "migrating a schema that is in use is not offered yet: begin with a new pool",
    ))
}

/// Runs the DDL of a placement in the caller's transaction, unless it is there. The SQL schema exists.
pub(crate) async fn apply_in(
    tx: &Transaction<'_>,
    schema: &PlainSchema,
    place: &Place,
) -> Result<(), OpsError> {
    let compiled = schema.compile(place)?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&APPLY_LOCK])
        .await
        .doing("waiting to apply the schema")?;
    if is_applied(tx, &place.schema, &compiled.fingerprint).await? {
        return Ok(());
    }
    for statement in &compiled.statements {
        tx.batch_execute(statement)
            .await
            .doing(&format!("applying the schema (at {})", start_of(statement)))?;
    }
    // The statements changed the transaction's search_path.
    tx.batch_execute("SET LOCAL search_path = pg_catalog, pg_temp").await.doing("applying the schema")?;
    let version = schema.version.unwrap_or(0);
    tx.execute(RECORD, &[&place.schema.as_str(), &version, &compiled.fingerprint])
        .await
        .doing("recording the applied schema")?;
    Ok(())
}

fn start_of(statement: &str) -> String {
    let line = statement.lines().next().unwrap_or_default();
    if line.chars().count() > 80 { line.chars().take(79).chain(['…']).collect() } else { line.to_owned() }
}
