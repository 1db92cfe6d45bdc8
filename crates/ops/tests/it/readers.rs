//! The reader beside the application's role: what it may see and not do, in databases that are made now and in those that were
//! there before it.

use crate::support::{ACME, BOTH, Data, PASSWORD, Session, core};
use crate::world::{CLUSTER, Recorder, SCHEMA, World, declaration, request, source};
use tenantry_core::{ContextKind, TenancyModel};
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::isolation::{self, Installed};
use tenantry_ops::{Silent, cluster, schema, tenant};
use tenantry_testkit::versions_for_tests;
use tokio_postgres::{Client, NoTls};

fn reader_of(name: &str) -> String {
    tenantry_core::reader_of(&format!("tenantry_app_{name}"))
}

impl Data {
    /// A session of the reader's.
    async fn reading(&self) -> Session {
        let mut config = self.config(&self.name);
        config.user(reader_of(&self.name)).password(PASSWORD);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("SET search_path = public").await.unwrap();
        Session { client, key: self.key.clone() }
    }

    /// What would have to be done to the reader's rights.
    async fn lacking(&self) -> Vec<String> {
        lacking(&self.admin, &format!("tenantry_app_{}", self.name)).await
    }

    /// Makes it a database of version 5, which had no reader.
    async fn grow_old(&self) {
        make_old(&self.admin, &reader_of(&self.name)).await;
    }
}

async fn lacking(admin: &Client, login: &str) -> Vec<String> {
    let sql = "SELECT * FROM tenancy.reader_grants($1, $2)";
    let rows = admin.query(sql, &[&login, &tenantry_core::reader_of(login)]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn make_old(admin: &Client, reader: &str) {
    let sql = format!(
        "DROP OWNED BY \"{reader}\"; DROP ROLE \"{reader}\"; DROP FUNCTION tenancy.reader_grants(name, name);
         UPDATE tenancy.core SET version = 5"
    );
    admin.batch_execute(&sql).await.unwrap();
}

async fn code(session: &Session, sql: &str) -> String {
    let error = session.client.batch_execute(sql).await.expect_err(sql);
    error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned())
}

const PARTS: &str = "
CREATE SCHEMA other AUTHORIZATION tenantry_owner;
CREATE VIEW notes_seen WITH (security_invoker = true) AS SELECT body FROM notes;
CREATE MATERIALIZED VIEW numbers AS SELECT 1 AS n;
CREATE TABLE other.part (id int, secret text);
CREATE SEQUENCE taken;
CREATE FUNCTION asks() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION acts() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION asks(), acts() FROM PUBLIC;
GRANT USAGE ON SCHEMA other TO {login};
GRANT SELECT, INSERT ON notes_seen TO {login};
GRANT SELECT ON numbers TO {login};
GRANT SELECT (id), INSERT (id, secret) ON other.part TO {login};
GRANT USAGE ON SEQUENCE taken TO {login};
GRANT EXECUTE ON FUNCTION asks(), acts() TO {login};";

/// What is granted to the application's role is mirrored, whoever has made it: nothing that writes, and no function with its
/// owner's rights.
#[tokio::test]
async fn an_older_database_gets_a_reader_who_sees_what_is_there() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let mut data = Data::new(version, kind, "reader_old").await;
            let login = format!("\"tenantry_app_{}\"", data.name);
            data.admin
                .batch_execute(&format!("SET search_path TO public; {}", PARTS.replace("{login}", &login)))
                .await
                .unwrap();
            data.admin.batch_execute("RESET search_path; DROP POLICY allow ON notes").await.unwrap();
            data.admin
                .batch_execute("CREATE POLICY allow ON notes USING (true) WITH CHECK (true)")
                .await
                .unwrap();
            data.grow_old().await;
            let core = core(&data.name, kind);
            let done = isolation::install(&mut data.admin, &core).await.unwrap();
            assert_eq!(done, Installed::UpgradedFrom(5), "{}", data.label());
            assert!(data.lacking().await.is_empty(), "{}", data.label());

            let session = data.reading().await;
            // No tenant, no rows; the wrong signature, no tenant.
            assert_eq!(session.one("SELECT count(*) FROM notes").await.unwrap().as_deref(), Some("0"));
            assert_eq!(session.enter(ACME).await, "entered", "{}", data.label());
            assert_eq!(
                session
                    .one("SELECT count(*) || ' ' || min(tenant_id) || max(tenant_id) FROM notes")
                    .await
                    .unwrap(),
                Some("5 77".to_owned()),
                "{}",
                data.label()
            );
            assert_eq!(data.holders(ACME).await, 1, "{}", data.label());
            for (sql, expected) in [
                ("SELECT count(*) FROM notes_seen", "5"),
                ("SELECT n FROM numbers", "1"),
                ("SELECT count(id) FROM other.part", "0"),
                ("SELECT asks()", "1"),
            ] {
                assert_eq!(
                    session.one(sql).await.unwrap().as_deref(),
                    Some(expected),
                    "{}: {sql}",
                    data.label()
                );
            }
            for sql in [
                "INSERT INTO notes (body) VALUES ('x')",
                "UPDATE notes SET body = 'x'",
                "DELETE FROM notes",
                "TRUNCATE notes",
                "SELECT id FROM notes FOR KEY SHARE",
                "INSERT INTO notes_seen VALUES ('x')",
                "REFRESH MATERIALIZED VIEW numbers",
                "INSERT INTO other.part (id) VALUES (1)",
                "SELECT secret FROM other.part",
                "SELECT nextval('taken')",
                "SELECT nextval('notes_id_seq')",
                "SELECT acts()",
                "SELECT count(*) FROM events_0",
                "CREATE TABLE mine ()",
                "CREATE TEMPORARY TABLE mine ()",
                "CREATE SCHEMA mine",
                "CALL tenancy.begin_copy('notes', ARRAY['id'])",
                "SELECT tenancy.put_key(1, ''::bytea)",
                "UPDATE tenancy.gate SET state = 'active'",
                "SET ROLE tenantry_owner",
                "SELECT * FROM tenancy.reader_grants('a', 'b')",
            ] {
                assert_eq!(code(&session, sql).await, "42501", "{}: {sql}", data.label());
            }
            assert_eq!(code(&session, &format!("SET ROLE {login}")).await, "42501", "{}", data.label());
            // Again is nothing to do, and what was done to it meanwhile is undone.
            assert_eq!(isolation::install(&mut data.admin, &core).await.unwrap(), Installed::Again);
            let reader = reader_of(&data.name);
            data.admin
                .batch_execute(&format!(
                    "GRANT INSERT, DELETE ON notes TO \"{reader}\"; GRANT UPDATE (body) ON notes TO \"{reader}\";
                     GRANT CREATE ON SCHEMA other TO \"{reader}\"; GRANT EXECUTE ON FUNCTION acts() TO \"{reader}\";
                     GRANT USAGE ON SEQUENCE taken TO \"{reader}\"; GRANT TEMP ON DATABASE {} TO \"{reader}\";
                     REVOKE SELECT ON numbers FROM \"{reader}\"; REVOKE SELECT ON events FROM {login};
                     ALTER ROLE \"{reader}\" SET default_transaction_read_only = off",
                    data.name
                ))
                .await
                .unwrap();
            assert_eq!(data.lacking().await.len(), 9, "{}: {:?}", data.label(), data.lacking().await);
            isolation::install(&mut data.admin, &core).await.unwrap();
            assert!(data.lacking().await.is_empty(), "{}", data.label());
            let session = data.reading().await;
            for sql in
                ["INSERT INTO notes (body) VALUES ('x')", "SELECT acts()", "SELECT count(*) FROM events"]
            {
                assert_eq!(code(&session, sql).await, "42501", "{}: {sql}", data.label());
            }
        }
    }
}

