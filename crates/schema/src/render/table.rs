//! Statements about one table.

use super::constraint::{late, written};
use super::text::{add, assignments, ident, idents, options, sequence_options};
use crate::model::{Column, ConstraintKind, Identity, Index, IndexKey, Policy, Table};

/// CREATE TABLE with keys and checks. A partition is created by itself and attached later, so that its constraints and
/// indexes keep their names.
pub(crate) fn create(table: &Table) -> String {
    let columns = table.columns.iter().map(|column| column_definition(table, column));
    let constraints = table.constraints.iter().filter(|constraint| !late(constraint)).map(written);
    let lines: Vec<String> = columns.chain(constraints).map(|line| format!("    {line}")).collect();
    let unlogged = if table.unlogged { "UNLOGGED " } else { "" };
    let body = if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join(",\n")) };
    let partitions = table.partition_by.as_ref().map_or_else(String::new, |by| format!(" PARTITION BY {by}"));
    format!("CREATE {unlogged}TABLE {} ({body}){partitions}{}", ident(&table.name), options(&table.options))
}

pub(crate) fn column_definition(table: &Table, column: &Column) -> String {
    let mut sql = format!("{} {}", ident(&column.name), column.type_name);
    if let Some(collation) = &column.collation {
        add(&mut sql, format_args!(" COLLATE {collation}"));
    }
    if let Some(default) = &column.default {
        add(&mut sql, format_args!(" DEFAULT {default}"));
    }
    if let Some(generated) = &column.generated {
        let kept = if generated.stored { "STORED" } else { "VIRTUAL" };
        add(&mut sql, format_args!(" GENERATED ALWAYS AS ({}) {kept}", generated.expression));
    }
    if let Some(identity) = &column.identity {
        sql.push_str(&identity_clause(table, column, identity));
    }
    if let (Some(name), true) = (&column.not_null_name, column.not_null) {
        add(&mut sql, format_args!(" CONSTRAINT {}", ident(name)));
    }
    if column.not_null {
        sql.push_str(" NOT NULL");
    }
    sql
}

fn identity_clause(table: &Table, column: &Column, identity: &Identity) -> String {
    let when = if identity.always { "ALWAYS" } else { "BY DEFAULT" };
    let mut inside = Vec::new();
    if identity.sequence != format!("{}_{}_seq", table.name, column.name) {
        inside.push(format!("SEQUENCE NAME {}", ident(&identity.sequence)));
    }
    let numbers = sequence_options(&identity.options);
    if !numbers.is_empty() {
        inside.push(numbers.trim_start().to_owned());
    }
    let inside = if inside.is_empty() { String::new() } else { format!(" ({})", inside.join(" ")) };
    format!(" GENERATED {when} AS IDENTITY{inside}")
}

/// What CREATE TABLE can't say about columns in every supported version.
pub(crate) fn finish(table: &Table, out: &mut Vec<String>) {
    for column in &table.columns {
        let place = format!("ALTER TABLE {} ALTER COLUMN {}", ident(&table.name), ident(&column.name));
        if let Some(storage) = column.storage.and_then(storage_word) {
            out.push(format!("{place} SET STORAGE {storage}"));
        }
        if let Some(compression) = column.compression.and_then(compression_word) {
            out.push(format!("{place} SET COMPRESSION {compression}"));
        }
        if let Some(statistics) = column.statistics {
            out.push(format!("{place} SET STATISTICS {statistics}"));
        }
        if !column.options.is_empty() {
            out.push(format!("{place} SET ({})", assignments(&column.options)));
        }
    }
}

pub(crate) fn storage_word(letter: char) -> Option<&'static str> {
    match letter {
        'p' => Some("PLAIN"),
        'e' => Some("EXTERNAL"),
        'm' => Some("MAIN"),
        'x' => Some("EXTENDED"),
        _ => None,
    }
}

pub(crate) fn compression_word(letter: char) -> Option<&'static str> {
    match letter {
        'p' => Some("pglz"),
        'l' => Some("lz4"),
        _ => None,
    }
}

/// Checks that existing rows need not meet: CREATE TABLE would make them valid.
pub(crate) fn late_checks(table: &Table, out: &mut Vec<String>) {
    let checks =
        table.constraints.iter().filter(|c| matches!(c.kind, ConstraintKind::Check { .. }) && late(c));
    out.extend(checks.map(|check| format!("ALTER TABLE {} ADD {}", ident(&table.name), written(check))));
}

