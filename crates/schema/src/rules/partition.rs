//! `partition`: a plain table becomes a partitioned one, as declared.
//!
//! The model gets the parent alone. Its partitions depend on the day and on who got one of their own, so the database makes
//! them (`tenancy.manage_partitions`, called by the last of the compiled statements); read back, they are known by their comment
//! and not written again. In dedicated placements the table stays plain.

mod key;
mod period;
#[cfg(test)]
mod tests;

use super::{Case, Docs, Rule, SHARED};
use crate::check::Severity;
use crate::declaration::{Declaration, Keys, Kind, Partition};
use crate::model::{ConstraintKind, Model, Table};
use crate::render::text::{ident, literal};
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Partitions;

/// How the line of a table's comment starts that says what it has to do with managed partitions.
pub(crate) const LINE: &str = "tenantry:partition=";
const MANAGED: &str = "tenantry:partition=managed";

impl Rule for Partitions {
    fn id(&self) -> &'static str {
        "partition"
    }

    fn about(&self) -> &'static str {
        "A table with a declared partitioning becomes a partitioned table: by time, by the hash of the tenant, or by tenant. \
         Its primary key takes in the partition column; a unique constraint that can't, and a foreign key that would need \
         it, are refused. Partitions get what their parent has, row-level security included, and no grants."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "PostgreSQL keeps a key of a partitioned table by keeping it in each partition, so every key must contain the \
                  partition column. What that changes is said, and what it would break is refused: a unique constraint that \
                  holds within a month only is not the one that was asked for.",
            before: "CREATE TABLE events (id bigint, created_at timestamptz NOT NULL, PRIMARY KEY (id, created_at));\n\
                     -- tenantry.toml\n\
                     [tables]\n\
                     events = { kind = \"tenant\", partition = { by = \"range\", column = \"created_at\", every = \"1 month\" } }",
            after: "PRIMARY KEY (tenant_id, id, created_at) … PARTITION BY RANGE (created_at);\n\
                    SELECT tenancy.manage_partitions('events', 'range', 'created_at', '1 month', 4",
            ignore: "Errors can't be ignored. The note about ON CONFLICT can, where nothing uses it on this table.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Note]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let declaration = case.declaration;
        for at in 0..model.tables.len() {
            let declared = declaration.tables.get(&model.tables[at].name).and_then(|entry| entry.partition());
            match declared {
                Some(partition) => partitioned(model, at, partition, case),
                None if is_managed(&model.tables[at]) => case.error(
                    &model.tables[at].name,
                    "its partitions are looked after, but the declaration does not say so any more",
                    "declare the partitioning again: it can't be taken back in place",
                ),
                None => {}
            }
        }
    }
}

fn partitioned(model: &mut Model, at: usize, partition: &Partition, case: &mut Case<'_>) {
    let column = key_column(partition, case);
    let name = model.tables[at].name.clone();
    if !fits(&model.tables[at], partition, &column, case) {
        return;
    }
    key::targets(model, &name, &column, case);
    let version = model.source.version;
    let table = &mut model.tables[at];
    key::primary_key(table, &column, case);
    key::uniques(table, &column, case);
    key::exclusions(table, &column, version, case);
    key::foreign_keys(table, version, case);
    refuse_the_rest(table, case);
    let canonical = format!("{} ({})", method(partition).to_uppercase(), ident(&column));
    if table.partition_by.is_none() {
        case.change(&name, format!("it is partitioned by {} ({column})", method(partition)));
    }
    table.partition_by = Some(canonical);
    mark(table);
}

fn method(partition: &Partition) -> &'static str {
    match partition {
        Partition::Range { .. } => "range",
        Partition::Hash { .. } => "hash",
        Partition::List {} => "list",
    }
}

fn key_column(partition: &Partition, case: &Case<'_>) -> String {
    match partition {
        Partition::Range { column, .. } => column.clone(),
        Partition::Hash { .. } | Partition::List {} => case.column().to_owned(),
    }
}

