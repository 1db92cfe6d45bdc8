//! Who may connect, and to which tenant.

use crate::world::{World, connect};
use tenantry_core::{Domain, TenantState};
use tenantry_testkit::versions_for_tests;
use tokio_postgres::{Client, Config, Error};

async fn tenant_of(client: &Client) -> i64 {
    client.query_one("SELECT tenancy.tenant_id()", &[]).await.unwrap().get(0)
}

fn refusal(result: Result<Client, Error>) -> (String, String) {
    let Err(error) = result else { panic!("the login was accepted") };
    let error = error.as_db_error().unwrap_or_else(|| panic!("{error}")).clone();
    (error.code().code().to_owned(), error.message().to_owned())
}

fn with(config: &Config, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = config.clone();
    change(&mut config);
    config
}

#[tokio::test]
async fn the_tenant_comes_from_any_source_and_all_must_agree() {
    let world = World::narrow(versions_for_tests()[0]).await;
    world.change(2, |route| route.domains = Box::new([Domain::new("umbrella.example.com").unwrap()]));
    let acme = world.config("acme");
    let cases = [
        (acme.clone(), 1),
        (with(&acme, |c| _ = c.dbname("umbrella.example.com")), 2),
        (with(&acme, |c| _ = c.dbname("Umbrella.Example.com")), 2),
        (with(&acme, |c| _ = c.user("app.umbrella").dbname("app.umbrella")), 2),
        (with(&acme, |c| _ = c.user("app").dbname("app").options("-c tenantry.tenant=umbrella")), 2),
        (with(&acme, |c| _ = c.user("app.acme").options("-c tenantry.tenant=acme")), 1),
        (with(&acme, |c| _ = c.user("bound").dbname("bound")), 1),
    ];
    for (config, tenant) in cases {
        assert_eq!(tenant_of(&connect(&config).await.unwrap()).await, tenant, "{config:?}");
    }
    let disagree = with(&acme, |c| _ = c.user("app.umbrella"));
    assert_eq!(refusal(connect(&disagree).await).0, "08004");
    world.close().await;
}

#[tokio::test]
async fn refusals_say_why_and_nothing_more() {
    let world = World::narrow(versions_for_tests()[0]).await;
    let acme = world.config("acme");
    let (code, message) = refusal(connect(&with(&acme, |c| _ = c.dbname("nobody"))).await);
    assert_eq!((code.as_str(), message.as_str()), ("3D000", "tenant \"nobody\" does not exist"));
    // A bound login can't tell a tenant that exists from one that does not.
    for name in ["umbrella", "nobody"] {
        let (code, message) = refusal(connect(&with(&acme, |c| _ = c.user("bound").dbname(name))).await);
        assert_eq!((code.as_str(), message), ("3D000", format!("tenant {name:?} does not exist")));
    }
    // Nor can somebody without a password tell a login that exists, or a tenant.
    for (user, database) in [("app", "acme"), ("nobody", "acme"), ("app", "nobody")] {
        let config = with(&acme, |c| _ = c.user(user).dbname(database).password("wrong"));
        let (code, message) = refusal(connect(&config).await);
        assert_eq!((code.as_str(), message.as_str()), ("28P01", "password authentication failed"));
    }
    let (code, _) = refusal(connect(&with(&acme, |c| _ = c.options("-c role=postgres"))).await);
    assert_eq!(code, "42501");
    let (code, message) = refusal(connect(&with(&acme, |c| _ = c.options("-c timezone=Nowhere/Land"))).await);
    assert_eq!(code, "22023");
    assert!(message.contains("Nowhere/Land"), "{message}");
    world.close().await;
}

