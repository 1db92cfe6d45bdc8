//! Provisioning: catalog row and place, then the place's contents, then active.
//!
//! The gate is written in the same transaction as the tables it guards, and the catalog calls the tenant active only
//! after that. Killed anywhere, the same command finds what is done and does the rest.

use super::{CreateTenant, TenantInfo, find, info, lock_name, subject};
use crate::cluster::upgrade;
use crate::database::{self, CoreOf};
use crate::gate;
use crate::isolation;
use crate::role_limit::{self, Of};
use crate::schema::{self, Place, PlainSchema};
use crate::sql::Doing;
use crate::steps::Steps;
use crate::{Control, OpsError, Progress};
use tenantry_catalog::{Cluster, Database, DatabaseKind, DatabaseState, NewDatabase, NewTenant, Tenant, Tx};
use tenantry_core::{Epoch, ErrorKind, Placement, SqlIdent, TenancyModel, TenantState};
use tenantry_schema::needs_pool;
use tokio_postgres::Client;

/// Makes a tenant and its place.
pub async fn create(
    control: &Control,
    request: &CreateTenant,
    progress: &dyn Progress,
) -> Result<TenantInfo, OpsError> {
    let steps = Steps::new(progress);
    let on = request.key.to_string();
    let _lock = control.lock(&lock_name(&request.key)).await?;
    let schema = schema::required(control).await?;

    let step = steps.next("register-tenant", &on)?;
    let registered = registered(control, request).await?;
    step.run(registered, register(control, request)).await?;
    let (tenant, database) = find(control, &request.key).await?;
    let (Some(placement), Some(database)) = (tenant.placement.clone(), database) else {
        return Err(OpsError::refused(
            ErrorKind::Conflict,
            format!("tenant {on} lost its place"),
            "run it again",
        ));
    };
    if tenant.state == TenantState::Active {
        return Ok(info(tenant, |_| Some(&database)));
    }
    let job = Job { control, schema: &schema, tenant: &tenant, placement: &placement, database: &database };
    match placement.model {
        TenancyModel::Shared => job.shared(steps).await?,
        TenancyModel::Schema => job.schema(steps).await?,
        TenancyModel::Database => Box::pin(job.database(steps)).await?,
    }

    let step = steps.next("activate-tenant", &on)?;
    step.run(false, job.activate()).await?;
    // Whoever is told that the tenant is there may connect at once.
    control.wait_for_gateways(crate::control::HEARING).await?;
    super::show(control, &request.key).await
}

/// Whether the tenant is in the catalog with a place, as this request asks for it.
async fn registered(control: &Control, request: &CreateTenant) -> Result<bool, OpsError> {
    let tx = control.catalog.snapshot().await?;
    let found = tx.find_tenant(&request.key).await?;
    let Some(tenant) = found else { return Ok(false) };
    let database = super::database_of(&tx, &tenant).await?;
    let pools = placement_differs(request, &tx, &tenant, database.as_ref()).await;
    tx.rollback().await?;
    if let Some(difference) = pools? {
        return Err(OpsError::refused(
            ErrorKind::Conflict,
            format!("tenant {} exists with another {difference}", request.key),
            "repeat the original arguments, or choose another key",
        ));
    }
    match tenant.state {
        TenantState::Provisioning | TenantState::Active => {}
        TenantState::Suspended => {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                format!("tenant {} exists and is suspended", request.key),
                format!("tenantry tenant resume {}", request.key),
            ));
        }
        TenantState::Dropping => {
            return Err(OpsError::refused(
                ErrorKind::Conflict,
                format!("tenant {} is being dropped", request.key),
                format!("finish that first: tenantry tenant drop {}", request.key),
            ));
        }
    }
    Ok(tenant.placement.is_some() && asked_the_same(request, &tenant))
}

/// If not, the catalog says what differs.
fn asked_the_same(request: &CreateTenant, tenant: &Tenant) -> bool {
    let mut domains = request.domains.clone();
    domains.sort();
    domains.dedup();
    tenant.name == request.name.as_deref().unwrap_or(request.key.as_str())
        && tenant.plan == request.plan
        && tenant.domains == domains
}

async fn placement_differs(
    request: &CreateTenant,
    tx: &Tx,
    tenant: &Tenant,
    database: Option<&Database>,
) -> Result<Option<&'static str>, OpsError> {
    let (Some(placement), Some(database)) = (&tenant.placement, database) else { return Ok(None) };
    if model(request, tx).await? != placement.model {
        return Ok(Some("model"));
    }
    if request.cluster.as_ref().is_some_and(|cluster| *cluster != database.cluster_name) {
        return Ok(Some("cluster"));
    }
    if request.pool.as_ref().is_some_and(|pool| *pool != database.name.as_str()) {
        return Ok(Some("pool"));
    }
    Ok(None)
}

