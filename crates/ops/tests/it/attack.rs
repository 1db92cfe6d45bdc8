//! The attack suite as far as SQL alone can carry it: each case is tried by a session that is inside one tenant, and
//! afterwards that session must see its own tenant's rows, never the other's, and still be able to work.

use crate::support::{ACME, Data, GLOBEX, Session, everywhere};
use tenantry_core::ContextKind;
use tokio_postgres::NoTls;

/// What a script may end in: `Denied` (SQLSTATE 42501) or anything, as long as nothing crosses.
enum Expect {
    Denied,
    Harmless,
}
use Expect::{Denied, Harmless};

const FORGERIES: &[(&str, Expect)] = &[
    ("SET backtrace_functions = 't_8'", Denied),
    ("SET LOCAL backtrace_functions = 't_8'", Denied),
    ("SET backtrace_functions = 's_8'", Denied),
    ("ALTER FUNCTION tenancy.shared_tenant_id() OWNER TO CURRENT_USER", Denied),
    ("SET SESSION backtrace_functions TO 't_8'", Denied),
    ("BEGIN; SET LOCAL backtrace_functions = 't_8'", Denied),
    ("SELECT set_config('backtrace_functions', 't_8', false)", Denied),
    ("SELECT set_config('backtrace_functions', 't_8', true)", Denied),
    (
        "WITH x AS MATERIALIZED (SELECT set_config('backtrace_functions', 't_8', false)) SELECT * FROM x, public.notes",
        Denied,
    ),
    ("UPDATE pg_settings SET setting = 't_8' WHERE name = 'backtrace_functions'", Denied),
    ("ALTER ROLE CURRENT_USER SET backtrace_functions = 't_8'", Denied),
    ("ALTER SYSTEM SET backtrace_functions = 't_8'", Denied),
    ("ALTER FUNCTION tenancy.tenant_id() SET backtrace_functions = 't_8'", Denied),
    ("ALTER FUNCTION tenancy.tenant_id() OWNER TO CURRENT_USER", Denied),
    (
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SET backtrace_functions = 't_8' AS 'SELECT 1'",
        Denied,
    ),
    ("DO $$ BEGIN SET backtrace_functions = 't_8'; END $$", Denied),
    (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        Harmless,
    ),
    (
        "SET tenancy.context = '1|8|1|0000000000000000000000000000000000000000000000000000000000000000'",
        Harmless,
    ),
    ("SET app.tenant_id = '8'; SET tenancy.tenant_id = '8'", Harmless),
    ("SET ROLE tenantry_owner", Denied),
    ("SET ROLE tenantry_context", Denied),
    ("SET ROLE postgres", Denied),
    ("SET SESSION AUTHORIZATION tenantry_owner", Denied),
    ("RESET SESSION AUTHORIZATION; RESET ROLE; SET ROLE NONE", Harmless),
    ("SET row_security = off; SELECT * FROM public.notes", Denied),
    ("SET session_replication_role = replica", Denied),
    ("SELECT tenancy.enter(1, 8, 1, NULL)", Harmless),
    ("SELECT tenancy.challenge(); SELECT tenancy.enter(77, 8, 1, NULL)", Harmless),
];

const BYPASSES: &[(&str, Expect)] = &[
    ("TRUNCATE public.notes", Denied),
    ("SELECT * FROM public.events_0", Denied),
    ("DELETE FROM public.events_0", Denied),
    ("INSERT INTO public.events_1 VALUES (99, 'x', 8)", Denied),
    ("INSERT INTO public.notes (id, owner, body, tenant_id) VALUES (99, 8, 'planted', 8)", Denied),
    ("UPDATE public.notes SET tenant_id = 8", Denied),
    (
        "INSERT INTO public.notes (id, body, tenant_id) VALUES (1, 'x', 8) ON CONFLICT (tenant_id, id) DO UPDATE SET body = 'y'",
        Denied,
    ),
    (
        "MERGE INTO public.notes n USING (SELECT 8 AS t) s ON n.tenant_id = s.t WHEN MATCHED THEN DELETE
      WHEN NOT MATCHED THEN INSERT (id, body, tenant_id) VALUES (99, 'm', 8)",
        Denied,
    ),
    ("COPY public.notes FROM STDIN", Harmless),
    ("ALTER TABLE public.notes DISABLE ROW LEVEL SECURITY", Denied),
    ("ALTER TABLE public.notes NO FORCE ROW LEVEL SECURITY", Denied),
    ("DROP POLICY floor ON public.notes", Denied),
    ("CREATE POLICY mine ON public.notes USING (true)", Denied),
    ("CREATE VIEW public.v AS SELECT * FROM public.notes", Denied),
    (
        "CREATE TRIGGER t BEFORE UPDATE ON public.notes EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        Denied,
    ),
    ("CREATE INDEX ON public.notes (body)", Denied),
    ("GRANT SELECT ON public.events_0 TO CURRENT_USER", Harmless),
    ("DROP TABLE public.notes", Denied),
    ("ANALYZE public.notes", Harmless),
    ("CREATE STATISTICS mine ON id, body FROM public.notes", Denied),
];

