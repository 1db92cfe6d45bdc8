//! The proof that the model loses nothing: a schema, and what compiling it for a database of its own makes, look the
//! same to `pg_dump`, which knows nothing of the model.

use crate::harness::{Lab, declared, target};
use std::process::Command;
use tenantry_core::TenancyModel;
use tenantry_schema::model::Access;
use tenantry_schema::{Compiled, Model, compile};
use tenantry_testkit::{client_bin, versions_for_tests};

/// What `pg_dump -s` writes, in parts, each a statement or a few about one object, sorted.
async fn dump(lab: &Lab) -> Vec<String> {
    let own = lab.postgres.bin_dir().join("pg_dump");
    let program = if own.is_file() { own } else { client_bin("pg_dump").unwrap() };
    let mut command = Command::new(program);
    // Owners and grants are ours on purpose; the isolation core isn't the plain schema's.
    command.args(["--schema-only", "--no-owner", "--no-privileges", "--exclude-schema=tenancy"]);
    command.args(["--host", lab.postgres.host(), "--port", &lab.postgres.port().to_string()]);
    command.args(["--username", lab.postgres.superuser(), "--dbname", &lab.database]);
    command.env("PGPASSWORD", lab.postgres.password().expose());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    parts(&String::from_utf8(output.stdout).unwrap())
}

fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = text
        .split("\n--\n-- Name: ")
        .skip(1)
        .map(|part| {
            // What pg_dump says between objects is about its own session.
            let noise = ["\\unrestrict", "SET default_table", "-- PostgreSQL database dump complete"];
            let lines = part.lines().filter(|line| !noise.iter().any(|start| line.starts_with(start)));
            lines.collect::<Vec<_>>().join("\n").trim_end_matches(['-', '\n']).to_owned()
        })
        .filter_map(|part| without_marker(&part))
        .collect();
    parts.sort();
    parts
}

/// The line that we add to tables' comments goes; a comment that was nothing else goes with it.
fn without_marker(part: &str) -> Option<String> {
    const MARKER: &str = "tenantry:kind=tenant";
    if part.ends_with(&format!(" IS '{MARKER}';")) {
        return None;
    }
    Some(part.replace(&format!("\n{MARKER}';"), "';"))
}

/// From 18 on a NOT NULL has a name. In a partition that is its parent's or its own by what statement made the partition,
/// which older servers could not tell; the model leaves it out.
fn without_inherited_names(plain: &Model, part: &str) -> String {
    let name = part.split("; Type: TABLE;").next().unwrap_or_default();
    let Some(table) = plain.table(name).filter(|table| table.is_partition()) else { return part.to_owned() };
    let mut lines: Vec<String> = part.lines().map(str::to_owned).collect();
    for column in table.columns.iter().filter(|column| column.not_null_name.is_none()) {
        let starts = [format!("    {} ", column.name), format!("    \"{}\" ", column.name)];
        for line in lines.iter_mut().filter(|line| starts.iter().any(|start| line.starts_with(start))) {
            if let (Some(from), Some(to)) = (line.find(" CONSTRAINT "), line.find(" NOT NULL")) {
                line.replace_range(from..to, "");
            }
        }
    }
    lines.join("\n")
}

/// Compiles a model for a database of its own, and builds that.
async fn dedicated(version: u32, plain: &Model) -> (Lab, Compiled) {
    let target = target(TenancyModel::Database);
    let compiled = compile(plain, &declared(""), &target).unwrap_or_else(|error| panic!("{error:#?}"));
    let lab = Lab::new(version).await;
    lab.apply(&compiled, &target.schema).await;
    (lab, compiled)
}

/// Dumps of a schema and of what its model makes are equal, and so are the models.
async fn same(name: &str, sql: &str, versions: impl Iterator<Item = u32>) {
    for version in versions {
        let lab = Lab::with(version, sql).await;
        let plain = lab.public().await;
        assert_eq!(plain.unmodelled, [], "{name} on {version}");
        let (built, compiled) = dedicated(version, &plain).await;
        let dump = async |lab: &Lab| -> Vec<String> {
            dump(lab).await.iter().map(|part| without_inherited_names(&plain, part)).collect()
        };
        let (expected, found) = (dump(&lab).await, dump(&built).await);
        let missing: Vec<&String> = expected.iter().filter(|part| !found.contains(part)).collect();
        let extra: Vec<&String> = found.iter().filter(|part| !expected.contains(part)).collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "{name} on {version}\n=== not made:\n{}\n=== made instead:\n{}",
            join(&missing),
            join(&extra)
        );
        assert_eq!(expected, found, "{name} on {version}");
        let again = built.public().await;
        assert_same_model(&again, &plain, &format!("{name} on {version}"));
        let again = compile(&again, &declared(""), &target(TenancyModel::Database)).unwrap();
        assert_eq!(again.statements, compiled.statements, "{name} on {version}");
    }
}

fn join(parts: &[&String]) -> String {
    parts.iter().flat_map(|part| [part.as_str(), "\n\n"]).collect()
}

/// The models as people would compare them: piece by piece, so that a failure says where.
fn assert_same_model(built: &Model, plain: &Model, case: &str) {
    let (mut built, mut plain) = (built.clone(), plain.clone());
    for table in plain.tables.iter_mut().chain(&mut built.tables) {
        let comment = table.comment.take().unwrap_or_default();
        let kept: Vec<&str> = comment.lines().filter(|line| !line.starts_with("tenantry:")).collect();
        table.comment = (!kept.is_empty()).then(|| kept.join("\n"));
        table.has_grants = false;
    }
    for model in [&mut built, &mut plain] {
        model.access = Access::default();
    }
    for (a, b) in built.tables.iter().zip(&plain.tables) {
        assert_eq!(a, b, "{case}");
    }
    assert_eq!(built, plain, "{case}");
}

macro_rules! topics {
    ($($name:ident: $versions:expr),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                let versions = versions_for_tests().into_iter().filter($versions);
                same(stringify!($name), include_str!(concat!("../data/dump/", stringify!($name), ".sql")), versions).await;
            }
        )*
    };
}

topics! {
    columns: |_| true,
    types: |_| true,
    constraints: |_| true,
    indexes: |_| true,
    partitions: |_| true,
    inheritance: |_| true,
    views: |_| true,
    functions: |_| true,
    triggers: |_| true,
    newest: |version| *version >= 18,
}

#[tokio::test]
async fn icu() {
    for version in versions_for_tests() {
        let lab = Lab::new(version).await;
        let rows =
            lab.client.query("SELECT FROM pg_collation WHERE collname LIKE '%-x-icu'", &[]).await.unwrap();
        if !rows.is_empty() {
            same("icu", include_str!("../data/dump/icu.sql"), std::iter::once(version)).await;
        }
    }
}

#[tokio::test]
async fn the_sample() {
    same("sample", crate::sample::SAMPLE, versions_for_tests().into_iter()).await;
}

#[test]
fn a_marker_alone_and_a_marker_behind_a_comment_go() {
    assert_eq!(without_marker("x; Type: COMMENT\nCOMMENT ON TABLE t IS 'tenantry:kind=tenant';"), None);
    assert_eq!(without_marker("IS 'a\ntenantry:kind=tenant';").unwrap(), "IS 'a';");
}
