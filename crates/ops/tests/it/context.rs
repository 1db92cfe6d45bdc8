//! The context itself: what enters, what is refused, what a rollback can bring back, and the fence lock.

use crate::support::{ACME, GLOBEX, everywhere};
use tenantry_core::{ContextKey, ContextKind, Epoch, KeyId, Nonce};
use tenantry_ops::isolation;

#[tokio::test]
async fn a_token_enters_one_tenant_and_a_handover_leaves_it() {
    for data in everywhere("enter").await {
        let label = data.label();
        let session = data.session().await;
        assert_eq!(session.sees().await, "", "{label}: without a context");
        for tenant in [ACME, GLOBEX, ACME] {
            assert_eq!(session.enter(tenant).await, "entered", "{label}");
            assert_eq!(session.sees().await, tenant.to_string(), "{label}");
            assert_eq!(data.holders(tenant).await, 1, "{label}");
            session.handover().await;
            assert_eq!(session.sees().await, "", "{label}: after the handover");
            assert!(session.challenge().await.is_some());
            assert_eq!(data.holders(tenant).await, 0, "{label}: the fence is given up");
        }
    }
}

#[tokio::test]
async fn what_is_not_a_fresh_token_of_this_session_is_refused() {
    for data in everywhere("token").await {
        let label = data.label();
        let session = data.session().await;
        let other = data.session().await;
        let elsewhere = other.challenge().await.unwrap();
        let nonce = session.challenge().await.unwrap();
        assert_eq!(
            session.enter_with(&elsewhere, ACME, Epoch::FIRST).await,
            "refused",
            "{label}: another session's"
        );

        // An unknown key and no signature: both are NULL, and NULL is not NULL's equal.
        for call in [
            "SELECT tenancy.enter(999, 8, 1, NULL)",
            "SELECT tenancy.enter(NULL, 8, 1, NULL)",
            "SELECT tenancy.enter(1, 8, 1, NULL)",
            "SELECT tenancy.enter(1, NULL, 1, NULL)",
            "SELECT tenancy.enter(1, NULL, NULL, '')",
            "SELECT tenancy.enter(1, 8, NULL, repeat('0', 64))",
            "SELECT tenancy.enter(1, 8, 1, repeat('0', 64))",
            "SELECT tenancy.enter(1, 8, 1, '')",
        ] {
            session.challenge().await.unwrap();
            assert_eq!(session.one(call).await.unwrap().as_deref(), Some("refused"), "{label}: {call}");
            assert_eq!(session.sees().await, "", "{label}: {call}");
        }
        assert_eq!(session.enter(ACME).await, "entered", "{label}");
        // Used up, or of an earlier nonce. (A signed token is good for its whole session, for its own tenant.)
        if data.kind == ContextKind::Carrier {
            assert_eq!(session.enter_with(&nonce, ACME, Epoch::FIRST).await, "refused", "{label}: replayed");
            assert_eq!(session.sees().await, "", "{label}: a refusal clears");
        }
        let forger = ContextKey::new(KeyId::new(1), [4; 32]);
        let nonce = session.challenge().await.unwrap();
        let mac = forger.sign(GLOBEX, Epoch::FIRST, &nonce).mac;
        let call = format!("SELECT tenancy.enter(1, 8, 1, '{mac}')");
        assert_eq!(session.one(&call).await.unwrap().as_deref(), Some("refused"), "{label}: forged");
        let empty = forger.sign(GLOBEX, Epoch::FIRST, &Nonce::new("")).mac;
        session.run("RESET ALL").await.unwrap();
        let call = format!("SELECT tenancy.enter(1, 8, 1, '{empty}')");
        assert_eq!(session.one(&call).await.unwrap().as_deref(), Some("refused"), "{label}: no nonce");
        assert_eq!(session.sees().await, "", "{label}");
    }
}

