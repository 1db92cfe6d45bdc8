//! What belongs to a session: settings that follow a client, what pins a connection to it, and pool mode `session`.

use crate::protocol::until;
use crate::raw::{Raw, sqlstate};
use crate::world::{PAIRS, World, connect};
use futures_util::{StreamExt, stream};
use std::time::Duration;
use tenantry_core::{TenancyModel, TenantState};
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::tag;
use tenantry_wire::frontend;
use tokio_postgres::{AsyncMessage, Client, NoTls, SimpleQueryMessage};

/// A tenant's fence lock, in this database.
const FENCE: &str = "locktype = 'advisory' AND mode = 'ShareLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

fn newest() -> u32 {
    *versions_for_tests().last().unwrap()
}

async fn in_session_mode(world: &World, tenant: &str) -> Client {
    connect(world.config(tenant).options("-c tenantry.pool_mode=session")).await.unwrap()
}

/// The first column of the last row of a text's results.
async fn ask(client: &Client, sql: &str) -> String {
    let rows = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let rows = rows.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
        _ => None,
    });
    rows.last().unwrap_or_default()
}

async fn code(client: &Client, sql: &str) -> String {
    client.simple_query(sql).await.unwrap_err().code().map_or_else(String::new, |code| code.code().to_owned())
}

#[tokio::test]
async fn settings_follow_a_client_and_nobody_else() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        for (tenant, other) in PAIRS {
            let (one, two) = (world.connect(tenant).await, world.connect(tenant).await);
            let theirs = world.connect(other).await;
            let sets = [
                ("SET work_mem = '7MB'", "SHOW work_mem", "7MB", "4MB"),
                ("SET app.user_id = '42'", "SELECT current_setting('app.user_id', true)", "42", "NULL"),
                ("BEGIN; SET extra_float_digits = 0; COMMIT", "SHOW extra_float_digits", "0", "1"),
                (
                    "SELECT set_config('App.role', 'it''s \u{e9}', false)",
                    "SELECT current_setting('app.role', true)",
                    "it's \u{e9}",
                    "NULL",
                ),
                ("SET search_path = public, \"$user\"", "SHOW search_path", "public, \"$user\"", "{path}"),
                ("SET TimeZone = 'Asia/Kathmandu'", "SHOW TimeZone", "Asia/Kathmandu", "{zone}"),
            ];
            let zone = ask(&two, "SHOW TimeZone").await;
            let path = ask(&two, "SHOW search_path").await;
            for (set, show, value, default) in sets {
                let default = default.replace("{zone}", &zone).replace("{path}", &path);
                one.simple_query(set).await.unwrap();
                // The same connection, in the same tenant, in another, and back.
                let case = format!("{set} ({tenant}, {version})");
                assert_eq!(ask(&one, show).await, value, "{case}");
                assert_eq!(
                    ask(&two, show).await.replace("NULL", ""),
                    default.replace("NULL", ""),
                    "{case}: the other client"
                );
                assert_eq!(ask(&one, show).await, value, "{case}: beside another client");
                if !set.contains("search_path") {
                    assert_eq!(
                        ask(&theirs, show).await.replace("NULL", ""),
                        default.replace("NULL", ""),
                        "{case}: the other tenant"
                    );
                }
                assert_eq!(ask(&one, show).await, value, "{case}: after another tenant");
            }
            for (_, show, _, default) in sets {
                let name = show
                    .split(['\'', ' '])
                    .find(|word| {
                        word.contains('_') && *word != "current_setting("
                            || *word == "TimeZone"
                            || word.contains('.')
                    })
                    .unwrap();
                one.simple_query(&format!("RESET {name}")).await.unwrap();
                let default = default.replace("{zone}", &zone).replace("{path}", &path);
                assert_eq!(ask(&theirs, "SELECT 1").await, "1");
                assert_eq!(
                    ask(&one, show).await.replace("NULL", ""),
                    default.replace("NULL", ""),
                    "RESET {name} ({tenant}, {version})"
                );
            }
            one.batch_execute("BEGIN; SET LOCAL work_mem = '9MB'; SET LOCAL app.x = 'y'; COMMIT")
                .await
                .unwrap();
            assert_eq!(ask(&one, "SHOW work_mem").await, "4MB");
            one.batch_execute("BEGIN; SET work_mem = '9MB'; ROLLBACK").await.unwrap();
            assert_eq!(ask(&one, "SHOW work_mem").await, "4MB");
            // By a parameter of a prepared statement, too.
            let set = one.prepare("SELECT set_config($1, $2, false)").await.unwrap();
            one.query(&set, &[&"app.by_parameter", &"v"]).await.unwrap();
            assert_eq!(ask(&theirs, "SELECT 1").await, "1");
            assert_eq!(ask(&one, "SELECT current_setting('app.by_parameter', true)").await, "v");
        }
        world.close().await;
    }
}