/// Tenant, place and audit row in one transaction.
async fn register(control: &Control, request: &CreateTenant) -> Result<(), OpsError> {
    let tx = control.catalog.transaction().await?;
    let new = NewTenant {
        name: request.name.clone().unwrap_or_else(|| request.key.to_string()),
        plan: request.plan.clone(),
        domains: request.domains.clone(),
        ..NewTenant::new(request.key.clone())
    };
    let tenant = tx.create_tenant(&new).await?;
    if tenant.placement.is_none() {
        let placement = choose_place(request, &tx, &tenant).await?;
        tx.set_placement(tenant.id, &placement).await?;
        let details = serde_json::json!({
            "model": placement.model.as_str(), "database": placement.database.get(), "plan": request.plan,
        });
        tx.audit(&control.audit("tenant.create", subject(&request.key), Some(tenant.id), details)).await?;
    }
    Ok(tx.commit().await?)
}

async fn model(request: &CreateTenant, tx: &Tx) -> Result<TenancyModel, OpsError> {
    match (request.model, &request.plan) {
        (Some(model), _) => Ok(model),
        (None, Some(plan)) => Ok(tx.plan(plan).await?.model),
        (None, None) => Ok(TenancyModel::Shared),
    }
}

async fn choose_place(request: &CreateTenant, tx: &Tx, tenant: &Tenant) -> Result<Placement, OpsError> {
    let model = model(request, tx).await?;
    let cluster = choose_cluster(request, tx).await?;
    let database = if model == TenancyModel::Database {
        if request.pool.is_some() {
            return Err(OpsError::refused(
                ErrorKind::InvalidInput,
                "a tenant of the database model has a database of its own and lives in no pool",
                "leave the pool out, or choose the shared or the schema model",
            ));
        }
        tx.upsert_database(&NewDatabase {
            cluster: cluster.id,
            // By id: the key may change, and would show other tenants who is there.
            name: SqlIdent::new(format!("tenant_{}", tenant.id))?,
            kind: DatabaseKind::Tenant,
            login: SqlIdent::new(format!("tenantry_t{}", tenant.id))?,
            context: cluster.context,
            // As the tenant's limit, which it follows once the tenant is placed in it.
            max_connections: tenant.limits.connections.max(1),
        })
        .await?
    } else {
        choose_pool(request, tx, &cluster).await?
    };
    let schema = match model {
        TenancyModel::Schema => format!("t_{}", tenant.id),
        TenancyModel::Shared | TenancyModel::Database => "public".to_owned(),
    };
    Ok(Placement { model, database: database.id, schema: SqlIdent::new(schema)?, epoch: Epoch::FIRST })
}

async fn choose_cluster(request: &CreateTenant, tx: &Tx) -> Result<Cluster, OpsError> {
    if let Some(name) = &request.cluster {
        return Ok(tx.cluster(name).await?);
    }
    let mut all = tx.clusters().await?;
    match (all.pop(), all.pop()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(OpsError::refused(
            ErrorKind::InvalidInput,
            "there is no cluster yet",
            "tenantry cluster add NAME",
        )),
        _ => Err(OpsError::refused(
            ErrorKind::InvalidInput,
            "there are several clusters",
            "choose one: --cluster NAME",
        )),
    }
}

async fn choose_pool(request: &CreateTenant, tx: &Tx, cluster: &Cluster) -> Result<Database, OpsError> {
    let counts = tx.tenants_per_database().await?;
    let pools = tx.databases(Some(cluster.id)).await?.into_iter().filter(|database| {
        database.kind == DatabaseKind::Pool
            && database.state == DatabaseState::Ready
            && request.pool.as_ref().is_none_or(|pool| *pool == database.name.as_str())
    });
    // Of equals the first by name, so that a choice can be repeated.
    let emptiest = pools.min_by_key(|pool| counts.get(&pool.id).copied().unwrap_or(0));
    emptiest.ok_or_else(|| {
        let message = match &request.pool {
            Some(pool) => format!("cluster {:?} has no pool {pool:?} that is ready", cluster.name),
            None => format!("cluster {:?} has no pool that is ready", cluster.name),
        };
        OpsError::refused(
            ErrorKind::InvalidInput,
            message,
            "see `tenantry cluster list`, or add a pool to the cluster",
        )
    })
}

/// What the steps of all models share.
struct Job<'a> {
    control: &'a Control,
    schema: &'a PlainSchema,
    tenant: &'a Tenant,
    placement: &'a Placement,
    database: &'a Database,
}

