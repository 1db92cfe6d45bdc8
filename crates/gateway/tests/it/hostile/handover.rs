//! What happens where a handover fails: nothing of the next client's is executed, and nobody meets anybody else's rows.

use super::{ask, rows, tags};
use crate::cancel::cancel;
use crate::protocol::until;
use crate::raw::{Raw, sqlstate};
use crate::world::{UNSEEN, World};
use tenantry_core::TenancyModel;
use tenantry_ops::isolation;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::frontend;

/// One function loses the context, and with it the nonce; the other takes a role that `leave` can't give back.
#[tokio::test]
async fn what_follows_a_failed_entry_is_not_executed() {
    for (version, harm) in versions_for_tests()
        .into_iter()
        .flat_map(|version| ["forgets", "becomes"].map(|harm| (version, harm)))
    {
        let harm = format!("SELECT {harm}()");
        let world = World::narrow(version).await;
        world.admin_of(TenancyModel::Shared, 1).await.batch_execute(UNSEEN).await.unwrap();
        let mut evil = Raw::login(&world, "acme").await;
        let mut victim = Raw::login(&world, "umbrella").await;
        assert_eq!(rows(&ask(&mut evil, &harm).await), ["1"]);
        // Two messages in one packet: neither the one that ends the entry's pipeline nor the one behind it.
        frontend::query(&mut victim.out, "INSERT INTO notes (id, slug, body) VALUES (1, 'a', 'mine')");
        let failed = victim.until_ready().await;
        assert_eq!((tags(&failed).as_str(), sqlstate(&failed).as_deref()), ("EZ", Some("57P03")));
        assert_eq!(rows(&ask(&mut victim, "SELECT count(*) FROM notes").await), ["0"]);
        assert_eq!(rows(&ask(&mut evil, "SELECT count(*) FROM notes").await), ["0"]);

        assert_eq!(rows(&ask(&mut evil, &harm).await), ["1"]);
        for body in ["first", "second"] {
            frontend::parse(
                &mut victim.out,
                b"",
                &format!("INSERT INTO notes (id, slug, body) VALUES (2, '{body}', '{body}')"),
                &[],
            );
            frontend::bind_text(&mut victim.out, b"", b"", &[]);
            frontend::execute(&mut victim.out, b"", 0);
            frontend::sync(&mut victim.out);
        }
        let failed = victim.until_ready().await;
        assert_eq!((tags(&failed).as_str(), sqlstate(&failed).as_deref()), ("EZ", Some("57P03")));
        assert_eq!(tags(&victim.until_ready().await), "12CZ");
        assert_eq!(rows(&ask(&mut victim, "SELECT body FROM notes").await), ["second"]);
        assert_eq!(rows(&ask(&mut evil, "SELECT count(*) FROM notes").await), ["0"]);
        world.close().await;
    }
}

/// A session whose role SQL has changed in the open is reset with an exchange of its own, and the next tenant notices nothing.
#[tokio::test]
async fn a_role_that_was_set_in_the_open_is_nobodys_trouble() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let mut one = Raw::login(&world, "acme").await;
        let mut other = Raw::login(&world, "umbrella").await;
        for sql in ["SELECT set_config('ro' || 'le', session_user::text, false)", "SET ROLE NONE"] {
            assert_eq!(sqlstate(&ask(&mut one, sql).await), None, "{sql}");
            let answer = ask(&mut other, "SELECT current_setting('role')").await;
            assert_eq!(
                (rows(&answer).as_slice(), sqlstate(&answer)),
                (["none".to_owned()].as_slice(), None),
                "{sql}"
            );
        }
        world.close().await;
    }
}

/// The handover leaves to the core what cores did not do before: a database that was not brought to this program's is not used.
#[tokio::test]
async fn a_database_with_an_older_core_is_not_used() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let admin = world.admin_of(TenancyModel::Shared, 1).await;
        admin.batch_execute("UPDATE tenancy.core SET version = 8").await.unwrap();
        assert!(Raw::try_login(&world, "acme").await.is_none(), "{version}");
        let current = format!("UPDATE tenancy.core SET version = {}", isolation::VERSION);
        admin.batch_execute(&current).await.unwrap();
        let mut raw = Raw::login(&world, "acme").await;
        assert_eq!(rows(&ask(&mut raw, "SELECT 1").await), ["1"]);
        world.close().await;
    }
}

