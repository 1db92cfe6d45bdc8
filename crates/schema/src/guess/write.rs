//! The guess as a file.

use super::{Doubt, Guess};
use crate::declaration::{Keys, Kind, TableEntry, Unnamed};
use std::fmt::Write;

const WIDTH: usize = 100;

impl Guess {
    /// The sections of `tenantry.toml`, with each doubt above the line that it is about.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        let tenancy = &self.declaration.tenancy;
        out.push_str("[tenancy]\n");
        let keys = match tenancy.keys {
            Keys::Composite => "composite",
            Keys::GlobalId => "global-id",
        };
        let default = match tenancy.default {
            Unnamed::Tenant => "tenant",
            Unnamed::Refuse => "refuse",
        };
        let lines = [
            ("column", tenancy.column.as_str()),
            ("type", tenancy.value_type.as_sql()),
            ("keys", keys),
            ("default", default),
        ];
        for (key, value) in lines {
            self.doubts_at(&mut out, &format!("[tenancy] {key}"));
            put(&mut out, format_args!("{key} = {}\n", quoted(value)));
        }
        self.tables(&mut out);
        if !self.declaration.unique.is_empty() {
            out.push_str("\n# Unique over all tenants, because it is looked up before the tenant is known.\n[unique]\n");
            for key in self.declaration.unique.keys() {
                self.doubts_at(&mut out, &format!("[unique] {key:?}"));
                put(&mut out, format_args!("{} = \"global\"\n", quoted(key)));
            }
        }
        out
    }

    fn tables(&self, out: &mut String) {
        if self.declaration.tables.is_empty() {
            return;
        }
        out.push_str("\n# Tables that are not named are tenant tables.\n[tables]\n");
        for kind in [Kind::Global, Kind::Scoped, Kind::Tenant] {
            for (name, entry) in self.declaration.tables.iter().filter(|(_, entry)| entry.kind() == kind) {
                self.doubts_at(out, &format!("[tables] {name}"));
                put(out, format_args!("{} = {}\n", key(name), value(entry)));
            }
        }
    }

    fn doubts_at(&self, out: &mut String, place: &str) {
        self.doubts.iter().filter(|doubt| doubt.place == place).for_each(|doubt| comment(out, doubt));
    }
}

/// Writing to a String can't fail.
fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(what);
}

fn comment(out: &mut String, doubt: &Doubt) {
    let mut line = String::from("# sure?");
    for word in doubt.message.split_whitespace() {
        if line.len() + word.len() >= WIDTH {
            out.push_str(&line);
            out.push('\n');
            line = String::from("#      ");
        }
        line.push(' ');
        // A name may hold anything, and a comment of TOML no control characters.
        line.extend(word.chars().filter(|c| !c.is_control()));
    }
    out.push_str(&line);
    out.push('\n');
}

fn value(entry: &TableEntry) -> String {
    match entry {
        TableEntry::Kind(kind) => quoted(kind.as_str()),
        TableEntry::Detailed(details) => match &details.via {
            Some(via) => format!("{{ kind = {}, via = {} }}", quoted(details.kind.as_str()), quoted(via)),
            None => quoted(details.kind.as_str()),
        },
    }
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { quoted(name) }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => put(&mut quoted, format_args!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
