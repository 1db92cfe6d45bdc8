//! The commuting proof: for a plain schema and a migration of it, compiling after migrating and migrating after compiling lead to
//! the same database, by what the engine reads of it and by `pg_dump`.
//!
//! Schemas and migrations are random, and the same ones in every run: a red build is the change's fault. For a search over new
//! ones: `TENANTRY_PROOF_CASES=1000 TENANTRY_PROOF_SEED=7 cargo test -p tenantry-rewrite proof`. A failure prints the smallest case
//! that was found, in the form of the files in `proof/regressions`, where it belongs once it is understood. With
//! `TENANTRY_PROOF_SURVEY=1` the search goes on after a failure and prints all of them, as large as they are.

pub(crate) mod compare;
pub(crate) mod dice;
pub(crate) mod lab;
pub(crate) mod migration;
pub(crate) mod plain;
mod regression;
pub(crate) mod scene;
mod step;

use dice::{Roll, roll};
use migration::{Bench, Schema, commutes, fitted};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::cell::RefCell;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tenantry_core::TenancyModel;
use tenantry_schema::{Declaration, Floor, Remedy, compile, needs_pool, reconcile};
use tenantry_testkit::versions_for_tests;
use tokio::runtime::{Builder, Runtime};

/// A schema, by its decisions.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    settings: Roll,
    tables: Vec<Roll>,
    build: Vec<(u16, Roll)>,
    migrate: Vec<(u16, Roll)>,
}

fn case() -> impl Strategy<Value = Case> {
    let decisions = |most: usize| prop::collection::vec((any::<u16>(), roll()), 0..most);
    (roll(), prop::collection::vec(roll(), 1..5), decisions(10), decisions(8))
        .prop_map(|(settings, tables, build, migrate)| Case { settings, tables, build, migrate })
}

impl Case {
    /// Key mode, type of the tenant, kinds of tables.
    fn declaration(&self) -> Declaration {
        let dice = self.settings.dice();
        let keys = dice.word(&["composite", "global-id"]);
        let value_type = dice.word(&["bigint", "bigint", "uuid", "text"]);
        let mut text = format!("[tenancy]\nkeys = \"{keys}\"\ntype = \"{value_type}\"\n[tables]\n");
        for at in 0..self.tables.len() {
            if dice.once_in(4) {
                text.push_str(&format!("\"{}\" = \"global\"\n", plain::table_name(at)));
            }
        }
        // Made by a migration, if at all.
        text.push_str("later = \"global\"\n");
        lab::declared(&text)
    }
}

fn from_environment(name: &str, otherwise: u32) -> u32 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// For tests that are not asynchronous themselves, because proptest isn't.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A panic is a failure like others.
fn checked(runtime: &Runtime, check: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(check))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!("it panics: {}", text.unwrap_or_default()))
    })
}

/// Runs a check over random cases, on each version.
fn for_random<S: Strategy>(
    strategy: &S,
    cases: u32,
    check: &impl AsyncFn(S::Value, &Bench) -> Result<(), String>,
) {
    for version in versions_for_tests() {
        for_random_in(version, Bench::new(version), strategy, cases, check);
    }
}

/// Runs a check over random cases in one place, and panics with the smallest failing case.
pub(crate) fn for_random_in<S: Strategy, P>(
    version: u32,
    place: impl Future<Output = P>,
    strategy: &S,
    cases: u32,
    check: &impl AsyncFn(S::Value, &P) -> Result<(), String>,
) {
    let cases = from_environment("TENANTRY_PROOF_CASES", cases);
    let seed = from_environment("TENANTRY_PROOF_SEED", 1);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let place = runtime.block_on(place);
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 500,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let survey = env::var("TENANTRY_PROOF_SURVEY").is_ok();
    let failures = RefCell::new(Vec::new());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let outcome = runner.run(strategy, |case| match checked(&runtime, check(case, &place)) {
        Err(why) if survey => {
            failures.borrow_mut().push(why);
            Ok(())
        }
        done => done.map_err(TestCaseError::fail),
    });
    let failures = failures.into_inner();
    assert!(failures.is_empty(), "{} of {cases} cases fail:\n{}", failures.len(), failures.join("\n=====\n"));
    if let Err(error) = outcome {
        let why = match error {
            TestError::Fail(why, _) | TestError::Abort(why) => why.to_string(),
        };
        panic!("PostgreSQL {version}, TENANTRY_PROOF_SEED={seed} TENANTRY_PROOF_CASES={cases}\n{why}");
    }
}