/// What has to be right before anything is changed.
fn fits(table: &Table, partition: &Partition, column: &str, case: &mut Case<'_>) -> bool {
    let place = format!("[tables] {}", table.name);
    if case.kind(&table.name) != Some(Kind::Tenant) {
        let hint = "partition it in the plain schema, or leave `partition` out";
        case.error(place, "partitions are made for tenant tables", hint);
        return false;
    }
    if let Some(by) = &table.partition_by
        && !(is_managed(table) && by_this(by, partition, column))
    {
        case.error(
            place,
            format!("the plain schema partitions it already, by {by}"),
            "leave `partition` out: those partitions are kept; or leave them out of the schema",
        );
        return false;
    }
    match partition {
        Partition::Range { column, every, retain, .. } => {
            range_column(table, column, case, &place) && periods(every, retain.as_deref(), case, &place)
        }
        Partition::Hash { count } => {
            if *count == 0 || *count > MOST_PARTITIONS {
                let message = format!("count = {count} is no number of partitions");
                case.error(place, message, format!("between 1 and {MOST_PARTITIONS}; 16 is a good start"));
                return false;
            }
            composite_keys(case, place)
        }
        Partition::List {} => composite_keys(case, place),
    }
}

/// Every partition is a table with files, statistics and locks of its own.
const MOST_PARTITIONS: u16 = 1024;

/// Whether `RANGE (created_at)` as the server prints it is what was declared.
fn by_this(printed: &str, partition: &Partition, column: &str) -> bool {
    let wanted = [column.to_owned(), ident(column)];
    let inside = printed.split_once(" (").and_then(|(by, rest)| {
        by.eq_ignore_ascii_case(method(partition)).then(|| rest.strip_suffix(')')).flatten()
    });
    inside.is_some_and(|inside| wanted.iter().any(|name| name == inside))
}

fn range_column(table: &Table, name: &str, case: &mut Case<'_>, place: &str) -> bool {
    let Some(column) = table.column(name) else {
        let near = super::names::nearest(name, table.columns.iter().map(|column| column.name.as_str()));
        let hint = near.map_or_else(
            || "name a column of the table".to_owned(),
            |near| format!("did you mean {near:?}?"),
        );
        case.error(place, format!("{} has no column {name:?}", table.name), hint);
        return false;
    };
    let wrong = if column.generated.is_some() {
        Some((
            "is generated: a generated column can't be a partition key",
            "partition by a column that is written",
        ))
    } else if !(column.type_name == "date" || column.type_name.starts_with("timestamp")) {
        Some(("is no date and no timestamp", "partition by a column of time, or by hash"))
    } else if !column.not_null {
        Some(("may be null, and a null has no place in time", "make it NOT NULL, with a default of now()"))
    } else {
        None
    };
    if let Some((what, hint)) = wrong {
        case.error(place, format!("{}.{name} {what}", table.name), hint);
    }
    wrong.is_none()
}

fn periods(every: &str, retain: Option<&str>, case: &mut Case<'_>, place: &str) -> bool {
    for (word, text) in [("every", Some(every)), ("retain", retain)] {
        if let Some(text) = text
            && period::parse(text).is_none()
        {
            let message = format!("{word} = {text:?} is no period");
            case.error(
                place,
                message,
                "write a whole number of days, weeks, months or years: \"1 month\", \"90 days\"",
            );
            return false;
        }
    }
    true
}

fn composite_keys(case: &mut Case<'_>, place: String) -> bool {
    if case.declaration.tenancy.keys == Keys::Composite {
        return true;
    }
    case.error(
        place,
        "partitions by tenant need the tenant column in every key, and keys = \"global-id\" leaves it out of the primary key",
        "declare keys = \"composite\", or partition by range of a time column, or leave `partition` out",
    );
    false
}

