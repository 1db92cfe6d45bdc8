//! Tenantry's own placements: a fresh cluster with the sample product and tenants in all three models is clean.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use tenantry_audit::{Access, Ask, Options, Report, attack, audit, connect, drift, fix};
use tenantry_catalog::{Catalog, CatalogConfig};
use tenantry_core::{ContextKind, KeyId, MasterKey, Secret, SqlIdent, TenancyModel, TenantKey};
use tenantry_ops::cluster::{self, AddCluster};
use tenantry_ops::isolation::TenantType;
use tenantry_ops::schema::{self, Source};
use tenantry_ops::tenant::{self, CreateTenant, TenantInfo};
use tenantry_ops::{ClusterAccess, Control, Silent};
use tenantry_schema::{Declaration, Kind, TableEntry};
use tenantry_testkit::{Postgres, fresh_database, shared, versions_for_tests};

pub(crate) const CLUSTER: &str = "main";
static NEXT_IDS: AtomicI64 = AtomicI64::new(500_000);

struct World {
    postgres: &'static Postgres,
    control: Control,
    pool: SqlIdent,
    tenants: Vec<TenantInfo>,
}

/// A catalog with nothing in it yet, and the first of the ids that it gives out: roles of tenants are the server's.
pub(crate) async fn deployment(version: u32) -> (&'static Postgres, Control, i64) {
    let postgres = shared(version).await;
    let database = fresh_database(postgres, "catalog").await;
    let config = CatalogConfig::new(postgres.host(), postgres.port(), postgres.superuser(), &database)
        .with_password(postgres.password().clone());
    let catalog = Catalog::connect(config).await.unwrap();
    catalog.migrate().await.unwrap();
    let first = NEXT_IDS.fetch_add(1_000, Ordering::Relaxed);
    let admin = postgres.connect(&database).await.unwrap();
    admin
        .batch_execute(&format!("ALTER TABLE tenantry.tenants ALTER id RESTART WITH {first}"))
        .await
        .unwrap();
    let access = ClusterAccess {
        host: postgres.host().to_owned(),
        port: postgres.port(),
        more_hosts: Vec::new(),
        replicas: Vec::new(),
        user: postgres.superuser().to_owned(),
        password: Some(postgres.password().clone()),
        maintenance_database: "postgres".into(),
        tls: tenantry_core::ServerTls::default(),
    };
    let control = Control {
        catalog,
        master_key: MasterKey::generate(),
        clusters: BTreeMap::from([(CLUSTER.to_owned(), access)]),
        actor: "test".into(),
    };
    (postgres, control, first)
}

impl World {
    /// Two tenants in each model.
    async fn new(version: u32, context: ContextKind) -> Self {
        let (postgres, control, first) = deployment(version).await;
        let pool = SqlIdent::new(format!("audit_pool_{first}")).unwrap();
        let add = AddCluster {
            name: CLUSTER.into(),
            pools: vec![pool.clone()],
            tenant_type: TenantType::Bigint,
            context: Some(context),
            max_connections: 20,
            cluster_connections: None,
        };
        cluster::add(&control, &add, &Silent).await.unwrap();
        let source = Source {
            file: "schema.sql".into(),
            sql: include_str!("../../../../examples/sample/schema.sql").into(),
        };
        let plain = schema::load(&control, CLUSTER, &source, &declaration()).await.unwrap();
        schema::publish(&control, &source, &plain).await.unwrap();
        let mut tenants = Vec::new();
        for model in TenancyModel::ALL {
            for name in ["a", "b"] {
                let key = TenantKey::new(format!("{model}-{name}")).unwrap();
                let request = CreateTenant { model: Some(model), ..CreateTenant::new(key) };
                tenants.push(tenant::create(&control, &request, &Silent).await.unwrap());
            }
        }
        Self { postgres, control, pool, tenants }
    }

