//! CREATE TABLE.

use super::build::{Built, about, consequences};
use super::element::{self, Names, Written, is_attribute, is_key, numbers};
use super::text;
use super::work::Work;
use super::{Script, Statement};
use crate::Refusal;
use crate::edit::Splice;
use crate::name::ident;
use crate::parse::parse;
use pg_raw_parse::make::{MemoryToken, Unique};
use pg_raw_parse::{Node, nodes};
use std::collections::BTreeSet;
use std::ops::Range;
use tenantry_core::TenancyModel;
use tenantry_schema::model::{Column, Owned as OwnedBy, PartitionOf, Sequence, Table};
use tenantry_schema::{Kind, Model, constraint_sql};

/// A CREATE TABLE, read: the plain table, and where its parts stand.
pub(crate) struct Reading<'a> {
    pub table: Table,
    pub sequences: Vec<Sequence>,
    /// One for each element of the list: what stays of its text.
    elements: Vec<Element>,
    keys: Vec<Written<'a>>,
    /// Inside the parentheses.
    inside: Option<Range<usize>>,
}

/// An element of the list, without its keys.
pub(super) struct Element {
    text: String,
    /// Which constraints of a column stay, by position; of a table constraint, whether it stays.
    kept: Option<Vec<usize>>,
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
        self.shapes(work, create)?;
        let mut names_of = self.names();
        let reading = self.read_table(work, create, &name, &mut names_of)?;
        let mut after = self.model.clone();
        insert_table(&mut after, reading.table.clone());
        after.sequences.extend(reading.sequences.iter().cloned());
        after.sequences.sort_by(|a, b| a.name.cmp(&b.name));
        let part = about(&self.model, &after, &name);
        let before = self.build(&self.model, &part);
        let built = self.build(&after, &part);
        if built.kinds.get(&name).is_none() {
            let refusal = work
                .refuse_at(relation.location, format!("{name} is not classified"))
                .hint("say in [tables] whose rows it holds")
                .choice(format!("{name} = \"tenant\""))
                .choice(format!("{name} = \"global\""));
            return Err(refusal);
        }
        self.refused(work, &built, || self.build(&self.model, &part))?;
        let statements = self.table_statements(work, create, &reading, &before, &built)?;
        self.model = after;
        self.learn_about(&built, &[&name]);
        Ok(statements)
    }

    fn table_statements(
        &self,
        work: &Work<'_>,
        create: &nodes::CreateStmt,
        reading: &Reading<'_>,
        before: &Built,
        built: &Built,
    ) -> Result<Vec<Statement>, Refusal> {
        let name = &reading.table.name;
        let table = built.model.table(name).ok_or_else(|| work.refuse("the table was lost"))?;
        let mut out: Vec<Statement> = Vec::new();
        for consequence in consequences(before, built, &BTreeSet::new()) {
            out.push(work.statement(consequence.sql()));
        }
        let shared =
            self.target.model == TenancyModel::Shared && built.kinds.get(name) != Some(&Kind::Global);
        let sequences = || reading.sequences.clone();
        if reading.table.partition_of.is_some() {
            // On its own first, so that its constraints and indexes keep their names.
            let alone = table.clone();
            let model = Model { tables: vec![alone], sequences: sequences(), ..Model::default() };
            let statements = self.rendered(work, built, &model)?;
            out.extend(statements.into_iter().map(|sql| work.statement(sql)));
            return Ok(out);
        }
        let sql =
            if shared { self.shared_text(work, create, reading, table)? } else { work.text().to_owned() };
        out.push(work.statement(sql));
        out.extend(adoption(&reading.table, table).into_iter().map(|sql| work.statement(sql)));
        let rest = Table {
            name: name.clone(),
            comment: table.comment.clone(),
            policies: table.policies.clone(),
            row_security: table.row_security,
            force_row_security: table.force_row_security,
            replica_identity: 'd',
            ..Table::default()
        };
        let model = Model { tables: vec![rest], sequences: sequences(), ..Model::default() };
        let made = ["CREATE TABLE ", "CREATE SEQUENCE ", "ALTER SEQUENCE "];
        let statements = self.rendered(work, built, &model)?.into_iter();
        let rest = statements.filter(|sql| !made.iter().any(|start| sql.starts_with(start)));
        out.extend(rest.map(|sql| work.statement(sql)));
        Ok(out)
    }

    /// The statement with its keys as the rules left them, behind the columns.
    fn shared_text(
        &self,
        work: &Work<'_>,
        create: &nodes::CreateStmt,
        reading: &Reading<'_>,
        table: &Table,
    ) -> Result<String, Refusal> {
        let plain = &reading.table;
        let added: Vec<&Column> = table.columns.iter().filter(|c| plain.column(&c.name).is_none()).collect();
        let named = |name: &str| reading.table.constraints.iter().any(|c| c.name == name);
        let is_written = |constraint: &&tenantry_schema::model::Constraint| {
            !(named(&constraint.name)
                && matches!(constraint.kind, tenantry_schema::model::ConstraintKind::Check { .. }))
        };
        let mut snippets: Vec<String> = added.iter().map(|column| column_sql(column)).collect();
        snippets.extend(table.constraints.iter().filter(is_written).map(constraint_sql));
        let kept = reading.elements.iter().filter(|element| !element.text.is_empty());
        let mut lines: Vec<String> = kept.map(|element| element.text.clone()).collect();
        lines.extend(snippets.iter().cloned());
        let body = format!("\n    {}\n", lines.join(",\n    "));
        let inside =
            reading.inside.clone().ok_or_else(|| work.refuse("the list of columns was not found"))?;
        let template = parse(&format!("CREATE TABLE x ({})", snippets.join(", ")))
            .map_err(|error| work.refuse(error))?;
        let text = work.spliced(vec![Splice::replace(inside, body)], |mem, copy| {
            let Some(Node::CreateStmt(added)) = template.stmts().next() else { return false };
            let mut elements = Vec::new();
            for (node, element) in create.table_elts().iter().zip(&reading.elements) {
                match (node, &element.kept) {
                    (Node::ColumnDef(column), Some(kept)) => {
                        let column = stripped(mem, column, kept);
                        elements.push(column.uncast());
                    }
                    (other, Some(_)) => elements.push(mem.make_unique(other)),
                    (_, None) => {}
                }
            }
            elements.extend(added.table_elts().iter().map(|element| mem.make_unique(element)));
            let list = mem.make_list(&elements);
            match copy.as_mut().stmt_mut() {
                pg_raw_parse::NodeMut::CreateStmt(mut statement) => {
                    statement.set_table_elts(list);
                    true
                }
                _ => false,
            }
        })?;
        Ok(text)
    }

    /// Reads the statement. Names are made up in the order in which PostgreSQL makes them up.
    fn read_table<'n>(
        &self,
        work: &Work<'_>,
        create: &'n nodes::CreateStmt,
        name: &str,
        names_of: &mut Names,
    ) -> Result<Reading<'n>, Refusal> {
        let mut reading = Reading {
            table: Table {
                name: name.to_owned(),
                replica_identity: 'd',
                unlogged: create.relation().is_some_and(|r| r.relpersistence == b'u'.cast_signed()),
                options: text::options(create.options().iter()),
                ..Table::default()
            },
            sequences: Vec::new(),
            elements: Vec::new(),
            keys: Vec::new(),
            inside: None,
        };
        names_of.taken.insert(name.to_owned());
        if let Some(bound) = create.partbound() {
            self.read_partition(work, create, bound, &mut reading, names_of)?;
        } else {
            self.read_elements(work, create, &mut reading)?;
        }
        if let Some(spec) = create.partspec() {
            reading.table.partition_by = Some(partition_by(work, spec));
        }
        self.serials(&mut reading, names_of);
        self.name_constraints(work, &mut reading, names_of)?;
        Ok(reading)
    }

    fn read_elements<'n>(
        &self,
        work: &Work<'_>,
        create: &'n nodes::CreateStmt,
        reading: &mut Reading<'n>,
    ) -> Result<(), Refusal> {
        let lost = || {
            Refusal::guard(work.sql, work.range.clone(), "the columns of the table could not be told apart")
        };
        let tokens = &work.tokens;
        let relation = create.relation().and_then(|relation| work.at(relation.location)).ok_or_else(lost)?;
        let open = tokens.after_name(relation);
        let close = tokens.closing(open).ok_or_else(lost)?;
        let parts = tokens.parts(open + 1..close);
        if parts.len() != create.table_elts().len() {
            return Err(lost());
        }
        let start = tokens.get(open).map_or(0, |token| token.end);
        reading.inside = Some(start..tokens.get(close).map_or(start, |token| token.start));
        for (node, part) in create.table_elts().iter().zip(parts) {
            match node {
                Node::ColumnDef(column) => {
                    let (column, element, keys) = read_column(work, column, part)?;
                    reading.table.columns.push(column);
                    reading.elements.push(element);
                    reading.keys.extend(keys);
                }
                Node::Constraint(constraint) => {
                    let text = work.slice(part).to_owned();
                    let stays = !is_key(constraint);
                    let kept = stays.then(Vec::new);
                    let shown = if stays { text.clone() } else { String::new() };
                    reading.elements.push(Element { text: shown, kept });
                    reading.keys.push(Written {
                        node: constraint,
                        attributes: Vec::new(),
                        column: None,
                        text,
                    });
                }
                _ => return Err(lost()),
            }
        }
        Ok(())
    }

    /// `serial` is an integer column with a sequence.
    fn serials(&self, reading: &mut Reading<'_>, names_of: &mut Names) {
        let table = reading.table.name.clone();
        for column in &mut reading.table.columns {
            let integer = match column.type_name.as_str() {
                "serial" | "serial4" => "integer",
                "bigserial" | "serial8" => "bigint",
                "smallserial" | "serial2" => "smallint",
                _ => {
                    if let Some(identity) = &mut column.identity
                        && identity.sequence.is_empty()
                    {
                        identity.sequence = names_of.choose(&table, Some(&column.name), "seq");
                    }
                    continue;
                }
            };
            let sequence = names_of.choose(&table, Some(&column.name), "seq");
            integer.clone_into(&mut column.type_name);
            column.not_null = true;
            column.default = Some(format!("nextval('{}'::regclass)", ident(&sequence).replace('\'', "''")));
            let owned_by = Some(OwnedBy { table: table.clone(), column: column.name.clone() });
            reading.sequences.push(Sequence {
                name: sequence,
                comment: None,
                unlogged: reading.table.unlogged,
                options: numbers(integer),
                owned_by,
                used_by_default: true,
            });
        }
    }

    /// Checks first, then the primary key, then other keys, then foreign keys.
    fn name_constraints(
        &self,
        work: &Work<'_>,
        reading: &mut Reading<'_>,
        names_of: &mut Names,
    ) -> Result<(), Refusal> {
        use nodes::ConstrType as Type;
        let table = reading.table.name.clone();
        let orders: [&[u32]; 4] = [
            &[Type::CONSTR_CHECK],
            &[Type::CONSTR_PRIMARY],
            &[Type::CONSTR_UNIQUE, Type::CONSTR_EXCLUSION],
            &[Type::CONSTR_FOREIGN],
        ];
        for kinds in orders {
            for written in reading.keys.iter().filter(|written| kinds.contains(&written.node.contype)) {
                let constraint = if written.node.contype == Type::CONSTR_FOREIGN {
                    let primary_key = reading.table.constraints.iter().find_map(|c| match &c.kind {
                        tenantry_schema::model::ConstraintKind::PrimaryKey(key) => Some(key.columns.clone()),
                        _ => None,
                    });
                    self.foreign_key(work, written, &table, primary_key, names_of)?
                } else {
                    let lost =
                        || Refusal::guard(work.sql, work.range.clone(), "a constraint could not be read");
                    element::local(written, &table, names_of).ok_or_else(lost)?
                };
                reading.table.constraints.push(constraint);
            }
        }
        if let Some(key) = reading.table.primary_key().cloned() {
            for column in reading.table.columns.iter_mut().filter(|c| key.columns.contains(&c.name)) {
                column.not_null = true;
            }
        }
        reading.table.constraints.sort_by(|a, b| rank(a).cmp(&rank(b)));
        Ok(())
    }

    /// A foreign key as part of the model. `own_key` is the primary key of the table itself.
    pub(super) fn foreign_key(
        &self,
        work: &Work<'_>,
        written: &Written<'_>,
        table: &str,
        own_key: Option<Vec<String>>,
        names_of: &mut Names,
    ) -> Result<tenantry_schema::model::Constraint, Refusal> {
        let target = written.node.pktable().and_then(nodes::RangeVar::relname).unwrap_or_default();
        let key_of = |name: &str| match (name == table, &own_key) {
            (true, Some(key)) => key.clone(),
            _ => {
                let found = self.model.table(name).and_then(Table::primary_key);
                found.map(|key| key.columns.clone()).unwrap_or_default()
            }
        };
        let place = written.node.pktable().map_or(written.node.location, |target| target.location);
        if target != table && self.model.table(target).is_none() {
            return Err(work.refuse_at(place, format!("it refers to {target}, which is not there")));
        }
        element::foreign_key(written, table, names_of, key_of).ok_or_else(|| {
            work.refuse_at(place, format!("it refers to the primary key of {target}, which does not fit"))
        })
    }

    fn read_partition<'n>(
        &self,
        work: &Work<'_>,
        create: &'n nodes::CreateStmt,
        bound: &nodes::PartitionBoundSpec,
        reading: &mut Reading<'n>,
        names_of: &mut Names,
    ) -> Result<(), Refusal> {
        let Some(Node::RangeVar(of)) = create.inh_relations().iter().next().map(Node::from) else {
            return Err(work.refuse("the partitioned table was not found"));
        };
        let parent = of.relname().unwrap_or_default();
        let Some(parent) = self.model.table(parent) else {
            return Err(work.refuse_at(of.location, format!("there is no table {parent}")));
        };
        if !create.table_elts().is_empty() {
            return Err(work
                .refuse("a partition with columns or constraints of its own is not offered")
                .hint("create the partition, then add them with ALTER TABLE"));
        }
        let bounds =
            bounds(work, bound).ok_or_else(|| work.refuse("the bounds of the partition were not found"))?;
        reading.table.columns.clone_from(&parent.columns);
        for column in &mut reading.table.columns {
            column.identity = None;
        }
        reading.table.partition_of = Some(PartitionOf { parent: parent.name.clone(), bounds });
        super::partition::inherit(&mut reading.table, parent, names_of);
        Ok(())
    }

    /// Shapes that are not offered, each with what to write instead.
    fn shapes(&self, work: &Work<'_>, create: &nodes::CreateStmt) -> Result<(), Refusal> {
        if create.of_typename().is_some() {
            return Err(work.refuse("a table OF a type is not offered").hint("write its columns out"));
        }
        if create.partbound().is_none() && !create.inh_relations().is_empty() {
            return Err(work
                .refuse("INHERITS passes on neither keys nor row-level security")
                .hint("use declarative partitions, or a view over separate tables"));
        }
        for node in create.table_elts() {
            if let Node::TableLikeClause(like) = node {
                let place = like.relation().map_or(-1, |relation| relation.location);
                let source = like.relation().and_then(nodes::RangeVar::relname).unwrap_or_default();
                let columns = self.model.table(source).map(|table| {
                    let columns = table.columns.iter();
                    columns
                        .map(|c| format!("{} {}", ident(&c.name), c.type_name))
                        .collect::<Vec<_>>()
                        .join(", ")
                });
                let refusal = work
                    .refuse_at(
                        place,
                        format!(
                            "LIKE {source} would copy the keys and the tenant column of the shared table"
                        ),
                    )
                    .hint("write the columns out");
                return Err(columns.into_iter().fold(refusal, Refusal::choice));
            }
        }
        Ok(())
    }
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