#[tokio::test]
async fn a_role_that_may_do_more_is_not_taken_for_the_reader() {
    let mut data = Data::new(versions_for_tests()[0], ContextKind::Carrier, "reader_more").await;
    let reader = reader_of(&data.name);
    data.admin.batch_execute(&format!("GRANT tenantry_owner TO \"{reader}\"")).await.unwrap();
    let error = isolation::install(&mut data.admin, &core(&data.name, data.kind)).await.unwrap_err();
    assert!(format!("{error:?}").contains(&reader), "{error:?}");
}

/// The login roles of a tenant's database.
fn login_of(world: &World, tenant: &tenant::TenantInfo) -> (String, String) {
    let placement = tenant.placement.as_ref().unwrap();
    let login = match placement.model {
        TenancyModel::Database => format!("tenantry_t{}", tenant.id),
        TenancyModel::Shared | TenancyModel::Schema => format!("tenantry_app_{}", world.pool.as_str()),
    };
    (placement.database.clone(), login)
}

/// The grants that come with the tables and those that the core finds lacking are the same.
#[tokio::test]
async fn tables_of_every_model_come_with_the_reader_s_rights() {
    const MORE: &str = "
CREATE VIEW short_names AS SELECT code FROM countries;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM countries;
CREATE SEQUENCE numbers;
CREATE TABLE tickets (id bigint PRIMARY KEY DEFAULT nextval('numbers'), body text);
CREATE VIEW open_tickets AS SELECT id, body FROM tickets;
CREATE MATERIALIZED VIEW tickets_counted AS SELECT count(*) AS n FROM tickets;
CREATE FUNCTION asks() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM tickets; END;";
    for version in versions_for_tests() {
        let world = World::new(version).await;
        let plain = source(&format!("{SCHEMA}\n{MORE}"));
        let loaded = schema::load(&world.control, CLUSTER, &plain, &declaration()).await.unwrap();
        schema::publish(&world.control, &plain, &loaded).await.unwrap();
        for (name, model) in [
            ("acme", TenancyModel::Shared),
            ("globex", TenancyModel::Schema),
            ("initech", TenancyModel::Database),
        ] {
            let tenant = tenant::create(&world.control, &request(name, model), &Silent).await.unwrap();
            let (database, login) = login_of(&world, &tenant);
            let admin = world.admin(&database).await;
            assert_eq!(lacking(&admin, &login).await, Vec::<String>::new(), "{version} {model}");
            let schema = tenant.placement.as_ref().unwrap().schema.as_str().to_owned();
            let may = "SELECT bool_and(has_table_privilege($1, c.oid, 'SELECT')), bool_or(has_any_column_privilege($1, c.oid, 'INSERT, UPDATE')),
                              count(*) FROM pg_class c WHERE c.relnamespace = $2::text::regnamespace AND c.relname IN ('tickets', 'open_tickets', 'countries')";
            let row = admin.query_one(may, &[&tenantry_core::reader_of(&login), &schema]).await.unwrap();
            assert_eq!((row.get(0), row.get(1)), (true, false), "{version} {model}");
            assert!(row.get::<_, i64>(2) >= 2, "{version} {model}");
            if model == TenancyModel::Database {
                assert_eq!(world.has(&database, &tenantry_core::reader_of(&login)).await, (true, true));
                let (loss, fence) = (tenant::DataLoss::Accept, FenceOptions::default());
                tenant::drop(&world.control, &tenant.key, loss, &fence, &Silent).await.unwrap();
                assert_eq!(world.has(&database, &tenantry_core::reader_of(&login)).await, (false, false));
            }
        }
    }
}

