//! Cases that once failed, as SQL: they outlive changes of the generators. Each file of `regressions/` has the three parts that a
//! failure prints: `-- declaration`, `-- plain`, `-- migration`. What comes before them says what was wrong.

use super::lab::declared;
use super::migration::{Bench, Said, Schema, Shared, is_the_same};
use super::{builds, run};
use std::fs;
use tenantry_testkit::versions_for_tests;

#[test]
fn what_once_failed_does_not_fail_again() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/proof/regressions");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for version in versions_for_tests() {
        run(async {
            let bench = Bench::new(version).await;
            for file in &files {
                let text = fs::read_to_string(file).unwrap();
                // `-- from 18` at the top: it needs what came with that version.
                if text.starts_with("-- from 18") && version < 18 {
                    continue;
                }
                tried(&bench, &text)
                    .await
                    .unwrap_or_else(|why| panic!("{} on {version}: {why}", file.display()));
            }
        });
    }
}

async fn tried(bench: &Bench, text: &str) -> Result<(), String> {
    let part = |name: &str| {
        let start = text.find(&format!("-- {name}\n")).unwrap_or_else(|| panic!("no part called {name}"));
        let part = &text[start + name.len() + 4..];
        let end = ["-- plain\n", "-- migration\n"].iter().filter_map(|next| part.find(next)).min();
        &part[..end.unwrap_or(part.len())]
    };
    let mut schema = Schema::of(bench, &declared(part("declaration")), part("plain")).await?;
    builds(&schema).await?;
    let mut shared = Shared::of(&schema).await?;
    for sql in part("migration").split(";\n").map(str::trim).filter(|sql| !sql.is_empty()) {
        let Said::Yes = schema.say(sql).await else {
            return Err(format!("the plain schema does not take {sql}"));
        };
        if let Some(refusal) = shared.migrate(bench, sql).await? {
            return Err(format!("{sql}\n{refusal}"));
        }
    }
    is_the_same(&schema).await
}
