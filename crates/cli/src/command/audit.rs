//! `tenantry audit`: looks whether databases keep tenants apart, says what does not, and how to mend it.

mod attack;
mod explain;
mod mend;
mod target;
mod text;

use crate::command::Session;
use crate::failure::Refusal;
use crate::print::Format;
use clap::{Args, ValueEnum};
use std::io::Write;
use target::Target;
use tenantry_audit::{AuditError, Found, Options, Report, Skipped, drift, format};
use tenantry_core::{ErrorKind, SqlIdent};
use tenantry_schema::{Declaration, Severity, Suppression, Suppressions};
use text::Shown;

/// Audits one database, or with neither --url nor --cluster every database that the catalog knows.
///
/// Exit codes: 0 nothing of the severity of --fail-on, 9 something of it (or a leak, with --attack), 2 wrong arguments,
/// 5 not allowed, 8 the server can't be reached.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    target: target::TargetArgs,
    /// This schema alone
    #[arg(long, value_name = "NAME")]
    schema: Option<String>,
    /// The column that says whose a row is [default: as declared, or guessed]
    #[arg(long, value_name = "NAME", value_parser = ident)]
    tenant_column: Option<SqlIdent>,
    /// A role of the application; may be repeated [default: found by what it may do]
    #[arg(long = "role", value_name = "NAME")]
    roles: Vec<String>,
    /// This rule alone; may be repeated
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// Leave out the rules that count rows (orphans, rows without a tenant)
    #[arg(long)]
    no_data: bool,
    /// Print the documentation of a rule, and audit nothing
    #[arg(long, value_name = "RULE", conflicts_with_all = ["fix", "attack"])]
    explain: Option<String>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t)]
    format: Output,
    /// Leave out what is milder
    #[arg(long, value_enum, default_value = "note", value_name = "SEVERITY")]
    min_severity: Level,
    /// End with exit code 9 if something as bad as this, and not ignored, was found
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    fail_on: FailOn,
    #[command(flatten)]
    mend: mend::MendArgs,
    #[command(flatten)]
    attack: attack::AttackArgs,
}

/// The output's format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people (or, with --json, as json)
    #[default]
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code-scanning services
    Sarif,
}

/// A severity, as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    Error,
    Warning,
    Note,
}

/// What makes an audit fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

impl Level {
    fn severity(self) -> Severity {
        match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
        }
    }
}

impl FailOn {
    fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Never => None,
        }
    }
}

fn ident(name: &str) -> Result<SqlIdent, tenantry_core::ident::IdentError> {
    SqlIdent::new(name)
}

pub(crate) async fn run(session: &Session, args: AuditArgs) -> anyhow::Result<()> {
    if let Some(rule) = &args.explain {
        return explain::run(session, rule);
    }
    for rule in &args.rules {
        explain::find(rule)?;
    }
    let (targets, ignore) = target::resolve(session, &args).await?;
    warn_of_mistakes(session, &ignore);
    if args.attack.attack {
        return attack::run(session, &args, &targets).await;
    }
    let (mut report, mut failed) = audit_all(session, &args, &targets).await?;
    report.ignore(&ignore);
    if args.mend.fix {
        if mend::run(session, &args, &targets, &report).await? == mend::Mended::Nothing {
            return failed.map_or(Ok(()), |error| Err(error.into()));
        }
        (report, failed) = audit_all(session, &args, &targets).await?;
        report.ignore(&ignore);
    }
    let failing = args.fail_on.severity().map_or(0, |least| report.counting(least).count());
    report.keep(args.min_severity.severity());
    print(session, &args, report)?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    if failing == 0 {
        return Ok(());
    }
    Err(Refusal {
        kind: ErrorKind::Conflict,
        message: format!("{failing} findings as bad as --fail-on"),
        hint: Some(
            "mend them (--fix shows how), accept them under [[ignore]] with a reason, or change --fail-on"
                .into(),
        ),
    }
    .into())
}

/// Entries under [[ignore]] that can accept nothing: of rules that do not exist, or without a reason.
fn warn_of_mistakes(session: &Session, ignore: &[Suppression]) {
    let declaration = Declaration { ignore: ignore.to_vec(), ..Declaration::default() };
    let known: Vec<&str> = tenantry_audit::known_rules().iter().map(|rule| rule.id).collect();
    for problem in Suppressions::new(&declaration).problems(&[], &known) {
        let hint = problem.hint.map_or_else(String::new, |hint| format!(" ({hint})"));
        session.printer().warn(&format!("{}: {}{hint}", problem.place, problem.message));
    }
}

/// How many databases are audited at once.
const AT_ONCE: usize = 4;

/// Audits all of them. Of several, one that can't be audited does not keep the others from it: it is told, and its error
/// comes back with the report.
async fn audit_all(
    session: &Session,
    args: &AuditArgs,
    targets: &[Target],
) -> anyhow::Result<(Report, Option<AuditError>)> {
    let mut report = Report::default();
    let mut failed = None;
    let mut copies = Vec::new();
    let mut servers: Vec<(String, u16)> = Vec::new();
    for batch in targets.chunks(AT_ONCE) {
        let mut running = tokio::task::JoinSet::new();
        for target in batch {
            let server = (target.access.host.clone(), target.access.port);
            let first = !servers.contains(&server);
            servers.push(server);
            let options = Options { server: first, data: !args.no_data, only: args.rules.clone() };
            session.printer().note(&format!("auditing {}", target.ask.label));
            let target = target.clone();
            running.spawn(async move {
                let done = one(&target, &options).await;
                (target.ask.label, done)
            });
        }
        while let Some(done) = running.join_next().await {
            match done? {
                (_, Ok((one, found))) => {
                    copies.extend(found.copies);
                    report.merge(one);
                }
                (_, Err(error)) if targets.len() == 1 => return Err(error.into()),
                (database, Err(error)) => {
                    report.skipped.push(Skipped { rule: "database", database, reason: error.to_string() });
                    failed.get_or_insert(error);
                }
            }
        }
    }
    if args.rules.is_empty() || args.rules.iter().any(|rule| rule == "schema-drift") {
        report.findings.extend(drift(&copies));
        report.sort();
    }
    Ok((report, failed))
}

async fn one(target: &Target, options: &Options) -> Result<(Report, Found), AuditError> {
    let mut client = tenantry_audit::connect(&target.access).await?;
    tenantry_audit::audit(&mut client, &target.ask, options).await
}

fn print(session: &Session, args: &AuditArgs, report: Report) -> anyhow::Result<()> {
    let printer = session.printer();
    let as_json = printer.format == Format::Json || args.format == Output::Json;
    let document = match args.format {
        Output::Sarif => format::sarif(&report),
        _ if as_json => format::json(&report),
        _ => return printer.emit(&Shown(report)),
    };
    let mut out = printer.out();
    serde_json::to_writer_pretty(&mut out, &document)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}