#[tokio::test]
async fn the_gate_decides_who_is_let_in() {
    for data in everywhere("gate").await {
        let label = data.label();
        let session = data.session().await;
        assert_eq!(session.enter_at(ACME, Epoch::new(2)).await, "stale", "{label}");
        assert_eq!(session.enter(tenantry_core::TenantId::new(99)).await, "stale", "{label}: unknown tenant");
        for (state, epoch, expected) in [
            ("suspended", 2, "suspended"),
            ("suspended", 1, "suspended"),
            ("incoming", 2, "suspended"),
            ("moved", 1, "stale"),
            ("active", 1, "stale"),
            ("active", 2, "entered"),
        ] {
            let sql = format!("UPDATE tenancy.gate SET epoch = 2, state = '{state}' WHERE tenant = 7");
            data.admin.batch_execute(&sql).await.unwrap();
            assert_eq!(session.enter_at(ACME, Epoch::new(epoch)).await, expected, "{label}: {state} {epoch}");
            let holds = i64::from(expected == "entered");
            assert_eq!(data.holders(ACME).await, holds, "{label}: {state} {epoch}");
        }
    }
}

#[tokio::test]
async fn whoever_holds_the_fence_keeps_everybody_out() {
    for data in everywhere("fence").await {
        let label = data.label();
        let session = data.session().await;
        data.admin.batch_execute("SELECT pg_advisory_lock(tenancy.fence_key(7))").await.unwrap();
        assert_eq!(session.enter(ACME).await, "fenced", "{label}");
        assert_eq!(session.sees().await, "", "{label}");
        assert_eq!(session.enter(GLOBEX).await, "entered", "{label}: another tenant is not concerned");
        data.admin.batch_execute("SELECT pg_advisory_unlock(tenancy.fence_key(7))").await.unwrap();
        assert_eq!(session.enter(ACME).await, "entered", "{label}");
    }
}

#[tokio::test]
async fn an_old_snapshot_does_not_see_an_old_gate() {
    for data in everywhere("snapshot").await {
        let label = data.label();
        let session = data.session().await;
        let nonce = session.challenge().await.unwrap();
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM public.notes").await.unwrap();
        data.admin
            .batch_execute("UPDATE tenancy.gate SET state = 'suspended' WHERE tenant = 7")
            .await
            .unwrap();
        assert_eq!(session.enter_with(&nonce, ACME, Epoch::FIRST).await, "fenced", "{label}");
        session.run("ROLLBACK").await.unwrap();
    }
}

#[tokio::test]
async fn a_rollback_brings_back_nobody_but_the_tenant_of_the_transactions_start() {
    for data in everywhere("rollback").await {
        let label = data.label();
        let session = data.inside(GLOBEX).await;
        session.handover().await;
        assert_eq!(session.enter(ACME).await, "entered", "{label}");
        for script in [
            "BEGIN; RESET ALL; ROLLBACK",
            "BEGIN; SELECT tenancy.challenge(); ROLLBACK",
            "BEGIN; SAVEPOINT a; SELECT tenancy.challenge(); ROLLBACK TO a; COMMIT",
            "BEGIN; SAVEPOINT a; RESET ALL; SAVEPOINT b; SELECT tenancy.challenge(); ROLLBACK TO b; ROLLBACK TO a; COMMIT",
            "BEGIN; SELECT tenancy.enter(1, 8, 1, 'x'); ROLLBACK",
            "BEGIN; SAVEPOINT a; SELECT tenancy.enter(1, 8, 1, 'x'); RELEASE a; ROLLBACK",
        ] {
            session.run(script).await.unwrap();
            assert_eq!(session.sees().await, "7", "{label}: {script}");
        }
        // Inside such a transaction there is no context, and what is committed stays without one.
        session.run("BEGIN; SELECT tenancy.challenge()").await.unwrap();
        assert_eq!(session.sees().await, "", "{label}");
        session.run("COMMIT").await.unwrap();
        assert_eq!(session.sees().await, "", "{label}");
    }
}

