//! Properties: the order of facts doesn't matter, and no rule has anything to change twice.

use crate::harness::{Facts, Lab, ident, target};
use crate::sample::{SAMPLE, declaration};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use tenantry_core::TenancyModel;
use tenantry_schema::rules::registry;
use tenantry_schema::{check, compile, read};

/// The facts with each list in another order, by a simple generator so that a failure can be repeated.
fn shuffled(facts: &Facts, mut seed: u64) -> Facts {
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let mut facts: Facts = facts
        .iter()
        .map(|(name, json)| {
            let mut value: Value = serde_json::from_str(json).unwrap();
            if let Value::Array(items) = &mut value {
                for at in (1..items.len()).rev() {
                    items.swap(at, next(at + 1));
                }
            }
            (name.clone(), value.to_string())
        })
        .collect();
    for at in (1..facts.len()).rev() {
        facts.swap(at, next(at + 1));
    }
    facts
}

#[tokio::test]
async fn the_order_of_facts_does_not_matter() {
    let facts = Lab::with(15, SAMPLE).await.facts(&ident("public")).await;
    let compile_all = |facts: &Facts| {
        let model = read(facts).unwrap();
        TenancyModel::ALL.map(|tenancy| compile(&model, &declaration(), &target(tenancy)).unwrap())
    };
    let expected = compile_all(&facts);
    let mut runner = TestRunner::new(Config { cases: 32, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&any::<u64>(), |seed| {
        let again = compile_all(&shuffled(&facts, seed));
        prop_assert!(again == expected, "seed {seed}");
        Ok(())
    });
    outcome.unwrap();
}

/// Schemas out of a small grammar of tables, keys, references and indexes, compiled, applied, read and compiled again.
#[tokio::test]
async fn random_schemas_read_back_as_written() {
    let mut runner = TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
    let strategy = prop::collection::vec((any::<[bool; 6]>(), 0usize..4, 0usize..5), 1..5);
    let mut cases = Vec::new();
    for _ in 0..8 {
        use proptest::strategy::ValueTree;
        cases.push(strategy.new_tree(&mut runner).unwrap().current());
    }
    for case in cases {
        let sql = schema(&case);
        let plain = Lab::with(15, &sql).await.public().await;
        for keys in ["composite", "global-id"] {
            let declaration = crate::harness::declared(&format!("[tenancy]\nkeys = \"{keys}\""));
            let target = target(TenancyModel::Shared);
            let (lab, _) = crate::harness::round_trip(15, &plain, &declaration, &target).await;
            let built = lab.public().await;
            let report = check(&built, &declaration);
            let left: Vec<_> =
                report.changes().filter(|finding| finding.models.contains(&TenancyModel::Shared)).collect();
            assert!(left.is_empty(), "{sql}\n{left:#?}");
        }
    }
}

fn schema(tables: &[([bool; 6], usize, usize)]) -> String {
    let mut sql = String::new();
    for (at, (flags, parent, action)) in tables.iter().enumerate() {
        let [unique, partial, expression, to_itself, full, deferrable] = *flags;
        let action = [
            "",
            " ON DELETE CASCADE",
            " ON DELETE SET NULL",
            " ON DELETE SET DEFAULT",
            " ON DELETE RESTRICT",
        ][*action];
        let parent = if to_itself { at } else { parent % (at + 1) };
        let full = if full { " MATCH FULL" } else { "" };
        let deferrable = if deferrable { " DEFERRABLE INITIALLY DEFERRED" } else { "" };
        sql.push_str(&format!(
            "CREATE TABLE t{at} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, b int, name text{},
                parent bigint REFERENCES t{parent}{full}{action}{deferrable}, UNIQUE (a, b),
                x int, y int, FOREIGN KEY (x, y) REFERENCES t{parent} (a, b){full}{action});\n",
            if unique { " UNIQUE" } else { "" }
        ));
        if partial {
            sql.push_str(&format!("CREATE UNIQUE INDEX ON t{at} (b) WHERE a > 0;\n"));
        }
        if expression {
            sql.push_str(&format!("CREATE INDEX ON t{at} (lower(name), a DESC) INCLUDE (b);\n"));
        }
    }
    sql
}

#[test]
fn the_registry_is_whole() {
    let ids: Vec<&str> = registry().iter().map(|rule| rule.id()).collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    for rule in registry() {
        assert!(rule.about().len() > 40 && !rule.models().is_empty(), "{}", rule.id());
    }
    // One file per rule, and what they share: names, the text of queries, what the server prints, their tests' harness.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(files.filter(|path| path.is_file()).count(), ids.len() + 4);
}
