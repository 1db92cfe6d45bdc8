//! Subcommands of ALTER TABLE, applied to the plain model.

use super::Script;
use super::create::rank;
use super::element::{self, Names, Written};
use super::work::Work;
use crate::Refusal;
use crate::name::ident;
use pg_raw_parse::{Node, nodes};
use std::ops::Range;
use tenantry_schema::Model;
use tenantry_schema::model::{Constraint, ConstraintKind, PartitionOf, Table};

impl Script {
    /// Changes the plain model as the subcommand changes the plain table. Returns the constraints that it adds.
    pub(super) fn apply(
        &self,
        work: &Work<'_>,
        command: &nodes::AlterTableCmd,
        part: Range<usize>,
        name: &str,
        model: &mut Model,
        names_of: &mut Names<'_>,
    ) -> Result<Vec<String>, Refusal> {
        use nodes::AlterTableType as Type;
        let column = command.name().unwrap_or_default().to_owned();
        match (command.subtype, command.def()) {
            (Type::AT_AddColumn, Node::ColumnDef(node)) => {
                return self.add_column(work, command, node, part, name, model, names_of);
            }
            (Type::AT_AddConstraint, Node::Constraint(node)) => {
                return self.add_constraint(work, node, part, name, model, names_of);
            }
            (Type::AT_AttachPartition, Node::PartitionCmd(of)) => {
                let partition = of.name().and_then(nodes::RangeVar::relname).unwrap_or_default();
                let bounds =
                    of.bound().and_then(|bound| super::read::bounds(work, bound)).unwrap_or_default();
                let Some(table) = model.tables.iter_mut().find(|table| table.name == partition) else {
                    return Err(work.refuse(format!("there is no table {partition}")));
                };
                table.partition_of = Some(PartitionOf { parent: name.to_owned(), bounds });
            }
            (Type::AT_DetachPartition, Node::PartitionCmd(of)) => {
                let partition = of.name().and_then(nodes::RangeVar::relname).unwrap_or_default();
                if let Some(table) = model.tables.iter_mut().find(|table| table.name == partition) {
                    table.partition_of = None;
                }
            }
            (Type::AT_DropColumn, _) => drop_column(model, name, &column),
            (Type::AT_DropConstraint, _) => {
                if command.behavior == nodes::DropBehavior::DROP_CASCADE {
                    drop_referrers(model, name, &column);
                }
                for_tree(model, name, |table| {
                    table.constraints.retain(|constraint| constraint.name != column);
                });
            }
            (Type::AT_AlterColumnType, Node::ColumnDef(node)) => {
                let type_name =
                    node.type_name().map(|of| super::text::type_name(of, work.sql)).unwrap_or_default();
                with_column(model, name, &column, |column| column.type_name.clone_from(&type_name));
            }
            (Type::AT_SetNotNull, _) => with_column(model, name, &column, |column| column.not_null = true),
            (Type::AT_DropNotNull, _) => with_column(model, name, &column, |column| column.not_null = false),
            (Type::AT_ColumnDefault, Node::None) => {
                with_column(model, name, &column, |column| column.default = None);
            }
            (Type::AT_ColumnDefault, _) => {
                let default = super::text::after(work.slice(part), "default");
                with_column(model, name, &column, |column| column.default = Some(default.clone()));
            }
            (Type::AT_DropExpression, _) => {
                with_column(model, name, &column, |column| column.generated = None);
            }
            (Type::AT_DropIdentity, _) => with_column(model, name, &column, |column| column.identity = None),
            (Type::AT_ValidateConstraint, _) => for_tree(model, name, |table| validate(table, &column)),
            (Type::AT_EnableRowSecurity, _) => with_table(model, name, |table| table.row_security = true),
            (Type::AT_DisableRowSecurity, _) => with_table(model, name, |table| table.row_security = false),
            (Type::AT_ForceRowSecurity, _) => {
                with_table(model, name, |table| table.force_row_security = true);
            }
            (Type::AT_NoForceRowSecurity, _) => {
                with_table(model, name, |table| table.force_row_security = false);
            }
            (Type::AT_SetLogged, _) => for_tree(model, name, |table| table.unlogged = false),
            (Type::AT_SetUnLogged, _) => for_tree(model, name, |table| table.unlogged = true),
            _ => {}
        }
        Ok(Vec::new())
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one subcommand")]
    fn add_column(
        &self,
        work: &Work<'_>,
        command: &nodes::AlterTableCmd,
        node: &nodes::ColumnDef,
        part: Range<usize>,
        name: &str,
        model: &mut Model,
        names_of: &mut Names<'_>,
    ) -> Result<Vec<String>, Refusal> {
        let exists =
            model.table(name).and_then(|table| table.column(node.colname().unwrap_or_default())).is_some();
        if exists && command.missing_ok {
            return Ok(Vec::new());
        }
        if node.colname() == Some(self.declaration.tenancy.column.as_str()) && !exists {
            return Err(work
                .refuse_at(node.location, "the shared table has the tenant column already")
                .hint("leave it out, or declare another name for the tenant column"));
        }
        let (mut column, mut keys) = read_added(work, node, part)?;
        element::merge_twins(&mut keys);
        if ["serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"]
            .contains(&column.type_name.as_str())
        {
            let integer = match column.type_name.as_str() {
                "bigserial" | "serial8" => "bigint",
                "smallserial" | "serial2" => "smallint",
                _ => "integer",
            };
            let sequence = names_of.choose(name, Some(&column.name), "seq");
            integer.clone_into(&mut column.type_name);
            column.not_null = true;
            column.default = Some(format!("nextval('{}'::regclass)", ident(&sequence).replace('\'', "''")));
            let owned_by =
                Some(tenantry_schema::model::Owned { table: name.to_owned(), column: column.name.clone() });
            model.sequences.push(tenantry_schema::model::Sequence {
                name: sequence,
                comment: None,
                unlogged: false,
                options: element::numbers(integer),
                owned_by,
                used_by_default: true,
            });
            model.sequences.sort_by(|a, b| a.name.cmp(&b.name));
        }
        for_tree(model, name, |table| table.columns.push(column.clone()));
        let mut added = Vec::new();
        for written in &keys {
            added.extend(self.add_written(work, written, name, model, names_of)?);
        }
        Ok(added)
    }

    fn add_constraint(
        &self,
        work: &Work<'_>,
        node: &nodes::Constraint,
        part: Range<usize>,
        name: &str,
        model: &mut Model,
        names_of: &mut Names<'_>,
    ) -> Result<Vec<String>, Refusal> {
        if let Some(index) = node.indexname() {
            return using_index(work, node, index, name, model);
        }
        let text = work.slice(part.start + 1..part.end).to_owned();
        let written = Written { node, attributes: Vec::new(), column: None, text, name_of_twin: None };
        self.add_written(work, &written, name, model, names_of)
    }

    fn add_written(
        &self,
        work: &Work<'_>,
        written: &Written<'_>,
        name: &str,
        model: &mut Model,
        names_of: &mut Names<'_>,
    ) -> Result<Vec<String>, Refusal> {
        let lost = || Refusal::guard(work.sql, work.range.clone(), "a constraint could not be read");
        let constraint = if written.node.contype == nodes::ConstrType::CONSTR_FOREIGN {
            let own = model.table(name).and_then(Table::primary_key).map(|key| key.columns.clone());
            self.foreign_key(work, written, name, own.as_deref(), names_of)?
        } else if written.node.contype == nodes::ConstrType::CONSTR_NOTNULL {
            return Ok(Vec::new());
        } else {
            element::local(written, name, names_of).ok_or_else(lost)?
        };
        let added = constraint.name.clone();
        let partitions = super::index::partitions_of(model, name);
        for partition in partitions {
            let of = super::partition::of_constraint(&constraint, &partition, names_of);
            push_constraint(model, &partition, of);
        }
        push_constraint(model, name, constraint);
        Ok(vec![added])
    }
}

fn push_constraint(model: &mut Model, table: &str, constraint: Constraint) {
    if let Some(table) = model.tables.iter_mut().find(|other| other.name == table) {
        if let ConstraintKind::PrimaryKey(key) = &constraint.kind {
            for column in table.columns.iter_mut().filter(|column| key.columns.contains(&column.name)) {
                column.not_null = true;
            }
        }
        table.constraints.push(constraint);
        table.constraints.sort_by(|a, b| rank(a).cmp(&rank(b)));
    }
}

/// `ADD CONSTRAINT … USING INDEX`: the index, which the rules have led already, becomes the constraint's.
fn using_index(
    work: &Work<'_>,
    node: &nodes::Constraint,
    index: &str,
    name: &str,
    model: &mut Model,
) -> Result<Vec<String>, Refusal> {
    let Some(table) = model.tables.iter_mut().find(|table| table.name == name) else { return Ok(Vec::new()) };
    let Some(at) = table.indexes.iter().position(|other| other.name == index) else {
        return Err(work.refuse(format!("there is no index {index} on {name}")));
    };
    let index = table.indexes.remove(at);
    let key = tenantry_schema::model::UniqueKey {
        columns: index.keys.iter().filter_map(|key| key.column.clone()).collect(),
        include: index.include,
        nulls_not_distinct: index.nulls_not_distinct,
        period: false,
        options: index.options,
    };
    let kind = if node.contype == nodes::ConstrType::CONSTR_PRIMARY {
        ConstraintKind::PrimaryKey(key)
    } else {
        ConstraintKind::Unique(key)
    };
    let called = node.conname().map_or(index.name, ToOwned::to_owned);
    let constraint = Constraint {
        deferrable: node.deferrable,
        deferred: node.initdeferred,
        ..Constraint::new(called.clone(), kind)
    };
    push_constraint(model, name, constraint);
    // The statement stays as it is: it is not replaced, but it states the constraint.
    Ok(vec![called])
}

/// A column and its keys; checks are among the keys.
fn read_added<'n>(
    work: &Work<'_>,
    node: &'n nodes::ColumnDef,
    part: Range<usize>,
) -> Result<(tenantry_schema::model::Column, Vec<Written<'n>>), Refusal> {
    let (column, _, keys) = super::read::read_column(work, node, part)?;
    Ok((column, keys))
}

