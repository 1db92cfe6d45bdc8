//! `tenantry rules`: what the schema engine and the auditor look for, and the page of the reference that lists it.

use super::Session;
use crate::failure::Refusal;
use crate::print::{BOLD, DIM, Document, grid};
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};
use tenantry_core::TenancyModel;
use tenantry_schema::{Remedy, RuleInfo, Severity, rules};

#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    /// Show one rule whole: why it is there, an example before and after, when to ignore it
    #[arg(value_name = "RULE")]
    id: Option<String>,
}

/// Every rule there is, by id: the schema engine's, and the auditor's own, which look at databases alone.
pub(crate) fn all() -> Vec<RuleInfo> {
    let mut all = rules::infos();
    all.extend(tenantry_audit::known_rules().iter().filter_map(audited));
    all.sort_by_key(|rule| rule.id);
    all
}

/// `None` for what the schema engine's registry has already.
fn audited(rule: &tenantry_audit::Known) -> Option<RuleInfo> {
    let severities: &'static [Severity] = match rule.severity? {
        Severity::Error => &[Severity::Error],
        Severity::Warning => &[Severity::Warning],
        Severity::Note => &[Severity::Note],
    };
    let (id, about, docs) = (rule.id, rule.about, rule.docs);
    Some(RuleInfo { id, about, severities, models: &TenancyModel::ALL, remedies: &[Remedy::Person], docs })
}

pub(crate) fn run(session: &Session, args: &RulesArgs) -> anyhow::Result<()> {
    let Some(id) = &args.id else { return session.printer().emit(&List(all())) };
    match all().into_iter().find(|rule| rule.id == id) {
        Some(rule) => session.printer().emit(&Whole(rule)),
        None => Err(unknown(id).into()),
    }
}

fn unknown(id: &str) -> Refusal {
    let near = all().into_iter().map(|rule| (strsim::damerau_levenshtein(id, rule.id), rule.id)).min();
    let hint = match near {
        Some((distance, near)) if distance <= 1 + id.len() / 3 => format!("did you mean {near:?}?"),
        _ => "`tenantry rules` lists them".to_owned(),
    };
    Refusal::input(format!("there is no rule {id:?}"), hint)
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct List(Vec<RuleInfo>);

impl Document for List {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = grid(["RULE", "SEVERITY", "MODELS", "REMEDIED BY", "ABOUT"]);
        for rule in &self.0 {
            let cells =
                [rule.id, &severities(rule), &models(rule), &remedies(rule), first_sentence(rule.about)];
            table.row(cells);
        }
        table.write(out)?;
        writeln!(out, "\n{DIM}`tenantry rules RULE` shows one whole{DIM:#}")
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Whole(RuleInfo);

impl Document for Whole {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let rule = &self.0;
        writeln!(
            out,
            "{BOLD}{}{BOLD:#}  {DIM}{}; {}; {}{DIM:#}",
            rule.id,
            severities(rule),
            models(rule),
            remedies(rule)
        )?;
        writeln!(out, "\n{}", rule.about)?;
        for (title, text) in sections(rule) {
            writeln!(out, "\n{BOLD}{title}{BOLD:#}")?;
            for line in text.trim().lines() {
                writeln!(out, "{}", format!("  {line}").trim_end())?;
            }
        }
        Ok(())
    }
}

/// The parts of a rule's documentation that it has.
fn sections(rule: &RuleInfo) -> Vec<(&'static str, &'static str)> {
    let docs = &rule.docs;
    let parts = [
        ("Why", docs.why),
        ("Before", docs.before),
        ("After", docs.after),
        ("When to ignore it", docs.ignore),
    ];
    parts.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

/// `error to note`, `warning`.
fn severities(rule: &RuleInfo) -> String {
    match rule.severities {
        [] => String::new(),
        [only] => only.to_string(),
        [worst, .., least] => format!("{worst} to {least}"),
    }
}

fn models(rule: &RuleInfo) -> String {
    if rule.models.len() == TenancyModel::ALL.len() {
        return "all".to_owned();
    }
    rule.models.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn remedies(rule: &RuleInfo) -> String {
    let words = rule.remedies.iter().map(|remedy| match remedy {
        Remedy::Compile => "compile",
        Remedy::Person => "a person",
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text.trim_end_matches('.'), |end| &text[..end])
}

/// `docs/reference/rules.md`.
pub(crate) fn page() -> String {
    let mut out = String::from(
        "# Rules\n\n<!-- Made by `tenantry generate docs` from the rules' own documentation. -->\n\n\
         What `tenantry schema check`, `compile` and `audit` look for. `tenantry rules RULE` shows one of them; `[[ignore]]` in\n\
         `tenantry.toml` accepts a finding, with a reason: it is then listed as ignored. An error that keeps a schema from\n\
         being compiled can't be ignored.\n\n\
         | rule | severity | models | remedied by |\n|---|---|---|---|\n",
    );
    let all = all();
    for rule in &all {
        // Writing to a String can't fail.
        let _infallible = writeln!(
            out,
            "| [`{id}`](#{id}) | {} | {} | {} |",
            severities(rule),
            models(rule),
            remedies(rule),
            id = rule.id
        );
    }
    for rule in &all {
        chapter(&mut out, rule);
    }
    out
}

fn chapter(out: &mut String, rule: &RuleInfo) {
    let _infallible = write!(out, "\n## {}\n\n{}\n", rule.id, rule.about);
    for (title, text) in sections(rule) {
        let text = text.trim();
        let _infallible = match title {
            "Why" => write!(out, "\n{text}\n"),
            "Before" | "After" => write!(out, "\n{title}:\n\n```sql\n{text}\n```\n"),
            _ => write!(out, "\n{title}: {text}\n"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_one_namespace_and_every_rule_is_documented() {
        let all = all();
        for pair in all.windows(2) {
            assert_ne!(pair[0].id, pair[1].id);
        }
        for rule in all {
            assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.id);
            assert!(!rule.docs.why.is_empty(), "{}", rule.id);
            assert!(!rule.severities.is_empty(), "{}", rule.id);
        }
    }
}
