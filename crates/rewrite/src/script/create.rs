//! CREATE TABLE.

use super::build::{Built, about, consequences};
use super::element::Written;
use super::read::{strip, stripped};
use super::work::Work;
use super::{Script, Statement};
use crate::Refusal;
use crate::edit::Splice;
use crate::name::ident;
use crate::parse::parse;
use pg_raw_parse::list::NodeList;
use pg_raw_parse::make::{MemoryToken, Unique};
use pg_raw_parse::{Node, NodeMut, nodes};
use std::collections::BTreeSet;
use std::ops::Range;
use tenantry_core::TenancyModel;
use tenantry_schema::model::{Column, Constraint, ConstraintKind, Sequence, Table};
use tenantry_schema::{Kind, Model, constraint_sql, is_twin};

/// A CREATE TABLE, read: the plain table, and where its parts stand.
pub(crate) struct Reading<'a> {
    pub table: Table,
    pub sequences: Vec<Sequence>,
    /// One for each element of the list: what stays of its text.
    pub elements: Vec<Element>,
    pub keys: Vec<Written<'a>>,
    /// Inside the parentheses.
    pub inside: Option<Range<usize>>,
    /// The tables of LIKE, and what of them.
    pub likes: Vec<(String, super::expand::Including)>,
    /// It has columns that the statement does not list.
    pub expanded: bool,
}

/// An element of the list, without its keys.
pub(crate) struct Element {
    pub text: String,
    /// Which constraints of a column stay, by position; of a table constraint, whether it stays.
    pub kept: Option<Vec<usize>>,
}

impl Script {
    pub(super) fn create_table(
        &mut self,
        work: &Work<'_>,
        create: &nodes::CreateStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        let relation = create.relation().ok_or_else(|| work.refuse("a table without a name"))?;
        let name = relation.relname().unwrap_or_default().to_owned();
        if relation.relpersistence == b't'.cast_signed() {
            return Ok(vec![work.verbatim()]);
        }
        self.own_schema(work, relation)?;
        if create.if_not_exists && self.model.table(&name).is_some() {
            return Ok(Vec::new());
        }
        if self.target.model != TenancyModel::Database {
            Self::shapes(work, create)?;
        }
        let mut names_of = self.names();
        let mut reading = self.read_table(work, create, &name, &mut names_of)?;
        self.inherit(create, &mut reading.table);
        let plain = std::mem::take(&mut reading.table);
        let (before, built) = self.add_table(work, relation, plain, &reading.sequences)?;
        let statements = self.table_statements(work, create, &name, &reading, &before, &built)?;
        self.learn_about(&built, &[&name]);
        Ok(statements)
    }

    /// Takes a new table into the model, if the rules let it. What they made of all that it is about before, and what they make of
    /// it now.
    pub(super) fn add_table(
        &mut self,
        work: &Work<'_>,
        relation: &nodes::RangeVar,
        plain: Table,
        sequences: &[Sequence],
    ) -> Result<(Built, Built), Refusal> {
        let name = plain.name.clone();
        let part = about(self.model.table(&name), Some(&plain), &name);
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        let before = self.build(&self.model, &part);
        let sequences = (!sequences.is_empty()).then(|| [&self.model.sequences, sequences].concat());
        self.change(BTreeSet::from([name.clone()]), vec![plain], sequences);
        let built = self.build(&self.model, &part);
        if !built.kinds.contains_key(&name) {
            return Err(unclassified(work, relation, &name));
        }
        Self::refused(work, &built, &before)?;
        Ok((before, built))
    }

    /// What is to be said of a new table beside its CREATE: comments, rights and policies, of its sequences too.
    pub(super) fn beside_create(
        &self,
        work: &Work<'_>,
        built: &Built,
        table: &Table,
        sequences: &[Sequence],
    ) -> Result<Vec<Statement>, Refusal> {
        let rest = Table {
            name: table.name.clone(),
            comment: table.comment.clone(),
            policies: table.policies.clone(),
            row_security: table.row_security,
            force_row_security: table.force_row_security,
            replica_identity: 'd',
            ..Table::default()
        };
        let model = Model { tables: vec![rest], sequences: sequences.to_vec(), ..Model::default() };
        let made = ["CREATE TABLE ", "CREATE SEQUENCE ", "ALTER SEQUENCE "];
        let statements = self.rendered(work, built, &model)?.into_iter();
        let rest = statements.filter(|sql| !made.iter().any(|start| sql.starts_with(start)));
        Ok(rest.map(|sql| work.statement(sql)).collect())
    }

