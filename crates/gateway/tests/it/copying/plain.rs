//! The schema engine's rewriter, of the plain tables of a tenant with a database of its own.

use crate::world::World;
use std::sync::Arc;
use tenantry_core::{SqlIdent, TenancyModel};
use tenantry_gateway::Rewriters;
use tenantry_schema::{Declaration, introspection, introspection_settings, read};

/// For all databases, from what `initech` has.
pub(crate) async fn rewriters(world: &World) -> Arc<Rewriters> {
    let admin = world.admin_of(TenancyModel::Database, 5).await;
    let settings = introspection_settings(&SqlIdent::new("public").unwrap());
    admin.batch_execute(&format!("BEGIN; {settings}")).await.unwrap();
    let mut facts = Vec::new();
    for query in introspection() {
        facts.push((query.name.to_owned(), admin.query_one(query.sql, &[]).await.unwrap().get(0)));
    }
    admin.batch_execute("COMMIT").await.unwrap();
    let declaration: Declaration = toml::from_str("").unwrap();
    Arc::new(tenantry_rewrite::rewriters(&read(&facts).unwrap(), &declaration))
}