#[tokio::test]
async fn a_path_and_settings_of_ones_own_may_come_with_the_startup_packet() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        for (tenant, other) in PAIRS {
            let (same, theirs) = (world.connect(tenant).await, world.connect(other).await);
            let [path, other_path] =
                [ask(&same, "SHOW search_path").await, ask(&theirs, "SHOW search_path").await];
            let mut config = world.config(tenant);
            let client =
                connect(config.options("-c search_path=nowhere,pg_catalog -c App.user_id=42")).await.unwrap();
            let asked =
                "SELECT current_setting('search_path') || '/' || current_setting('app.user_id', true)";
            for reset in
                ["SELECT 1", "RESET search_path", "SET search_path = public; RESET search_path", "RESET ALL"]
            {
                client.simple_query(reset).await.unwrap();
                // The others' names are looked up where they always are, over the same server connection.
                for (client, path, tenant) in [(&same, &path, tenant), (&theirs, &other_path, other)] {
                    assert_eq!(ask(client, "SHOW search_path").await, *path, "{reset} ({tenant}, {version})");
                    let known = ask(client, "SELECT current_setting('app.user_id', true)").await;
                    assert!(matches!(&*known, "" | "NULL"), "{known}, {reset} ({tenant}, {version})");
                    assert_eq!(ask(client, "SELECT count(*) FROM notes").await, "0");
                }
                assert_eq!(
                    ask(&client, asked).await,
                    "nowhere,pg_catalog/42",
                    "{reset} ({tenant}, {version})"
                );
                assert_eq!(code(&client, "SELECT count(*) FROM notes").await, "42P01");
            }
        }
        world.close().await;
    }
}

#[tokio::test]
async fn what_the_startup_packet_chose_is_what_reset_means() {
    let world = World::narrow(newest()).await;
    for (tenant, other) in PAIRS {
        for mode in ["transaction", "session"] {
            let options = format!("-c work_mem=6MB -c tenantry.pool_mode={mode}");
            let mut config = world.config(tenant);
            let client = connect(config.options(&options).application_name("mine")).await.unwrap();
            for reset in [
                "RESET work_mem; RESET application_name",
                "BEGIN; RESET ALL; COMMIT",
                "RESET ALL",
                "DISCARD ALL",
            ] {
                client.simple_query("SET work_mem = '9MB'").await.unwrap();
                client.simple_query("SET application_name = 'yours'").await.unwrap();
                client.simple_query(reset).await.unwrap();
                assert_eq!(ask(&client, "SHOW work_mem").await, "6MB", "{reset} ({tenant}, {mode})");
                assert_eq!(ask(&client, "SHOW application_name").await, "mine", "{reset} ({tenant}, {mode})");
                // The tenant's context is one of the settings that RESET ALL takes away.
                client.simple_query("INSERT INTO notes (body) VALUES ('x')").await.unwrap();
                assert_ne!(
                    ask(&client, "SELECT count(*) FROM notes").await,
                    "0",
                    "{reset} ({tenant}, {mode})"
                );
            }
            drop(client);
            let theirs = world.connect(other).await;
            assert_eq!(ask(&theirs, "SELECT count(*) FROM notes").await, "0");
        }
    }
    world.close().await;
}

/// What needs the connection, what shows that it is there, and what ends the need.
const NEEDS: &[(&str, &str, &str, &str)] = &[
    ("PREPARE p AS SELECT 'prepared'", "EXECUTE p", "prepared", "DEALLOCATE p"),
    (
        "BEGIN; DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 'held'; COMMIT",
        "FETCH ABSOLUTE 1 FROM c",
        "held",
        "CLOSE c",
    ),
    ("PREPARE p AS SELECT 'prepared'", "EXECUTE p", "prepared", "DEALLOCATE ALL"),
    ("PREPARE p AS SELECT 'prepared'", "EXECUTE p", "prepared", "DISCARD ALL"),
];

