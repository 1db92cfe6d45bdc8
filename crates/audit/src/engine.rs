//! The schema engine's rules over the model of a live schema: what they would change is what is not as it should be.
//!
//! A database that was made by hand is not asked to look like Tenantry's: other policies, another context and missing
//! comments are left to the rules that judge what they do. What is different in kind is told: keys, references and indexes
//! without the tenant.

use crate::finding::{Evidence, Finding, Place};
use crate::fix::Fix;
use crate::look::Space;
use crate::{Found, Home, Skipped};
use serde_json::{Map, Value, json};
use tenantry_core::{ContextKind, SqlIdent, TenancyModel, reader_of};
use tenantry_schema::alter::{Style, alter};
use tenantry_schema::model::ConstraintKind::{ForeignKey, PrimaryKey, Unique};
use tenantry_schema::{
    Declaration, Finding as Said, Floor, Kind, Model, Remedy, Severity, TableEntry, Target, reconcile,
};

/// Rules that hold for anybody's shared tables.
const FOR_ALL: &[&str] = &["primary-key", "unique", "exclusion", "foreign-key", "index", "tenant-column"];

/// Everything the engine finds, with the statements that mend it.
pub(crate) fn findings(found: &Found) -> (Vec<Finding>, Vec<Skipped>) {
    let (mut findings, mut skipped) = (Vec::new(), Vec::new());
    if !found.has_column {
        return (findings, skipped);
    }
    for space in &found.spaces {
        let Some(live) = &space.facts else { continue };
        let declaration = declaration(found, space);
        let (context, ours) = match found.home {
            Home::Tenantry(context) => (context, true),
            Home::ByHand => (ContextKind::Carrier, false),
        };
        let floor = Floor { context, tenant_value: space.value.clone().or_else(|| value_of(space)) };
        let reconciled = reconcile(live, &declaration, space.model, &floor);
        let mut said: Vec<Finding> = reconciled
            .findings
            .iter()
            .filter(|said| {
                (ours || is_for_all(said, live)) && changes_something(said, live, &reconciled.model)
            })
            .map(|said| finding(found, space, said))
            .collect();
        if said.is_empty() {
            continue;
        }
        let mut wanted = reconciled.model;
        if !ours {
            keep_by_hand(&mut wanted, live, &declaration);
        }
        match fixes(found, space, live, &wanted, context) {
            Ok(fixes) => attach(&mut said, fixes),
            Err(reason) => {
                skipped.push(Skipped {
                    rule: "fix",
                    database: found.label.clone(),
                    reason: format!("schema {}: {reason}", space.name),
                });
            }
        }
        findings.extend(said);
    }
    (findings, skipped)
}

/// A schema of a tenant whose gate is not to be read: any value keeps the shape.
fn value_of(space: &Space) -> Option<String> {
    (space.model == TenancyModel::Schema).then(|| "0".to_owned())
}

/// The declaration with the kinds that were found. What belongs to a tenant without a tenant column is for a rule of its own.
fn declaration(found: &Found, space: &Space) -> Declaration {
    let mut declaration = found.declaration.clone();
    if let Some(live) = &space.facts {
        // Entries of tables that this schema has not would be errors of the declaration, which is checked elsewhere.
        declaration.tables.retain(|name, _| live.table(name).is_some_and(|table| !table.is_partition()));
        declaration
            .unique
            .retain(|key, _| key.split_once('.').is_some_and(|(table, _)| live.table(table).is_some()));
    }
    if found.home == Home::ByHand {
        for (table, kind) in found.kinds_in(&space.name) {
            let is_root = space
                .facts
                .as_ref()
                .and_then(|live| live.table(table))
                .is_some_and(|table| !table.is_partition());
            let own = found.tables.iter().find(|listed| listed.schema == space.name && listed.name == table);
            let usual =
                own.is_some_and(|own| own.tenant.as_deref() == Some(declaration.tenancy.column.as_str()));
            if is_root {
                let kind = if kind == "tenant" && usual { Kind::Tenant } else { Kind::Global };
                declaration.tables.insert(table.to_owned(), TableEntry::Kind(kind));
            }
        }
    }
    declaration
}

/// Two rules may undo each other's order (lines of a comment): what is as it was in the end was no change.
fn changes_something(said: &Said, live: &Model, wanted: &Model) -> bool {
    if said.remedy == Remedy::Person {
        return true;
    }
    let names = [
        said.place.as_str(),
        said.place.rsplit(" on ").next().unwrap_or_default(),
        said.place.split('.').next().unwrap_or_default(),
    ];
    let table = names.into_iter().find_map(|name| Some((live.table(name)?, wanted.table(name)?)));
    table.is_none_or(|(before, after)| before != after)
}

