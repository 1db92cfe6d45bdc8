//! Random conversations of several tenants' clients over one server connection, each followed by a model that knows what
//! its client may see: every row is the tenant's own, what was committed is there and nothing else, settings are one's own,
//! and nobody waits for ever. `TENANTRY_FUZZ` multiplies the number of conversations.
//!
//! In the first half everybody is well-behaved, and any error that a statement doesn't explain is a fault. In the second,
//! statements break their own session in ways that no command tag tells: then errors are legal, other tenants' rows
//! are not.

mod model;
mod plan;

use crate::raw::Raw;
use crate::world::{UNSEEN, World};
use model::Model;
use plan::{Dice, Planner, Then};
use std::sync::Arc;
use std::time::Duration;
use tenantry_core::TenancyModel;
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::{DataRow, ErrorFields, tag};
use tenantry_wire::frontend;

/// Two clients of one tenant, and one of each other tenant of the pool: tenant, and the id of one it would like to be.
const CLIENTS: [(&str, i64); 5] = [("acme", 2), ("acme", 3), ("umbrella", 1), ("globex", 1), ("hooli", 3)];
const UNITS: usize = 25;
/// Less than what the raw client calls a hang, so that the story is told.
const PATIENCE: Duration = Duration::from_secs(15);

fn rounds() -> u64 {
    3 * std::env::var("TENANTRY_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

async fn narrow(version: u32) -> World {
    let config = Config { workers: 1, queue_timeout: Duration::from_mins(1), ..Config::default() };
    let world = World::with(version, 1, config).await;
    world.admin_of(TenancyModel::Shared, 1).await.batch_execute(UNSEEN).await.unwrap();
    world
}

#[tokio::test]
async fn each_sees_its_own_whatever_they_send() {
    for version in versions_for_tests() {
        conversations(version, false).await;
    }
}

#[tokio::test]
async fn nobody_sees_anothers_whatever_harm_they_mean() {
    for version in versions_for_tests() {
        conversations(version, true).await;
    }
}

/// Found by the conversations: the gateway answers RESET ALL itself, and what followed in the same packet was executed on
/// the connection as it was.
#[tokio::test]
async fn a_reset_holds_for_what_follows_in_the_same_packet() {
    let world = narrow(versions_for_tests()[0]).await;
    for reset in ["RESET ALL", "DISCARD ALL"] {
        let mut raw = Raw::login(&world, "acme").await;
        frontend::query(&mut raw.out, "SET application_name = 'before'");
        raw.until_ready().await;
        for sql in ["SELECT 1", reset, "SHOW application_name"] {
            frontend::query(&mut raw.out, sql);
        }
        raw.flush().await;
        for _ in 0..2 {
            answer(&mut raw).await.unwrap();
        }
        let shown = answer(&mut raw).await.unwrap();
        let row = DataRow::decode(&shown.iter().find(|(kind, _)| *kind == tag::DATA_ROW).unwrap().1).unwrap();
        assert_eq!(row.get(0), Some(&b"tenantry"[..]), "{reset}");
    }
    world.close().await;
}

/// Found by the conversations: a connection that a session kept said goodbye, and the session went on with another.
#[tokio::test]
async fn nothing_follows_a_fatal_error() {
    let world = narrow(versions_for_tests()[0]).await;
    let mut raw = Raw::login(&world, "acme").await;
    for sql in ["DECLARE held CURSOR WITH HOLD FOR SELECT 1", "SELECT idles_out()"] {
        frontend::query(&mut raw.out, sql);
        raw.until_ready().await;
    }
    let (kind, body) = raw.message().await.unwrap();
    assert_eq!((kind, &*ErrorFields::decode(&body).unwrap().text(b'C')), (tag::ERROR, "57P05"));
    assert!(raw.message().await.is_none(), "the session ends with its connection");
    world.close().await;
}

async fn conversations(version: u32, hostile: bool) {
    let world = Arc::new(narrow(version).await);
    for round in 0..rounds() {
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..CLIENTS.len() {
            let world = Arc::clone(&world);
            clients.spawn(async move { client(&world, round, number, hostile).await });
        }
        while let Some(outcome) = clients.join_next().await {
            outcome.unwrap().unwrap_or_else(|why| panic!("round {round} ({version}): {why}"));
        }
        // Nothing was written into anybody else's rows, and everybody is served.
        let admin = world.admin_of(TenancyModel::Shared, 1).await;
        let strays = "SELECT (SELECT count(*) FROM public.notes n JOIN tenancy.gate g ON g.tenant = n.tenant_id
               WHERE n.body <> g.key)
             + (SELECT count(*) FROM t_3.notes WHERE body <> 'globex') + (SELECT count(*) FROM t_4.notes WHERE body <> 'hooli')";
        assert_eq!(admin.query_one(strays, &[]).await.unwrap().get::<_, i64>(0), 0);
        for (tenant, _) in CLIENTS {
            served(&world, tenant, hostile).await;
        }
        admin
            .batch_execute("DELETE FROM public.notes; DELETE FROM t_3.notes; DELETE FROM t_4.notes")
            .await
            .unwrap();
    }
    Arc::into_inner(world).unwrap().close().await;
}

/// A new client is served: at once, or where somebody meant harm after as many errors as there were connections to break.
async fn served(world: &World, tenant: &str, hostile: bool) {
    let mut failures = 0;
    loop {
        let got = match crate::world::connect(&world.config(tenant)).await {
            Ok(client) => client.query("SELECT body FROM notes", &[]).await,
            Err(error) => Err(error),
        };
        match got {
            Ok(rows) => return assert!(rows.iter().all(|row| row.get::<_, &str>(0) == tenant)),
            Err(error) => {
                failures += 1;
                assert!(hostile && failures <= CLIENTS.len(), "{tenant}: {error:?}");
            }
        }
    }
}

/// One client's whole conversation.
async fn client(world: &World, round: u64, number: usize, hostile: bool) -> Result<(), String> {
    let (tenant, other) = CLIENTS[number];
    let mut planner = Planner {
        dice: Dice::new(round * 100 + number as u64 + if hostile { 1_000_000 } else { 0 }),
        client: number,
        hostile,
        serial: usize::try_from(round).unwrap() * 100_000,
    };
    let mut model = Model::new(tenant, number, "tenantry".into(), hostile);
    let mut raw = login(world, tenant, hostile).await?;
    let mut story = Vec::new();
    for _ in 0..UNITS {
        let unit = planner.unit(model.in_block, &model.rows(), &model.known);
        story.push(format!("{unit:?}"));
        let told = |why: String| format!("client {number}: {why}\n{}", story.join("\n"));
        model.begin_unit();
        for group in &unit.groups {
            plan::write(&mut raw.out, group, tenant, |op| op.sql(tenant, number, other));
        }
        raw.flush().await;
        if unit.then == Then::Vanish {
            model.cut(&unit.groups);
            // The new connection may have to wait for the old one's end.
            drop(raw);
            raw = login(world, tenant, hostile).await?;
            continue;
        }
        if unit.then == Then::Cancel {
            model.cancelled = true;
            raw.cancel(world).await;
        }
        for at in 0..unit.groups.len() {
            let answered = tokio::time::timeout(PATIENCE, answer(&mut raw)).await;
            let Some(messages) = answered.map_err(|_| told(format!("group {at} is not answered")))? else {
                if !hostile && !model.cancelled {
                    return Err(told("the connection was closed".into()));
                }
                model.cut(&unit.groups[at..]);
                drop(raw);
                raw = login(world, tenant, hostile).await?;
                break;
            };
            model
                .answer(&unit.groups[at], &messages)
                .map_err(|why| told(format!("{why}: {}", spelled(&messages))))?;
        }
    }
    frontend::terminate(&mut raw.out);
    raw.flush().await;
    Ok(())
}

/// Messages as one reads them in a failure.
fn spelled(messages: &[(u8, bytes::BytesMut)]) -> String {
    let word = |(kind, body): &(u8, bytes::BytesMut)| match *kind {
        tag::ERROR => format!("E({})", ErrorFields::decode(body).unwrap().text(b'M')),
        kind => char::from(kind).to_string(),
    };
    messages.iter().map(word).collect()
}

/// Where somebody meant harm, a handover may fail as often as there are connections to break.
async fn login(world: &World, tenant: &str, hostile: bool) -> Result<Raw, String> {
    for _ in 0..if hostile { 2 * CLIENTS.len() } else { 1 } {
        if let Some(raw) = Raw::try_login(world, tenant).await {
            return Ok(raw);
        }
    }
    Err(format!("{tenant} can't log in"))
}

/// Everything up to ReadyForQuery, or `None` when the connection ends before.
async fn answer(raw: &mut Raw) -> Option<Vec<(u8, bytes::BytesMut)>> {
    let mut messages = Vec::new();
    loop {
        let message = raw.message().await?;
        let last = message.0 == tag::READY_FOR_QUERY;
        messages.push(message);
        if last {
            return Some(messages);
        }
    }
}