    /// The statements, when the model has the plain table already.
    fn table_statements(
        &self,
        work: &Work<'_>,
        create: &nodes::CreateStmt,
        name: &str,
        reading: &Reading<'_>,
        before: &Built,
        built: &Built,
    ) -> Result<Vec<Statement>, Refusal> {
        let lost = || work.refuse("the table was lost");
        let (plain, table) = self.model.table(name).zip(built.model.table(name)).ok_or_else(lost)?;
        let mut out: Vec<Statement> = Vec::new();
        for consequence in consequences(before, built, &BTreeSet::new()) {
            out.push(work.statement(consequence.sql()));
        }
        let shared =
            self.target.model == TenancyModel::Shared && built.kinds.get(name) != Some(&Kind::Global);
        if plain.partition_of.is_some() || reading.expanded && self.target.model == TenancyModel::Shared {
            // On its own first, so that its constraints and indexes keep their names.
            let alone = table.clone();
            let model =
                Model { tables: vec![alone], sequences: reading.sequences.clone(), ..Model::default() };
            let statements = self.rendered(work, built, &model)?;
            out.extend(statements.into_iter().map(|sql| work.statement(sql)));
            return Ok(out);
        }
        let sql = if shared {
            Self::shared_text(work, create, reading, plain, table)?
        } else {
            work.text().to_owned()
        };
        out.push(work.statement(sql));
        if shared {
            out.extend(twins(table).map(|sql| work.statement(sql)));
        }
        out.extend(adoption(plain, table).into_iter().map(|sql| work.statement(sql)));
        out.extend(self.beside_create(work, built, table, &reading.sequences)?);
        Ok(out)
    }

    /// The statement with its keys as the rules left them, behind the columns.
    fn shared_text(
        work: &Work<'_>,
        create: &nodes::CreateStmt,
        reading: &Reading<'_>,
        plain: &Table,
        table: &Table,
    ) -> Result<String, Refusal> {
        let added: Vec<&Column> = table.columns.iter().filter(|c| plain.column(&c.name).is_none()).collect();
        let named = |name: &str| plain.constraints.iter().any(|c| c.name == name);
        let is_written = |constraint: &&Constraint| {
            !(named(&constraint.name) && matches!(constraint.kind, ConstraintKind::Check { .. }))
        };
        let mut snippets: Vec<String> = added.iter().map(|column| column_sql(column)).collect();
        let is_said = |constraint: &&Constraint| is_written(constraint) && !is_twin(table, constraint);
        snippets.extend(table.constraints.iter().filter(is_said).map(constraint_sql));
        let kept = reading.elements.iter().filter(|element| !element.text.is_empty());
        let mut lines: Vec<String> = kept.map(|element| element.text.clone()).collect();
        lines.extend(snippets.iter().cloned());
        let body = format!("\n    {}\n", lines.join(",\n    "));
        let inside =
            reading.inside.clone().ok_or_else(|| work.refuse("the list of columns was not found"))?;
        let template = parse(&format!("CREATE TABLE x ({})", snippets.join(", ")))
            .map_err(|error| work.refuse(error))?;
        work.spliced(vec![Splice::replace(inside, body)], |mem, copy| {
            let mut raw = copy.as_mut();
            let (Some(Node::CreateStmt(added)), NodeMut::CreateStmt(mut statement)) =
                (template.stmts().next(), raw.stmt_mut())
            else {
                return false;
            };
            let staying = reading.elements.iter().take_while(|element| element.kept.is_some()).count();
            let gaps = reading.elements[staying..].iter().any(|element| element.kept.is_some());
            if gaps || staying + added.table_elts().len() < reading.elements.len() {
                let list = rebuilt(mem, create, reading, added);
                statement.set_table_elts(list);
                return true;
            }
            // What goes stands last: the copy becomes what is wanted without being copied again.
            for (node, element) in statement.table_elts_mut().into_iter().zip(&reading.elements[..staying]) {
                if let (NodeMut::ColumnDef(column), Some(kept)) = (node, &element.kept) {
                    strip(mem, column, kept);
                }
            }
            let mut elements = statement.table_elts_mut();
            for (at, element) in (staying..).zip(added.table_elts().iter()) {
                if at < reading.elements.len() {
                    elements.set(at, mem.make_unique(element));
                } else {
                    elements.push(mem, mem.make_unique(element));
                }
            }
            true
        })
    }

