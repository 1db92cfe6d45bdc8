//! ALTER TABLE: each subcommand stays as it was written, or is replaced by one or more.

use super::build::{about, consequences};

use super::work::Work;
use super::{Runs, Script, Statement};
use crate::Refusal;
use crate::edit::Splice;
use crate::name::ident;
use crate::parse::parse;
use pg_raw_parse::{Node, NodeMut, nodes};
use std::collections::BTreeSet;
use std::ops::Range;
use tenantry_core::TenancyModel;
use tenantry_schema::Model;
use tenantry_schema::model::{Constraint, ConstraintKind, Sequence, Table};
use tenantry_schema::{Kind, constraint_sql};

/// What becomes of a subcommand.
enum Fate {
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

/// A constraint that a subcommand adds: its name, and whether the subcommand has it besides a column.
type Added = (usize, String);

impl Script {
    pub(super) fn alter_table(
        &mut self,
        work: &Work<'_>,
        alter: &nodes::AlterTableStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        let relation = alter.relation().ok_or_else(|| work.refuse("nothing is altered"))?;
        self.own_schema(work, relation)?;
        let name = relation.relname().unwrap_or_default().to_owned();
        if let Some(given) = self.owned_anew(work, alter, &name)? {
            return Ok(given);
        }
        if alter.objtype != nodes::ObjectType::OBJECT_TABLE || self.model.table(&name).is_none() {
            return self.alter_other(work, alter, &name);
        }
        let parts = Self::subcommands(work, alter, relation)?;
        let mut after = self.near(alter, &name);
        let mut names_of = self.names();
        let mut added: Vec<Added> = Vec::new();
        let mut stated = BTreeSet::new();
        let mut dropped_columns = false;
        for (at, command) in commands(alter).enumerate() {
            self.forbidden(work, command, &name)?;
            let part = parts.get(at).cloned().unwrap_or(0..0);
            let new = self.apply(work, command, part, &name, &mut after, &mut names_of)?;
            stated.extend(new.iter().cloned());
            let is_check = |name: &String| {
                let constraints =
                    after.table(relation.relname().unwrap_or_default()).map(|table| &table.constraints);
                constraints.into_iter().flatten().any(|constraint| {
                    constraint.name == *name && matches!(constraint.kind, ConstraintKind::Check { .. })
                })
            };
            // Checks stay where they were written.
            added.extend(new.into_iter().filter(|name| !is_check(name)).map(|name| (at, name)));
            stated.extend(dropped(command));
            dropped_columns |= command.subtype == nodes::AlterTableType::AT_DropColumn;
        }
        let part = about(self.model.table(&name), after.table(&name), &name);
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        let before = self.build(&self.model, &part);
        let was = self.model.table(&name).map(|table| table.constraints.clone()).unwrap_or_default();
        // The default of a serial column takes a number as the one who inserts.
        let known = |sequence: &&Sequence| !self.model.sequences.iter().any(|old| old.name == sequence.name);
        let sequences: Vec<String> =
            after.sequences.iter().filter(known).map(|new| ident(&new.name)).collect();
        self.commit(after, &name);
        let built = self.build(&self.model, &part);
        Self::refused(work, &built, &before)?;
        if dropped_columns {
            // PostgreSQL drops the keys of a dropped column by itself.
            let gone = |c: &&Constraint| {
                self.model.table(&name).is_none_or(|t| t.constraints.iter().all(|o| o.name != c.name))
            };
            stated.extend(was.iter().filter(gone).map(|c| c.name.clone()));
        }
        let table = built.model.table(&name).ok_or_else(|| work.refuse("the table was lost"))?;
        let shared =
            self.target.model == TenancyModel::Shared && built.kinds.get(&name) != Some(&Kind::Global);
        let mut text = work.text().to_owned();
        if shared && !added.is_empty() {
            let fates = fates(work, alter, &parts, &added, table)?;
            text = altered(work, alter, &parts, &fates)?;
        }
        let mut statement = work.statement(text);
        statement.transactional = !commands(alter).any(is_concurrent);
        if self.target.model != TenancyModel::Database
            && built.kinds.get(&name) != Some(&Kind::Global)
            && looks_at_rows(alter, &added, table)
        {
            statement.runs = Runs::Validating;
        }
        let mut out = Vec::new();
        let (first, last): (Vec<_>, Vec<_>) = consequences(&before, &built, &stated)
            .into_iter()
            .partition(|consequence| matches!(consequence, super::build::Consequence::Add { table, .. } if *table != name));
        out.extend(first.iter().map(|consequence| work.statement(consequence.sql())));
        out.push(statement);
        out.extend(last.iter().map(|consequence| work.statement(consequence.sql())));
        for sequence in sequences {
            let app = &self.target.app;
            out.push(work.statement(format!("GRANT USAGE ON SEQUENCE {sequence} TO {app}")));
        }
        self.learn_about(&built, &[&name]);
        Ok(out)
    }