/// A column definition: the model's column, what stays of its text, and the keys that are lifted out of it.
pub(super) fn read_column<'n>(
    work: &Work<'_>,
    node: &'n nodes::ColumnDef,
    part: Range<usize>,
) -> Result<(Column, Element, Vec<Written<'n>>), Refusal> {
    let lost = || Refusal::guard(work.sql, work.range.clone(), "a column could not be read");
    let constraints: Vec<&nodes::Constraint> = node
        .constraints()
        .iter()
        .filter_map(|constraint| match Node::from(constraint) {
            Node::Constraint(constraint) => Some(constraint),
            _ => None,
        })
        .collect();
    let mut starts: Vec<usize> = Vec::new();
    for constraint in &constraints {
        starts.push(work.at(constraint.location).ok_or_else(lost)?);
    }
    let mut bounds = starts.clone();
    bounds.extend(node.coll_clause().and_then(|collate| work.at(collate.location)));
    bounds.push(part.end);
    bounds.sort_unstable();
    let until = |start: usize| bounds.iter().copied().find(|bound| *bound > start).unwrap_or(part.end);
    let texts: Vec<&str> = starts.iter().map(|start| work.slice(*start..until(*start))).collect();
    let (mut kept, mut keys, mut removed) = (Vec::new(), Vec::<Written<'n>>::new(), Vec::new());
    let mut in_key = false;
    for (at, constraint) in constraints.iter().enumerate() {
        if is_key(constraint) {
            in_key = true;
            let column = node.colname().map(ToOwned::to_owned);
            keys.push(Written {
                node: constraint,
                attributes: Vec::new(),
                column,
                text: texts[at].to_owned(),
            });
        } else if is_attribute(constraint) && in_key {
            if let Some(key) = keys.last_mut() {
                key.attributes.push(constraint);
            }
        } else {
            in_key = false;
            kept.push(at);
            if constraint.contype == nodes::ConstrType::CONSTR_CHECK {
                let column = node.colname().map(ToOwned::to_owned);
                keys.push(Written {
                    node: constraint,
                    attributes: Vec::new(),
                    column,
                    text: texts[at].to_owned(),
                });
            }
            continue;
        }
        removed.push(starts[at]..until(starts[at]));
    }
    let mut text = String::new();
    let mut from = part.start;
    for gap in removed {
        push_text(&mut text, work.slice(from..gap.start));
        from = gap.end;
    }
    push_text(&mut text, work.slice(from..part.end));
    let described: Vec<(&nodes::Constraint, String)> =
        constraints.iter().zip(&texts).map(|(constraint, text)| (*constraint, (*text).to_owned())).collect();
    let column = element::column(node, work.sql, &described);
    Ok((column, Element { text, kept: Some(kept) }, keys))
}

/// The text of a subcommand that adds a column, without the column's keys.
pub(super) fn without_keys(
    work: &Work<'_>,
    node: &nodes::ColumnDef,
    part: Range<usize>,
) -> Result<(String, Vec<usize>), Refusal> {
    let (_, element, _) = read_column(work, node, part)?;
    Ok((element.text, element.kept.unwrap_or_default()))
}

/// A column with those of its constraints that stay.
pub(super) fn stripped<'mem>(
    mem: MemoryToken<'mem>,
    column: &nodes::ColumnDef,
    kept: &[usize],
) -> Unique<'mem, &'mem nodes::ColumnDef> {
    let mut column = mem.make_unique(column);
    let list: Vec<_> = (column.constraints().iter().enumerate())
        .filter(|(at, _)| kept.contains(at))
        .map(|(_, constraint)| mem.make_unique(constraint))
        .collect();
    let list = mem.make_list(&list);
    column.as_mut().set_constraints(list);
    column
}

