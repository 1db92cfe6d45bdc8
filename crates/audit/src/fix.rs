//! The statements that mend what was found: in an order that closes doors before it builds, each with the lock it takes.

use crate::AuditError;
use crate::error::Doing;
use crate::finding::{Finding, Report};
use crate::rule::Rule;
use serde::Serialize;
use std::fmt::Write as _;
use tenantry_core::SqlIdent;
use tenantry_schema::alter::{Effort, Lock};
use tokio_postgres::Client;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// Without a semicolon.
    pub sql: String,
    /// It runs with `search_path` set to this schema; names in it are qualified where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    pub lock: Lock,
    /// On what the lock is.
    pub tables: Vec<String>,
    pub effort: Effort,
    /// False for what PostgreSQL refuses in a transaction block.
    pub transactional: bool,
    /// Statements of one group belong into one transaction.
    #[serde(skip)]
    pub group: Option<String>,
    #[serde(skip)]
    pub order: u32,
    #[serde(skip)]
    pub database: String,
}

impl Fix {
    pub(crate) fn of_rule(rule: &Rule, sql: String, finding: &Finding, database: &str) -> Self {
        let concurrent = sql.contains(" CONCURRENTLY ");
        let on = finding.place.object.rsplit(" on ").next().unwrap_or(&finding.place.object);
        Self {
            transactional: rule.fixing.transactional && !concurrent,
            lock: if concurrent { Lock::ShareUpdateExclusive } else { rule.fixing.lock },
            effort: if concurrent { Effort::Scan } else { rule.fixing.effort },
            tables: if rule.fixing.lock == Lock::None && !concurrent {
                Vec::new()
            } else {
                vec![on.to_owned()]
            },
            schema: None,
            group: Some(format!("{}/{}/{}", rule.id, finding.place.object, finding.message)),
            order: u32::from(rule.fixing.order) * 100,
            database: database.to_owned(),
            sql,
        }
    }

    /// The note above the statement.
    pub fn note(&self) -> String {
        let on =
            if self.tables.is_empty() { String::new() } else { format!(" on {}", self.tables.join(", ")) };
        let lock = match self.lock {
            Lock::None => return "takes no lock that statements would notice".to_owned(),
            Lock::ShareUpdateExclusive => "keeps out other DDL only",
            Lock::Share => "keeps out writers",
            Lock::ShareRowExclusive => "keeps out writers and other DDL",
            Lock::AccessExclusive => "keeps out everybody",
        };
        let effort = match self.effort {
            Effort::Moment => "for a moment",
            Effort::Scan => "while the table is read",
            Effort::Rewrite => "while the table is written anew",
        };
        format!("{lock}{on}, {effort}")
    }
}

/// The fixes of one database, in the order in which they are safe; each statement once. What is ignored is left alone.
pub fn plan<'a>(report: &'a Report, database: &str) -> Vec<&'a Fix> {
    let findings = report.findings.iter().filter(|finding| finding.ignored.is_none());
    let mut plan: Vec<&Fix> = Vec::new();
    for fix in findings.flat_map(|finding| &finding.fix).filter(|fix| fix.database == database) {
        if !plan.iter().any(|known| known.sql == fix.sql && known.schema == fix.schema) {
            plan.push(fix);
        }
    }
    plan.sort_by_key(|fix| fix.order);
    plan
}

/// The plan as a script for psql, with the lock of each statement as a comment.
pub fn script(plan: &[&Fix]) -> String {
    let mut out = String::from("SET lock_timeout = '3s';\n");
    for batch in batches(plan) {
        out.push('\n');
        let path = batch[0].schema.as_deref().and_then(|schema| SqlIdent::new(schema).ok());
        let several = batch.len() > 1 && batch[0].transactional;
        if several {
            out.push_str("BEGIN;\n");
        }
        if let Some(path) = &path {
            let local = if several { "LOCAL " } else { "" };
            // Writing to a String can't fail.
            let _infallible = writeln!(out, "SET {local}search_path = {path};");
        }
        for fix in &batch {
            let _infallible = writeln!(out, "-- {}\n{};", fix.note(), fix.sql);
        }
        if several {
            out.push_str("COMMIT;\n");
        } else if path.is_some() {
            out.push_str("RESET search_path;\n");
        }
    }
    out
}

/// Neighbours of one group go together.
fn batches<'a>(plan: &[&'a Fix]) -> Vec<Vec<&'a Fix>> {
    let mut batches: Vec<Vec<&Fix>> = Vec::new();
    for fix in plan {
        let joins = |last: &Vec<&Fix>| {
            last[0].transactional
                && fix.transactional
                && fix.group.is_some()
                && last[0].group == fix.group
                && last[0].schema == fix.schema
        };
        match batches.last_mut().filter(|last| joins(last)) {
            Some(last) => last.push(fix),
            None => batches.push(vec![fix]),
        }
    }
    batches
}

/// What became of a group of statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    pub statements: Vec<String>,
    /// `None`: done.
    pub error: Option<String>,
}

const LOCK_TIMEOUT: &str = "SET lock_timeout = '3s'; SET statement_timeout = 0";

/// Runs the plan: each group in a transaction, waiting for no lock longer than three seconds. A group that fails is undone
/// and told; the others go on.
pub async fn apply(client: &mut Client, plan: &[&Fix]) -> Result<Vec<Applied>, AuditError> {
    client.batch_execute(LOCK_TIMEOUT).await.doing("preparing to mend")?;
    let mut done = Vec::new();
    for batch in batches(plan) {
        let outcome = run_batch(client, &batch).await;
        let error = match outcome {
            Ok(()) => None,
            Err(error) if error.is_closed() => return Err(error).doing("mending"),
            Err(error) => {
                Some(error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned()))
            }
        };
        if error.is_some() {
            client.batch_execute("RESET search_path; SET search_path = pg_catalog").await.doing("mending")?;
        }
        done.push(Applied { statements: batch.iter().map(|fix| fix.sql.clone()).collect(), error });
    }
    Ok(done)
}

async fn run_batch(client: &mut Client, batch: &[&Fix]) -> Result<(), tokio_postgres::Error> {
    let path = batch[0].schema.as_deref().and_then(|schema| SqlIdent::new(schema).ok());
    if !batch[0].transactional {
        if let Some(path) = &path {
            client.batch_execute(&format!("SET search_path = {path}")).await?;
        }
        for fix in batch {
            client.batch_execute(&fix.sql).await?;
        }
        return client.batch_execute("SET search_path = pg_catalog").await;
    }
    let tx = client.transaction().await?;
    if let Some(path) = &path {
        tx.batch_execute(&format!("SET LOCAL search_path = {path}")).await?;
    }
    for fix in batch {
        tx.batch_execute(&fix.sql).await?;
    }
    tx.commit().await
}