fn for_tree(model: &mut Model, name: &str, mut change: impl FnMut(&mut Table)) {
    let mut tree = super::index::partitions_of(model, name);
    tree.push(name.to_owned());
    model.tables.iter_mut().filter(|table| tree.contains(&table.name)).for_each(&mut change);
}

fn with_table(model: &mut Model, name: &str, change: impl FnMut(&mut Table)) {
    model.tables.iter_mut().filter(|table| table.name == name).for_each(change);
}

fn with_column(
    model: &mut Model,
    name: &str,
    column: &str,
    mut change: impl FnMut(&mut tenantry_schema::model::Column),
) {
    for_tree(model, name, |table| {
        table.columns.iter_mut().filter(|other| other.name == column).for_each(&mut change);
    });
}

fn validate(table: &mut Table, name: &str) {
    for constraint in table.constraints.iter_mut().filter(|constraint| constraint.name == name) {
        match &mut constraint.kind {
            ConstraintKind::ForeignKey(key) => key.validated = true,
            ConstraintKind::Check { validated, definition } => {
                *validated = true;
                *definition = definition.trim_end_matches(" NOT VALID").to_owned();
            }
            _ => {}
        }
    }
}

/// The foreign keys that go with a key, unless another one of the same columns is there.
fn drop_referrers(model: &mut Model, name: &str, key: &str) {
    let Some(table) = model.table(name) else { return };
    let columns = |constraint: &Constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => Some(key.columns.clone()),
        _ => None,
    };
    let (lost, rest): (Vec<&Constraint>, Vec<&Constraint>) =
        table.constraints.iter().partition(|constraint| constraint.name == key);
    let Some(lost) = lost.into_iter().find_map(columns) else { return };
    if rest.into_iter().any(|constraint| columns(constraint).as_ref() == Some(&lost)) {
        return;
    }
    for table in &mut model.tables {
        table.constraints.retain(|constraint| match &constraint.kind {
            ConstraintKind::ForeignKey(of) => of.target != name || of.target_columns != lost,
            _ => true,
        });
    }
}