    /// The tables that a statement about one table may change, and that table's sequences.
    fn near(&self, alter: &nodes::AlterTableStmt, name: &str) -> Model {
        let mut tree = super::index::partitions_of(&self.model, name);
        tree.push(name.to_owned());
        tree.extend(commands(alter).filter_map(|command| match command.def() {
            Node::PartitionCmd(of) => of.name().and_then(nodes::RangeVar::relname).map(ToOwned::to_owned),
            _ => None,
        }));
        let refers = |table: &Table| {
            table.constraints.iter().any(|constraint| match &constraint.kind {
                ConstraintKind::ForeignKey(key) => key.target == name,
                _ => false,
            })
        };
        let tables = self.model.tables.iter().filter(|table| tree.contains(&table.name) || refers(table));
        let of_it =
            |sequence: &&Sequence| sequence.owned_by.as_ref().is_some_and(|owned| owned.table == name);
        Model {
            source: self.model.source.clone(),
            tables: tables.cloned().collect(),
            sequences: self.model.sequences.iter().filter(of_it).cloned().collect(),
            ..Model::default()
        }
    }

    fn commit(&mut self, near: Model, name: &str) {
        let of_it = |sequence: &Sequence| sequence.owned_by.as_ref().is_some_and(|owned| owned.table == name);
        let others = self.model.sequences.iter().filter(|sequence| !of_it(sequence)).cloned();
        let old = self.model.sequences.iter().filter(|sequence| of_it(sequence));
        let changed = !old.eq(&near.sequences);
        let sequences = changed.then(|| others.chain(near.sequences).collect());
        self.change(near.tables.iter().map(|table| table.name.clone()).collect(), near.tables, sequences);
    }

    /// ALTER INDEX, SEQUENCE, VIEW, … through the same grammar.
    fn alter_other(
        &mut self,
        work: &Work<'_>,
        alter: &nodes::AlterTableStmt,
        name: &str,
    ) -> Result<Vec<Statement>, Refusal> {
        if super::refused::is_of_the_server(alter.objtype) {
            return Err(super::refused::not_a_tenants(work));
        }
        if alter.objtype == nodes::ObjectType::OBJECT_TYPE {
            // Its attributes are no longer known.
            self.will_change();
            self.model.types.retain(|known| known.name != name);
        }
        if alter.objtype == nodes::ObjectType::OBJECT_TABLE && !alter.missing_ok {
            let place = alter.relation().map_or(-1, |relation| relation.location);
            return Err(work.refuse_at(place, format!("there is no table {name}")));
        }
        Ok(vec![work.verbatim()])
    }

    /// `OWNER TO`, alone: in a placement there is one owner.
    fn owned_anew(
        &self,
        work: &Work<'_>,
        alter: &nodes::AlterTableStmt,
        name: &str,
    ) -> Result<Option<Vec<Statement>>, Refusal> {
        use nodes::ObjectType as Type;
        let changes =
            |command: &nodes::AlterTableCmd| command.subtype == nodes::AlterTableType::AT_ChangeOwner;
        if !commands(alter).any(changes) {
            return Ok(None);
        }
        let word = match alter.objtype {
            Type::OBJECT_TABLE => "TABLE",
            Type::OBJECT_VIEW => "VIEW",
            Type::OBJECT_MATVIEW => "MATERIALIZED VIEW",
            Type::OBJECT_SEQUENCE => "SEQUENCE",
            _ => return Err(super::refused::not_a_tenants(work)),
        };
        if alter.cmds().len() > 1 {
            return Err(work
                .refuse("owners are Tenantry's, and it alters more")
                .hint("alter the owner alone"));
        }
        if matches!(alter.objtype, Type::OBJECT_TABLE) && self.model.table(name).is_none() {
            return Ok(None);
        }
        Ok(Some(vec![self.give_relation(work, word, name)]))
    }

