//! ALTER TABLE: each subcommand stays as it was written, or is replaced by one or more.

use super::build::{Consequence, about, consequences};
use super::fate::{altered, commands, fates};
use super::work::Work;
use super::{Runs, Script, Statement};
use crate::Refusal;
use crate::name::ident;
use pg_raw_parse::{Node, nodes};
use std::collections::BTreeSet;
use std::ops::Range;
use tenantry_core::TenancyModel;
use tenantry_schema::Kind;
use tenantry_schema::Model;
use tenantry_schema::model::{Constraint, ConstraintKind, Sequence, Table};

/// A constraint that a subcommand adds: the subcommand's position, and its name.
pub(super) type Added = (usize, String);

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
        let (mut dropped_columns, mut lost_keys) = (BTreeSet::new(), BTreeSet::new());
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
            lost_keys.extend(dropped_with_what_refers(command));
            if command.subtype == nodes::AlterTableType::AT_DropColumn {
                dropped_columns.extend(self.gone(&name, &after));
            }
        }
        let part = about(self.model.table(&name), after.table(&name), &name);
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        let before = self.build(&self.model, &part);
        let mut tree = super::index::partitions_of(&self.model, &name);
        tree.push(name.clone());
        let was = self.model.table(&name).map(|table| table.constraints.clone()).unwrap_or_default();
        // The default of a serial column takes a number as the one who inserts.
        let known = |sequence: &&Sequence| !self.model.sequences.iter().any(|old| old.name == sequence.name);
        let sequences: Vec<String> =
            after.sequences.iter().filter(known).map(|new| ident(&new.name)).collect();
        self.commit(after, &name);
        let built = self.build(&self.model, &part);
        Self::refused(work, &built, &before)?;
        if !dropped_columns.is_empty() {
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
            .filter(|consequence| !goes_with(consequence, &before.model, &tree, &dropped_columns, &lost_keys))
            .partition(|consequence| matches!(consequence, Consequence::Add { table, .. } if *table != name));
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

    /// The columns of a table that are no longer there.
    fn gone(&self, name: &str, after: &Model) -> Vec<String> {
        let is_there = |column: &str| after.table(name).is_some_and(|table| table.column(column).is_some());
        let columns = self.model.table(name).map(|table| table.columns.as_slice()).unwrap_or_default();
        columns.iter().map(|column| column.name.clone()).filter(|column| !is_there(column)).collect()
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
        if self.is_table_here(name) {
            return Err(super::refused::was_materialized(work, name));
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
        if alter.objtype == nodes::ObjectType::OBJECT_VIEW && self.target.model == TenancyModel::Shared {
            return Self::alter_view(work, alter);
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
    pub(super) fn subcommands(
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

fn dropped_with_what_refers(command: &nodes::AlterTableCmd) -> Option<String> {
    dropped(command).filter(|_| command.behavior == nodes::DropBehavior::DROP_CASCADE)
}

/// Whether PostgreSQL drops a constraint by itself when it drops these columns and keys of a partition tree: what rests on the columns,
/// and foreign keys to them.
fn goes_with(
    consequence: &Consequence,
    before: &Model,
    tree: &[String],
    columns: &BTreeSet<String>,
    keys: &BTreeSet<String>,
) -> bool {
    let Consequence::Drop { table, name } = consequence else { return false };
    let find = |table: &str, name: &str| before.table(table)?.constraints.iter().find(|c| c.name == *name);
    let lost = |target: &str, of: &[String]| {
        keys.iter().filter_map(|key| find(target, key)).any(|key| match &key.kind {
            ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => key.columns == of,
            _ => false,
        })
    };
    find(table, name).is_some_and(|constraint| {
        let refers = matches!(&constraint.kind, ConstraintKind::ForeignKey(key)
            if tree.contains(&key.target)
                && (key.target_columns.iter().any(|column| columns.contains(column))
                    || lost(&key.target, &key.target_columns)));
        let rests = || columns.iter().any(|column| super::apply::rests_on(constraint, column));
        refers || tree.contains(table) && rests()
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