/// What PostgreSQL has for plain tables only.
fn refuse_the_rest(table: &mut Table, case: &mut Case<'_>) {
    let place = table.name.clone();
    if table.unlogged {
        case.error(
            &place,
            "an unlogged table can't be partitioned",
            "make it a logged table, or leave `partition` out",
        );
    }
    if !table.inherits.is_empty() {
        case.error(&place, "a table that inherits can't be partitioned", "write its columns out");
    }
    for constraint in &table.constraints {
        let ConstraintKind::Check { definition, .. } = &constraint.kind else { continue };
        if definition.ends_with("NO INHERIT") || definition.contains("NO INHERIT NOT VALID") {
            let place = format!("{} on {place}", constraint.name);
            case.error(
                place,
                "a NO INHERIT check has no meaning on a partitioned table",
                "write it without NO INHERIT",
            );
        }
    }
    for trigger in &table.triggers {
        if trigger.definition.contains(" REFERENCING ") && trigger.definition.contains(" FOR EACH ROW ") {
            case.error(
                format!("trigger {} on {place}", trigger.name),
                "a row trigger with transition tables can't be on a partitioned table",
                "make it FOR EACH STATEMENT",
            );
        }
    }
}

fn is_managed(table: &Table) -> bool {
    table.comment.iter().flat_map(|comment| comment.lines()).any(|line| line.starts_with(MANAGED))
}

/// Says in the comment that its partitions are looked after. Storage parameters go there too: a partitioned table can't have
/// any, so this is where they are found when the table is read back.
fn mark(table: &mut Table) {
    let options = std::mem::take(&mut table.options);
    let options = if options.is_empty() { options_of(table) } else { options };
    let with = if options.is_empty() { String::new() } else { format!(" with {}", options.join(" ")) };
    let line = format!("{MANAGED}{with}");
    let mut lines: Vec<String> =
        table.comment.iter().flat_map(|comment| comment.lines()).map(ToOwned::to_owned).collect();
    // Where it stands already, so that a comment that is read back stays as it is.
    match lines.iter_mut().find(|line| line.starts_with(LINE)) {
        Some(known) => *known = line,
        None => lines.push(line),
    }
    table.comment = Some(lines.join("\n"));
}

fn options_of(table: &Table) -> Vec<String> {
    let mut lines = table.comment.iter().flat_map(|comment| comment.lines());
    let with = lines.find_map(|line| line.strip_prefix(MANAGED)?.strip_prefix(" with "));
    with.map(|with| with.split(' ').map(ToOwned::to_owned).collect()).unwrap_or_default()
}

/// The statements that hand the partitioned tables over to the database, after everything else.
pub(crate) fn statements(model: &Model, declaration: &Declaration) -> Vec<String> {
    let managed = model.tables.iter().filter(|table| is_managed(table));
    managed
        .filter_map(|table| {
            Some(hand_over(table, declaration.tables.get(&table.name)?.partition()?, declaration))
        })
        .collect()
}

fn hand_over(table: &Table, partition: &Partition, declaration: &Declaration) -> String {
    let null = || "NULL".to_owned();
    let tenant = declaration.tenancy.column.as_str();
    let (column, every, ahead, retain, count) = match partition {
        Partition::Range { column, every, ahead, retain } => {
            let retain = retain.as_deref().and_then(period::parse).map_or_else(null, |text| literal(&text));
            let every = period::parse(every).map_or_else(null, |text| literal(&text));
            (column.as_str(), every, ahead.to_string(), retain, null())
        }
        Partition::Hash { count } => (tenant, null(), null(), null(), count.to_string()),
        Partition::List {} => (tenant, null(), null(), null(), null()),
    };
    let options: Vec<String> = options_of(table).iter().map(|option| literal(option)).collect();
    format!(
        "SELECT tenancy.manage_partitions({}, {}, {}, {every}, {ahead}, {retain}, {count}, ARRAY[{}]::text[])",
        literal(&ident(&table.name)),
        literal(method(partition)),
        literal(column),
        options.join(", ")
    )
}
