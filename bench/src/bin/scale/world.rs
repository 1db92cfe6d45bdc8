//! One pool: tenants that share tables, and tenants with schemas of their own.

use crate::child::database;
use anyhow::{Context, Result};
use tenantry_core::{ContextKind, MasterKey, SqlIdent, reader_of};
use tenantry_ops::isolation::{self, Core, TenantType};
use tenantry_testkit::Postgres;
use tenantry_wire::scram::Verifier;

/// Tenants that may be added later have their gate already.
pub(crate) const LATER: u32 = 20_000;
/// Ids of the tenants with schemas begin here.
pub(crate) const FIRST_SCHEMA: i64 = 10_000_000;

pub(crate) async fn build(postgres: &Postgres, key: &MasterKey, tenants: u32, schemas: u32) -> Result<()> {
    let route = database(postgres.port(), 1);
    postgres.connect("postgres").await?.batch_execute(&format!("CREATE DATABASE {}", route.name)).await?;
    let mut admin = postgres.connect(&route.name).await?;
    let verifier = |role: &str| {
        Verifier::generate(key.login_password(&route.stable_name, role).expose(), 4_096).to_string()
    };
    let core = Core {
        tenant_type: TenantType::Bigint,
        context: ContextKind::Carrier,
        login: SqlIdent::new(&*route.login)?,
        verifier: verifier(&route.login),
        reader_verifier: verifier(&reader_of(&route.login)),
        connection_limit: None,
    };
    isolation::install(&mut admin, &core).await?;
    isolation::put_key(&mut admin, &key.context_key(&route.stable_name, route.key)).await?;
    let sql = include_str!("world.sql").replace("{last}", &(tenants + LATER).to_string());
    admin.batch_execute(&sql).await.context("making the gates")?;
    for n in 0..schemas {
        let sql =
            include_str!("schema.sql").replace("{schema}", &format!("s{n}")).replace("{login}", &route.login);
        let sql = sql.replace("{id}", &(FIRST_SCHEMA + i64::from(n)).to_string());
        admin.batch_execute(&sql).await.with_context(|| format!("making the schema s{n}"))?;
    }
    Ok(admin.batch_execute("VACUUM (ANALYZE) tenancy.gate").await?)
}
