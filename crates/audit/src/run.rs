//! Running the audit of one database: one read-only transaction, every rule in a savepoint of its own, so that one that may
//! not look, or takes too long, is told as such and the others go on.

use crate::error::Doing;
use crate::finding::{Evidence, Finding, Place, Report, Skipped, Summary};
use crate::fix::Fix;
use crate::look::{self, Ask, Found};
use crate::rule::{PRELUDE, Rule, Scope, registry};
use crate::{AuditError, Home, engine};
use serde_json::Map;
use std::collections::BTreeSet;
use std::time::Instant;
use tenantry_core::SqlIdent;
use tenantry_schema::Severity;
use tokio_postgres::{Client, Row, Transaction};

/// How many findings of one rule are kept for one database.
const MAX_FINDINGS: usize = 500;
/// How many further queries of a rule go to the server as one.
const TOGETHER: usize = 25;
/// How long one rule may look at the catalog, and at data.
const CATALOG_TIMEOUT: &str = "SET LOCAL statement_timeout = '20s'";
const DATA_TIMEOUT: &str = "SET LOCAL statement_timeout = '10s'";

/// What to do beyond the rules about one database.
#[derive(Debug, Clone)]
pub struct Options {
    /// Also ask what concerns the whole server. Once per server is enough.
    pub server: bool,
    /// Also look for rows that should not be there (bounded by the size of tables).
    pub data: bool,
    /// These rules alone; all if empty.
    pub only: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { server: true, data: true, only: Vec::new() }
    }
}

/// Audits the database that the client is connected to. Changes nothing.
pub async fn audit(client: &mut Client, ask: &Ask, options: &Options) -> Result<(Report, Found), AuditError> {
    let begun = Instant::now();
    let mut tx = look::begin(client).await?;
    tx.batch_execute("SET LOCAL search_path TO pg_catalog").await.doing("starting the audit")?;
    let mut found = look::look(&mut tx, ask).await?;
    let mut report = Report::default();
    report.skipped.append(&mut found.skipped);
    report.timings.push(("(looking around)", begun.elapsed()));
    let scope = Given { scope: found.scope(), policies: policies(&tx, &found).await? };
    let wanted = |id: &str| options.only.is_empty() || options.only.iter().any(|only| only == id);
    for rule in registry().iter().filter(|rule| wanted(rule.id)) {
        match rule.scope {
            Scope::Server if !options.server => continue,
            Scope::Data if !options.data => continue,
            Scope::Data if !found.sees_all => {
                let reason = "the audit's role does not see every row; audit as a superuser".to_owned();
                report.skipped.push(Skipped { rule: rule.id, database: found.label.clone(), reason });
                continue;
            }
            _ => {}
        }
        let asked = Instant::now();
        let answer = ask_rule(&mut tx, rule, &scope, &found).await?;
        report.timings.push((rule.id, asked.elapsed()));
        match answer {
            Ok(findings) => report.findings.extend(findings),
            Err(reason) => {
                report.skipped.push(Skipped { rule: rule.id, database: found.label.clone(), reason });
            }
        }
    }
    tx.rollback().await.doing("ending the audit")?;
    let asked = Instant::now();
    let (findings, skipped) = engine::findings(&found);
    report.timings.push(("(the schema engine)", asked.elapsed()));
    report.findings.extend(findings.into_iter().filter(|finding| wanted(finding.rule)));
    report.skipped.extend(skipped);
    spare(&mut report, &found.declaration.tenancy.column);
    report.audited.push(summary(&found, begun));
    report.sort();
    Ok((report, found))
}

/// Where a new key or index begins with the tenant anyway, an index on the tenant alone would be one too many.
fn spare(report: &mut Report, column: &SqlIdent) {
    let begun: BTreeSet<(Option<String>, String)> = report
        .findings
        .iter()
        .filter(|finding| ["unique", "primary-key", "foreign-key", "index"].contains(&finding.rule))
        .flat_map(|finding| finding.fix.iter())
        .filter(|fix| fix.sql.contains("INDEX CONCURRENTLY"))
        .flat_map(|fix| fix.tables.iter().map(|table| (fix.schema.clone(), table.clone())))
        .collect();
    let alone = format!(" ({})", column.as_str());
    let small = ["index-for-tenant", "foreign-key-unindexed"];
    for finding in report.findings.iter_mut().filter(|finding| small.contains(&finding.rule)) {
        let object = &finding.place.object;
        let table = object.rsplit(" on ").next().unwrap_or(object).to_owned();
        let is_alone = finding.fix.iter().any(|fix| fix.sql.ends_with(&alone));
        if is_alone && begun.contains(&(finding.place.schema.clone(), table)) {
            finding.fix.clear();
            finding.hint =
                Some("the keys and indexes of this table that get the tenant will serve".to_owned());
        }
    }
}

/// What every rule's query gets.
struct Given {
    scope: String,
    policies: String,
}