#[tokio::test]
async fn what_needs_a_connection_keeps_it_until_the_need_is_gone() {
    for version in versions_for_tests() {
        let config = Config { queue_timeout: Duration::from_millis(300), ..Config::default() };
        let world = World::with(version, 1, config).await;
        for (tenant, other) in PAIRS {
            for (need, show, value, end) in NEEDS {
                let case = format!("{need} … {end} ({tenant}, {version})");
                let one = world.connect(tenant).await;
                one.simple_query(need).await.unwrap();
                for _ in 0..2 {
                    assert_eq!(ask(&one, show).await, *value, "{case}");
                }
                // The only connection is not to be had by anybody else.
                let two = world.config(tenant).connect(NoTls).await.err();
                assert_eq!(two.unwrap().code().unwrap().code(), "53400", "{case}");
                one.simple_query(end).await.unwrap();
                let two = world.connect(tenant).await;
                assert_eq!(ask(&two, "SELECT 1").await, "1", "{case}");
                assert!(two.simple_query(show).await.is_err(), "{case}");
                assert_eq!(ask(&one, "SELECT count(*) FROM notes").await, "0", "{case}");
            }
            // Left with everything in place: nothing of it is there for the next.
            let one = world.connect(tenant).await;
            one.simple_query(NEEDS[0].0).await.unwrap();
            drop(one);
            let theirs = until_connected(&world, other).await;
            assert_eq!(code(&theirs, NEEDS[0].1).await, "26000");
        }
        world.close().await;
    }
}

/// Connects once the connection that another client has just left is free.
async fn until_connected(world: &World, tenant: &str) -> Client {
    let trying = async {
        loop {
            if let Ok(client) = connect(&world.config(tenant)).await {
                return client;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), trying).await.expect("the connection comes back")
}

#[tokio::test]
async fn temporary_tables_and_notifications_stay_with_who_has_a_database_of_its_own() {
    let world = World::narrow(newest()).await;
    let admin = world.admin_of(TenancyModel::Database, 5).await;
    let database = &world.databases()[1];
    admin.batch_execute(&format!("GRANT TEMP ON DATABASE {database} TO PUBLIC")).await.unwrap();
    let (client, mut connection) = world.config("initech").connect(NoTls).await.unwrap();
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(notification) = message {
                sender.send(notification.payload().to_owned()).unwrap();
            }
        }
    });
    client.simple_query("CREATE TEMP TABLE mine AS SELECT 'temporary' AS body").await.unwrap();
    assert_eq!(ask(&client, "SELECT body FROM mine").await, "temporary");
    client.simple_query("LISTEN news").await.unwrap();
    client.simple_query("DROP TABLE mine").await.unwrap();
    // Idle between transactions: it is told at once.
    admin.batch_execute("NOTIFY news, 'hello'").await.unwrap();
    let payload = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap();
    assert_eq!(payload.unwrap(), "hello");
    client.simple_query("UNLISTEN news").await.unwrap();
    let other = world.connect("initech").await;
    // One's own is told by the number that one was told at the login; another client's is not taken for it.
    let (mut own, mut told) = (Raw::login(&world, "initech").await, Vec::new());
    for text in ["LISTEN news", "NOTIFY news", "BEGIN; NOTIFY news; COMMIT"] {
        frontend::query(&mut own.out, text);
        told.extend(own.until_ready().await);
    }
    admin.batch_execute("NOTIFY news").await.unwrap();
    told.push(own.message().await.unwrap());
    let senders: Vec<_> =
        told.iter().filter(|(tag, _)| *tag == tag::NOTIFICATION).map(|(_, body)| &body[..4]).collect();
    let pid = own.key.pid.to_be_bytes();
    assert!(senders[..2] == [pid, pid] && senders[2] != pid, "{senders:?}");
    drop(own);
    assert_eq!(ask(&other, "SELECT count(*) FROM pg_listening_channels()").await, "0");
    world.close().await;
}

