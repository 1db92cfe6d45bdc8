//! The tenants: into the catalog, with their places, and their gates into the database. Their ids there are the ids that the
//! rows have already.

use super::ledger::Phase;
use super::{Convert, Ends, Job, TenantTable, Tenants, paths, prepare};
use crate::schema::{self, PlainSchema, Source};
use crate::sql::Doing;
use crate::steps::Steps;
use crate::{Control, OpsError, gate};
use tenantry_catalog::{CatalogError, DatabaseState, NewTenant, Tenant, TenantFilter};
use tenantry_core::{Epoch, ErrorKind, Placement, SqlIdent, TenancyModel, TenantId, TenantKey, TenantState};
use tenantry_schema::{Target, TenantType, compile};

/// How many tenants are registered in one transaction.
const PAGE: usize = 200;

const GATES: &str = include_str!("register/gates.sql");

/// A whole database: its tenant is registered first, because its id is what the rows get. An SQL constant.
pub(super) async fn first(job: &Job<'_>, steps: Steps<'_>, on: &str) -> Result<Option<String>, OpsError> {
    let Tenants::One(key) = &job.request.tenants else { return Ok(None) };
    let step = steps.next("register-tenant", on)?;
    let found = find(job.control, key).await?;
    step.run(found.is_some(), async {
        let tx = job.control.catalog.transaction().await?;
        tx.create_tenant(&NewTenant::new(key.clone())).await?;
        Ok(tx.commit().await?)
    })
    .await?;
    let Some(tenant) = find(job.control, key).await? else {
        return Err(OpsError::refused(
            ErrorKind::Conflict,
            format!("tenant {key} was removed meanwhile"),
            "run it again",
        ));
    };
    if let Some(placement) = &tenant.placement
        && placement.database != job.database.id
    {
        return Err(OpsError::refused(
            ErrorKind::Conflict,
            format!("tenant {key} exists and lives elsewhere"),
            "choose another key",
        ));
    }
    let value_type = job.request.declaration.tenancy.value_type;
    Ok(Some(format!("'{}'::{}", gate::value(&tenant, value_type), value_type.as_sql())))
}

async fn find(control: &Control, key: &TenantKey) -> Result<Option<Tenant>, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let found = tx.find_tenant(key).await?;
    tx.rollback().await?;
    Ok(found)
}

/// The schema is published, the tenants are registered with their places, and their gates are made.
pub(super) async fn all(job: &mut Job<'_>, ends: &Ends, steps: Steps<'_>, on: &str) -> Result<u64, OpsError> {
    let step = steps.next("publish-schema", on)?;
    let done = job.ledger.has(Phase::Registered);
    step.run(done, publish(job, ends)).await?;
    let step = steps.next("register-tenants", on)?;
    // Also when it was done: tenants may have been added to the table since.
    step.run(false, async {
        match &job.request.tenants {
            Tenants::One(key) => {
                let found = find(job.control, key).await?;
                place(job, found.into_iter().collect()).await?;
            }
            Tenants::Table(root) => from_table(job, root).await?,
        }
        if !job.ledger.has(Phase::Registered) {
            job.ledger.reach(&job.executor.admin, Phase::Registered).await?;
        }
        Ok(())
    })
    .await?;
    count(job.control, job.request).await
}

/// How many tenants live in the database.
pub(super) async fn count(control: &Control, request: &Convert) -> Result<u64, OpsError> {
    let Some(database) = prepare::find(control, request).await? else { return Ok(0) };
    let tx = control.catalog.snapshot().await?;
    let counts = tx.tenants_per_database().await?;
    tx.rollback().await?;
    Ok(counts.get(&database.id).copied().unwrap_or(0))
}

fn plain_schema(job: &Job<'_>) -> PlainSchema {
    PlainSchema {
        model: job.ledger.plain.clone(),
        declaration: job.request.declaration.clone(),
        facts: job.ledger.facts.clone(),
        version: None,
    }
}