/// Whether a finding holds for a database that was made by hand.
fn is_for_all(said: &Said, live: &Model) -> bool {
    let wants_our_context = said.message.contains("default becomes");
    let is_about_kinds =
        said.message.starts_with("a global table") || said.message.starts_with("tenant tables refer");
    let has_a_rule = said.rule == "tenant-column" && said.message.contains("NOT NULL");
    // A unique that the engine would only add for its own references.
    let is_an_addition = said.message.starts_with("UNIQUE (") && said.message.ends_with("for foreign keys");
    let known_elsewhere =
        said.message.contains("no primary key") || said.message.contains("is left as it is");
    let on_partition = said
        .place
        .rsplit(" on ")
        .next()
        .and_then(|name| live.table(name))
        .is_some_and(tenantry_schema::model::Table::is_partition);
    FOR_ALL.contains(&said.rule)
        && !wants_our_context
        && !has_a_rule
        && !is_about_kinds
        && !is_an_addition
        && !known_elsewhere
        && !on_partition
}

fn finding(found: &Found, space: &Space, said: &Said) -> Finding {
    let place =
        Place { database: found.label.clone(), schema: Some(space.name.clone()), object: said.place.clone() };
    let message = if said.remedy == Remedy::Compile { as_lack(&said.message) } else { said.message.clone() };
    let mut finding = Finding::new(said.rule, severity(said), place, message);
    finding.hint = said.hint.clone().or_else(|| hint(said));
    let mut facts = Map::new();
    facts.insert("model".into(), json!(space.model));
    if let Some(definition) = definition(space, &said.place) {
        facts.insert("definition".into(), Value::String(definition));
    }
    finding.evidence = Some(Evidence { query: proof(space, &said.place), facts });
    finding
}

/// What a rule would change is what is missing.
fn as_lack(message: &str) -> String {
    for (done, lacking) in [
        (" becomes ", " should become "),
        (" is added", " is missing"),
        (" is led by ", " should be led by "),
        (" is enabled and forced", " should be enabled and forced"),
        (" starts with ", " should start with "),
        (" names its columns", " should name its columns"),
        ("the comment says ", "the comment should say "),
        ("a check keeps what", "a check should keep what"),
    ] {
        if message.contains(done) {
            return message.replacen(done, lacking, 1);
        }
    }
    format!("not as Tenantry makes it: {message}")
}

/// By what it lets happen.
fn severity(said: &Said) -> Severity {
    if said.remedy == Remedy::Person {
        return said.severity;
    }
    match said.rule {
        "foreign-key" | "row-security" | "tenant-column" | "view" => Severity::Error,
        "marker" | "index" => Severity::Note,
        _ => Severity::Warning,
    }
}