#[tokio::test]
async fn a_token_used_in_a_transaction_that_rolls_back_leaves_no_context() {
    for data in everywhere("nested").await {
        let label = data.label();
        let session = data.session().await;
        let nonce = session.challenge().await.unwrap();
        session.run("BEGIN; SAVEPOINT a").await.unwrap();
        assert_eq!(session.enter_with(&nonce, ACME, Epoch::FIRST).await, "entered", "{label}");
        assert_eq!(session.sees().await, "7", "{label}");
        session.run("ROLLBACK TO a").await.unwrap();
        assert_eq!(session.sees().await, "", "{label}: after ROLLBACK TO");
        session.run("ROLLBACK").await.unwrap();
        assert_eq!(session.sees().await, "", "{label}: after ROLLBACK");
        assert_eq!(session.enter(GLOBEX).await, "entered", "{label}");
        assert_eq!(data.holders(ACME).await, 0, "{label}: the next entry drops the old lock");
    }
}

/// Settings are transactional and locks are not: nobody may be inside a tenant without holding its fence.
#[tokio::test]
async fn nobody_stays_inside_without_holding_the_fence() {
    for data in everywhere("lock").await {
        let label = data.label();
        for script in [
            "BEGIN; SELECT tenancy.challenge(); ROLLBACK",
            "BEGIN; RESET ALL; SELECT tenancy.challenge(); ROLLBACK",
            "RESET ALL; SELECT tenancy.challenge(); SELECT 1/0",
            "BEGIN; SELECT tenancy.challenge(), tenancy.challenge(); ROLLBACK",
            "BEGIN; SELECT tenancy.enter(1, 7, 1, 'x'); ROLLBACK",
            "SELECT tenancy.enter(1, 7, 1, 'x'); SELECT 1/0",
            "SELECT pg_advisory_unlock_all()",
            "SELECT pg_advisory_unlock_shared(6072341171461062656 + 7)",
            "SELECT pg_catalog.pg_advisory_unlock(6072341171461062656 + 7)",
            "BEGIN; DISCARD ALL; ROLLBACK",
            "DISCARD ALL; SELECT 1/0",
        ] {
            let session = data.inside(ACME).await;
            let _outcome = session.outcome(script).await;
            let _ended = session.outcome("ROLLBACK").await;
            assert_eq!(session.sees().await, "7", "{label}: {script}");
            assert_eq!(data.holders(ACME).await, 1, "{label}: {script}");
            close(session, &data).await;
        }
        // The same as separate messages of one transaction.
        let session = data.inside(ACME).await;
        for message in ["BEGIN", "RESET ALL", "SELECT tenancy.challenge()", "ROLLBACK"] {
            session.run(message).await.unwrap();
        }
        assert_eq!(session.sees().await, "7", "{label}");
        assert_eq!(data.holders(ACME).await, 1, "{label}");
        // And what does give the lock up leaves no context.
        session.run("DISCARD ALL").await.unwrap();
        assert_eq!((session.sees().await.as_str(), data.holders(ACME).await), ("", 0), "{label}");
    }
}

/// In a schema of its own, too: what ends the context may still be rolled back, so the lock stays until the next entry.
#[tokio::test]
async fn a_tenant_of_a_schema_holds_its_fence_as_long() {
    for data in everywhere("fence").await {
        let label = data.label();
        let place = "UPDATE tenancy.gate SET placement = '{\"model\": \"schema\"}' WHERE tenant = 7";
        data.admin.batch_execute(place).await.unwrap();
        let session = data.inside(ACME).await;
        for script in [
            "BEGIN; SELECT tenancy.challenge(); ROLLBACK",
            "RESET ALL; SELECT tenancy.challenge(); SELECT 1/0",
            "SELECT tenancy.enter(1, 7, 1, 'x'); SELECT 1/0",
        ] {
            let _outcome = session.outcome(script).await;
            assert_eq!(session.sees().await, "7", "{label}: {script}");
            assert_eq!(data.holders(ACME).await, 1, "{label}: {script}");
        }
        let nonce = session.challenge().await.unwrap();
        assert_eq!((session.sees().await.as_str(), data.holders(ACME).await), ("", 1), "{label}");
        assert_eq!(session.enter_with(&nonce, GLOBEX, Epoch::FIRST).await, "entered", "{label}");
        assert_eq!((session.sees().await.as_str(), data.holders(ACME).await), ("8", 0), "{label}");
    }
}