#[tokio::test]
async fn a_pin_that_is_idle_for_too_long_ends_the_session() {
    let config = Config { pin_idle_timeout: Duration::from_millis(200), ..Config::default() };
    let world = World::with(newest(), 1, config).await;
    let mut raw = Raw::login(&world, "acme").await;
    frontend::query(&mut raw.out, "PREPARE p AS SELECT 1");
    assert_eq!(raw.tags().await, "CZ");
    let told = raw.message().await.unwrap();
    assert_eq!(sqlstate(&[told]).as_deref(), Some("57P05"));
    assert!(raw.message().await.is_none());
    // One that only had a setting is left alone, and the connection is there for others.
    let client = world.connect("umbrella").await;
    client.simple_query("SET work_mem = '7MB'").await.unwrap();
    assert_eq!(ask(&client, "SELECT pg_sleep(0.5)").await, "");
    assert_eq!(ask(&client, "SHOW work_mem").await, "7MB");
    world.close().await;
}

#[tokio::test]
async fn a_session_of_ones_own_is_like_a_direct_connection() {
    for version in versions_for_tests() {
        let world = World::narrow(version).await;
        for (tenant, other) in PAIRS {
            let client = in_session_mode(&world, tenant).await;
            client.simple_query("INSERT INTO notes (body) VALUES ('mine')").await.unwrap();
            let pid = ask(&client, "SELECT pg_backend_pid()").await;
            client.simple_query("SET statement_timeout = '1h'").await.unwrap();
            client.simple_query("PREPARE p AS SELECT body FROM notes").await.unwrap();
            let prepared = client.prepare("SELECT body FROM notes WHERE body = $1").await.unwrap();
            client
                .simple_query("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT body FROM notes; COMMIT")
                .await
                .unwrap();
            assert_eq!(ask(&client, "EXECUTE p").await, "mine", "{tenant} {version}");
            assert_eq!(ask(&client, "FETCH ALL FROM c").await, "mine");
            assert_eq!(ask(&client, "SHOW statement_timeout").await, "1h");
            assert_eq!(client.query(&prepared, &[&"mine"]).await.unwrap().len(), 1);
            // A context lost by RESET is restored although statements are prepared; nothing else goes.
            client.simple_query("RESET ALL").await.unwrap();
            assert_eq!(ask(&client, "EXECUTE p").await, "mine", "{tenant} {version}");
            assert_eq!(client.query(&prepared, &[&"mine"]).await.unwrap().len(), 1);
            assert_eq!(ask(&client, "SHOW statement_timeout").await, "0");
            assert_eq!(ask(&client, "SELECT pg_backend_pid()").await, pid);
            // What a driver's pool says on its way.
            client
                .simple_query("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;")
                .await
                .unwrap();
            assert_eq!(code(&client, "FETCH ALL FROM c").await, "34000");
            assert_eq!(ask(&client, "SELECT body FROM notes").await, "mine");
            client.simple_query("DISCARD ALL").await.unwrap();
            assert_eq!(code(&client, "EXECUTE p").await, "26000");
            assert_eq!(ask(&client, "SELECT body FROM notes").await, "mine");
            client.simple_query("PREPARE p AS SELECT body FROM notes").await.unwrap();
            client.simple_query("SET work_mem = '7MB'").await.unwrap();
            drop(client);
            for next in [tenant, other] {
                let next = in_session_mode(&world, next).await;
                assert_eq!(code(&next, "EXECUTE p").await, "26000", "{tenant} {version}");
                assert_eq!(ask(&next, "SHOW work_mem").await, "4MB");
                assert_eq!(code(&next, "SELECT lastval()").await, "55000");
            }
        }
        world.close().await;
    }
}

#[tokio::test]
async fn a_session_gives_way_when_its_tenant_moves_or_is_suspended() {
    let world = World::narrow(newest()).await;
    let admin = world.postgres.connect(&world.pool).await.unwrap();
    // Nothing of its own there: it goes along, and never knows.
    let client = in_session_mode(&world, "acme").await;
    client.simple_query("SET work_mem = '7MB'").await.unwrap();
    admin.execute("UPDATE tenancy.gate SET epoch = 2 WHERE tenant = 1", &[]).await.unwrap();
    world.change(1, |route| route.placement.as_mut().unwrap().epoch = tenantry_core::Epoch::new(2));
    until(&admin, &format!("SELECT count(*) = 0 FROM pg_locks WHERE {FENCE}")).await;
    assert_eq!(ask(&client, "SHOW work_mem").await, "7MB");
    // Something that can't go along: the session ends, and the fence is free.
    client.simple_query("PREPARE p AS SELECT 1").await.unwrap();
    world.change(1, |route| route.state = TenantState::Suspended);
    until(&admin, &format!("SELECT count(*) = 0 FROM pg_locks WHERE {FENCE}")).await;
    assert!(client.simple_query("SELECT 1").await.is_err());
    world.close().await;
}

