//! The tenants: into the catalog, with their places, and their gates into the database. Their ids there are the ids that the
//! rows have already.

use super::ledger::Phase;
use super::{Convert, Ends, Job, TenantTable, Tenants, paths, prepare, words};
use crate::schema::{self, PlainSchema, Source};
use crate::sql::Doing;
use crate::steps::Steps;
use crate::{Control, OpsError, gate};
use std::collections::BTreeSet;
use tenantry_catalog::{BroughtTenant, DatabaseState, NewTenant, Tenant};
use tenantry_core::{Epoch, ErrorKind, Placement, SqlIdent, TenancyModel, TenantId, TenantKey, TenantState};
use tenantry_schema::{Target, TenantType, compile};

/// How many tenants are registered in one transaction.
const PAGE: usize = 1_000;

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

/// Page by page: the tenants into the catalog with their places, then their gates. What is there already stays as it is.
async fn from_table(job: &Job<'_>, root: &TenantTable) -> Result<(), OpsError> {
    let column = |name: &Option<String>| -> Result<String, OpsError> {
        match name {
            Some(name) => Ok(format!("t.{}::text", SqlIdent::new(name.clone())?)),
            None => Ok("NULL::text".to_owned()),
        }
    };
    let id = paths::root_value(&job.ledger.plain, job.request, root)?;
    // Words are what people call their tenants.
    let key = match &root.key {
        None if words::mapped(&job.ledger.plain, job.request)? => {
            Some(paths::root_key(&job.ledger.plain, root)?)
        }
        key => key.clone(),
    };
    let sql = format!(
        "SELECT t.{id}::text, {}, {} FROM public.{} t ORDER BY t.{id}",
        column(&key)?,
        column(&root.name)?,
        SqlIdent::new(root.table.clone())?
    );
    let rows = job.executor.admin.query(&sql, &[]).await.doing("reading the tenants")?;
    let placement = placement(job)?;
    for page in rows.chunks(PAGE) {
        let mut listed = Vec::new();
        for row in page {
            listed.push(Listed::new(job.request.declaration.tenancy.value_type, row)?);
        }
        let tenants = bring(job, &listed, &placement).await?;
        open_gates(job, &tenants, &placement).await?;
    }
    Ok(())
}

/// A row of the table that lists the tenants.
struct Listed {
    id: String,
    number: Option<TenantId>,
    uuid: Option<uuid::Uuid>,
    /// What its key is made of.
    text: Option<String>,
    name: Option<String>,
}

impl Listed {
    fn new(value_type: TenantType, row: &tokio_postgres::Row) -> Result<Self, OpsError> {
        let id: String = row.get(0);
        let (number, uuid) = identity(&id, value_type)?;
        Ok(Self { id, number, uuid, text: row.get(1), name: row.get(2) })
    }

    fn is(&self, tenant: &Tenant) -> bool {
        self.number == Some(tenant.id) || self.uuid == Some(tenant.uuid)
    }

    /// The key that its text makes; where that is none, or somebody has it, the id is part of it.
    fn key(&self, taken: &BTreeSet<TenantKey>) -> Result<TenantKey, OpsError> {
        if let Some(key) = self.stem().filter(|key| !taken.contains(key)) {
            return Ok(key);
        }
        let stem = self.text.as_deref().map(folded).filter(|stem| !stem.is_empty());
        let longest = stem
            .map_or_else(|| "t".to_owned(), |stem| stem.chars().take(62 - self.id.len().min(40)).collect());
        TenantKey::new(format!("{longest}-{}", folded(&self.id))).map_err(|error| {
            OpsError::refused(
                ErrorKind::InvalidInput,
                error.to_string(),
                "name another column: --tenant-key COLUMN",
            )
        })
    }

    fn stem(&self) -> Option<TenantKey> {
        self.text.as_deref().and_then(|text| TenantKey::new(folded(text)).ok())
    }
}

/// One page, in one transaction and few statements: those that are not in the catalog yet are made, at this place.
async fn bring(job: &Job<'_>, listed: &[Listed], placement: &Placement) -> Result<Vec<Tenant>, OpsError> {
    let ids: Vec<TenantId> = listed.iter().filter_map(|one| one.number).collect();
    let uuids: Vec<uuid::Uuid> = listed.iter().filter_map(|one| one.uuid).collect();
    let tx = job.control.catalog.transaction().await?;
    let there = tx.tenants_by_identity(&ids, &uuids).await?;
    ours(&there, placement)?;
    let known: (BTreeSet<TenantId>, BTreeSet<uuid::Uuid>) =
        there.iter().map(|tenant| (tenant.id, tenant.uuid)).unzip();
    let is_new = |one: &&Listed| {
        let number = one.number.is_some_and(|id| known.0.contains(&id));
        !number && one.uuid.is_none_or(|uuid| !known.1.contains(&uuid))
    };
    let new: Vec<&Listed> = listed.iter().filter(is_new).collect();
    let stems: Vec<TenantKey> = new.iter().filter_map(|one| one.stem()).collect();
    let mut taken = tx.taken_keys(&stems).await?;
    let mut brought = Vec::new();
    for one in new {
        let key = one.key(&taken)?;
        taken.insert(key.clone());
        let name = one.name.clone().unwrap_or_else(|| key.to_string());
        brought.push(BroughtTenant { id: one.number, uuid: one.uuid, key, name });
    }
    if !brought.is_empty() {
        tx.bring_tenants(&brought, placement).await?;
    }
    let tenants = tx.tenants_by_identity(&ids, &uuids).await?;
    // Somebody was quicker with an id or a key: nothing of this page is kept.
    ours(&tenants, placement)?;
    if tenants.len() < listed.len() {
        let missing = listed.iter().find(|one| !tenants.iter().any(|tenant| one.is(tenant)));
        let id = missing.map_or("", |one| one.id.as_str());
        return Err(OpsError::refused(
            ErrorKind::Conflict,
            format!("the key for the tenant with the id {id} was taken meanwhile"),
            "run the same command again",
        ));
    }
    tx.commit().await?;
    Ok(tenants)
}

/// An id that somebody else's tenant has can't be that of rows here.
fn ours(tenants: &[Tenant], placement: &Placement) -> Result<(), OpsError> {
    let here =
        |tenant: &Tenant| tenant.placement.as_ref().is_some_and(|place| place.database == placement.database);
    match tenants.iter().find(|tenant| !here(tenant)) {
        None => Ok(()),
        Some(other) => Err(OpsError::refused(
            ErrorKind::Conflict,
            format!("another tenant of the deployment has the id {} already ({})", other.id, other.key),
            "the rows of this database carry that id: convert it into a deployment of its own, or use ids of type uuid",
        )),
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

fn folded(text: &str) -> String {
    let mapped: String =
        text.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    mapped.trim_matches('-').chars().take(63).collect::<String>().trim_matches('-').to_owned()
}

fn placement(job: &Job<'_>) -> Result<Placement, OpsError> {
    Ok(Placement {
        model: TenancyModel::Shared,
        database: job.database.id,
        schema: SqlIdent::new("public")?,
        epoch: Epoch::FIRST,
    })
}

/// The one tenant's placement and gate.
async fn place(job: &Job<'_>, tenants: Vec<Tenant>) -> Result<(), OpsError> {
    let placement = placement(job)?;
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
        tx.activate_tenants_of(job.database.id).await?;
        Ok(tx.commit().await?)
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
