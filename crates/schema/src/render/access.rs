//! Who owns what, and what the application's role may do; and the reader beside it, which may see the same and write nothing.
//!
//! Owners are set by ALTER … OWNER TO and not by creating things as the owner: that role needs no right to create
//! objects or to use languages, at any time.

use super::text::ident;
use crate::Target;
use crate::declaration::Kind;
use crate::model::{DefinitionKind, Function, Model, Object, ObjectKind, TypeKind, View};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn owners(model: &Model, target: &Target, out: &mut Vec<String>) {
    let owner = &target.owner;
    for defined in &model.types {
        let word = if matches!(defined.kind, TypeKind::Domain { .. }) { "DOMAIN" } else { "TYPE" };
        out.push(format!("ALTER {word} {} OWNER TO {owner}", ident(&defined.name)));
    }
    for function in &model.functions {
        out.push(format!("ALTER ROUTINE {} OWNER TO {owner}", signature(function)));
    }
    for defined in model.definitions.iter().filter(|defined| defined.kind != DefinitionKind::Cast) {
        let word = defined.kind.as_str().to_uppercase();
        out.push(format!("ALTER {word} {} OWNER TO {owner}", defined.name));
    }
    let tables = model.tables.iter().map(|table| ("TABLE", &table.name, &table.statistics));
    let views =
        model.materialized_views.iter().map(|view| ("MATERIALIZED VIEW", &view.name, &view.statistics));
    for (word, name, statistics) in tables.chain(views) {
        out.push(format!("ALTER {word} {} OWNER TO {owner}", ident(name)));
        for statistics in statistics {
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
    let reader = target.reader.as_ref().map(|reader| format!(", {reader}")).unwrap_or_default();
    out.push(format!("GRANT USAGE ON SCHEMA {} TO {}, {app}{reader}", target.schema, target.owner));
    for table in model.tables.iter().filter(|table| !table.is_partition()) {
        let rights = match kinds.get(&table.name) {
            Some(Kind::Tenant) => "SELECT, INSERT, UPDATE, DELETE",
            // Their floor says which rows.
            Some(Kind::Scoped) if target.model == tenantry_core::TenancyModel::Shared => {
                "SELECT, INSERT, UPDATE, DELETE"
            }
            // The operator writes global tables; dedicated placements hold copies of them.
            Some(Kind::Global | Kind::Scoped) | None => "SELECT",
        };
        out.extend(target.grant_tables(rights, &ident(&table.name)));
    }
    for sequence in model.sequences.iter().filter(|sequence| sequence.used_by_default) {
        out.push(format!("GRANT USAGE ON SEQUENCE {} TO {app}", ident(&sequence.name)));
    }
    let needs = needs(model);
    // What a materialized view has become is filled by its function alone, not through views of it.
    let written = |table: &str| {
        let filled = model.table(table).is_some_and(crate::rules::is_materialized);
        kinds.get(table) == Some(&Kind::Tenant) && !filled
    };
    for view in &model.views {
        let rights = view_rights(&needs, &written, view);
        out.extend(target.grant_tables(&rights, &ident(&view.name)));
    }
    for view in &model.materialized_views {
        out.extend(target.grant_tables("SELECT", &ident(&view.name)));
    }
    for function in &model.functions {
        out.push(format!("REVOKE EXECUTE ON ROUTINE {} FROM PUBLIC", signature(function)));
        if !function.trigger {
            let callers = target.callers(function.security_definer);
            out.push(format!("GRANT EXECUTE ON ROUTINE {} TO {callers}", signature(function)));
        }
    }
}

fn signature(function: &Function) -> String {
    format!("{}({})", ident(&function.name), function.arguments)
}

type Needs<'a> = BTreeMap<&'a str, Vec<&'a Object>>;

/// What each view and materialized view rests on.
fn needs(model: &Model) -> Needs<'_> {
    let mut needs = Needs::new();
    for edge in &model.dependencies {
        if matches!(edge.from.kind, ObjectKind::View | ObjectKind::MaterializedView) {
            needs.entry(&edge.from.name).or_default().push(&edge.to);
        }
    }
    needs
}

/// A view that shows global tables is read-only: its owner may write them, the application may not.
fn view_rights(needs: &Needs<'_>, written: &dyn Fn(&str) -> bool, view: &View) -> String {
    const BITS: [(u32, &str); 3] = [(8, "INSERT"), (4, "UPDATE"), (16, "DELETE")];
    let mut rights = vec!["SELECT"];
    let tables = tables_of(needs, &view.name);
    // Without a table of its own here, what it shows is the pool's.
    if !tables.is_empty() && tables.into_iter().all(written) {
        rights.extend(BITS.iter().filter(|(bit, _)| view.updatable & bit != 0).map(|(_, right)| *right));
    }
    rights.join(", ")
}

/// The tables that a view rests on, through other views too.
fn tables_of<'a>(needs: &Needs<'a>, view: &'a str) -> Vec<&'a str> {
    let mut open = vec![view];
    let (mut seen, mut tables) = (BTreeSet::new(), Vec::new());
    while let Some(name) = open.pop() {
        if !seen.insert(name) {
            continue;
        }
        for to in needs.get(name).into_iter().flatten() {
            match to.kind {
                ObjectKind::Table => tables.push(to.name.as_str()),
                ObjectKind::View | ObjectKind::MaterializedView => open.push(&to.name),
                _ => {}
            }
        }
    }
    tables
}
