//! Behaviour: the same random SQL of a single-tenant application gives the same visible results in the shared, the schema and the
//! database model as in a plain database, for two tenants that take turns. In the shared model statements go through the rewriter.
//! What does differ is in docs/differences.md, and each line of it is a test in `behaviour/differences.rs`.

mod differences;
mod outcome;
mod workload;
mod world;

use crate::proof::dice::{Roll, roll};
use crate::proof::{for_random_in, run};
use outcome::{Outcome, Protocol};
use proptest::prelude::*;
use tenantry_testkit::versions_for_tests;
use workload::Statement;
use world::World;

const SCHEMA: &str = include_str!("behaviour/schema.sql");

/// What begins each workload, so that the first statements find something.
const FIRST: &[&str] = &[
    "INSERT INTO customers (id, email, name) VALUES (1, 'a@x.org', 'Ann'), (2, 'b@x.org', 'Bob')",
    "INSERT INTO orders (id, customer, total) VALUES (1, 1, 10), (2, 2, 20)",
    "INSERT INTO items VALUES (1, 1, 'pen', 2, 1.50), (1, 2, 'ink', 1, 9)",
    "INSERT INTO places VALUES (1, NULL, 'root', 1), (2, 1, 'leaf', 2)",
];

/// Whose turn it is, and the numbers that choose the statement.
type Turns = Vec<(bool, Roll)>;

#[test]
fn the_same_workload_gives_the_same_results_everywhere_in_simple_queries() {
    everywhere(Protocol::Simple);
}

#[test]
fn the_same_workload_gives_the_same_results_everywhere_in_extended_queries() {
    everywhere(Protocol::Extended);
}

fn everywhere(protocol: Protocol) {
    for version in versions_for_tests() {
        let strategy = prop::collection::vec((any::<bool>(), roll()), 1..60);
        for_random_in(version, World::new(version), &strategy, 6, &async |turns: Turns, world: &World| {
            world.empty().await;
            let mut story = String::new();
            for (tenant, statement) in statements(&turns) {
                story.push_str(&format!("{tenant}: {} {:?}\n", statement.sql, statement.values));
                agree(world, tenant, &statement, protocol).await.map_err(|why| format!("{why}\n{story}"))?;
            }
            Ok(())
        });
    }
}

/// Every line of the workload once, in its order: none of it is never tried.
#[test]
fn every_statement_of_the_workload_gives_the_same_results_everywhere() {
    for version in versions_for_tests() {
        run(async {
            let world = World::new(version).await;
            for protocol in [Protocol::Simple, Protocol::Extended] {
                world.empty().await;
                for (tenant, statement) in statements(&Vec::new()) {
                    agree(&world, tenant, &statement, protocol).await.unwrap();
                }
                let mut unlike = Vec::new();
                for (tenant, statement) in workload::all() {
                    unlike.extend(agree(&world, tenant, &statement, protocol).await.err());
                }
                assert!(unlike.is_empty(), "{}", unlike.join("\n"));
            }
        });
    }
}

fn statements(turns: &Turns) -> Vec<(usize, Statement)> {
    let first = FIRST.iter().flat_map(|sql| [(0, *sql), (1, *sql)]);
    let first = first.map(|(tenant, sql)| (tenant, workload::literally(sql)));
    let rest = turns.iter().map(|(other, roll)| (usize::from(*other), workload::statement(&roll.dice())));
    first.chain(rest).collect()
}

/// Runs a statement in each of a tenant's homes; they must say the same as the plain database.
async fn agree(
    world: &World,
    tenant: usize,
    statement: &Statement,
    protocol: Protocol,
) -> Result<(), String> {
    let mut expected: Option<Outcome> = None;
    for home in &world.tenants[tenant] {
        let outcome = outcome::run(home, statement, protocol).await;
        match &expected {
            None => expected = Some(outcome),
            Some(expected) if *expected == outcome => {}
            Some(expected) => {
                return Err(format!(
                    "{:?} in {}: {}\nplain: {expected:?}\n{}: {outcome:?}",
                    protocol, home.label, statement.sql, home.label
                ));
            }
        }
    }
    Ok(())
}