    fn access(&self, database: &str) -> Access {
        Access {
            host: self.postgres.host().to_owned(),
            port: self.postgres.port(),
            user: self.postgres.superuser().to_owned(),
            password: Some(self.postgres.password().clone()),
            database: database.to_owned(),
        }
    }

    /// Every data database, with what was declared.
    async fn audit(&self) -> Report {
        let mut report = Report::default();
        let mut copies = Vec::new();
        let databases = [self.pool.as_str().to_owned()].into_iter().chain(
            self.tenants[4..].iter().map(|tenant| tenant.placement.as_ref().unwrap().database.clone()),
        );
        for database in databases {
            let ask = Ask { declaration: Some(declaration()), ..Ask::default() };
            let mut client = connect(&self.access(&database)).await.unwrap();
            let (one, found) = audit(&mut client, &ask, &Options::default()).await.unwrap();
            assert_eq!(one.audited[0].origin, "tenantry");
            copies.extend(found.copies);
            report.merge(one);
        }
        report.findings.extend(drift(&copies));
        report
    }

    fn seat(&self, tenant: &TenantInfo) -> attack::Seat {
        let placement = tenant.placement.as_ref().unwrap();
        let login = match placement.model {
            TenancyModel::Database => format!("tenantry_t{}", tenant.id),
            _ => format!("tenantry_app_{}", placement.database),
        };
        let stable = format!("{CLUSTER}/{}", placement.database);
        let password = Secret::new(self.control.master_key.login_password(&stable, &login).expose());
        let access = Access { user: login, password: Some(password), ..self.access(&placement.database) };
        attack::Seat::Token(Box::new(attack::Token {
            access,
            schema: placement.schema.clone(),
            key: self.control.master_key.context_key(&stable, KeyId::new(1)),
            tenant: tenant.id,
            epoch: placement.epoch,
        }))
    }
}

fn declaration() -> Declaration {
    let mut declaration = Declaration::default();
    declaration.tables.insert("countries".into(), TableEntry::Kind(Kind::Global));
    declaration
}

/// Notes that every placement of the sample gets, and that are documented: facts of sharing, not faults.
pub(crate) const KNOWN: &[&str] = &[
    // Indexes that row-level security makes useless (jsonb, lower(name), enums): the price of shared tables.
    "note[leakproof]",
    "note[index]",
    // Sequences count over all tenants; a copy of a global table is not checked against the references to it.
    "note[sequence]",
    "note[foreign-key]",
    // Facts of the test server.
    "[host-authentication]",
    "[role-password]",
    "[server-binary-replaced]",
];

#[tokio::test]
async fn fresh_placements_of_all_models_are_clean() {
    for version in versions_for_tests() {
        for context in [ContextKind::Carrier, ContextKind::Signed] {
            let world = World::new(version, context).await;
            let report = world.audit().await;
            let unknown: Vec<String> = crate::lab::lines(&report)
                .into_iter()
                .filter(|line| !KNOWN.iter().any(|known| line.contains(known)))
                .collect();
            assert!(unknown.is_empty(), "{version} {context:?}: {unknown:#?}");
        }
    }
}