/// Foreign keys, when every table is there.
pub(crate) fn foreign_keys(table: &Table, out: &mut Vec<String>) {
    let keys = table.constraints.iter().filter(|c| matches!(c.kind, ConstraintKind::ForeignKey(_)));
    out.extend(keys.map(|key| format!("ALTER TABLE {} ADD {}", ident(&table.name), written(key))));
}

pub(crate) fn indexes(table: &Table, out: &mut Vec<String>) {
    out.extend(table.indexes.iter().map(|index| create_index(table, index)));
}

pub(crate) fn create_index(table: &Table, index: &Index) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let keys: Vec<String> = index.keys.iter().map(index_key).collect();
    let mut sql = format!(
        "CREATE {unique}INDEX {} ON {} USING {} ({})",
        ident(&index.name),
        ident(&table.name),
        ident(&index.method),
        keys.join(", ")
    );
    if !index.include.is_empty() {
        add(&mut sql, format_args!(" INCLUDE ({})", idents(&index.include, ", ")));
    }
    if index.nulls_not_distinct {
        sql.push_str(" NULLS NOT DISTINCT");
    }
    sql.push_str(&options(&index.options));
    if let Some(predicate) = &index.predicate {
        add(&mut sql, format_args!(" WHERE {predicate}"));
    }
    sql
}

pub(crate) fn index_key(key: &IndexKey) -> String {
    let mut sql = match (&key.column, &key.expression) {
        (Some(column), _) => ident(column),
        (None, Some(expression)) => expression.clone(),
        (None, None) => String::new(),
    };
    if let Some(collation) = &key.collation {
        add(&mut sql, format_args!(" COLLATE {collation}"));
    }
    if let Some(opclass) = &key.opclass {
        add(&mut sql, format_args!(" {opclass}"));
    }
    if !key.opclass_options.is_empty() {
        add(&mut sql, format_args!(" ({})", assignments(&key.opclass_options)));
    }
    // Nulls come last in ascending order and first in descending order unless something else is said.
    sql.push_str(match (key.descending, key.nulls_first) {
        (false, false) => "",
        (false, true) => " NULLS FIRST",
        (true, true) => " DESC",
        (true, false) => " DESC NULLS LAST",
    });
    sql
}

/// Takes a partition into its parent. Its own indexes are found by their definition and become the parent's.
pub(crate) fn attach(table: &Table, out: &mut Vec<String>) {
    let Some(partition) = &table.partition_of else { return };
    out.push(format!(
        "ALTER TABLE {} ATTACH PARTITION {} {}",
        ident(&partition.parent),
        ident(&table.name),
        partition.bounds
    ));
}

pub(crate) fn replica_identity(table: &Table, out: &mut Vec<String>) {
    let identity = match table.replica_identity {
        'n' => "NOTHING".to_owned(),
        'f' => "FULL".to_owned(),
        'i' => match table.indexes.iter().find(|index| index.replica_identity) {
            Some(index) => format!("USING INDEX {}", ident(&index.name)),
            None => return,
        },
        _ => return,
    };
    out.push(format!("ALTER TABLE {} REPLICA IDENTITY {identity}", ident(&table.name)));
}

/// Row-level security: first the policies, then the switch, so that no statement between them sees all or nothing.
pub(crate) fn policies(table: &Table, out: &mut Vec<String>) {
    out.extend(table.policies.iter().map(|policy| create_policy(table, policy)));
    if table.row_security {
        out.push(format!("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", ident(&table.name)));
    }
    if table.force_row_security {
        out.push(format!("ALTER TABLE {} FORCE ROW LEVEL SECURITY", ident(&table.name)));
    }
}

pub(crate) fn create_policy(table: &Table, policy: &Policy) -> String {
    let mode = if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" };
    let roles = if policy.roles.is_empty() { "PUBLIC".to_owned() } else { idents(&policy.roles, ", ") };
    let mut sql = format!(
        "CREATE POLICY {} ON {} AS {mode} FOR {} TO {roles}",
        ident(&policy.name),
        ident(&table.name),
        policy.command
    );
    for (word, expression) in [("USING", &policy.using), ("WITH CHECK", &policy.check)] {
        if let Some(expression) = expression {
            add(&mut sql, format_args!("\n    {word} ({expression})"));
        }
    }
    sql
}
