//! What CREATE TABLE and ADD COLUMN say, as parts of the plain model.

use super::create::{Element, Reading, rank};
use super::element::{self, Names, Written, is_attribute, is_key, numbers};
use super::work::Work;
use super::{Script, text};
use crate::Refusal;
use crate::name::ident;
use pg_raw_parse::make::{MemoryToken, Unique};
use pg_raw_parse::{Node, nodes};
use std::ops::Range;
use tenantry_schema::model::{Column, Owned as OwnedBy, PartitionOf, Sequence, Table};

impl Script {
    /// Reads the statement. Names are made up in the order in which PostgreSQL makes them up.
    pub(super) fn read_table<'n>(
        &self,
        work: &Work<'_>,
        create: &'n nodes::CreateStmt,
        name: &str,
        names_of: &mut Names<'_>,
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
            likes: Vec::new(),
            expanded: false,
        };
        names_of.made.insert(name.to_owned());
        if let Some(bound) = create.partbound() {
            self.read_partition(work, create, bound, &mut reading, names_of)?;
        } else if let Some(of) = create.of_typename() {
            self.read_type(work, of, &mut reading)?;
            self.read_said(work, create, of.location, &mut reading)?;
        } else {
            let place = create.relation().map_or(-1, |relation| relation.location);
            self.read_elements(work, create, place, &mut reading)?;
        }
        if let Some(spec) = create.partspec() {
            reading.table.partition_by = Some(partition_by(work, spec));
        }
        Self::serials(&mut reading, names_of);
        self.name_constraints(work, &mut reading, names_of)?;
        self.finish_likes(&mut reading, names_of);
        Ok(reading)
    }

    /// The list of elements of a table that has its columns from elsewhere: it says more of them. The list stands behind the name at
    /// `place`.
    fn read_said<'n>(
        &self,
        work: &Work<'_>,
        create: &'n nodes::CreateStmt,
        place: i32,
        reading: &mut Reading<'n>,
    ) -> Result<(), Refusal> {
        if create.table_elts().is_empty() {
            return Ok(());
        }
        let mut columns = std::mem::take(&mut reading.table.columns);
        self.read_elements(work, create, place, reading)?;
        let said = std::mem::take(&mut reading.table.columns);
        super::expand::merge(&mut columns, said)
            .map_err(|name| work.refuse(format!("there is no column {name} to say something of")))?;
        reading.table.columns = columns;
        Ok(())
    }

    fn read_elements<'n>(
        &self,
        work: &Work<'_>,
        create: &'n nodes::CreateStmt,
        place: i32,
        reading: &mut Reading<'n>,
    ) -> Result<(), Refusal> {
        let lost = || {
            Refusal::guard(work.sql, work.range.clone(), "the columns of the table could not be told apart")
        };
        let tokens = &work.tokens;
        let open = tokens.after_name(work.at(place).ok_or_else(lost)?);
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
                        name_of_twin: None,
                    });
                }
                Node::TableLikeClause(like) => {
                    self.read_like(work, like, reading)?;
                    reading.elements.push(Element { text: String::new(), kept: None });
                }
                _ => return Err(lost()),
            }
        }
        Ok(())
    }

    /// `serial` is an integer column with a sequence.
    fn serials(reading: &mut Reading<'_>, names_of: &mut Names<'_>) {
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
        names_of: &mut Names<'_>,
    ) -> Result<(), Refusal> {
        use nodes::ConstrType as Type;
        let table = reading.table.name.clone();
        element::merge_twins(&mut reading.keys);
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
                    self.foreign_key(work, written, &table, primary_key.as_deref(), names_of)?
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
        own_key: Option<&[String]>,
        names_of: &mut Names<'_>,
    ) -> Result<tenantry_schema::model::Constraint, Refusal> {
        let target = written.node.pktable().and_then(nodes::RangeVar::relname).unwrap_or_default();
        let key_of = |name: &str| {
            if let (true, Some(key)) = (name == table, own_key) {
                key.to_vec()
            } else {
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
        names_of: &mut Names<'_>,
    ) -> Result<(), Refusal> {
        let Some(Node::RangeVar(of)) = create.inh_relations().iter().next() else {
            return Err(work.refuse("the partitioned table was not found"));
        };
        let parent = of.relname().unwrap_or_default();
        let Some(parent) = self.model.table(parent) else {
            return Err(work.refuse_at(of.location, format!("there is no table {parent}")));
        };
        let bounds =
            bounds(work, bound).ok_or_else(|| work.refuse("the bounds of the partition were not found"))?;
        reading.table.columns.clone_from(&parent.columns);
        for column in &mut reading.table.columns {
            column.identity = None;
        }
        reading.table.partition_of = Some(PartitionOf { parent: parent.name.clone(), bounds });
        super::partition::inherit(&mut reading.table, parent, names_of);
        self.read_said(work, create, of.location, reading)
    }
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
        .filter_map(|constraint| match constraint {
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
                name_of_twin: None,
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
                    name_of_twin: None,
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
    let described = constraints.iter().copied().zip(texts.iter().copied());
    let column = element::column(node, work.sql, described);
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
    strip(mem, column.as_mut(), kept);
    column
}

/// The same in place.
pub(super) fn strip<'mem>(mem: MemoryToken<'mem>, mut column: nodes::ColumnDefMut<'mem, '_>, kept: &[usize]) {
    if kept.len() == column.constraints().len() {
        return;
    }
    let list: Vec<_> = (column.constraints().iter().enumerate())
        .filter(|(at, _)| kept.contains(at))
        .map(|(_, constraint)| mem.make_unique(constraint))
        .collect();
    let list = mem.make_list(&list);
    column.set_constraints(list);
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