    /// Where the subcommands stand.
    fn subcommands(
        work: &Work<'_>,
        alter: &nodes::AlterTableStmt,
        relation: &nodes::RangeVar,
    ) -> Result<Vec<Range<usize>>, Refusal> {
        let lost = || Refusal::guard(work.sql, work.range.clone(), "the subcommands could not be told apart");
        let tokens = &work.tokens;
        let mut start = tokens.after_name(work.at(relation.location).ok_or_else(lost)?);
        if tokens.is(start, "*") {
            start += 1;
        }
        let parts = tokens.parts(start..tokens.len());
        if parts.len() == alter.cmds().len() { Ok(parts) } else { Err(lost()) }
    }

    /// What would take the floor away, or the table out of Tenantry's hands.
    fn forbidden(&self, work: &Work<'_>, command: &nodes::AlterTableCmd, name: &str) -> Result<(), Refusal> {
        use nodes::AlterTableType as Type;
        let kind = self.rewriter.known().tables.get(name).and_then(|facts| facts.kind);
        let tenant = self.target.model == TenancyModel::Schema
            || (self.target.model == TenancyModel::Shared && kind != Some(Kind::Global));
        let refusal = match command.subtype {
            Type::AT_EnableRowSecurity
            | Type::AT_DisableRowSecurity
            | Type::AT_ForceRowSecurity
            | Type::AT_NoForceRowSecurity
                if tenant =>
            {
                work.refuse(format!(
                    "row-level security of the tenant table {name} is what keeps tenants apart"
                ))
                .hint("it is enabled and forced on every tenant table; policies of your own can be added")
            }
            Type::AT_AddInherit | Type::AT_DropInherit => work
                .refuse("INHERITS passes on neither keys nor row-level security")
                .hint("use declarative partitions, or a view over separate tables"),
            Type::AT_AddOf | Type::AT_DropOf => {
                work.refuse("a table OF a type is not offered").hint("alter its columns")
            }
            Type::AT_DropColumn
            | Type::AT_AlterColumnType
            | Type::AT_DropNotNull
            | Type::AT_ColumnDefault
                if tenant && command.name() == Some(self.declaration.tenancy.column.as_str()) =>
            {
                work.refuse("the tenant column never changes").hint("leave it out")
            }
            Type::AT_DropColumn
            | Type::AT_AlterColumnType
            | Type::AT_DropNotNull
            | Type::AT_ColumnDefault
                if kind == Some(Kind::Scoped) && command.name() == Some("scope_id") =>
            {
                work.refuse("the scope column is what says who sees a row").hint("leave it out")
            }
            _ => return Ok(()),
        };
        Err(refusal)
    }
}

fn commands(alter: &nodes::AlterTableStmt) -> impl Iterator<Item = &nodes::AlterTableCmd> {
    alter.cmds().iter().filter_map(|command| match command {
        Node::AlterTableCmd(command) => Some(command),
        _ => None,
    })
}

fn is_concurrent(command: &nodes::AlterTableCmd) -> bool {
    matches!(command.def(), Node::PartitionCmd(of) if of.concurrent)
}

fn dropped(command: &nodes::AlterTableCmd) -> Option<String> {
    (command.subtype == nodes::AlterTableType::AT_DropConstraint)
        .then(|| command.name().unwrap_or_default().to_owned())
}

/// Whether rows that are there are held against a foreign key, which `PostgreSQL` does with the eyes of the tables' owner.
fn looks_at_rows(alter: &nodes::AlterTableStmt, added: &[Added], table: &Table) -> bool {
    let validates =
        |command: &nodes::AlterTableCmd| command.subtype == nodes::AlterTableType::AT_ValidateConstraint;
    let is_key = |(_, name): &Added| {
        table.constraints.iter().any(|constraint| {
            constraint.name == *name
                && matches!(&constraint.kind, ConstraintKind::ForeignKey(key) if key.validated)
        })
    };
    commands(alter).any(validates) || added.iter().any(is_key)
}

/// What the subcommands that add keys become.
fn fates(
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
fn altered(
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