const POLICIES: &str = include_str!("look/policies.sql");

/// Every policy, printed once.
async fn policies(tx: &Transaction<'_>, found: &Found) -> Result<String, AuditError> {
    let (before, _) = PRELUDE.split_once("-- From $2").unwrap_or((PRELUDE, ""));
    let comments = POLICIES.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
    let sql = format!("{}\n{comments}", before.trim_end().trim_end_matches(','));
    Ok(tx.query_one(&sql, &[&found.scope()]).await.doing("reading the policies")?.get(0))
}

/// One rule, in a savepoint. The outer error is a lost connection; the inner one the reason why it was not checked.
async fn ask_rule(
    tx: &mut Transaction<'_>,
    rule: &'static Rule,
    scope: &Given,
    found: &Found,
) -> Result<Result<Vec<Finding>, String>, AuditError> {
    let part = tx.savepoint("rule").await.doing("checking a rule")?;
    let timeout = if rule.scope == Scope::Data { DATA_TIMEOUT } else { CATALOG_TIMEOUT };
    part.batch_execute(timeout).await.doing("checking a rule")?;
    match answers(&part, rule, scope).await {
        Ok(rows) => {
            part.commit().await.doing("checking a rule")?;
            Ok(Ok(findings(rule, &rows, found)))
        }
        Err(error) if error.is_closed() => Err(error).doing(&format!("checking the rule {}", rule.id)),
        Err(error) => {
            part.rollback().await.doing("checking a rule")?;
            let reason = error
                .as_db_error()
                .map_or_else(|| error.to_string(), |db| format!("{} ({})", db.message(), db.code().code()));
            Ok(Err(reason))
        }
    }
}

/// The rows that are findings. Where a row has a column `then`, it is a query about one object, whose rows are.
async fn answers(
    part: &Transaction<'_>,
    rule: &Rule,
    given: &Given,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let rows = part.query(&rule.query(), &[&given.scope, &given.policies]).await?;
    let then = |row: &Row| row.columns().iter().position(|column| column.name() == "then");
    if rows.first().and_then(then).is_none() {
        return Ok(rows);
    }
    let further: Vec<String> =
        rows.iter().filter_map(|row| row.get::<_, Option<String>>(then(row)?)).collect();
    let mut all = Vec::new();
    // A round trip for each of a thousand references took longer than looking.
    for batch in further.chunks(TOGETHER) {
        all.extend(part.query(&batch.join("\nUNION ALL\n"), &[]).await?);
    }
    Ok(all)
}

fn findings(rule: &'static Rule, rows: &[Row], found: &Found) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        rows.iter().take(MAX_FINDINGS).map(|row| finding(rule, row, found)).collect();
    if rows.len() > MAX_FINDINGS {
        let place = Place { database: found.label.clone(), schema: None, object: "database".to_owned() };
        let message = format!("and {} more findings of this rule", rows.len() - MAX_FINDINGS);
        findings.push(Finding::new(rule.id, rule.severity, place, message));
    }
    findings
}

fn finding(rule: &'static Rule, row: &Row, found: &Found) -> Finding {
    let text = |name: &str| -> Option<String> {
        let at = row.columns().iter().position(|column| column.name() == name)?;
        row.try_get::<_, Option<String>>(at).ok().flatten()
    };
    let severity = match text("severity").as_deref() {
        Some("error") => Severity::Error,
        Some("warning") => Severity::Warning,
        Some("note") => Severity::Note,
        _ => rule.severity,
    };
    let place = Place {
        database: found.label.clone(),
        schema: text("schema"),
        object: text("place").unwrap_or_else(|| "database".to_owned()),
    };
    let mut finding = Finding::new(rule.id, severity, place, text("message").unwrap_or_default());
    finding.hint = text("hint");
    let facts: Map<String, serde_json::Value> =
        text("facts").and_then(|facts| serde_json::from_str(&facts).ok()).unwrap_or_default();
    finding.evidence = Some(Evidence { query: text("proof"), facts });
    let statements = row.columns().iter().position(|column| column.name() == "fix");
    let statements = statements
        .and_then(|at| row.try_get::<_, Option<Vec<Option<String>>>>(at).ok().flatten())
        .unwrap_or_default();
    for sql in statements.into_iter().flatten() {
        finding.fix.push(Fix::of_rule(rule, sql, &finding, &found.label));
    }
    finding
}

fn summary(found: &Found, begun: Instant) -> Summary {
    Summary {
        database: found.label.clone(),
        server: found.server.clone(),
        origin: if found.home == Home::ByHand { "by-hand" } else { "tenantry" }.to_owned(),
        schemas: found.spaces.iter().map(|space| space.name.clone()).collect(),
        tables: found.tables.len(),
        tenant_tables: found.tables.iter().filter(|table| table.kind == "tenant").count(),
        roles: found.roles.clone(),
        tenant_column: found.has_column.then(|| found.declaration.tenancy.column.as_str().to_owned()),
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}
