//! What becomes of the subcommands of an ALTER TABLE, and the statement that they make together.

use super::alter::Added;
use super::work::Work;
use crate::Refusal;
use crate::edit::Splice;
use crate::parse::parse;
use pg_raw_parse::{Node, NodeMut, nodes};
use std::ops::Range;
use tenantry_schema::constraint_sql;
use tenantry_schema::model::Table;

/// What becomes of a subcommand.
pub(super) enum Fate {
    Kept,
    /// Replaced by these, without `ALTER TABLE t`.
    Replaced(Vec<String>),
    /// The text of a column without its keys, and the keys as constraints.
    Column {
        text: String,
        kept: Vec<usize>,
        constraints: Vec<String>,
    },
}

pub(super) fn commands(alter: &nodes::AlterTableStmt) -> impl Iterator<Item = &nodes::AlterTableCmd> {
    alter.cmds().iter().filter_map(|command| match command {
        Node::AlterTableCmd(command) => Some(command),
        _ => None,
    })
}

/// What the subcommands that add keys become.
pub(super) fn fates(
    work: &Work<'_>,
    alter: &nodes::AlterTableStmt,
    parts: &[Range<usize>],
    added: &[Added],
    table: &Table,
) -> Result<Vec<Fate>, Refusal> {
    let mut fates = Vec::new();
    for (at, command) in commands(alter).enumerate() {
        let of_this: Vec<String> = added
            .iter()
            .filter(|(command, _)| *command == at)
            .filter_map(|(_, name)| table.constraints.iter().find(|constraint| constraint.name == *name))
            .map(|constraint| format!("ADD {}", constraint_sql(constraint)))
            .collect();
        let fate = match command.def() {
            _ if of_this.is_empty() => Fate::Kept,
            Node::Constraint(node) if node.indexname().is_some() => Fate::Kept,
            Node::ColumnDef(node) => {
                let (text, kept) = super::read::without_keys(work, node, parts[at].clone())?;
                Fate::Column { text, kept, constraints: of_this }
            }
            _ => Fate::Replaced(of_this),
        };
        fates.push(fate);
    }
    Ok(fates)
}

/// The statement with its subcommands replaced.
pub(super) fn altered(
    work: &Work<'_>,
    alter: &nodes::AlterTableStmt,
    parts: &[Range<usize>],
    fates: &[Fate],
) -> Result<String, Refusal> {
    let mut splices = Vec::new();
    let mut template = Vec::new();
    for (part, fate) in parts.iter().zip(fates) {
        let span = work.tokens.span(part.clone()).ok_or_else(|| work.refuse("a subcommand was lost"))?;
        let texts = match fate {
            Fate::Kept => continue,
            Fate::Replaced(texts) => texts.clone(),
            Fate::Column { text, constraints, .. } => {
                std::iter::once(text.clone()).chain(constraints.clone()).collect()
            }
        };
        template.extend(texts.iter().cloned());
        splices.push(Splice::replace(span, texts.join(", ")));
    }
    if splices.is_empty() {
        return Ok(work.text().to_owned());
    }
    let template =
        parse(&format!("ALTER TABLE x {}", template.join(", "))).map_err(|error| work.refuse(error))?;
    work.spliced(splices, |mem, copy| {
        let Some(Node::AlterTableStmt(made)) = template.stmts().next() else { return false };
        let mut made = commands(made);
        let mut list = Vec::new();
        for (command, fate) in commands(alter).zip(fates) {
            match fate {
                Fate::Kept => list.push(mem.make_unique(command).uncast()),
                Fate::Replaced(texts) => {
                    list.extend(
                        made.by_ref().take(texts.len()).map(|command| mem.make_unique(command).uncast()),
                    );
                }
                Fate::Column { kept, constraints, .. } => {
                    let (Some(_), Node::ColumnDef(column)) = (made.next(), command.def()) else {
                        return false;
                    };
                    let column = super::read::stripped(mem, column, kept);
                    let mut command = mem.make_unique(command);
                    command.as_mut().set_def(column.uncast());
                    list.push(command.uncast());
                    list.extend(made.by_ref().take(constraints.len()).map(|c| mem.make_unique(c).uncast()));
                }
            }
        }
        let list = mem.make_list(&list);
        match copy.as_mut().stmt_mut() {
            NodeMut::AlterTableStmt(mut statement) => {
                statement.set_cmds(list);
                true
            }
            _ => false,
        }
    })
}