#[tokio::test]
async fn a_context_can_not_be_forged() {
    for data in everywhere("forge").await {
        attempt(&data, FORGERIES).await;
    }
}

#[tokio::test]
async fn row_security_can_not_be_passed_by() {
    for data in everywhere("bypass").await {
        attempt(&data, BYPASSES).await;
    }
}

async fn attempt(data: &Data, scripts: &[(&str, Expect)]) {
    for (script, expect) in scripts {
        let label = format!("{}: {script}", data.label());
        let session = data.inside(ACME).await;
        let outcome = session.outcome(script).await;
        let _ended = session.outcome("ROLLBACK").await;
        if matches!(expect, Denied) {
            assert_eq!(outcome, "42501", "{label}");
        }
        assert!(!session.outcome("SELECT * FROM public.events_0").await.contains("done"), "{label}");
        // Whatever it did, the session is in its own tenant or in none, and the next proper entry works.
        session.run("RESET row_security").await.unwrap();
        assert!(["", "7"].contains(&session.sees().await.as_str()), "{label}");
        session.handover().await;
        assert_eq!(session.enter(GLOBEX).await, "entered", "{label}");
        assert_eq!(
            session.one("SELECT count(*) FROM public.notes").await.unwrap().as_deref(),
            Some("5"),
            "{label}"
        );
        assert_eq!(session.sees().await, "8", "{label}");
        works(&session, &label).await;
    }
    let sum = data
        .admin
        .query_one("SELECT sum(id)::int8 FROM public.notes WHERE tenant_id = 8", &[])
        .await
        .unwrap();
    assert_eq!(sum.get::<_, i64>(0), 15, "{}: the other tenant's rows are as they were", data.label());
}

/// Legitimate work, so that a case can fail in the other direction too.
async fn works(session: &Session, label: &str) {
    let script = "BEGIN; INSERT INTO public.notes (id, body) VALUES (50, 'mine'); \
                  UPDATE public.notes SET body = 'ours' WHERE id = 50; DELETE FROM public.notes WHERE id = 50; COMMIT";
    assert_eq!(session.outcome(script).await, "done", "{label}: legitimate work");
}

#[tokio::test]
async fn a_blind_update_or_delete_touches_ones_own_rows_alone() {
    for data in everywhere("blind").await {
        let label = data.label();
        let session = data.inside(ACME).await;
        session.run("UPDATE public.notes SET owner = owner; UPDATE public.events SET body = 'x'; DELETE FROM public.notes").await.unwrap();
        let sql = "SELECT (SELECT count(*) FROM public.notes WHERE tenant_id = 8), (SELECT count(*) FROM public.notes),
                          (SELECT count(*) FROM public.events WHERE body = 'e' AND tenant_id = 8)";
        let row = data.admin.query_one(sql, &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (5, 5, 5), "{label}");
    }
}

#[tokio::test]
async fn keys_of_other_tenants_are_no_oracle() {
    for data in everywhere("oracle").await {
        let label = data.label();
        data.admin
            .batch_execute(
                "INSERT INTO public.notes (id, owner, body, tenant_id) VALUES (60, 8, 'theirs', 8)",
            )
            .await
            .unwrap();
        let session = data.inside(ACME).await;
        session.run("INSERT INTO public.notes (id, body) VALUES (60, 'theirs')").await.unwrap();
        let theirs =
            session.run("INSERT INTO public.notes (body, parent) VALUES ('a', 61)").await.unwrap_err();
        data.admin
            .batch_execute("INSERT INTO public.notes (id, owner, body, tenant_id) VALUES (61, 8, 'b', 8)")
            .await
            .unwrap();
        let nobodys =
            session.run("INSERT INTO public.notes (body, parent) VALUES ('a', 61)").await.unwrap_err();
        let (theirs, nobodys) = (theirs.as_db_error().unwrap(), nobodys.as_db_error().unwrap());
        assert_eq!((theirs.message(), theirs.detail()), (nobodys.message(), nobodys.detail()), "{label}");
        // The parent's cascade stays within the tenant.
        session.run("INSERT INTO public.notes (id, body, parent) VALUES (62, 'child', 60); DELETE FROM public.notes WHERE id = 60").await.unwrap();
        let left =
            data.admin.query_one("SELECT count(*) FROM public.notes WHERE id = 60", &[]).await.unwrap();
        assert_eq!(left.get::<_, i64>(0), 1, "{label}");
    }
}