impl Job<'_> {
    async fn shared(&self, steps: Steps<'_>) -> Result<(), OpsError> {
        schema::apply_to_pool(self.control, self.schema, self.database, steps).await?;
        let on = self.tenant.key.to_string();
        let step = steps.next("open-gate", &on)?;
        let admin = self.connect().await?;
        step.run(self.gate_is_open(&admin).await?, self.open_gate(&admin)).await
    }

    /// Schema, tables and gate appear together. Global and scoped tables are the pool's, so those must be there first.
    async fn schema(&self, steps: Steps<'_>) -> Result<(), OpsError> {
        if needs_pool(&self.schema.declaration) {
            schema::apply_to_pool(self.control, self.schema, self.database, steps).await?;
        }
        let on = format!("{} in {}", self.placement.schema.as_str(), self.database.stable_name());
        let mut admin = self.connect().await?;
        upgrade::pool(self.control, self.database, &mut admin, steps).await?;
        let step = steps.next("create-schema", &on)?;
        let place = self.place();
        let fingerprint = self.schema.compile(&place)?.fingerprint;
        let done = self.gate_is_open(&admin).await?
            && schema::is_applied(&admin, &place.schema, &fingerprint).await?;
        step.run(done, async {
            let tx = admin.transaction().await.doing("creating the tenant's schema")?;
            // Rows that are copied from a client go through a table of the same types, which the core makes.
            let sql = format!(
                "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}; GRANT USAGE ON SCHEMA {schema} TO {core}",
                schema = place.schema,
                owner = schema::OWNER,
                core = isolation::CONTEXT,
            );
            tx.batch_execute(&sql).await.doing("creating the tenant's schema")?;
            schema::apply_in(&tx, self.schema, &place).await?;
            self.open_gate(&tx).await?;
            tx.commit().await.doing("creating the tenant's schema")
        })
        .await
    }

    async fn database(&self, steps: Steps<'_>) -> Result<(), OpsError> {
        let on = self.database.stable_name();
        let maintenance = self.control.connect_maintenance(&self.database.cluster_name).await?;
        let step = steps.next("create-database", &on)?;
        let done = database::exists(&maintenance, &self.database.name).await?;
        step.run(done, database::create(&maintenance, &self.database.name)).await?;

        // The login role comes with the core: it can connect to nothing before.
        let step = steps.next("install-core", &on)?;
        let mut admin = self.connect().await?;
        let tenant_type = self.schema.declaration.tenancy.value_type;
        let limit = Some(role_limit::of(self.database));
        database::require_ours_or_empty(&admin, &self.database.name).await?;
        let core = CoreOf::new(self.control, self.database, tenant_type, limit)?;
        step.run(core.is_whole(&admin).await?, core.install(&mut admin)).await?;

        let step = steps.next("create-tables", &on)?;
        let place = self.place();
        let fingerprint = self.schema.compile(&place)?.fingerprint;
        let done = self.gate_is_open(&admin).await?
            && schema::is_applied(&admin, &place.schema, &fingerprint).await?;
        step.run(done, async {
            let tx = admin.transaction().await.doing("creating the tenant's tables")?;
            schema::apply_in(&tx, self.schema, &place).await?;
            database::open_to_its_tenant(&tx, self.database).await?;
            self.open_gate(&tx).await?;
            tx.commit().await.doing("creating the tenant's tables")
        })
        .await
    }

    /// The catalog says active, and where; with the audit row, in one transaction.
    async fn activate(&self) -> Result<(), OpsError> {
        if self.placement.model == TenancyModel::Database {
            // The limit may have changed while the roles were made.
            Box::pin(role_limit::settle(self.control, Of::Tenant(&self.tenant.key))).await?;
        }
        let tx = self.control.catalog.transaction().await?;
        if self.placement.model == TenancyModel::Database {
            let fingerprint = self.schema.compile(&self.place())?.fingerprint;
            tx.set_database_state(self.database.id, DatabaseState::Ready).await?;
            tx.set_database_fingerprint(self.database.id, &fingerprint).await?;
        }
        tx.set_tenant_state(self.tenant.id, TenantState::Provisioning, TenantState::Active).await?;
        let details =
            serde_json::json!({ "epoch": self.placement.epoch.get(), "schema_version": self.schema.version });
        let entry =
            self.control.audit("tenant.activate", subject(&self.tenant.key), Some(self.tenant.id), details);
        tx.audit(&entry).await?;
        Ok(tx.commit().await?)
    }

    fn place(&self) -> Place {
        let tenant_type = self.schema.declaration.tenancy.value_type;
        Place {
            model: self.placement.model,
            schema: self.placement.schema.clone(),
            login: self.database.login.clone(),
            context: self.database.context,
            tenant_value: (self.placement.model == TenancyModel::Schema)
                .then(|| gate::value(self.tenant, tenant_type)),
        }
    }

    async fn connect(&self) -> Result<Client, OpsError> {
        self.control.connect(&self.database.cluster_name, self.database.name.as_str()).await
    }

    async fn gate_is_open(&self, admin: &Client) -> Result<bool, OpsError> {
        let gate = gate::find(admin, self.tenant.id).await?;
        Ok(gate.is_some_and(|gate| {
            gate.state == "active"
                && gate.epoch == self.placement.epoch
                && gate.key == self.tenant.key.as_str()
        }))
    }

    async fn open_gate(&self, admin: &impl tokio_postgres::GenericClient) -> Result<(), OpsError> {
        let tenant_type = self.schema.declaration.tenancy.value_type;
        gate::open(admin, self.tenant, self.placement, tenant_type).await
    }
}
