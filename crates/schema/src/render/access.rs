//! Who owns what, and what the application's role may do.
//!
//! Owners are set by ALTER … OWNER TO and not by creating things as the owner: that role needs no right to create
//! objects or to use languages, at any time.

use super::text::ident;
use crate::Target;
use crate::declaration::Kind;
use crate::model::{Function, Model, Object, ObjectKind, TypeKind, View};
use std::collections::BTreeMap;

pub(crate) fn owners(model: &Model, target: &Target, out: &mut Vec<String>) {
    let owner = &target.owner;
    for defined in &model.types {
        let word = if matches!(defined.kind, TypeKind::Domain { .. }) { "DOMAIN" } else { "TYPE" };
        out.push(format!("ALTER {word} {} OWNER TO {owner}", ident(&defined.name)));
    }
    for function in &model.functions {
        out.push(format!("ALTER ROUTINE {} OWNER TO {owner}", signature(function)));
    }
    for table in &model.tables {
        out.push(format!("ALTER TABLE {} OWNER TO {owner}", ident(&table.name)));
        for statistics in &table.statistics {
            out.push(format!("ALTER STATISTICS {} OWNER TO {owner}", ident(&statistics.name)));
        }
    }
    // Sequences of serial columns follow their table.
    for sequence in model.sequences.iter().filter(|sequence| sequence.owned_by.is_none()) {
        out.push(format!("ALTER SEQUENCE {} OWNER TO {owner}", ident(&sequence.name)));
    }
    for view in &model.views {
        out.push(format!("ALTER VIEW {} OWNER TO {owner}", ident(&view.name)));
    }
}

/// Never TRUNCATE, REFERENCES or TRIGGER; nothing on partitions, which would be a way around their parent.
pub(crate) fn grants(model: &Model, kinds: &BTreeMap<String, Kind>, target: &Target, out: &mut Vec<String>) {
    let app = &target.app;
    // The owner too: PostgreSQL checks foreign keys as the owner of the tables.
    out.push(format!("GRANT USAGE ON SCHEMA {} TO {}, {app}", target.schema, target.owner));
    for table in model.tables.iter().filter(|table| !table.is_partition()) {
        let rights = match kinds.get(&table.name) {
            Some(Kind::Tenant) => "SELECT, INSERT, UPDATE, DELETE",
            // The operator writes global tables; dedicated placements hold copies of them.
            Some(Kind::Global | Kind::Scoped) | None => "SELECT",
        };
        out.push(format!("GRANT {rights} ON TABLE {} TO {app}", ident(&table.name)));
    }
    for sequence in model.sequences.iter().filter(|sequence| sequence.used_by_default) {
        out.push(format!("GRANT USAGE ON SEQUENCE {} TO {app}", ident(&sequence.name)));
    }
    for view in &model.views {
        let rights = view_rights(model, kinds, view);
        out.push(format!("GRANT {rights} ON TABLE {} TO {app}", ident(&view.name)));
    }
    for function in &model.functions {
        out.push(format!("REVOKE EXECUTE ON ROUTINE {} FROM PUBLIC", signature(function)));
        if !function.trigger {
            out.push(format!("GRANT EXECUTE ON ROUTINE {} TO {app}", signature(function)));
        }
    }
}

fn signature(function: &Function) -> String {
    format!("{}({})", ident(&function.name), function.arguments)
}

/// A view that shows global tables is read-only: its owner may write them, the application may not.
fn view_rights(model: &Model, kinds: &BTreeMap<String, Kind>, view: &View) -> String {
    const BITS: [(u32, &str); 3] = [(8, "INSERT"), (4, "UPDATE"), (16, "DELETE")];
    let mut rights = vec!["SELECT"];
    if tables_of(model, view).iter().all(|table| kinds.get(*table) == Some(&Kind::Tenant)) {
        rights.extend(BITS.iter().filter(|(bit, _)| view.updatable & bit != 0).map(|(_, right)| *right));
    }
    rights.join(", ")
}

/// The tables that a view rests on, through other views too.
fn tables_of<'a>(model: &'a Model, view: &'a View) -> Vec<&'a str> {
    let mut open = vec![view.name.as_str()];
    let (mut seen, mut tables) = (Vec::new(), Vec::new());
    while let Some(name) = open.pop() {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let is_from = |from: &Object| from.kind == ObjectKind::View && from.name == name;
        for dependency in model.dependencies.iter().filter(|dependency| is_from(&dependency.from)) {
            match dependency.to.kind {
                ObjectKind::Table => tables.push(dependency.to.name.as_str()),
                ObjectKind::View => open.push(&dependency.to.name),
                _ => {}
            }
        }
    }
    tables
}