#[tokio::test]
async fn what_a_client_leaves_behind_does_not_reach_the_next_tenant() {
    for data in everywhere("residue").await {
        let label = data.label();
        let session = data.inside(ACME).await;
        session
            .run(
                "DECLARE left_behind CURSOR WITH HOLD FOR SELECT body FROM public.notes; \
                 SET statement_timeout = '1h'; SET search_path = nowhere; SET app.secret = 'acme'; LISTEN acme; \
                 SELECT set_config('app.other', 'acme', false); \
                 INSERT INTO public.notes (body) VALUES ('x')",
            )
            .await
            .unwrap();
        assert_eq!(session.outcome("CREATE TEMP TABLE notes (id int)").await, "42501", "{label}");
        session.handover().await;
        assert_eq!(session.enter(GLOBEX).await, "entered", "{label}");
        assert_eq!(session.outcome("FETCH ALL FROM left_behind").await, "34000", "{label}");
        assert_eq!(session.one("SHOW statement_timeout").await.unwrap().as_deref(), Some("0"), "{label}");
        assert_eq!(
            session.one("SELECT current_setting('app.secret', true)").await.unwrap().as_deref(),
            Some(""),
            "{label}"
        );
        assert_eq!(
            session.one("SELECT count(*) FROM pg_listening_channels()").await.unwrap().as_deref(),
            Some("0")
        );
        assert_eq!(session.outcome("SELECT lastval()").await, "55000", "{label}");
        assert_eq!(session.sees().await, "8", "{label}");
        works(&session, &label).await;
    }
}

#[tokio::test]
async fn a_plan_made_for_one_tenant_shows_the_other_nothing() {
    for data in everywhere("plan").await {
        let label = data.label();
        let session = data.session().await;
        session.run("SET plan_cache_mode = force_generic_plan").await.unwrap();
        let statement =
            session.client.prepare("SELECT DISTINCT owner FROM public.notes WHERE id >= $1").await.unwrap();
        for tenant in [ACME, GLOBEX, ACME, GLOBEX] {
            assert_eq!(session.enter(tenant).await, "entered", "{label}");
            let rows = session.client.query(&statement, &[&0_i64]).await.unwrap();
            let seen: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
            assert_eq!(seen, [tenant.get()], "{label}");
        }
    }
}

#[tokio::test]
async fn parallel_workers_are_inside_the_same_tenant() {
    for data in everywhere("parallel").await {
        let label = data.label();
        let session = data.inside(ACME).await;
        let debug =
            if data.postgres.version().major >= 16 { "debug_parallel_query" } else { "force_parallel_mode" };
        session
            .run(&format!(
                "SET {debug} = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; \
                 SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2"
            ))
            .await
            .unwrap();
        assert_eq!(session.sees().await, "7", "{label}");
        assert_eq!(
            session
                .one("SELECT count(*) FROM public.notes a JOIN public.notes b USING (tenant_id)")
                .await
                .unwrap()
                .as_deref(),
            Some("25")
        );
    }
}

#[tokio::test]
async fn a_startup_packet_sets_no_context() {
    for data in everywhere("startup").await {
        let label = data.label();
        let mut config = data.config(&data.name);
        config.options("-c backtrace_functions=t_8");
        let Err(error) = config.connect(NoTls).await else { panic!("{label}: connected") };
        assert_eq!(error.code().unwrap().code(), "42501", "{label}");
        let mut config = data.config(&data.name);
        config.options("-c tenancy.context=8");
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        let row = client.query_one("SELECT count(*) FROM public.notes", &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 0, "{label}");
    }
}

#[tokio::test]
async fn a_session_without_a_context_can_write_nothing() {
    for data in everywhere("without").await {
        let session = data.session().await;
        let outcome = session.outcome("INSERT INTO public.notes (body) VALUES ('x')").await;
        assert!(["23502", "42501"].contains(&outcome.as_str()), "{}: {outcome}", data.label());
        assert_eq!(session.outcome("DELETE FROM public.notes").await, "done");
        let row = data.admin.query_one("SELECT count(*) FROM public.notes", &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 10, "{}", data.label());
    }
}

/// The documented weakness of the signed context, held here so that a change is noticed: a tenant may put back its own
/// token in its own session, and that dies with the gate.
#[tokio::test]
async fn a_signed_token_opens_its_own_tenant_alone_and_dies_with_the_gate() {
    for data in everywhere("replay").await {
        if data.kind != ContextKind::Signed {
            continue;
        }
        let session = data.inside(ACME).await;
        let token = session.one("SHOW tenancy.context").await.unwrap().unwrap();
        session.handover().await;
        assert_eq!(session.sees().await, "");
        session.run(&format!("SET tenancy.context = '{token}'")).await.unwrap();
        assert_eq!(session.sees().await, "7");
        let other = data.session().await;
        other.run(&format!("SET tenancy.context = '{token}'")).await.unwrap();
        assert_eq!(other.sees().await, "", "another session");
        session.run(&format!("SET tenancy.context = '{}'", token.replacen("|7|", "|8|", 1))).await.unwrap();
        assert_eq!(session.sees().await, "", "another tenant");
        session.run(&format!("SET tenancy.context = '{token}'")).await.unwrap();
        data.admin
            .batch_execute("UPDATE tenancy.gate SET state = 'suspended' WHERE tenant = 7")
            .await
            .unwrap();
        assert_eq!(session.sees().await, "", "suspended");
    }
}