async fn publish(job: &Job<'_>, ends: &Ends) -> Result<(), OpsError> {
    let mut plain = plain_schema(job);
    let fingerprint = plain.fingerprint()?;
    if let Some(current) = schema::current(job.control).await?
        && current.fingerprint()? != fingerprint
    {
        return Err(another_schema());
    }
    let target = Target { model: TenancyModel::Database, ..ends.target.clone() };
    let sql = compile(&plain.model, &plain.declaration, &target)?.to_sql();
    let source = Source { file: format!("{}.sql", job.request.database.as_str()), sql };
    plain.version = Some(schema::publish(job.control, &source, &plain).await?);
    let record = "INSERT INTO tenancy.schema_version (schema, version, fingerprint) VALUES ('public', $1, $2)
                  ON CONFLICT (schema) DO UPDATE SET version = excluded.version, fingerprint = excluded.fingerprint";
    job.executor
        .admin
        .execute(record, &[&plain.version.unwrap_or(0), &fingerprint])
        .await
        .doing("recording the schema")?;
    let tx = job.control.catalog.transaction().await?;
    tx.set_database_fingerprint(job.database.id, &fingerprint).await?;
    Ok(tx.commit().await?)
}

fn another_schema() -> OpsError {
    OpsError::refused(
        ErrorKind::Conflict,
        "the deployment's schema is not the one of this database",
        "bring the database to the published schema first, or convert it into a deployment of its own",
    )
}

/// Early, when nothing is changed: the deployment may have a schema that is not this database's.
pub(super) async fn fits_deployment(control: &Control, plain: &PlainSchema) -> Result<(), OpsError> {
    match schema::current(control).await? {
        Some(current) if current.fingerprint()? != plain.fingerprint()? => Err(another_schema()),
        _ => Ok(()),
    }
}

async fn from_table(job: &Job<'_>, root: &TenantTable) -> Result<(), OpsError> {
    let column = |name: &Option<String>| -> Result<String, OpsError> {
        match name {
            Some(name) => Ok(format!("t.{}::text", SqlIdent::new(name.clone())?)),
            None => Ok("NULL::text".to_owned()),
        }
    };
    let id = SqlIdent::new(paths::root_key(&job.ledger.plain, root)?)?;
    let sql = format!(
        "SELECT t.{id}::text, {}, {} FROM public.{} t ORDER BY t.{id}",
        column(&root.key)?,
        column(&root.name)?,
        SqlIdent::new(root.table.clone())?
    );
    let rows = job.executor.admin.query(&sql, &[]).await.doing("reading the tenants")?;
    let value_type = job.request.declaration.tenancy.value_type;
    for page in rows.chunks(PAGE) {
        let tx = job.control.catalog.transaction().await?;
        let mut tenants = Vec::new();
        for row in page {
            let (id, key, name): (String, Option<String>, Option<String>) =
                (row.get(0), row.get(1), row.get(2));
            let (number, uuid) = identity(&id, value_type)?;
            let mut new = NewTenant::new(key_of(key.as_deref(), &id, &tx, number, uuid).await?);
            new.name = name.unwrap_or_else(|| new.key.to_string());
            let tenant = tx.create_tenant_as(&new, number, uuid).await;
            tenants.push(tenant.map_err(|error| taken(error, &id))?);
        }
        tx.commit().await?;
        place(job, tenants).await?;
    }
    Ok(())
}

fn taken(error: CatalogError, id: &str) -> OpsError {
    match error {
        CatalogError::Taken { what: "tenant id", .. } => OpsError::refused(
            ErrorKind::Conflict,
            format!("another tenant of the deployment has the id {id} already"),
            "the rows of this database carry that id: convert it into a deployment of its own, or use ids of type uuid",
        ),
        other => other.into(),
    }
}

fn identity(id: &str, value_type: TenantType) -> Result<(Option<TenantId>, Option<uuid::Uuid>), OpsError> {
    let bad = || {
        OpsError::refused(
            ErrorKind::InvalidInput,
            format!("{id:?} can't be a tenant's id"),
            "ids are positive numbers or UUIDs",
        )
    };
    match value_type {
        TenantType::Uuid => Ok((None, Some(id.parse().map_err(|_| bad())?))),
        TenantType::Bigint | TenantType::Text => {
            let number: i64 = id.parse().map_err(|_| bad())?;
            // A text must be the number's own, or rows would be of another tenant than the gate.
            if number <= 0 || number.to_string() != id {
                Err(bad())
            } else {
                Ok((Some(TenantId::new(number)), None))
            }
        }
    }
}

