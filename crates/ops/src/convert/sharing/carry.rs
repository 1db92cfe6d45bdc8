//! Triggers that carry what changes with whom into `scope_id` while a conversion is under way.

use super::{By, COLUMN, Shared, as_tenant};
use crate::OpsError;
use crate::convert::fill::{self, trigger_exists};
use crate::convert::paths::{pairs, root_key};
use crate::convert::{Job, TenantTable, Tenants};
use crate::sql::{Doing, render};
use tenantry_core::SqlIdent;
use tenantry_schema::TenantType;
use tenantry_schema::alter::Lock;

/// How the names of triggers on tables beside begin; the scoped table itself has one of the name that fills tenants elsewhere.
pub(in crate::convert) const TRIGGER: &str = "zzz_tenantry_share";
/// The scope of a row that no tenant is to see, while that is so: no tenant's scopes hold it. What still has it keeps
/// `enforce` from beginning.
const NOBODY: &str = "(-1)::bigint";

const ROW: &str = include_str!("row.sql");
const LINKS: &str = include_str!("links.sql");
const FIND: &str = include_str!("find.sql");

/// Scopes for all tenants, and the triggers.
pub(in crate::convert) async fn install(
    job: &Job<'_>,
    shared: &[Shared],
    own_scope: Option<&str>,
) -> Result<(), OpsError> {
    if shared.is_empty() {
        return Ok(());
    }
    let root = match &job.request.tenants {
        Tenants::Table(root) => {
            register(job, root).await?;
            Some(root)
        }
        Tenants::One(_) => None,
    };
    for (number, shared) in shared.iter().enumerate() {
        let functions = match root {
            Some(root) => Functions::new(job, root, number)?.sql(shared)?,
            None => {
                fill::function(&format!("scope_row_{number}"), COLUMN, own_scope.unwrap_or("NULL"), "false")?
            }
        };
        let made = job.executor.admin.batch_execute(&functions).await;
        made.doing("making the functions that carry sharing into scopes")?;
        // Links first: a row that came with nobody is not looked at again, so its links must be seen from then on.
        if let By::Links { links, .. } = &shared.by {
            // One table may say it of several others.
            let name = format!("{TRIGGER}_{number}");
            let sql = format!(
                "CREATE CONSTRAINT TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON public.{}
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tenancy_convert.scope_links_{number}()",
                SqlIdent::new(links.clone())?
            );
            put(job, sql, links, &name).await?;
        }
        let own = format!(
            "CREATE OR REPLACE TRIGGER {} BEFORE INSERT OR UPDATE ON public.{}
             FOR EACH ROW EXECUTE FUNCTION tenancy_convert.scope_row_{number}()",
            SqlIdent::new(fill::TRIGGER)?,
            SqlIdent::new(shared.table.clone())?
        );
        put(job, own, &shared.table, fill::TRIGGER).await?;
    }
    Ok(())
}

/// The number of the one tenant's own scope, as a constant.
pub(in crate::convert) async fn own_scope(
    job: &Job<'_>,
    constant: Option<&str>,
    shared: &[Shared],
) -> Result<Option<String>, OpsError> {
    let Some(constant) = constant.filter(|_| !shared.is_empty()) else { return Ok(None) };
    let sql = format!("SELECT tenancy.register_tenant({constant})");
    let row = job.executor.admin.query_one(&sql, &[]).await.doing("giving the tenant its scope")?;
    Ok(Some(format!("'{}'::bigint", row.get::<_, i64>(0))))
}

async fn register(job: &Job<'_>, root: &TenantTable) -> Result<(), OpsError> {
    const WHAT: &str = "giving tenants their scopes";
    let key = SqlIdent::new(root_key(&job.ledger.plain, root)?)?;
    let id = as_tenant(&format!("t.{key}"), job.request.declaration.tenancy.value_type);
    let table = SqlIdent::new(root.table.clone())?;
    let sql = format!("SELECT count(tenancy.register_tenant({id})) FROM public.{table} t");
    let admin = &job.executor.admin;
    admin.batch_execute("SET statement_timeout = 0").await.doing(WHAT)?;
    admin.query_one(&sql, &[]).await.doing(WHAT)?;
    Ok(())
}

async fn put(job: &Job<'_>, sql: String, table: &str, name: &str) -> Result<(), OpsError> {
    if trigger_exists(job, table, name).await? {
        return Ok(());
    }
    job.executor.unit(&[fill::moment(sql, table, Lock::ShareRowExclusive)]).await
}

/// What the functions of one scoped table are made of.
struct Functions {
    number: String,
    root: String,
    id: String,
    value_type: TenantType,
}

impl Functions {
    fn new(job: &Job<'_>, root: &TenantTable, number: usize) -> Result<Self, OpsError> {
        let value_type = job.request.declaration.tenancy.value_type;
        let key = SqlIdent::new(root_key(&job.ledger.plain, root)?)?;
        Ok(Self {
            number: number.to_string(),
            root: SqlIdent::new(root.table.clone())?.to_string(),
            id: as_tenant(&format!("root.{key}"), value_type),
            value_type,
        })
    }

    fn sql(&self, shared: &Shared) -> Result<String, OpsError> {
        let changed = match &shared.by {
            By::Column(column) => {
                let column = SqlIdent::new(column.clone())?;
                format!("NEW.{column} IS DISTINCT FROM OLD.{column}")
            }
            _ => "false".to_owned(),
        };
        let find = self.find(shared, "NEW")?;
        let values = [
            ("number", self.number.as_str()),
            ("type", self.value_type.as_sql()),
            ("changed", &changed),
            ("find", &find),
        ];
        Ok(render(ROW, &values) + &self.links(shared)?)
    }

    fn links(&self, shared: &Shared) -> Result<String, OpsError> {
        let By::Links { columns, keys, .. } = &shared.by else { return Ok(String::new()) };
        let values = [
            ("number", self.number.clone()),
            ("type", self.value_type.as_sql().to_owned()),
            ("table", SqlIdent::new(shared.table.clone())?.to_string()),
            ("old", pairs("p", keys, "OLD", columns)?),
            ("new", pairs("p", keys, "NEW", columns)?),
            ("same", pairs("p", keys, "shared", keys)?),
            ("find", self.find(shared, "shared")?),
        ];
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Ok(render(LINKS, &values))
    }

    fn find(&self, shared: &Shared, row: &str) -> Result<String, OpsError> {
        let (scope, members) = (shared.scope(row, self.value_type)?, shared.members(row, self.value_type)?);
        let values = [
            ("scope", scope.as_str()),
            ("members", &members),
            ("id", &self.id),
            ("root", &self.root),
            ("nobody", NOBODY),
        ];
        Ok(render(FIND, &values))
    }
}