    /// In a database of its own a table may have the columns of others.
    fn inherit(&self, create: &nodes::CreateStmt, table: &mut Table) {
        if create.partbound().is_some() {
            return;
        }
        table.inherits = crate::script::data::relations(create.inh_relations());
        let parents = table.inherits.iter().filter_map(|parent| self.model.table(parent));
        let mut columns: Vec<Column> = Vec::new();
        for column in parents.flat_map(|parent| &parent.columns) {
            if !columns.iter().chain(&table.columns).any(|own| own.name == column.name) {
                columns.push(Column { inherited: true, ..column.clone() });
            }
        }
        table.columns.splice(0..0, columns);
    }

    /// Shapes that are not offered, each with what to write instead.
    fn shapes(work: &Work<'_>, create: &nodes::CreateStmt) -> Result<(), Refusal> {
        if create.partbound().is_none() && !create.inh_relations().is_empty() {
            let place = create.inh_relations().iter().next().map_or(-1, |parent| match parent {
                Node::RangeVar(parent) => parent.location,
                _ => -1,
            });
            return Err(work
                .refuse_at(place, "INHERITS passes on neither keys nor row-level security")
                .hint("use declarative partitions, or a view over separate tables")
                .choice("CREATE TABLE … (LIKE …)")
                .choice("CREATE TABLE … PARTITION OF …"));
        }
        Ok(())
    }
}

/// The refusal of a table of which nobody has said whose rows it holds.
pub(super) fn unclassified(work: &Work<'_>, relation: &nodes::RangeVar, name: &str) -> Refusal {
    work.refuse_at(relation.location, format!("{name} is not classified"))
        .hint("say in [tables] whose rows it holds")
        .choice(format!("{name} = \"tenant\""))
        .choice(format!("{name} = \"global\""))
}

/// The elements that stay, and those that are added.
fn rebuilt<'mem>(
    mem: MemoryToken<'mem>,
    create: &nodes::CreateStmt,
    reading: &Reading<'_>,
    added: &nodes::CreateStmt,
) -> Unique<'mem, &'mem NodeList> {
    let mut elements = Vec::new();
    for (node, element) in create.table_elts().iter().zip(&reading.elements) {
        match (node, &element.kept) {
            (Node::ColumnDef(column), Some(kept)) => elements.push(stripped(mem, column, kept).uncast()),
            (other, Some(_)) => elements.push(mem.make_unique(other)),
            (_, None) => {}
        }
    }
    elements.extend(added.table_elts().iter().map(|element| mem.make_unique(element)));
    mem.make_list(&elements)
}

/// Keys that PostgreSQL would make one of in one CREATE TABLE: the rules have made them alike.
fn twins(table: &Table) -> impl Iterator<Item = String> {
    let twins = table.constraints.iter().filter(|constraint| is_twin(table, constraint));
    twins.map(|twin| format!("ALTER TABLE {} ADD {}", ident(&table.name), constraint_sql(twin)))
}

/// What an adopted tenant column gets beyond what was written.
pub(super) fn adoption(plain: &Table, table: &Table) -> Vec<String> {
    let mut out = Vec::new();
    for column in &table.columns {
        let Some(old) = plain.column(&column.name) else { continue };
        let place = format!("ALTER TABLE {} ALTER COLUMN {}", ident(&table.name), ident(&column.name));
        if column.default != old.default
            && let Some(default) = &column.default
        {
            out.push(format!("{place} SET DEFAULT {default}"));
        }
        if column.not_null && !old.not_null {
            out.push(format!("{place} SET NOT NULL"));
        }
    }
    out
}

/// The text of a column that a rule added.
pub(crate) fn column_sql(column: &Column) -> String {
    let default = column.default.as_ref().map_or_else(String::new, |default| format!(" DEFAULT {default}"));
    let not_null = if column.not_null { " NOT NULL" } else { "" };
    format!("{} {}{default}{not_null}", ident(&column.name), column.type_name)
}

pub(crate) fn insert_table(model: &mut Model, table: Table) {
    let at = model.tables.partition_point(|other| other.name < table.name);
    model.tables.insert(at, table);
}

/// Constraints in the order of the model.
pub(crate) fn rank(constraint: &tenantry_schema::model::Constraint) -> (u8, &str) {
    use tenantry_schema::model::ConstraintKind as Is;
    let kind = match constraint.kind {
        Is::PrimaryKey(_) => 0,
        Is::Unique(_) => 1,
        Is::Exclusion(_) => 2,
        Is::Check { .. } => 3,
        Is::ForeignKey(_) => 4,
    };
    (kind, &constraint.name)
}