/// The key that a row's text makes; where that is none, or somebody else's, the id is part of it.
async fn key_of(
    text: Option<&str>,
    id: &str,
    tx: &tenantry_catalog::Tx,
    number: Option<TenantId>,
    uuid: Option<uuid::Uuid>,
) -> Result<TenantKey, OpsError> {
    let stem = text.map(folded).filter(|stem| !stem.is_empty());
    if let Some(key) = stem.as_ref().and_then(|stem| TenantKey::new(stem.clone()).ok()) {
        let found = tx.find_tenant(&key).await?;
        let own = |tenant: &Tenant| Some(tenant.id) == number || Some(tenant.uuid) == uuid;
        if found.as_ref().is_none_or(own) {
            return Ok(key);
        }
    }
    let longest =
        stem.map_or_else(|| "t".to_owned(), |stem| stem.chars().take(62 - id.len().min(40)).collect());
    TenantKey::new(format!("{longest}-{}", folded(id))).map_err(|error| {
        OpsError::refused(
            ErrorKind::InvalidInput,
            error.to_string(),
            "name another column: --tenant-key COLUMN",
        )
    })
}

fn folded(text: &str) -> String {
    let mapped: String =
        text.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    mapped.trim_matches('-').chars().take(63).collect::<String>().trim_matches('-').to_owned()
}

/// Placement and gate.
async fn place(job: &Job<'_>, tenants: Vec<Tenant>) -> Result<(), OpsError> {
    let placement = Placement {
        model: TenancyModel::Shared,
        database: job.database.id,
        schema: SqlIdent::new("public")?,
        epoch: Epoch::FIRST,
    };
    let tx = job.control.catalog.transaction().await?;
    for tenant in &tenants {
        if tenant.placement.is_none() {
            tx.set_placement(tenant.id, &placement).await?;
        }
    }
    tx.commit().await?;
    open_gates(job, &tenants, &placement).await
}

/// In one statement: a commit for each would be most of the time.
async fn open_gates(job: &Job<'_>, tenants: &[Tenant], placement: &Placement) -> Result<(), OpsError> {
    let value_type = job.request.declaration.tenancy.value_type;
    let new: Vec<&Tenant> =
        tenants.iter().filter(|tenant| tenant.state == TenantState::Provisioning).collect();
    let ids: Vec<i64> = new.iter().map(|tenant| tenant.id.get()).collect();
    let keys: Vec<&str> = new.iter().map(|tenant| tenant.key.as_str()).collect();
    let values: Vec<String> = new.iter().map(|tenant| gate::value(tenant, value_type)).collect();
    let place = serde_json::json!({ "model": placement.model.as_str(), "schema": placement.schema.as_str() });
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&ids, &keys, &values, &placement.epoch.get(), &place.to_string()];
    job.executor.admin.execute(GATES, &params).await.doing("opening the tenants' gates")?;
    Ok(())
}

/// The pool takes tenants, and its tenants may be entered.
pub(super) async fn ready(job: &Job<'_>, steps: Steps<'_>, on: &str) -> Result<(), OpsError> {
    let step = steps.next("activate-tenants", on)?;
    step.run(false, async {
        let tx = job.control.catalog.transaction().await?;
        tx.set_database_state(job.database.id, DatabaseState::Ready).await?;
        tx.commit().await?;
        let mut filter = TenantFilter { states: vec![TenantState::Provisioning], ..TenantFilter::default() };
        loop {
            let tx = job.control.catalog.transaction().await?;
            let page = tx.tenants(&filter, u32::try_from(PAGE).unwrap_or(u32::MAX)).await?;
            let Some(last) = page.last() else {
                tx.rollback().await?;
                return Ok(());
            };
            filter.after = Some(last.key.clone());
            for tenant in page {
                let here = tenant.placement.as_ref().is_some_and(|place| place.database == job.database.id);
                if here {
                    tx.set_tenant_state(tenant.id, TenantState::Provisioning, TenantState::Active).await?;
                }
            }
            tx.commit().await?;
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_folded_to_what_may_stand_in_a_host_name() {
        assert_eq!(folded("Acme, Inc."), "acme--inc");
        assert_eq!(folded("--"), "");
        assert!(folded(&"x".repeat(200)).len() == 63);
    }

    #[test]
    fn ids_are_numbers_or_uuids() {
        assert!(identity("0", TenantType::Bigint).is_err());
        assert_eq!(identity("7", TenantType::Bigint).unwrap().0, Some(TenantId::new(7)));
        assert!(identity("7", TenantType::Uuid).is_err());
    }
}