async fn close(session: crate::support::Session, data: &crate::support::Data) {
    drop(session);
    // The server ends the session a moment later; the next assertion counts locks.
    let gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename LIKE 'tenantry_app_%'
                AND datname = current_database()";
    while !data.admin.query_one(gone, &[]).await.unwrap().get::<_, bool>(0) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_session_with_statements_prepared_by_sql_is_not_clean() {
    for data in everywhere("prepared").await {
        let label = data.label();
        let session = data.inside(ACME).await;
        session.run("PREPARE mine AS SELECT 'secret of acme'").await.unwrap();
        session.handover().await;
        assert_eq!(session.challenge().await, None, "{label}");
        session.run("DISCARD ALL").await.unwrap();
        assert!(session.challenge().await.is_some(), "{label}");
    }
}

#[tokio::test]
async fn two_keys_are_valid_and_a_dropped_one_is_not() {
    for mut data in everywhere("keys").await {
        let label = data.label();
        let second = ContextKey::new(KeyId::new(2), [5; 32]);
        isolation::put_key(&mut data.admin, &second).await.unwrap();
        isolation::put_key(&mut data.admin, &second).await.unwrap();
        let third = ContextKey::new(KeyId::new(3), [6; 32]);
        assert!(isolation::put_key(&mut data.admin, &third).await.is_err(), "{label}: a third key");
        let old = data.session().await;
        data.key = second;
        let new = data.session().await;
        for session in [&old, &new] {
            assert_eq!(session.enter(ACME).await, "entered", "{label}");
        }
        assert!(isolation::drop_key(&data.admin, KeyId::new(1)).await.unwrap(), "{label}");
        assert!(!isolation::drop_key(&data.admin, KeyId::new(1)).await.unwrap(), "{label}: again");
        assert!(isolation::drop_key(&data.admin, KeyId::new(2)).await.is_err(), "{label}: the last");
        assert_eq!(old.enter(ACME).await, "refused", "{label}");
        assert_eq!(new.enter(ACME).await, "entered", "{label}");
    }
}

#[tokio::test]
async fn a_clients_settings_do_not_confuse_the_entry() {
    const SETTINGS: &[&str] = &[
        "SET search_path = pg_temp, public, pg_catalog",
        "SET DateStyle = 'German'",
        "SET IntervalStyle = 'sql_standard'",
        "SET TimeZone = 'Asia/Kathmandu'",
        "SET extra_float_digits = -15",
        "SET bytea_output = 'escape'",
        "SET standard_conforming_strings = off",
        "SET escape_string_warning = on",
        "SET transform_null_equals = on",
        "SET array_nulls = off",
        "SET quote_all_identifiers = on",
        "SET lock_timeout = '1ms'",
        "SET statement_timeout = '5s'",
        "SET row_security = off",
        "SET plan_cache_mode = force_generic_plan",
        "SET plan_cache_mode = force_custom_plan",
        "SET default_transaction_read_only = on",
        "SET default_transaction_isolation = 'serializable'",
        "SET default_transaction_deferrable = on",
        "SET enable_indexscan = off; SET enable_seqscan = off",
        "SET jit = on; SET jit_above_cost = 0",
        "SET role = none",
        "SET work_mem = '64kB'",
        "SET client_min_messages = debug5",
        "SET client_encoding = 'LATIN1'",
        "SET plpgsql.extra_errors = 'all'",
        "SET synchronize_seqscans = off; SET constraint_exclusion = on",
    ];
    for data in everywhere("settings").await {
        let label = data.label();
        for setting in SETTINGS {
            // A new session, so that the functions are compiled under the setting too.
            let session = data.session().await;
            session.run(setting).await.unwrap();
            assert_eq!(session.enter(ACME).await, "entered", "{label}: {setting}");
            if !setting.contains("row_security") {
                assert_eq!(session.sees().await, "7", "{label}: {setting}");
            }
            session.challenge().await.unwrap();
            assert_eq!(
                session.one("SELECT tenancy.enter(1, 8, 1, NULL)").await.unwrap().as_deref(),
                Some("refused")
            );
        }
        let session = data.session().await;
        let nonce = session.challenge().await.unwrap();
        session.run("BEGIN READ ONLY").await.unwrap();
        assert_eq!(session.enter_with(&nonce, ACME, Epoch::FIRST).await, "entered", "{label}: read only");
        session.run("COMMIT").await.unwrap();
        assert_eq!(session.sees().await, "7", "{label}");
    }
}

/// Everything that the two functions name, again, under a search path that finds it first: with their owner's rights, each
/// of them would be the owner's.
const HOSTILE: &str = r"
CREATE SCHEMA hostile;
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
DO $do$
DECLARE
  one record;
  type text;
  body text := $body$BEGIN RAISE EXCEPTION 'hostile' USING ERRCODE = 'HX001'; END$body$;
BEGIN
  FOR one IN
    SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result
      FROM pg_proc p
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.provariadic = 0
       AND EXISTS (SELECT FROM pg_proc ours
                    WHERE ours.pronamespace = 'tenancy'::regnamespace AND ours.proname IN ('admit', 'leave')
                      AND ours.prosrc ~ ('\m' || p.proname || '\('))
  LOOP
    EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L',
                   one.proname, one.arguments, one.result, body);
  END LOOP;
  FOR one IN
    SELECT o.oid, o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result
      FROM pg_operator o
     WHERE o.oprkind = 'b' AND o.oprnamespace = 'pg_catalog'::regnamespace
       AND o.oprname IN ('=', '<>', '||', '+', '->>', '^@')
       AND o.oprleft::regtype::text IN ('text', 'integer', 'bigint', 'bytea', 'jsonb', 'boolean', 'anynonarray', 'xid')
       AND o.oprright::regtype::text IN ('text', 'integer', 'bigint', 'bytea', 'jsonb', 'boolean', 'anynonarray', 'xid')
  LOOP
    EXECUTE format('CREATE FUNCTION hostile.operator_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L',
                   one.oid, one.l, one.r, one.result, body);
    EXECUTE format('CREATE OPERATOR hostile.%s (FUNCTION = hostile.operator_%s, LEFTARG = %s, RIGHTARG = %s)',
                   one.oprname, one.oid, one.l, one.r);
  END LOOP;
  FOREACH type IN ARRAY ARRAY['text', 'int4', 'int8', 'bool', 'bytea', 'jsonb'] LOOP
    EXECUTE format('CREATE DOMAIN hostile.%1$I AS pg_catalog.%1$I CHECK (false)', type);
  END LOOP;