fn push_text(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

/// `RANGE (a, b)`, as written.
fn partition_by(work: &Work<'_>, spec: &nodes::PartitionSpec) -> String {
    let Some(start) = work.at(spec.location) else { return String::new() };
    let tokens = &work.tokens;
    let open = (start..tokens.len()).find(|at| tokens.is(*at, "("));
    let close = open.and_then(|open| tokens.closing(open));
    match (open, close) {
        (Some(open), Some(close)) => {
            format!("{} {}", tokens.text(start + 2).to_ascii_uppercase(), work.slice(open..close + 1))
        }
        _ => String::new(),
    }
}

/// `FOR VALUES …` or `DEFAULT`, as written.
pub(super) fn bounds(work: &Work<'_>, bound: &nodes::PartitionBoundSpec) -> Option<String> {
    if bound.is_default {
        return Some("DEFAULT".to_owned());
    }
    let tokens = &work.tokens;
    let start = (0..tokens.len()).find(|at| tokens.is(*at, "for") && tokens.is(at + 1, "values"))?;
    let mut end = start + 2;
    while end < tokens.len() {
        if tokens.is(end, "(") {
            end = tokens.closing(end)? + 1;
            if !tokens.is(end, "to") {
                break;
            }
        } else {
            end += 1;
        }
    }
    Some(work.slice(start..end).to_owned())
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
