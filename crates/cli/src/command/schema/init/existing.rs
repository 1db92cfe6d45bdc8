//! A configuration that is there already: what in it differs from the guess, and the guess put into it.

use crate::config::Config;
use crate::failure::Refusal;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tenantry_core::ErrorKind;
use tenantry_schema::Declaration;

/// The sections that `init` writes.
const OURS: &[&str] = &["tenancy", "tables", "unique", "schema"];

/// Line by line, what the guess would change: `+` it has, `-` the file has.
pub(super) fn differences(path: &Path, old: &str, guess: &Declaration) -> anyhow::Result<Vec<String>> {
    let old = flat(&Config::parse(path.to_owned(), old.to_owned())?.declaration());
    let new = flat(guess);
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut lines = Vec::new();
    for key in keys {
        let (before, after) = (old.get(key), new.get(key));
        if before != after {
            lines.extend(before.map(|value| format!("- {key} = {value}")));
            lines.extend(after.map(|value| format!("+ {key} = {value}")));
        }
    }
    Ok(lines)
}

/// `[tables] countries` → `"global"`.
fn flat(declaration: &Declaration) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    let whole = serde_json::to_value(declaration).unwrap_or_default();
    for (section, entries) in whole.as_object().into_iter().flatten() {
        for (key, value) in entries.as_object().into_iter().flatten() {
            flat.insert(format!("[{section}] {key}"), value.to_string());
        }
    }
    flat
}

const SHOWN: usize = 20;

pub(super) fn refused(path: &Path, differences: &[String]) -> Refusal {
    let path = path.display();
    let mut message = format!("{path} is there already, and is left as it is");
    if differences.is_empty() {
        message.push_str("; it says what would be guessed");
    } else {
        message.push_str("; the guess differs:");
        for line in differences.iter().take(SHOWN) {
            message.push_str("\n  ");
            message.push_str(line);
        }
        if differences.len() > SHOWN {
            let more = format!("\n  and {} more lines", differences.len() - SHOWN);
            message.push_str(&more);
        }
    }
    Refusal {
        kind: ErrorKind::Conflict,
        message,
        hint: Some(
            "--out FILE writes elsewhere, --out - prints it, --force puts the guess into the file".to_owned(),
        ),
    }
}

/// The old text with our sections taken out, and the new ones in front of it.
pub(super) fn replaced(path: &Path, old: &str, new: &str) -> anyhow::Result<String> {
    Config::parse(path.to_owned(), old.to_owned())?;
    let rest = without_ours(old);
    let mut before: toml::Table = old.parse()?;
    // A guess from a database names no file: the one that is there stays.
    let keeps_file = !new.contains("\n[schema]\n");
    before.retain(|name, _| !OURS.contains(&name));
    let kept: toml::Table = rest.parse().unwrap_or_default();
    if kept != before {
        let message = format!("the sections of {} can't be told apart by their lines", path.display());
        return Err(
            Refusal::input(message, "write the guess elsewhere with --out, and put it in by hand").into()
        );
    }
    let file = keeps_file.then(|| old.parse::<toml::Table>().ok()?.remove("schema")).flatten();
    let file = file.map(|file| format!("[schema]\n{file}\n").replace("{ ", "").replace(" }", ""));
    let text = format!("{new}{}{}", file.map_or(String::new(), |file| format!("\n{file}")), separated(&rest));
    Config::parse(path.to_owned(), text.clone())?;
    Ok(text)
}

fn separated(rest: &str) -> String {
    if rest.trim().is_empty() { String::new() } else { format!("\n{}\n", rest.trim()) }
}

/// The lines of other sections. Comments right above a header belong to it.
fn without_ours(text: &str) -> String {
    let mut kept = String::new();
    let mut pending: Vec<&str> = Vec::new();
    let mut ours = false;
    for line in text.lines() {
        let header = line.trim().strip_prefix('[').map(|rest| rest.trim_start_matches('[').trim());
        if let Some(name) = header {
            let word: String =
                name.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == '-').collect();
            ours = OURS.contains(&word.as_str());
        } else if line.trim_start().starts_with('#') || line.trim().is_empty() {
            pending.push(line);
            continue;
        }
        let own: Vec<&str> = std::mem::take(&mut pending);
        if !ours {
            for line in own.into_iter().chain([line]) {
                kept.push_str(line);
                kept.push('\n');
            }
        }
    }
    kept
}