#[tokio::test]
async fn startup_settings_are_in_force_and_survive_other_clients() {
    let world = World::narrow(versions_for_tests()[0]).await;
    let options = "-c TimeZone=Asia/Kathmandu -c synchronous_commit=off -c plan_cache_mode=force_custom_plan";
    let config = with(&world.config("acme"), |c| _ = c.application_name("mine").options(options));
    let mine = connect(&config).await.unwrap();
    let other = world.connect("umbrella").await;
    for _ in 0..3 {
        let zone: String = mine.query_one("SELECT current_setting('TimeZone')", &[]).await.unwrap().get(0);
        let name: String = mine.query_one("SHOW application_name", &[]).await.unwrap().get(0);
        assert_eq!((zone.as_str(), name.as_str()), ("Asia/Kathmandu", "mine"));
        let ask = "SELECT current_setting('synchronous_commit') || ' ' || current_setting('plan_cache_mode')";
        let others: String = mine.query_one(ask, &[]).await.unwrap().get(0);
        assert_eq!(others, "off force_custom_plan");
        let zone: String = other.query_one("SELECT current_setting('TimeZone')", &[]).await.unwrap().get(0);
        assert_ne!(zone, "Asia/Kathmandu");
    }
    // A reported setting that the client changes by SQL follows it too, until it resets its session.
    mine.batch_execute("SET TimeZone = 'Asia/Tokyo'").await.unwrap();
    assert_ne!(zone(&other).await, "Asia/Tokyo");
    assert_eq!(zone(&mine).await, "Asia/Tokyo");
    mine.batch_execute("DISCARD ALL").await.unwrap();
    assert_eq!(zone(&mine).await, "Asia/Kathmandu");
    world.close().await;
}

async fn zone(client: &Client) -> String {
    client.query_one("SHOW TimeZone", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_suspended_tenant_is_refused_between_transactions_and_at_login() {
    let world = World::narrow(versions_for_tests()[0]).await;
    for (id, tenant, _) in crate::world::TENANTS {
        let client = world.connect(tenant).await;
        client.batch_execute("BEGIN; INSERT INTO notes (id) VALUES (1)").await.unwrap();
        world.change(id, |route| route.state = TenantState::Suspended);
        // The transaction that is under way ends as it wants; the fence deals with those that take too long.
        client.batch_execute("COMMIT").await.unwrap();
        let error = client.query("SELECT 1", &[]).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!((error.code().code(), error.message()), ("57P03", "this tenant is suspended"));
        assert_eq!(refusal(connect(&world.config(tenant)).await).0, "57P03");
        world.change(id, |route| route.state = TenantState::Active);
        // The same session goes on.
        let count: i64 = client.query_one("SELECT count(*) FROM notes", &[]).await.unwrap().get(0);
        assert_eq!(count, 1);
    }
    world.close().await;
}

#[tokio::test]
async fn a_login_that_was_dropped_ends_its_sessions() {
    let world = World::narrow(versions_for_tests()[0]).await;
    let client = world.connect("acme").await;
    world.routes.send_modify(|table| {
        let gone = [tenantry_core::RouteChange::LoginGone(tenantry_core::LoginId::new(1))];
        *table = std::sync::Arc::new(table.with_changes(table.revision() + 1, gone));
    });
    let error = client.query("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42501");
    assert_eq!(refusal(connect(&world.config("acme")).await).0, "28P01");
    world.close().await;
}

#[tokio::test]
async fn text_in_another_encoding_stays_with_its_client() {
    let world = World::narrow(versions_for_tests()[0]).await;
    let sjis = with(&world.config("acme"), |c| _ = c.options("-c client_encoding=SJIS"));
    for _ in 0..2 {
        // The driver speaks UTF-8 all the same; what matters is that the next client's text is read as UTF-8.
        let foreign = connect(&sjis).await.unwrap();
        let encoding: String = foreign.query_one("SHOW client_encoding", &[]).await.unwrap().get(0);
        assert_eq!(encoding, "SJIS");
        let config = with(&world.config("acme"), |c| _ = c.application_name("é\\'; SELECT 1"));
        let client = connect(&config).await.unwrap();
        let name: String =
            client.query_one("SELECT 'ä' || current_setting('client_encoding')", &[]).await.unwrap().get(0);
        assert_eq!(name, "äUTF8");
    }
    world.close().await;
}