END
$do$;";

#[tokio::test]
async fn no_search_path_puts_anything_into_the_handover() {
    for data in everywhere("hostile").await {
        let label = data.label();
        data.admin.batch_execute(HOSTILE).await.unwrap();
        // Also behind RESET ALL.
        let path = format!("ALTER ROLE \"tenantry_app_{}\" SET search_path = hostile, pg_catalog", data.name);
        data.admin.batch_execute(&path).await.unwrap();
        let session = data.session().await;
        let mut nonce = session.challenge().await.unwrap();
        for (tenant, level) in
            [(ACME, "READ COMMITTED"), (GLOBEX, "READ COMMITTED"), (ACME, "REPEATABLE READ")]
        {
            session.run("RESET search_path").await.unwrap();
            for found in ["SELECT 1 = 1", "SELECT encode('a', 'hex')", "SELECT 1::text"] {
                let outcome = session.outcome(found).await;
                assert!(
                    ["HX001", "23514"].contains(&&*outcome),
                    "{label}: {found} is PostgreSQL's: {outcome}"
                );
            }
            let forged = format!("SELECT tenancy.admit(1, {tenant}, 1, pg_catalog.repeat('0', 64))");
            assert_eq!(session.outcome(&forged).await, "TN001", "{label}: a refusal");
            let late = session.key.sign(tenant, Epoch::new(9), &nonce).mac;
            let late = format!("SELECT tenancy.admit(1, {tenant}, 9, '{late}')");
            assert_eq!(session.outcome(&late).await, "TN001", "{label}: another epoch");
            session.run(&format!("BEGIN ISOLATION LEVEL {level}")).await.unwrap();
            let mac = session.key.sign(tenant, Epoch::FIRST, &nonce).mac;
            let call = format!("SELECT tenancy.admit(1, {tenant}, 1, '{mac}')");
            nonce = Nonce::new(session.one(&call).await.unwrap().unwrap());
            session.run("COMMIT; SET search_path = public").await.unwrap();
            assert_eq!(session.sees().await, tenant.to_string(), "{label}: admitted");
            session.run("RESET search_path").await.unwrap();
            session.run("SELECT tenancy.leave()").await.unwrap();
            session.run("SET search_path = public").await.unwrap();
            assert_eq!(session.sees().await, "", "{label}: left");
        }
    }
}

