//! All SQL of this crate, by name. Each text stands in a file of `queries/`, and a test prepares every one of them.

/// A statement and the name by which errors and tests call it.
#[derive(Debug, Clone, Copy)]
pub struct Query {
    pub name: &'static str,
    pub sql: &'static str,
}

/// `NAME = "file"`, or `NAME = "start" + "file"`: queries over the same rows share their beginning.
macro_rules! queries {
    ($($constant:ident = $first:literal $(+ $rest:literal)?,)*) => {
        $(pub(crate) const $constant: Query = queries!(@one $first $($rest)?);)*
        const ALL: &[Query] = &[$($constant),*];
    };
    (@one $name:literal) => {
        Query { name: $name, sql: include_str!(concat!("queries/", $name, ".sql")) }
    };
    (@one $start:literal $name:literal) => {
        Query {
            name: $name,
            sql: concat!(
                include_str!(concat!("queries/", $start, ".sql")),
                include_str!(concat!("queries/", $name, ".sql"))
            ),
        }
    };
}

queries! {
    MIGRATION_LOCK = "migration_lock",
    MIGRATIONS_APPLIED = "migrations_applied",
    MIGRATION_RECORD = "migration_record",
    OPERATION_LOCK = "operation_lock",
    OPERATION_UNLOCK = "operation_unlock",
    STILL_VALID = "still_valid",

    CLUSTER_BY_NAME = "cluster_select" + "cluster_by_name",
    CLUSTER_LIST = "cluster_select" + "cluster_list",
    CLUSTER_UPSERT = "cluster_upsert",
    CLUSTER_DELETE = "cluster_delete",

    DATABASE_BY_ID = "database_select" + "database_by_id",
    DATABASE_BY_NAME = "database_select" + "database_by_name",
    DATABASE_LIST = "database_select" + "database_list",
    DATABASE_UPSERT = "database_upsert",
    DATABASE_OWN = "database_select" + "database_own",
    DATABASE_FOLLOW_LIMITS = "database_follow_limits",
    DATABASE_TENANTS = "database_tenants",
    DATABASE_SET_STATE = "database_set_state",
    DATABASE_SET_FINGERPRINT = "database_set_fingerprint",
    DATABASE_ROTATE_KEY = "database_rotate_key",
    DATABASE_RETIRE_KEY = "database_retire_key",
    DATABASE_DELETE = "database_delete",

    PLAN_BY_NAME = "plan_select" + "plan_by_name",
    PLAN_LIST = "plan_select" + "plan_list",
    PLAN_UPSERT = "plan_upsert",
    PLAN_DELETE = "plan_delete",

    TENANT_BY_KEY = "tenant_select" + "tenant_by_key",
    TENANT_BY_ID = "tenant_select" + "tenant_by_id",
    TENANT_LIST = "tenant_select" + "tenant_list",
    TENANT_INSERT = "tenant_insert",
    TENANT_BRING = "tenant_bring",
    TENANT_BY_IDENTITY = "tenant_select" + "tenant_by_identity",
    TENANT_TAKEN_KEYS = "tenant_taken_keys",
    TENANT_ACTIVATE_ALL = "tenant_activate_all",
    TENANT_RESERVE_IDS = "tenant_reserve_ids",
    TENANT_RAISE_IDS = "tenant_raise_ids",
    TENANT_SET_STATE = "tenant_set_state",
    TENANT_RENAME = "tenant_rename",
    TENANT_SET_LIMITS = "tenant_set_limits",
    TENANT_DELETE = "tenant_delete",
    TENANT_SIMILAR_KEYS = "tenant_similar_keys",

    DOMAIN_ADD = "domain_add",
    DOMAIN_OWNER = "domain_owner",
    DOMAIN_REMOVE = "domain_remove",

    PLACEMENT_GET = "placement_get",
    PLACEMENT_SET = "placement_set",
    PLACEMENT_RAISE_EPOCH = "placement_raise_epoch",

    LOGIN_BY_NAME = "login_select" + "login_by_name",
    LOGIN_LIST = "login_select" + "login_list",
    LOGIN_UPSERT = "login_upsert",
    LOGIN_SET_ALL = "login_set_all",
    LOGIN_SET_DISABLED = "login_set_disabled",
    LOGIN_SET_VALID_UNTIL = "login_set_valid_until",
    LOGIN_SET_MAX_CONNECTIONS = "login_set_max_connections",
    LOGIN_SET_CERTIFICATES = "login_set_certificates",
    LOGIN_SET_ADMIN = "login_set_admin",
    LOGIN_SET_READ_ONLY = "login_set_read_only",
    LOGIN_SET_POOL_MODE = "login_set_pool_mode",
    LOGIN_UNBIND = "login_unbind",
    LOGIN_BIND = "login_bind",
    LOGIN_DELETE = "login_delete",

    SCHEMA_LOCK = "schema_lock",
    SCHEMA_CURRENT = "schema_current",
    SCHEMA_CURRENT_VERSION = "schema_current_version",
    SCHEMA_RECORD = "schema_record",

    AUDIT_INSERT = "audit_insert",
    AUDIT_LIST = "audit_list",

    GATEWAY_LIST = "gateway_list",
    GATEWAY_ACKNOWLEDGE = "gateway_acknowledge",
    GATEWAY_REGISTER = "gateway_register",
    GATEWAY_PEERS = "gateway_peers",

    FEED_STATE = "feed_state",
    FEED_CHANGES = "feed_changes",
    ROUTE_TENANTS_AFTER = "route_tenants" + "route_tenants_after",
    ROUTE_TENANTS_OF = "route_tenants" + "route_tenants_of",
    ROUTE_TENANTS_OF_PLANS = "route_tenants" + "route_tenants_of_plans",
    ROUTE_DATABASES_AFTER = "route_databases" + "route_databases_after",
    ROUTE_DATABASES_OF = "route_databases" + "route_databases_of",
    ROUTE_DATABASES_OF_CLUSTERS = "route_databases" + "route_databases_of_clusters",
    ROUTE_LOGINS_AFTER = "route_logins" + "route_logins_after",
    ROUTE_LOGINS_OF = "route_logins" + "route_logins_of",
}

/// Every statement that this crate prepares.
pub fn queries() -> &'static [Query] {
    ALL
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that no query uses is dead, and no test would prepare it.
    #[test]
    fn every_file_is_part_of_a_query() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/src/queries");
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let batch = path.ends_with("migration_table.sql");
            assert!(batch || ALL.iter().any(|query| query.sql.contains(&text)), "{}", path.display());
        }
    }
}