fn hint(said: &Said) -> Option<String> {
    let hint = match said.rule {
        "foreign-key" => {
            "PostgreSQL checks references past row-level security: a row can refer to another tenant's, keep it from being deleted, and go with it"
        }
        "unique" | "primary-key" => {
            "a duplicate-key error tells a tenant that another one uses the value; if it must be unique over all of them, declare it under [unique]"
        }
        "exclusion" => "rows of other tenants keep a tenant from writing its own",
        "index" => "every query under row-level security compares the tenant column first",
        "tenant-column" => "rows without a tenant belong to nobody, or to everybody",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What the catalog says of a constraint or index now.
fn definition(space: &Space, place: &str) -> Option<String> {
    let (name, table) = place.split_once(" on ")?;
    let table = space.facts.as_ref()?.table(table)?;
    if let Some(index) = table.indexes.iter().find(|index| index.name == name) {
        let keys: Vec<&str> =
            index.keys.iter().filter_map(|key| key.column.as_deref().or(key.expression.as_deref())).collect();
        return Some(format!("{} ({})", index.method, keys.join(", ")));
    }
    match &table.constraints.iter().find(|constraint| constraint.name == name)?.kind {
        PrimaryKey(key) => Some(format!("PRIMARY KEY ({})", key.columns.join(", "))),
        Unique(key) => Some(format!("UNIQUE ({})", key.columns.join(", "))),
        ForeignKey(key) => Some(format!(
            "FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {}",
            key.columns.join(", "),
            key.target,
            key.target_columns.join(", "),
            key.on_delete.as_sql()
        )),
        _ => None,
    }
}

/// A query that shows it.
fn proof(space: &Space, place: &str) -> Option<String> {
    let (name, table) = place.split_once(" on ")?;
    let model = space.facts.as_ref()?.table(table)?;
    let (schema, name_literal) =
        (tenantry_core::quote_literal(&space.name), tenantry_core::quote_literal(name));
    let is_index = model.indexes.iter().any(|index| index.name == name);
    Some(if is_index {
        format!("SELECT indexdef FROM pg_indexes WHERE schemaname ={schema} AND indexname ={name_literal}")
    } else {
        format!(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = (SELECT oid FROM pg_namespace WHERE nspname ={schema}) AND conname ={name_literal}"
        )
    })
}

/// Only keys, references and indexes are to change: policies, defaults and comments stay the owner's.
fn keep_by_hand(wanted: &mut Model, live: &Model, declaration: &Declaration) {
    wanted.views.clone_from(&live.views);
    wanted.functions.clone_from(&live.functions);
    wanted.materialized_views.clone_from(&live.materialized_views);
    // What the engine would put in a materialized view's place is not asked for either.
    wanted.tables.retain(|table| live.table(&table.name).is_some());
    for table in &mut wanted.tables {
        let Some(before) = live.table(&table.name) else { continue };
        table.policies.clone_from(&before.policies);
        table.row_security = before.row_security;
        table.force_row_security = before.force_row_security;
        table.comment.clone_from(&before.comment);
        for column in &mut table.columns {
            if column.name == declaration.tenancy.column.as_str()
                && let Some(old) = before.column(&column.name)
            {
                column.default.clone_from(&old.default);
                column.not_null = old.not_null;
            }
        }
    }
}

/// Engine steps keep their own order, between closing doors and building what only speeds things up.
const ORDER: u32 = 6_001;

fn fixes(
    found: &Found,
    space: &Space,
    live: &Model,
    wanted: &Model,
    context: ContextKind,
) -> Result<Vec<(String, Fix)>, String> {
    let ident = |name: &str| SqlIdent::new(name).map_err(|error| error.to_string());
    let owner = "tenantry_owner";
    let (app, reader) = application(found);
    let target = Target {
        model: space.model,
        schema: ident(&space.name)?,
        owner: ident(owner)?,
        app: ident(app.unwrap_or(owner))?,
        reader: reader.map(ident).transpose()?,
        context,
        tenant_value: space.value.clone().or_else(|| value_of(space)),
    };
    let steps = alter(live, wanted, &target, Style::Online).map_err(|error| error.to_string())?;
    let fixes = steps.into_iter().enumerate().map(|(at, step)| {
        let group = step.group.map(|group| format!("{}/{}/{group}", found.label, space.name));
        let fix = Fix {
            sql: step.sql,
            schema: Some(space.name.clone()),
            lock: step.lock,
            tables: step.tables,
            effort: step.effort,
            transactional: step.transactional,
            group,
            order: ORDER + u32::try_from(at).unwrap_or(u32::MAX / 2),
            database: found.label.clone(),
        };
        (step.place, fix)
    });
    Ok(fixes.collect())
}

/// The application's role, and the reader beside it.
fn application(found: &Found) -> (Option<&str>, Option<&str>) {
    let readers = found.readers();
    let app = found.roles.iter().map(String::as_str).find(|role| !readers.contains(role));
    let beside = app.map(reader_of);
    (app, readers.into_iter().find(|role| Some(*role) == beside.as_deref()))
}

/// Each statement goes to the finding that it mends, or to one on the same table, or to the first.
fn attach(findings: &mut [Finding], fixes: Vec<(String, Fix)>) {
    let table = |place: &str| {
        place.rsplit(" on ").next().unwrap_or(place).split('.').next().unwrap_or(place).to_owned()
    };
    for (place, fix) in fixes {
        let at = findings
            .iter()
            .position(|finding| finding.place.object == place)
            .or_else(|| findings.iter().position(|finding| table(&finding.place.object) == table(&place)))
            .unwrap_or(0);
        if let Some(finding) = findings.get_mut(at) {
            finding.fix.push(fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::as_lack;

    #[test]
    fn what_would_be_changed_is_told_as_what_is_missing() {
        assert_eq!(
            as_lack("the primary key becomes (tenant_id, id)"),
            "the primary key should become (tenant_id, id)"
        );
        assert_eq!(as_lack("the tenant column is added"), "the tenant column is missing");
        assert_eq!(as_lack("something new"), "not as Tenantry makes it: something new");
    }
}
