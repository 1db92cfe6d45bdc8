//! Two tenants on one server connection: what one leaves behind or reaches for, the other must not notice, and each
//! must keep its own. What is tried stands in `vectors.rs`; every one is played in every model, protocol and state of a session,
//! and what happened is written to `docs/isolation-table.md`, beside what happens behind PgBouncer.

mod bouncer;
mod page;
mod play;
mod stage;
mod vectors;

use crate::world::World;
use bouncer::{Bouncer, Says};
use play::{Protocol, State};
use stage::{Outcome, Stage};
use tenantry_core::TenancyModel;
use tenantry_testkit::versions_for_tests;

/// How a vector is played in one run: one way of so many. With four it is every state of a session and every protocol, but not
/// each in each; that takes other models, vectors and versions, or `TENANTRY_FUZZ`.
fn ways(turn: usize, every: usize) -> Vec<(Protocol, State)> {
    let all = std::env::var_os("TENANTRY_FUZZ").is_some();
    let protocols = Protocol::ALL.into_iter().enumerate();
    let ways = protocols.flat_map(|(number, protocol)| {
        let states = State::ALL.into_iter().enumerate();
        states
            .filter(move |(at, _)| all || (at + number + turn).is_multiple_of(every))
            .map(move |(_, state)| (protocol, state))
    });
    ways.collect()
}

/// What is wrong with an outcome. A vector may also meet these errors.
fn complaints(outcome: &Outcome, model: usize, version: u32, also: &[&str]) -> Vec<String> {
    let vector = outcome.vector;
    let mut wrong = Vec::new();
    for ((protocol, state), happened) in &outcome.plays {
        let case = format!("{} ({}, {protocol:?}, {state:?}, {version})", vector.name, MODELS[model]);
        wrong.extend(happened.faults.iter().map(|fault| format!("{case}: {fault:?}")));
        let met = happened.refused.as_deref().unwrap_or("-");
        // In a transaction that has failed, nothing is tried; and there is what must not be in one.
        let excused = match state {
            State::Failed => met == "25P02" || met == "-",
            State::InTransaction | State::Abandoned => met == "25001",
            _ => *protocol == Protocol::Pipelined && met == "25001",
        };
        if met != vector.meets[model] && !excused && !also.contains(&met) {
            wrong.push(format!("{case}: met {met} instead of {}", vector.meets[model]));
        }
    }
    wrong
}

const MODELS: [TenancyModel; 3] = [TenancyModel::Shared, TenancyModel::Schema, TenancyModel::Database];

#[tokio::test]
async fn no_vector_reaches_another_tenant_or_waits_for_the_next() {
    let mut wrong = Vec::new();
    let mut columns: [page::Column; 5] = Default::default();
    let versions = versions_for_tests();
    for (turn, version) in versions.iter().copied().enumerate() {
        // The newest most thoroughly.
        let every = if turn + 1 == versions.len() { 4 } else { 8 };
        let world = World::narrow(version).await;
        for (number, model) in MODELS.into_iter().enumerate() {
            let stage = Stage::behind_gateway(&world, model).await;
            for (at, vector) in vectors::all().enumerate() {
                let outcome = stage.run(vector, &ways(at + turn + 2 * number, every)).await;
                wrong.extend(complaints(&outcome, number, version, &[]));
                columns[number].insert(vector.name, outcome.cell());
            }
        }
        world.close().await;
    }
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
    let kept = page::kept();
    // Another release of PgBouncer or PostgreSQL is another matter.
    let comparable = versions.last() == Some(&18)
        && bouncer::version().is_some_and(|version| version.starts_with("1.18."));
    (columns[3], columns[4]) = if comparable {
        tokio::join!(behind_bouncer(Says::Set), behind_bouncer(Says::SetLocal))
    } else {
        (page::column_of(&kept, 4), page::column_of(&kept, 5))
    };
    let made = page::made(&columns);
    if std::env::var_os("UPDATE_ISOLATION_TABLE").is_some() {
        std::fs::write(page::path(), &made).unwrap();
    } else if made != kept {
        let new = made.lines().filter(|line| !kept.contains(line)).collect::<Vec<_>>().join("\n");
        panic!(
            "docs/isolation-table.md is stale: UPDATE_ISOLATION_TABLE=1 cargo test -p tenantry-gateway --test it no_vector\n{new}"
        );
    }
}

/// The same vectors on a replica, where nothing can be written, and of serializable transactions there are none.
pub(crate) async fn complaints_on_a_replica(world: &World, version: u32) -> Vec<String> {
    let newest = versions_for_tests().last() == Some(&version);
    let mut wrong = Vec::new();
    for (number, model) in MODELS.into_iter().enumerate() {
        let stage = Stage::on_replica(world, model).await;
        // The newest in every model.
        let turns = vectors::all().enumerate().map(|(at, vector)| (at + number, vector));
        for (turn, vector) in turns.filter(|(turn, _)| newest || turn % 3 == 0) {
            let way = match turn % 4 {
                0 | 2 => (Protocol::Simple, State::None),
                1 => (Protocol::Unnamed, State::InTransaction),
                _ => (Protocol::Named, State::InTransaction),
            };
            let outcome = stage.run(vector, &[way]).await;
            wrong.extend(complaints(&outcome, number, version, &["25006"]));
        }
    }
    wrong
}

/// The same vectors without Tenantry.
async fn behind_bouncer(says: Says) -> page::Column {
    let ways = [(Protocol::Simple, State::None)];
    let postgres = tenantry_testkit::shared(*versions_for_tests().last().unwrap()).await;
    let bouncer = Bouncer::start(postgres, says).await;
    let stage = bouncer.stage(postgres).await;
    let mut column = page::Column::new();
    for vector in vectors::all() {
        column.insert(vector.name, stage.run(vector, &ways).await.cell());
    }
    drop(stage);
    bouncer.close(postgres).await;
    column
}
