//! `tenantry audit --attack`: the portable part of the isolation suite, against two tenants.
//!
//! Tenantry's databases get two throw-away tenants in each model, dropped again whatever happens. Others are attacked between
//! two tenants that exist, and everything is rolled back.

mod leftovers;
mod stage;

use super::AuditArgs;
use super::target::Target;
use crate::command::Session;
use crate::failure::Refusal;
use crate::print::{BAD, BOLD, DIM, Document, GOOD, WARN, grid};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_audit::attack::{Outcome, Tried};
use tenantry_core::{ErrorKind, SqlIdent, TenancyModel};

#[derive(Debug, Args)]
pub(super) struct AttackArgs {
    /// Try to get from one tenant to another, as SQL can. For staging only
    #[arg(long, conflicts_with = "fix")]
    pub(super) attack: bool,
    /// The models to attack, with throw-away tenants in the pools of the configuration [default: all three]
    #[arg(long = "model", value_name = "shared|schema|database", requires = "attack")]
    models: Vec<TenancyModel>,
    /// By hand: the application's role. An administrator's --url becomes it; or the role's own --url
    #[arg(long, value_name = "ROLE", requires = "attack", value_parser = super::ident)]
    as_role: Option<SqlIdent>,
    /// By hand: the statement with which the application enters a tenant: "SET app.tenant_id = '{tenant}'"
    #[arg(long, value_name = "SQL", requires = "tenants")]
    enter: Option<String>,
    /// By hand: the attacker and its victim, two staging tenants that have rows in one table
    #[arg(long, value_name = "A,B", requires = "enter", value_delimiter = ',')]
    tenants: Vec<String>,
    /// By hand: the table to attack [default: the first in which both have rows]
    #[arg(long, value_name = "TABLE", requires = "enter")]
    table: Option<String>,
    /// Attack although nothing in the names of host and database says that it is for testing
    #[arg(long, requires = "attack")]
    this_is_not_production: bool,
}

pub(super) async fn run(session: &Session, args: &AuditArgs, targets: &[Target]) -> anyhow::Result<()> {
    require_staging(args, targets)?;
    let attacks = if args.attack.enter.is_some() {
        let [target] = targets else {
            return Err(Refusal::input("--enter attacks one database", "name it with --url").into());
        };
        vec![stage::by_hand(args, target).await?]
    } else if args.attack.as_role.is_some() {
        return Err(Refusal::input("--as-role needs --enter and --tenants", "say how the application enters a tenant: --enter \"SET app.tenant_id = '{tenant}'\" --tenants 1,2").into());
    } else {
        Box::pin(stage::throw_away(session, args)).await?
    };
    let crossed =
        attacks.iter().flat_map(|attack| &attack.tried).filter(|tried| is_bad(&tried.outcome)).count();
    session.printer().emit(&Attacks { attacks })?;
    if crossed == 0 {
        return Ok(());
    }
    Err(Refusal {
        kind: ErrorKind::Conflict,
        message: format!("{crossed} attacks did not end as they should"),
        hint: Some("tenantry audit (without --attack) says what to mend".into()),
    }
    .into())
}

fn is_bad(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Leaked { .. } | Outcome::Broken { .. })
}

/// Words in the name of a host or database that say: this may be attacked.
const STAGING: &[&str] = &[
    "staging",
    "stage",
    "test",
    "dev",
    "demo",
    "sandbox",
    "preview",
    "scratch",
    "attack",
    "playground",
    "qa",
];

fn require_staging(args: &AuditArgs, targets: &[Target]) -> anyhow::Result<()> {
    if args.attack.this_is_not_production {
        return Ok(());
    }
    for target in targets {
        let names = [&target.access.host, &target.access.database, &target.ask.label];
        let says_so = |name: &&String| {
            let name = name.to_lowercase();
            let mut words = name.split(|c: char| !c.is_alphanumeric());
            words.any(|word| STAGING.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit())))
        };
        if !names.iter().any(says_so) {
            return Err(Refusal {
                kind: ErrorKind::WouldLoseData,
                message: format!(
                    "nothing says that {} is for testing, so it is not attacked",
                    target.ask.label
                ),
                hint: Some("attack a copy; or give --this-is-not-production if it is not".into()),
            }
            .into());
        }
    }
    Ok(())
}

/// What was tried in one place.
#[derive(Debug, Serialize)]
struct Attack {
    place: String,
    table: String,
    tried: Vec<Tried>,
}

#[derive(Debug, Serialize)]
struct Attacks {
    attacks: Vec<Attack>,
}

impl Document for Attacks {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for attack in &self.attacks {
            writeln!(out, "{BOLD}{}{BOLD:#}, between rows of {}", attack.place, attack.table)?;
            let mut table = grid(["ATTACK", "WHAT", "OUTCOME"]);
            for tried in &attack.tried {
                table.row([tried.vector.to_owned(), tried.what.to_owned(), told(&tried.outcome)]);
            }
            table.write(out)?;
            for tried in &attack.tried {
                match &tried.outcome {
                    Outcome::Leaked { evidence } => writeln!(
                        out,
                        "{BAD}LEAKED{BAD:#} {}: {} {DIM}({evidence}){DIM:#}",
                        tried.vector, tried.leak
                    )?,
                    Outcome::Broken { evidence } => writeln!(
                        out,
                        "{WARN}broken{WARN:#} {}: the tenant's own work failed afterwards {DIM}({evidence}){DIM:#}",
                        tried.vector
                    )?,
                    _ => {}
                }
            }
            let count =
                |pick: fn(&Outcome) -> bool| attack.tried.iter().filter(|tried| pick(&tried.outcome)).count();
            let leaked = count(|outcome| matches!(outcome, Outcome::Leaked { .. }));
            let style = if leaked == 0 { GOOD } else { BAD };
            writeln!(
                out,
                "{style}{} refused, {} harmless, {leaked} leaked{style:#}, {} broken, {} not tried\n",
                count(|outcome| matches!(outcome, Outcome::Refused { .. })),
                count(|outcome| matches!(outcome, Outcome::Harmless)),
                count(|outcome| matches!(outcome, Outcome::Broken { .. })),
                count(|outcome| matches!(outcome, Outcome::NotTried { .. })),
            )?;
        }
        Ok(())
    }
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused { sqlstate } => format!("refused ({sqlstate})"),
        Outcome::Harmless => "nothing of the other".to_owned(),
        Outcome::Leaked { .. } => "LEAKED".to_owned(),
        Outcome::Broken { .. } => "broken".to_owned(),
        Outcome::NotTried { reason } => format!("not tried: {reason}"),
    }
}