#[tokio::test]
async fn a_session_with_another_role_is_not_left_for_the_next_tenant() {
    for data in everywhere("role").await {
        let label = data.label();
        let session = data.inside(ACME).await;
        let role = format!("SELECT set_config('role', 'tenantry_app_{}', false)", data.name);
        session.run(&role).await.unwrap();
        assert_eq!(session.outcome("SELECT tenancy.leave()").await, "55000", "{label}");
        session.run("SET ROLE NONE").await.unwrap();
        session.run("SELECT tenancy.leave()").await.unwrap();
        session.run("SET search_path = public").await.unwrap();
        assert_eq!(session.sees().await, "", "{label}");
    }
}

#[tokio::test]
async fn each_admission_leaves_another_nonce_and_no_token_is_good_twice() {
    for data in everywhere("nonces").await {
        let label = data.label();
        if data.kind == ContextKind::Signed {
            // Its tokens are bound to the session, and good for its own tenant as long as it lives.
            continue;
        }
        let session = data.session().await;
        let mut nonce = session.challenge().await.unwrap();
        let mut used = Vec::new();
        for round in 0..20 {
            let tenant = if round % 2 == 0 { ACME } else { GLOBEX };
            let mac = session.key.sign(tenant, Epoch::FIRST, &nonce).mac;
            let call = format!("SELECT tenancy.admit(1, {tenant}, 1, '{mac}')");
            let next = session.one(&call).await.unwrap().unwrap();
            assert_eq!(session.sees().await, tenant.to_string(), "{label}: admitted");
            session.run("SELECT tenancy.leave()").await.unwrap();
            assert_eq!(session.sees().await, "", "{label}: left");
            assert!(next.len() == 32 && !used.iter().any(|(seen, _)| *seen == next), "{label}: {next}");
            used.push((next.clone(), call));
            for (_, call) in &used {
                let error = session.run(call).await.unwrap_err();
                assert_eq!(
                    error.code().map(|code| code.code().to_owned()).as_deref(),
                    Some("TN001"),
                    "{label}"
                );
            }
            assert_eq!(session.sees().await, "", "{label}: a token that was used lets nobody in");
            nonce = Nonce::new(next);
        }
    }
}