/// `cluster add`, run again, finds the pools and the tenants' own databases; applying a schema and making a tenant see to the pool.
#[tokio::test]
async fn older_databases_are_upgraded_where_they_are_used_next() {
    let world = World::new(*versions_for_tests().last().unwrap()).await;
    let own =
        tenant::create(&world.control, &request("initech", TenancyModel::Database), &Silent).await.unwrap();
    tenant::create(&world.control, &request("acme", TenancyModel::Shared), &Silent).await.unwrap();
    let (database, login) = login_of(&world, &own);
    let pool_login = format!("tenantry_app_{}", world.pool.as_str());
    let age = async || {
        make_old(&world.admin(&database).await, &tenantry_core::reader_of(&login)).await;
        make_old(&world.admin(world.pool.as_str()).await, &tenantry_core::reader_of(&pool_login)).await;
    };
    age().await;
    let recorder = Recorder::default();
    cluster::add(&world.control, &world.add_cluster(), &recorder).await.unwrap();
    let installed = |lines: &[String]| lines.iter().filter(|line| *line == "did install-core").count();
    assert_eq!(installed(&recorder.lines()), 2, "{:?}", recorder.lines());
    for (database, login) in [(database.as_str(), &login), (world.pool.as_str(), &pool_login)] {
        let admin = world.admin(database).await;
        assert_eq!(lacking(&admin, login).await, Vec::<String>::new(), "{database}");
        let limits = "SELECT count(DISTINCT rolconnlimit) FROM pg_roles WHERE rolname = ANY ($1)";
        let names = [login.clone(), tenantry_core::reader_of(login)];
        assert_eq!(admin.query_one(limits, &[&&names[..]]).await.unwrap().get::<_, i64>(0), 1, "{database}");
    }
    let recorder = Recorder::default();
    cluster::add(&world.control, &world.add_cluster(), &recorder).await.unwrap();
    assert_eq!(installed(&recorder.lines()), 0, "{:?}", recorder.lines());

    age().await;
    let recorder = Recorder::default();
    tenant::create(&world.control, &request("globex", TenancyModel::Schema), &recorder).await.unwrap();
    assert_eq!(installed(&recorder.lines()), 1, "{:?}", recorder.lines());
    assert_eq!(lacking(&world.admin(world.pool.as_str()).await, &pool_login).await, Vec::<String>::new());
    make_old(&world.admin(world.pool.as_str()).await, &tenantry_core::reader_of(&pool_login)).await;
    let recorder = Recorder::default();
    schema::apply(&world.control, CLUSTER, world.pool.as_str(), &recorder).await.unwrap();
    assert_eq!(recorder.lines(), ["did install-core", "found apply-schema"]);
    // What is missing is told.
    let findings = cluster::check(&world.control, CLUSTER).await.unwrap();
    assert!(!findings.iter().any(|finding| finding.place == world.pool.as_str() && finding.rule == "login"));
    let reader = tenantry_core::reader_of(&pool_login);
    world
        .admin("postgres")
        .await
        .batch_execute(&format!("ALTER ROLE \"{reader}\" PASSWORD 'other'"))
        .await
        .unwrap();
    let findings = cluster::check(&world.control, CLUSTER).await.unwrap();
    assert!(
        findings.iter().any(|finding| finding.rule == "login" && finding.message.contains(&reader)),
        "{findings:?}"
    );
}