/// compile(apply(plain, migration)) == apply(compile(plain), rewrite(migration)).
#[test]
fn migrating_and_compiling_commute() {
    for_random(&case(), 20, &async |case, bench| {
        let mut schema = Schema::random(bench, &case).await?;
        let done = commutes(&mut schema, &case.migrate).await;
        done.map_err(|why| format!("{why}\n{}", schema.story()))
    });
}

/// Every random plain schema builds in every model, reads back as it was written, and leaves the rules nothing to do.
#[test]
fn random_schemas_build_in_every_model() {
    for_random(&case(), 8, &async |case, bench| {
        let schema = Schema::random(bench, &case).await?;
        builds(&schema).await.map_err(|why| format!("{why}\n{}", schema.story()))
    });
}

/// Compiles to every model without a server's error; what was built compiles to the same statements, and has nothing to change.
pub(crate) async fn builds(schema: &Schema<'_>) -> Result<(), String> {
    let declaration = fitted(&schema.declaration, &schema.model);
    for model in TenancyModel::ALL {
        let target = lab::target(model, &declaration);
        let compiled = compile(&schema.model, &declaration, &target);
        let compiled = compiled.map_err(|error| format!("{model}: {error:?}"))?;
        let lab = &schema.bench.compiled;
        lab.empty(&declaration).await;
        if model == TenancyModel::Schema && needs_pool(&declaration) {
            let pool = lab::target(TenancyModel::Shared, &declaration);
            let compiled =
                compile(&schema.model, &declaration, &pool).map_err(|error| format!("{error:?}"))?;
            lab.apply(&compiled, &pool.schema).await.map_err(|why| format!("pool: {why}"))?;
        }
        lab.apply(&compiled, &target.schema).await.map_err(|why| format!("{model}: {why}"))?;
        let built = lab.model(target.schema.as_str()).await;
        let again =
            compile(&built, &declaration, &target).map_err(|error| format!("{model}, again: {error:?}"))?;
        // In a tenant's schema, a view over the pool's table reads back with the pool's name in it.
        let pools = if model == TenancyModel::Schema { "public." } else { "" };
        let bare = |statements: &[String]| -> Vec<String> {
            statements
                .iter()
                .map(
                    |statement| {
                        if pools.is_empty() { statement.clone() } else { statement.replace(pools, "") }
                    },
                )
                .collect()
        };
        same(&bare(&compiled.statements), &bare(&again.statements))
            .map_err(|why| format!("{model}, compiled again: {why}"))?;
        let floor = Floor { context: target.context, tenant_value: target.tenant_value.clone() };
        let left = reconcile(&built, &declaration, model, &floor).findings.into_iter();
        let left: Vec<String> = left
            .filter(|finding| finding.remedy == Remedy::Compile)
            .map(|finding| finding.to_string())
            .collect();
        if !left.is_empty() {
            return Err(format!("{model}: the rules would still change {left:?}"));
        }
    }
    Ok(())
}

fn same(first: &[String], again: &[String]) -> Result<(), String> {
    match first.iter().zip(again).find(|(first, again)| first != again) {
        Some((first, again)) => Err(format!("{first}\nbecomes\n{again}")),
        None if first.len() != again.len() => {
            Err(format!("{} statements become {}", first.len(), again.len()))
        }
        None => Ok(()),
    }
}