#[tokio::test]
async fn what_is_broken_in_a_placement_is_found() {
    let breaks: &[(&str, &str)] = &[
        ("ALTER TABLE public.projects DISABLE ROW LEVEL SECURITY", "row-security"),
        ("DROP POLICY tenantry_floor ON public.tasks", "row-security"),
        ("ALTER TABLE public.tasks ALTER tenant_id DROP DEFAULT", "tenant-column"),
        ("CREATE TABLE public.sneaked (id bigint PRIMARY KEY, body text)", "tenant-column"),
        ("CREATE TABLE reporting.kept (tenant_id bigint)", "table-elsewhere"),
        ("GRANT TRUNCATE ON public.projects TO {app}", "grant-truncate"),
        ("GRANT EXECUTE ON FUNCTION pg_cancel_backend(int) TO {app}", "surface"),
        ("GRANT EXECUTE ON FUNCTION tenancy.put_key(int, bytea) TO {app}", "context-core"),
        ("ALTER TABLE {schema}.projects ADD COLUMN extra text", "schema-drift"),
        ("DROP INDEX {schema}.tasks_parent_idx", "schema-drift"),
        ("GRANT SELECT ON {schema}.members TO pg_read_all_settings", "schema-drift"),
        ("CREATE UNIQUE INDEX told ON public.members (email)", "unique"),
        ("ALTER ROLE {app} CREATEDB", "role-attributes"),
        ("GRANT INSERT ON public.projects TO {reader}", "reader-rights"),
        ("GRANT CREATE ON SCHEMA public TO {reader}", "grant-create"),
    ];
    let version = *versions_for_tests().last().unwrap();
    let world = World::new(version, ContextKind::Carrier).await;
    let admin = world.postgres.connect(world.pool.as_str()).await.unwrap();
    admin.batch_execute("CREATE SCHEMA reporting").await.unwrap();
    for (sql, _) in breaks {
        let sql = sql
            .replace("{app}", &format!("tenantry_app_{}", world.pool.as_str()))
            .replace("{reader}", &format!("tenantry_ro_{}", world.pool.as_str()))
            .replace("{schema}", world.tenants[2].placement.as_ref().unwrap().schema.as_str());
        admin.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    let lines = crate::lab::lines(&world.audit().await);
    for (sql, rule) in breaks {
        assert!(lines.iter().any(|line| line.contains(&format!("[{rule}]"))), "{sql}: {lines:#?}");
    }
    let drifted = lines.iter().find(|line| line.contains("[schema-drift]")).unwrap();
    assert!(
        drifted.contains("column projects.extra") && drifted.contains("index tasks_parent_idx"),
        "{drifted}"
    );
    assert!(drifted.contains("grants on table members to a role of its own"), "{drifted}");
}

/// Ways in which the reader may do more than read, or less than it should; each is mended.
#[tokio::test]
async fn what_a_reader_may_do_is_looked_at_and_mended() {
    const BREAKS: [(&str, &str); 10] = [
        ("GRANT UPDATE ON public.projects TO {reader}", "projects: tenantry_ro_"),
        ("GRANT INSERT (name) ON public.members TO {reader}", "members: tenantry_ro_"),
        ("GRANT TRUNCATE ON {schema}.tasks TO {reader}", "tasks: tenantry_ro_"),
        ("CREATE SEQUENCE public.own; GRANT UPDATE ON SEQUENCE public.own TO {reader}", "sequence own: "),
        ("GRANT CREATE ON SCHEMA {schema} TO {reader}", "the schema: "),
        ("GRANT TEMPORARY ON DATABASE {database} TO {reader}", "database: "),
        ("GRANT EXECUTE ON PROCEDURE tenancy.begin_copy(regclass, text[]) TO {reader}", "procedure tenancy.begin_copy"),
        (
            "CREATE FUNCTION public.acts() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp RETURN 1;
             ALTER FUNCTION public.acts() OWNER TO tenantry_owner",
            "function public.acts(): ",
        ),
        ("REVOKE SELECT ON public.tasks FROM {reader}", "tasks: tenantry_ro_"),
        (
            "CREATE FUNCTION public.asks() RETURNS int LANGUAGE sql SET search_path = pg_catalog, pg_temp RETURN 1;
             ALTER FUNCTION public.asks() OWNER TO tenantry_owner;
             REVOKE EXECUTE ON FUNCTION public.asks() FROM PUBLIC; GRANT EXECUTE ON FUNCTION public.asks() TO {app}",
            "function public.asks(): ",
        ),
    ];
    for version in versions_for_tests() {
        let world = World::new(version, ContextKind::Carrier).await;
        let mut admin = world.postgres.connect(world.pool.as_str()).await.unwrap();
        for (sql, _) in BREAKS {
            let sql = sql
                .replace("{app}", &format!("tenantry_app_{}", world.pool.as_str()))
                .replace("{reader}", &format!("tenantry_ro_{}", world.pool.as_str()))
                .replace("{database}", world.pool.as_str())
                .replace("{schema}", world.tenants[2].placement.as_ref().unwrap().schema.as_str());
            admin.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
        let drifted = crate::lab::lines(&world.audit().await);
        let drifted = drifted.iter().find(|line| line.contains("[schema-drift]")).unwrap();
        assert!(drifted.contains("grants on table tasks to the reader"), "{drifted}");
        let told = async || {
            let mut report = world.audit().await;
            report.findings.retain(|finding| finding.rule == "reader-rights");
            report
        };
        let report = told().await;
        let lines = crate::lab::lines(&report);
        for (sql, start) in BREAKS {
            assert!(
                lines.iter().any(|line| line.contains(&format!("[reader-rights] {start}"))),
                "{sql}: {lines:#?}"
            );
        }
        assert_eq!(lines.len(), BREAKS.len(), "{lines:#?}");
        for batch in fix::apply(&mut admin, &fix::plan(&report, world.pool.as_str())).await.unwrap() {
            assert!(batch.error.is_none(), "{:?}: {:?}", batch.statements, batch.error);
        }
        let left = crate::lab::lines(&told().await);
        assert!(left.is_empty(), "{left:#?}");
        // A database of an older version has none.
        let login = format!("tenantry_ro_{}", world.pool.as_str());
        admin.batch_execute(&format!("DROP OWNED BY {login}; DROP ROLE {login}")).await.unwrap();
        let left = crate::lab::lines(&told().await);
        assert!(left.len() == 1 && left[0].contains("it has no reader beside it"), "{left:#?}");
    }
}

#[tokio::test]
async fn no_attack_gets_from_one_placement_to_another() {
    for version in versions_for_tests() {
        for context in [ContextKind::Carrier, ContextKind::Signed] {
            let world = World::new(version, context).await;
            for pair in world.tenants.chunks(2) {
                let (own, theirs) =
                    (pair[0].placement.as_ref().unwrap(), pair[1].placement.as_ref().unwrap());
                let (attacker, victim) = (world.seat(&pair[0]), world.seat(&pair[1]));
                let seeded =
                    attack::seed(&attacker, &victim, own.schema.as_str(), "tenant_id").await.unwrap();
                let forged = match context {
                    ContextKind::Carrier => ("backtrace_functions".to_owned(), format!("t_{}", pair[1].id)),
                    ContextKind::Signed => {
                        ("tenancy.context".to_owned(), format!("1|{}|1|{}", pair[1].id, "0".repeat(64)))
                    }
                };
                let stage = attack::Stage {
                    column: (own.model == TenancyModel::Shared).then(|| "tenant_id".to_owned()),
                    own: format!("'{}'", pair[0].id),
                    other: format!("'{}'", pair[1].id),
                    other_table: (own.model == TenancyModel::Schema)
                        .then(|| format!("{}.{}", theirs.schema, seeded.table)),
                    setting: Some(forged),
                    other_database: (own.model == TenancyModel::Database).then(|| theirs.database.clone()),
                    ..seeded
                };
                let tried = attack::attack(&attacker, &stage).await.unwrap();
                let bad: Vec<_> = tried
                    .iter()
                    .filter(|tried| {
                        matches!(
                            tried.outcome,
                            attack::Outcome::Leaked { .. } | attack::Outcome::Broken { .. }
                        )
                    })
                    .collect();
                assert!(bad.is_empty(), "{version} {context:?} {}: {bad:#?}", own.model);
                let refused = tried
                    .iter()
                    .filter(|tried| matches!(tried.outcome, attack::Outcome::Refused { .. }))
                    .count();
                assert!(refused > 20, "{version} {context:?} {}: {refused} refused", own.model);
            }
        }
    }
}