/// PostgreSQL's promise that the handover rests on: after an error in a pipeline everything up to Sync is skipped, whatever
/// kind of message it is; and a failed block refuses what follows.
#[tokio::test]
async fn a_server_skips_what_follows_an_error_in_a_pipeline() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let mut raw = Raw::direct(&world).await;
        for sql in ["BEGIN", "SELECT 1/0", "COMMIT"] {
            frontend::parse(&mut raw.out, b"", sql, &[]);
            frontend::bind_text(&mut raw.out, b"", b"", &[]);
            frontend::execute(&mut raw.out, b"", 0);
        }
        frontend::query(&mut raw.out, "CREATE TABLE skipped ()");
        frontend::parse(&mut raw.out, b"", "CREATE TABLE skipped ()", &[]);
        frontend::bind_text(&mut raw.out, b"", b"", &[]);
        frontend::execute(&mut raw.out, b"", 0);
        frontend::sync(&mut raw.out);
        let answer = raw.until_ready().await;
        assert_eq!((tags(&answer).as_str(), sqlstate(&answer).as_deref()), ("12C1EZ", Some("22012")));
        assert_eq!(sqlstate(&ask(&mut raw, "SELECT 1").await).as_deref(), Some("25P02"));
        ask(&mut raw, "ROLLBACK").await;
        assert_eq!(
            rows(&ask(&mut raw, "SELECT count(*) FROM pg_class WHERE relname = 'skipped'").await),
            ["0"]
        );
        world.close().await;
    }
}

/// The first statement of a transaction behind a handover is what it is on a connection of one's own.
#[tokio::test]
async fn statements_that_must_be_alone_are_alone_behind_a_handover() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let mut one = Raw::login(&world, "acme").await;
        let mut other = Raw::login(&world, "umbrella").await;
        for (sql, expected, code) in [
            ("VACUUM notes", "NCZ", None),
            ("DECLARE c CURSOR FOR SELECT 1", "EZ", Some("25P01")),
            ("COMMIT", "NCZ", None),
            ("SELECT 1/0", "EZ", Some("22012")),
            ("SELECT 1", "TDCZ", None),
        ] {
            for client in [&mut one, &mut other] {
                let answer = ask(client, sql).await;
                assert_eq!((tags(&answer).as_str(), sqlstate(&answer).as_deref()), (expected, code), "{sql}");
            }
        }
        // Nothing of a statement that failed takes the entry with it.
        assert_eq!(
            rows(
                &ask(&mut one, "INSERT INTO notes (id, slug, body) VALUES (1, 'a', 'a') RETURNING body")
                    .await
            ),
            ["a"]
        );
        assert_eq!(rows(&ask(&mut other, "SELECT count(*) FROM notes").await), ["0"]);
        world.close().await;
    }
}

/// A cancel that comes so early that it hits the entry in front of the statement is a cancel of the statement.
#[tokio::test]
async fn a_cancel_during_the_entry_cancels_the_statement() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        let mut one = Raw::login(&world, "acme").await;
        let mut other = Raw::login(&world, "umbrella").await;
        ask(&mut other, "SELECT 1").await;
        let mut locker = world.admin_of(TenancyModel::Shared, 1).await;
        let watcher = world.admin_of(TenancyModel::Shared, 1).await;
        let lock = locker.transaction().await.unwrap();
        lock.batch_execute("LOCK TABLE tenancy.gate").await.unwrap();
        frontend::query(&mut one.out, "SELECT 'ran'");
        one.flush().await;
        until(
            &watcher,
            "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'tenancy.gate'::regclass",
        )
        .await;
        cancel(world.port(), &one.key).await;
        let answer = one.until_ready().await;
        assert_eq!((tags(&answer).as_str(), sqlstate(&answer).as_deref()), ("EZ", Some("57014")));
        lock.rollback().await.unwrap();
        for client in [&mut one, &mut other] {
            assert_eq!(rows(&ask(client, "SELECT 'ran'").await), ["ran"]);
        }
        world.close().await;
    }
}
