//! For the rules' own tests: plain SQL goes into a real server, and what one rule says of it comes back.
//!
//! Everything happens in transactions that are rolled back, one at a time, in one database per version.

use super::{Rule, registry};
use crate::{
    Compiled, Declaration, Finding, Model, Remedy, Severity, Target, check, compile, introspection,
    introspection_settings, read,
};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::OnceLock;
use tenantry_core::{ContextKind, SqlIdent, TenancyModel};
use tenantry_testkit::{fresh_database, shared, versions_for_tests};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Statement};

/// A rule says exactly this of a schema, in any order: `severity: place: message`, with `change` for what compile does.
pub(super) fn hits(rule: &dyn Rule, sql: &str, declaration: &str, expected: &[&str]) {
    for version in versions_for_tests() {
        let mut told = told(rule, &plain(version, sql), declaration);
        let mut expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
        told.sort();
        expected.sort();
        assert_eq!(told.join("\n"), expected.join("\n"), "on {version}:\n{sql}\n{declaration}");
    }
}

/// A rule has nothing to say of a schema.
pub(super) fn misses(rule: &dyn Rule, sql: &str, declaration: &str) {
    hits(rule, sql, declaration, &[]);
}

/// The statement of a shared placement that holds `fragment`, with single spaces and without quotes around names.
pub(super) fn compiles_to(sql: &str, declaration: &str, fragment: &str) {
    for version in versions_for_tests() {
        let compiled = compiled(&plain(version, sql), &declared(declaration), TenancyModel::Shared);
        assert!(holds(&compiled, fragment), "{fragment}\nis not in\n{}", compiled.to_sql());
    }
}

fn told(rule: &dyn Rule, model: &Model, declaration: &str) -> Vec<String> {
    let report = check(model, &declared(declaration));
    let findings = report.findings.iter().filter(|finding| finding.rule == rule.id());
    findings.inspect(|finding| assert_announced(rule, finding)).map(line).collect()
}

/// A rule's description says how bad its findings are and who remedies them.
fn assert_announced(rule: &dyn Rule, finding: &Finding) {
    assert!(rule.severities().contains(&finding.severity), "{finding}");
    assert!(rule.remedies().contains(&finding.remedy), "{finding}");
    assert!(finding.models.iter().all(|model| rule.models().contains(model)), "{finding}");
}

fn line(finding: &Finding) -> String {
    let word = match finding.remedy {
        Remedy::Compile => "change",
        Remedy::Person => finding.severity.as_str(),
    };
    format!("{word}: {}: {}", finding.place, finding.message)
}

