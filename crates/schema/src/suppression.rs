//! Suppressions: which findings a person has accepted, and for which reason. They hide nothing and change no statement.

use crate::check::{Finding, Remedy, Severity};
use crate::declaration::{Declaration, Suppression};
use crate::rules::{nearest, registry};
use tenantry_core::TenancyModel;

/// The suppressions of a declaration, and which of them found something.
#[derive(Debug)]
pub struct Suppressions<'a> {
    entries: &'a [Suppression],
    used: Vec<bool>,
}

impl<'a> Suppressions<'a> {
    pub fn new(declaration: &'a Declaration) -> Self {
        Self { entries: &declaration.ignore, used: vec![false; declaration.ignore.len()] }
    }

    /// Why a finding is accepted, if it is. An entry without a reason accepts nothing.
    pub fn reason(&mut self, rule: &str, place: &str) -> Option<&'a str> {
        let mut reason = None;
        for (entry, used) in self.entries.iter().zip(&mut self.used) {
            if entry.matches(rule, place) && !entry.reason.trim().is_empty() {
                *used = true;
                reason = reason.or(Some(entry.reason.as_str()));
            }
        }
        reason
    }

    /// What is wrong with the suppressions themselves, once every finding was held against them. `own` are the ids of the rules
    /// that ran, `others` those that exist besides: whether a suppression of theirs finds something is not known here.
    pub fn problems(&self, own: &[&str], others: &[&str]) -> Vec<Finding> {
        let entries = self.entries.iter().zip(&self.used);
        entries.filter_map(|(entry, used)| problem(entry, *used, own, others)).collect()
    }
}

impl Suppression {
    /// Whether it is about a finding of this rule at this place.
    pub fn matches(&self, rule: &str, place: &str) -> bool {
        self.rule == rule && is_like(&self.place, place)
    }
}

/// The ids of this crate's rules.
pub(crate) fn own_ids() -> Vec<&'static str> {
    registry().iter().map(|rule| rule.id()).collect()
}

fn problem(entry: &Suppression, used: bool, own: &[&str], others: &[&str]) -> Option<Finding> {
    let known = || own.iter().chain(others).copied();
    let (message, hint) = if !known().any(|id| id == entry.rule) {
        let hint = match nearest(&entry.rule, known()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "`tenantry rules` lists them".to_owned(),
        };
        (format!("there is no rule {:?}", entry.rule), hint)
    } else if entry.reason.trim().is_empty() {
        ("it has no reason, so it ignores nothing".to_owned(), "say why the finding is accepted".to_owned())
    } else if !used && own.contains(&entry.rule.as_str()) {
        let hint = "remove the entry, or write the place as the finding names it; * stands for any text";
        ("no finding of this rule is at this place".to_owned(), hint.to_owned())
    } else {
        return None;
    };
    Some(Finding {
        rule: "declaration",
        severity: Severity::Warning,
        place: format!("[[ignore]] {}, {:?}", entry.rule, entry.place),
        message,
        hint: Some(hint),
        remedy: Remedy::Person,
        models: TenancyModel::ALL.to_vec(),
    })
}

/// `*` stands for any text, the empty one included.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let tail = pieces.pop().unwrap_or_default();
    for piece in pieces {
        // The first place where a piece fits leaves the most for those that follow.
        let Some(at) = text.find(piece) else { return false };
        text = &text[at + piece.len()..];
    }
    text.len() >= tail.len() && text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, like) in [
            ("a on b", "a on b", true),
            ("a on b", "a on bb", false),
            ("*", "", true),
            ("* on b", "a on b", true),
            ("* on b", "a on b2", false),
            ("a*", "b a", false),
            ("*_idx on *", "x_idx on t", true),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a**c", "ac", true),
        ] {
            assert_eq!(is_like(pattern, text), like, "{pattern} {text}");
        }
    }
}