#[tokio::test]
async fn a_login_that_may_not_keep_connections_does_not() {
    let world = World::narrow(newest()).await;
    world.change_login("app", |login| login.pool_mode = tenantry_core::PoolMode::Transaction);
    let mut config = world.config("acme");
    let refused = config.options("-c tenantry.pool_mode=session").connect(NoTls).await.err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "42501");
    // The login's own mode needs no option, and a client may ask for less.
    world.change_login("app", |login| login.pool_mode = tenantry_core::PoolMode::Session);
    let client = world.connect("acme").await;
    client.simple_query("SELECT 1").await.unwrap();
    let admin = world.postgres.connect(&world.pool).await.unwrap();
    until(&admin, &format!("SELECT count(*) = 1 FROM pg_locks WHERE {FENCE}")).await;
    drop(client);
    let mut config = world.config("umbrella");
    let modest = connect(config.options("-c tenantry.pool_mode=transaction")).await.unwrap();
    assert_eq!(ask(&modest, "SELECT 1").await, "1");
    assert_eq!(ask(&world.connect("acme").await, "SELECT 1").await, "1");
    world.close().await;
}

#[tokio::test]
async fn a_login_that_may_act_for_several_switches_and_a_bound_one_does_not() {
    let world = World::narrow(newest()).await;
    for (id, (tenant, _)) in (1..).step_by(2).zip(PAIRS) {
        let client = world.connect(tenant).await;
        client.simple_query(&format!("INSERT INTO notes (body) VALUES ('note of {id}')")).await.unwrap();
    }
    let count = "SELECT string_agg(body, ',') FROM notes";
    for mode in ["transaction", "session"] {
        let mut config = world.config("app");
        let client = connect(config.options(format!("-c tenantry.pool_mode={mode}"))).await.unwrap();
        assert_eq!(code(&client, count).await, "08004", "no tenant yet");
        for (set, key, body) in [
            ("SET tenantry.tenant = 'acme'", "acme", "note of 1"),
            ("set session tenantry.tenant to globex", "globex", "note of 3"),
            ("SET tenantry.tenant = 'initech'", "initech", "note of 5"),
            ("SET tenantry.tenant = 'umbrella';", "umbrella", "NULL"),
        ] {
            client.simple_query(set).await.unwrap();
            assert_eq!(ask(&client, "SHOW tenantry.tenant").await, key, "{mode}");
            assert_eq!(ask(&client, count).await, body, "{set} ({mode})");
            client.simple_query("SET work_mem = '7MB'").await.unwrap();
        }
        assert_eq!(code(&client, "SET tenantry.tenant = 'nobody'").await, "3D000");
        assert_eq!(ask(&client, count).await, "NULL", "a refusal changes nothing");
        client.simple_query("RESET tenantry.tenant").await.unwrap();
        assert_eq!(code(&client, count).await, "08004");
        // Too late, and by a way that the gateway does not answer: nobody goes on in the belief to be elsewhere.
        client.simple_query("SET tenantry.tenant = 'acme'").await.unwrap();
        client.simple_query("BEGIN; SELECT 1").await.unwrap();
        assert_eq!(code(&client, "SET tenantry.tenant = 'globex'").await, "25001", "{mode}");
    }
    for sneaky in [world.connect("acme").await, in_session_mode(&world, "acme").await] {
        sneaky.simple_query("SELECT 1; SET tenantry.tenant = 'globex'").await.unwrap();
        assert!(sneaky.simple_query(count).await.is_err());
    }
    let mut bound = world.config("acme");
    let bound = connect(bound.user("bound")).await.unwrap();
    for sql in ["SET tenantry.tenant = 'umbrella'", "SET tenantry.tenant = 'globex'"] {
        assert_eq!(code(&bound, sql).await, "3D000");
        assert_eq!(ask(&bound, count).await, "note of 1");
    }
    assert_eq!(ask(&bound, "SHOW tenantry.tenant").await, "acme");
    world.close().await;
}