/// Whether a constraint goes with a column of its own table.
pub(super) fn rests_on(constraint: &Constraint, column: &str) -> bool {
    let has = |names: &[String]| names.iter().any(|name| name == column);
    match &constraint.kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => {
            has(&key.columns) || has(&key.include)
        }
        ConstraintKind::ForeignKey(key) => has(&key.columns),
        ConstraintKind::Exclusion(of) => {
            has(&of.include) || of.keys.iter().any(|key| key.column.as_deref() == Some(column))
        }
        ConstraintKind::Check { definition, .. } => names_column(definition, column),
    }
}

/// A column goes with everything that names it.
fn drop_column(model: &mut Model, name: &str, column: &str) {
    let named = column.to_owned();
    let computed: Vec<String> = generated_from(model, name, column);
    let mut lost_keys = Vec::new();
    for_tree(model, name, |table| {
        table.columns.retain(|other| other.name != named);
        table.constraints.retain(|constraint| {
            let gone = rests_on(constraint, &named);
            if let (true, ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key)) =
                (gone, &constraint.kind)
            {
                lost_keys.push(key.columns.clone());
            }
            !gone
        });
        table.indexes.retain(|index| {
            let key = |key: &tenantry_schema::model::IndexKey| {
                key.column.as_ref() == Some(&named)
                    || key.expression.as_ref().is_some_and(|text| names_column(text, &named))
            };
            let predicate = index.predicate.as_ref().is_some_and(|text| names_column(text, &named));
            !(index.keys.iter().any(key) || index.include.contains(&named) || predicate)
        });
    });
    for table in &mut model.tables {
        table.constraints.retain(|constraint| match &constraint.kind {
            ConstraintKind::ForeignKey(key) => {
                !(key.target == name && lost_keys.contains(&key.target_columns))
            }
            _ => true,
        });
    }
    model.sequences.retain(|sequence| {
        !sequence.owned_by.as_ref().is_some_and(|owned| owned.table == name && owned.column == column)
    });
    for column in computed {
        drop_column(model, name, &column);
    }
}

/// The columns that are computed from a column, and go with it.
fn generated_from(model: &Model, table: &str, column: &str) -> Vec<String> {
    let computed = |of: &&tenantry_schema::model::Column| {
        of.generated.as_ref().is_some_and(|generated| names_column(&generated.expression, column))
    };
    let columns = model.table(table).map(|table| table.columns.as_slice()).unwrap_or_default();
    columns.iter().filter(computed).map(|column| column.name.clone()).collect()
}

/// Whether an expression's text names a column.
fn names_column(text: &str, column: &str) -> bool {
    let tokens = crate::lex::Tokens::new(text, 0..text.len());
    (0..tokens.len()).any(|at| {
        let word = tokens.text(at);
        word.eq_ignore_ascii_case(column) || word == format!("\"{column}\"")
    })
}
