//! The same conversation with PostgreSQL itself and through a session of the gateway's that keeps its connection: the replies
//! must be the same bytes. PostgreSQL is the model, so there is none here; what may differ stands in `compare.rs`, what is never
//! sent in `traffic.rs`.

pub(crate) mod compare;
mod traffic;

use crate::raw::Raw;
use crate::world::World;
use bytes::BytesMut;
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tenantry_core::TenancyModel;
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::tag;
use tenantry_wire::frontend;
use traffic::Step;

fn cases() -> u32 {
    100 * std::env::var("TENANTRY_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// Says it all, step by step. After each, CopyFail and Sync end what is still open, and an empty Query, which nothing else
/// is, tells that everything is answered.
async fn converse(mut raw: Raw, steps: &[Step]) -> Vec<(u8, BytesMut)> {
    let mut heard = Vec::new();
    for step in steps {
        for say in step {
            say.write(&mut raw.out);
        }
        frontend::copy_fail(&mut raw.out, "the end");
        frontend::sync(&mut raw.out);
        frontend::query(&mut raw.out, "");
        raw.flush().await;
        let mut over = false;
        loop {
            let Some(message) = raw.message().await else { return heard };
            over |= message.0 == tag::EMPTY_QUERY;
            heard.push(message);
            if over && heard.last().unwrap().0 == tag::READY_FOR_QUERY {
                break;
            }
        }
    }
    frontend::terminate(&mut raw.out);
    raw.flush().await;
    raw.end().await;
    heard
}

async fn compared(world: &World, mode: &str, steps: &[Step]) -> Result<(), TestCaseError> {
    const CLEAR: &str = "TRUNCATE notes RESTART IDENTITY";
    let admin = world.admin_of(TenancyModel::Database, 5).await;
    admin.batch_execute(CLEAR).await.unwrap();
    let direct = converse(Raw::direct_to_own(world).await, steps).await;
    admin.batch_execute(CLEAR).await.unwrap();
    let options = format!("-c tenantry.pool_mode={mode}");
    // Who may act for several tenants is answered by the gateway up to a transaction's first statement.
    let session = Raw::try_login_as(world, "initechs", "initech", &[("options", &options)]).await.unwrap();
    let gateway = converse(session, steps).await;
    match compare::difference(&direct, &gateway) {
        None => Ok(()),
        Some(told) => Err(TestCaseError::fail(told)),
    }
}

fn answers_are_the_same(mode: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for version in versions_for_tests() {
        let config = Config { workers: 1, ..Config::default() };
        let world = runtime.block_on(World::with(version, 1, config));
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        // A conversation that hangs takes its time each time.
        let settings = Cases {
            cases: cases(),
            max_shrink_iters: 5_000,
            max_shrink_time: 120_000,
            failure_persistence: None,
            ..Cases::default()
        };
        let mut runner = TestRunner::new_with_rng(settings, rng);
        let outcome = runner
            .run(&traffic::conversation(version), |steps| runtime.block_on(compared(&world, mode, &steps)));
        if let Err(why) = outcome {
            panic!("{mode} mode, PostgreSQL {version}: {why}");
        }
        runtime.block_on(world.close());
    }
}

#[test]
fn a_session_of_its_own_answers_as_postgres_does() {
    answers_are_the_same("session");
}

#[test]
fn a_shared_connection_answers_as_postgres_does() {
    answers_are_the_same("transaction");
}
