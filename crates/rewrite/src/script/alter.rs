//! ALTER TABLE: each subcommand stays as it was written, or is replaced by one or more.

use super::build::{about, consequences};
use super::create::rank;
use super::element::{self, Names, Written};
use super::work::Work;
use super::{Script, Statement};
use crate::Refusal;
use crate::edit::Splice;
use crate::name::ident;
use crate::parse::parse;
use pg_raw_parse::{Node, NodeMut, nodes};
use std::collections::BTreeSet;
use std::ops::Range;
use tenantry_core::TenancyModel;
use tenantry_schema::model::{Constraint, ConstraintKind, PartitionOf, Table};
use tenantry_schema::{Kind, Model, constraint_sql};

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
        if alter.objtype != nodes::ObjectType::OBJECT_TABLE || self.model.table(&name).is_none() {
            return self.alter_other(work, alter, &name);
        }
        let parts = Self::subcommands(work, alter, relation)?;
        let mut after = self.model.clone();
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
        let part = about(&self.model, &after, &name);
        let before = self.build(&self.model, &part);
        let built = self.build(&after, &part);
        self.refused(work, &built, || self.build(&self.model, &part))?;
        if dropped_columns {
            // PostgreSQL drops the keys of a dropped column by itself.
            let gone = |c: &&Constraint| {
                after.table(&name).is_none_or(|t| t.constraints.iter().all(|o| o.name != c.name))
            };
            if let Some(table) = self.model.table(&name) {
                stated.extend(table.constraints.iter().filter(gone).map(|c| c.name.clone()));
            }
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
        let mut out = Vec::new();
        let (first, last): (Vec<_>, Vec<_>) = consequences(&before, &built, &stated)
            .into_iter()
            .partition(|consequence| matches!(consequence, super::build::Consequence::Add { table, .. } if *table != name));
        out.extend(first.iter().map(|consequence| work.statement(consequence.sql())));
        out.push(statement);
        out.extend(last.iter().map(|consequence| work.statement(consequence.sql())));
        // The default of a serial column takes a number as the one who inserts.
        let known = |name: &str| self.model.sequences.iter().any(|sequence| sequence.name == name);
        for sequence in after.sequences.iter().filter(|sequence| !known(&sequence.name)) {
            let (sequence, app) = (crate::name::ident(&sequence.name), &self.target.app);
            out.push(work.statement(format!("GRANT USAGE ON SEQUENCE {sequence} TO {app}")));
        }
        self.model = after;
        self.learn_about(&built, &[&name]);
        Ok(out)
    }

    /// ALTER INDEX, SEQUENCE, VIEW, … through the same grammar.
    fn alter_other(
        &self,
        work: &Work<'_>,
        alter: &nodes::AlterTableStmt,
        name: &str,
    ) -> Result<Vec<Statement>, Refusal> {
        for command in commands(alter) {
            if command.subtype == nodes::AlterTableType::AT_ChangeOwner {
                return Err(Self::owner(work));
            }
        }
        if alter.objtype == nodes::ObjectType::OBJECT_TABLE && !alter.missing_ok {
            let place = alter.relation().map_or(-1, |relation| relation.location);
            return Err(work.refuse_at(place, format!("there is no table {name}")));
        }
        Ok(vec![work.verbatim()])
    }

    pub(super) fn owner(work: &Work<'_>) -> Refusal {
        work.refuse("owners are Tenantry's: nobody logs in as the owner of a tenant table")
            .hint("leave it out")
            .choice("-- tenantry: skip")
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
            Type::AT_ChangeOwner => Self::owner(work),
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
            _ => return Ok(()),
        };
        Err(refusal)
    }

    /// Changes the plain model as the subcommand changes the plain table. Returns the constraints that it adds.
    fn apply(
        &self,
        work: &Work<'_>,
        command: &nodes::AlterTableCmd,
        part: Range<usize>,
        name: &str,
        model: &mut Model,
        names_of: &mut Names,
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
                    of.bound().and_then(|bound| super::create::bounds(work, bound)).unwrap_or_default();
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
        names_of: &mut Names,
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
        let (mut column, keys) = read_added(work, node, part)?;
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
        names_of: &mut Names,
    ) -> Result<Vec<String>, Refusal> {
        if let Some(index) = node.indexname() {
            return using_index(work, node, index, name, model);
        }
        let text = work.slice(part.start + 1..part.end).to_owned();
        let written = Written { node, attributes: Vec::new(), column: None, text };
        self.add_written(work, &written, name, model, names_of)
    }

    fn add_written(
        &self,
        work: &Work<'_>,
        written: &Written<'_>,
        name: &str,
        model: &mut Model,
        names_of: &mut Names,
    ) -> Result<Vec<String>, Refusal> {
        let lost = || Refusal::guard(work.sql, work.range.clone(), "a constraint could not be read");
        let constraint = if written.node.contype == nodes::ConstrType::CONSTR_FOREIGN {
            let own = model.table(name).and_then(Table::primary_key).map(|key| key.columns.clone());
            self.foreign_key(work, written, name, own, names_of)?
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
        ..element::constraint(called.clone(), kind)
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
    let (column, _, keys) = super::create::read_column(work, node, part)?;
    Ok((column, keys))
}

fn commands<'n>(alter: &'n nodes::AlterTableStmt) -> impl Iterator<Item = &'n nodes::AlterTableCmd> {
    alter.cmds().iter().filter_map(|command| match Node::from(command) {
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
                let (text, kept) = super::create::without_keys(work, node, parts[at].clone())?;
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
                    let column = super::create::stripped(mem, column, kept);
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

fn for_tree(model: &mut Model, name: &str, mut change: impl FnMut(&mut Table)) {
    let mut tree = super::index::partitions_of(model, name);
    tree.push(name.to_owned());
    model.tables.iter_mut().filter(|table| tree.contains(&table.name)).for_each(&mut change);
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

/// A column goes with everything that names it.
fn drop_column(model: &mut Model, name: &str, column: &str) {
    let named = column.to_owned();
    let mut lost_keys = Vec::new();
    for_tree(model, name, |table| {
        table.columns.retain(|other| other.name != named);
        table.constraints.retain(|constraint| {
            let gone = match &constraint.kind {
                ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => {
                    let gone = key.columns.contains(&named) || key.include.contains(&named);
                    if gone {
                        lost_keys.push(key.columns.clone());
                    }
                    gone
                }
                ConstraintKind::ForeignKey(key) => key.columns.contains(&named),
                ConstraintKind::Exclusion(of) => {
                    of.keys.iter().any(|key| key.column.as_ref() == Some(&named))
                }
                ConstraintKind::Check { definition, .. } => names_column(definition, &named),
            };
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
}

/// Whether an expression's text names a column.
fn names_column(text: &str, column: &str) -> bool {
    let tokens = crate::lex::Tokens::new(text, 0..text.len());
    (0..tokens.len()).any(|at| {
        let word = tokens.text(at);
        word.eq_ignore_ascii_case(column) || word == format!("\"{column}\"")
    })
}
