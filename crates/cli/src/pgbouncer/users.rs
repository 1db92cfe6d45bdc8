//! Users: the section [users], and the file of passwords.

use super::ini::{self, Entry, Section};
use super::settings::Gateway;
use super::{Line, Verdict};
use std::collections::BTreeSet;
use std::path::Path;

/// The commands that make a login of each user.
pub(super) fn read(path: &Path, entries: &[Entry], gateway: &Gateway, lines: &mut Vec<Line>) -> Vec<String> {
    let mut session: BTreeSet<&str> = BTreeSet::new();
    for entry in entries.iter().filter(|entry| entry.section == Section::Users) {
        lines.push(entry.judged(user(entry, &mut session)));
    }
    let mut commands = Vec::new();
    for (name, kind, line) in gateway.auth_file.as_deref().map(|file| listed(path, file)).unwrap_or_default()
    {
        let file = gateway.auth_file.clone().unwrap_or_default();
        let text = format!("{name:?} …");
        let (verdict, why) = match kind {
            _ if name.contains('.') => (Verdict::Lost, "a login's name has no dot: LOGIN.TENANT names both"),
            Kind::Clear => (
                Verdict::Changed,
                "the command asks for the password and keeps a verifier only; then delete this file",
            ),
            Kind::Md5 => {
                (Verdict::Lost, "an MD5 hash can't be turned into SCRAM: the command asks for the password")
            }
            Kind::Scram => {
                (Verdict::Changed, "the verifier is not carried over: the command asks for the password")
            }
            Kind::Unreadable => (Verdict::Lost, "this line can't be read"),
        };
        lines.push(Line { file, number: line, text, verdict, why: why.to_owned() });
        if matches!(kind, Kind::Unreadable) || name.contains('.') {
            continue;
        }
        let mut command = format!("tenantry login create {} --all-tenants", shell(&name));
        if gateway.session_pooling || session.contains(name.as_str()) {
            command.push_str(" --pool-mode session");
        }
        if gateway.admins.contains(&name) {
            command.push_str(" --admin");
        }
        commands.push(command);
    }
    for admin in &gateway.admins {
        if !commands.iter().any(|command| command.contains(&format!(" {} ", shell(admin)))) {
            commands.push(format!("tenantry login create {} --admin", shell(admin)));
        }
    }
    commands
}

fn user<'a>(entry: &'a Entry, session: &mut BTreeSet<&'a str>) -> (Verdict, String) {
    let Ok(params) = ini::parameters(&entry.value) else {
        return (Verdict::Lost, "this can't be read".to_owned());
    };
    let mut verdict = Verdict::Kept;
    let mut said = Vec::new();
    for (key, value) in &params {
        match (key.as_str(), value.as_str()) {
            ("pool_mode", "session") => {
                session.insert(&entry.key);
                said.push("--pool-mode session of the login");
            }
            ("pool_mode", "transaction") => said.push("what logins do by default"),
            _ => {
                verdict = Verdict::Lost;
                said.push("limits and timeouts belong to tenants here: [plans]");
            }
        }
    }
    (verdict, said.join("; "))
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Clear,
    Md5,
    Scram,
    Unreadable,
}

/// The users of a file, each with the kind of its password; nothing of the password leaves this function.
fn listed(path: &Path, file: &str) -> Vec<(String, Kind, usize)> {
    let Ok(text) = ini::small(&ini::beside(path, file)) else {
        return vec![(format!("(the file {file} can't be read)"), Kind::Unreadable, 0)];
    };
    let mut users = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with([';', '#']) {
            continue;
        }
        let Some((name, rest)) = word(line) else {
            users.push(("?".to_owned(), Kind::Unreadable, index + 1));
            continue;
        };
        let kind = match word(rest.trim_start()) {
            None => Kind::Unreadable,
            Some((password, _)) if password.starts_with("SCRAM-SHA-256$") => Kind::Scram,
            Some((password, _)) if password.len() == 35 && password.starts_with("md5") => Kind::Md5,
            Some(_) => Kind::Clear,
        };
        users.push((name, kind, index + 1));
    }
    users
}

/// A word in double quotes, doubled where one is meant.
fn word(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut word = String::new();
    loop {
        let end = rest.find('"')?;
        word.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                word.push('"');
                rest = more;
            }
            None => return Some((word, rest)),
        }
    }
}

/// A word as a shell takes it.
fn shell(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