pub(super) fn declared(text: &str) -> Declaration {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn compiled(model: &Model, declaration: &Declaration, tenancy: TenancyModel) -> Compiled {
    let ident = |name: &str| SqlIdent::new(name).unwrap();
    let target = Target {
        model: tenancy,
        schema: ident("public"),
        owner: ident("tenantry_owner"),
        app: ident("tenantry_app_lab"),
        reader: None,
        context: ContextKind::Carrier,
        tenant_value: (tenancy == TenancyModel::Schema).then(|| "5".to_owned()),
    };
    compile(model, declaration, &target).unwrap_or_else(|error| panic!("{error:?}"))
}

/// Whether one statement holds a fragment; `…` in the fragment stands for anything.
fn holds(compiled: &Compiled, fragment: &str) -> bool {
    let fragment = flat(fragment);
    compiled.statements.iter().any(|statement| {
        let statement = flat(statement);
        let mut rest = Some(statement.as_str());
        for piece in fragment.split('…').map(str::trim) {
            rest = rest.and_then(|text| text.split_once(piece)).map(|(_, after)| after);
        }
        rest.is_some()
    })
}

fn flat(sql: &str) -> String {
    let text = sql.replace('"', "").split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("( ", "(").replace(" )", ")")
}

/// Reads what SQL makes of an empty schema `public`.
pub(super) fn plain(version: u32, sql: &str) -> Model {
    runtime().block_on(async {
        let mut sessions = SESSIONS.lock().await;
        if let Entry::Vacant(free) = sessions.entry(version) {
            free.insert(Session::new(version).await);
        }
        let session = &sessions[&version];
        let client = &session.client;
        // A test that failed may have left its transaction.
        client.batch_execute("ROLLBACK; BEGIN").await.unwrap();
        let loaded = client.batch_execute(sql).await;
        let facts = match &loaded {
            Ok(()) => facts(session).await,
            Err(_) => Vec::new(),
        };
        client.batch_execute("ROLLBACK").await.unwrap();
        loaded.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
        read(&facts).unwrap()
    })
}

/// A connection, and the introspection queries prepared on it: planning them is most of what they cost.
struct Session {
    client: Client,
    queries: Vec<(&'static str, Statement)>,
}

impl Session {
    async fn new(version: u32) -> Self {
        let postgres = shared(version).await;
        let client = postgres.connect(&fresh_database(postgres, "rules").await).await.unwrap();
        let mut queries = Vec::new();
        client.batch_execute("SET search_path TO public").await.unwrap();
        for query in introspection() {
            queries.push((query.name, client.prepare(query.sql).await.unwrap()));
        }
        Self { client, queries }
    }
}

async fn facts(session: &Session) -> Vec<(String, String)> {
    let client = &session.client;
    client.batch_execute(&introspection_settings(&SqlIdent::new("public").unwrap())).await.unwrap();
    let mut facts = Vec::new();
    for (name, statement) in &session.queries {
        let row = client.query_one(statement, &[]).await;
        facts.push(((*name).to_owned(), row.unwrap_or_else(|error| panic!("{name}: {error:?}")).get(0)));
    }
    facts
}

static SESSIONS: Mutex<BTreeMap<u32, Session>> = Mutex::const_new(BTreeMap::new());

/// Connections outlive the test that makes them, so they can't live in a test's own runtime.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let builder = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    RUNTIME.get_or_init(|| builder().unwrap())
}

/// The SQL and the declaration of an example.
fn parts(example: &str) -> (&str, &str) {
    example.split_once("-- tenantry.toml\n").unwrap_or((example, ""))
}

/// `before` makes the rule speak. Where a person has to act, it is silent about `after`; where compile acts, the statements
/// of `after` are in what it makes of `before`.
#[test]
fn every_rule_is_documented_and_its_examples_hold() {
    for version in versions_for_tests() {
        for rule in registry() {
            let docs = rule.docs();
            assert!(docs.why.len() > 40, "{} says no why", rule.id());
            let (before, declaration) = parts(docs.before);
            let model = plain(version, before);
            let said = told(*rule, &model, declaration);
            assert!(!said.is_empty(), "{} has nothing to say of its own example", rule.id());
            let (after, declaration_after) = parts(docs.after);
            if said.iter().all(|line| line.starts_with("change")) {
                let compiled = compiled(&model, &declared(declaration), rule.models()[0]);
                for statement in after.split(';').filter(|statement| !statement.trim().is_empty()) {
                    assert!(holds(&compiled, statement), "{statement}\nis not in\n{}", compiled.to_sql());
                }
            } else {
                let left = told(*rule, &plain(version, after), declaration_after);
                let left: Vec<_> = left.iter().filter(|line| !line.starts_with("change")).collect();
                assert!(left.is_empty(), "{}: {left:?}", rule.id());
            }
        }
    }
}

#[test]
fn severities_come_worst_first() {
    for rule in registry() {
        assert!(rule.severities().is_sorted() && !rule.severities().is_empty(), "{}", rule.id());
        assert!(!rule.remedies().is_empty() && !rule.models().is_empty(), "{}", rule.id());
    }
    assert!(Severity::Error < Severity::Warning);
}
