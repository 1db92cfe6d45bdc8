//! `tenantry audit --explain RULE`.

use crate::command::Session;
use crate::failure::Refusal;
use crate::print::{BOLD, CODE, DIM, Document};
use serde::Serialize;
use std::io::{self, Write};
use tenantry_audit::{Docs, Known, explain};

pub(super) fn run(session: &Session, rule: &str) -> anyhow::Result<()> {
    let known = find(rule)?;
    session.printer().emit(&Explained {
        rule: known.id,
        about: known.about,
        docs: known.docs,
        query: known.query,
    })
}

/// A rule by its id, as a person typed it.
pub(super) fn find(rule: &str) -> Result<Known, Refusal> {
    explain(rule).map_err(|near| {
        let hint = match near {
            Some(near) => format!("did you mean {near:?}?"),
            None => "`tenantry rules` lists them".to_owned(),
        };
        Refusal::input(format!("there is no rule {rule:?}"), hint)
    })
}

#[derive(Debug, Serialize)]
struct Explained {
    rule: &'static str,
    about: &'static str,
    docs: Docs,
    query: Option<String>,
}

impl Document for Explained {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{BOLD}{}{BOLD:#}\n\n{}", self.rule, self.about)?;
        if !self.docs.why.is_empty() {
            writeln!(out, "\n{BOLD}Why{BOLD:#}\n\n{}", self.docs.why)?;
        }
        for (head, sql) in [("Found", self.docs.before), ("Not found", self.docs.after)] {
            if !sql.is_empty() {
                writeln!(out, "\n{BOLD}{head}{BOLD:#}\n")?;
                sql.lines().try_for_each(|line| writeln!(out, "  {CODE}{line}{CODE:#}"))?;
            }
        }
        if !self.docs.ignore.is_empty() {
            writeln!(out, "\n{BOLD}When to ignore it{BOLD:#}\n\n{}", self.docs.ignore)?;
        }
        if let Some(query) = &self.query {
            writeln!(out, "\n{BOLD}The query{BOLD:#} {DIM}($1: what is audited){DIM:#}\n")?;
            query.lines().try_for_each(|line| writeln!(out, "  {line}"))?;
        }
        Ok(())
    }
}
