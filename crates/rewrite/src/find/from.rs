//! What a FROM clause names, and which columns each of it shows.

use super::{Columns, Finder, names, renamed};
use crate::edit::Item;
use crate::known::Facts;
use pg_raw_parse::list::NodeList;
use pg_raw_parse::{Node, nodes};

/// An item of a FROM clause.
#[derive(Debug, Clone)]
pub(crate) enum Source<'a> {
    /// A table, query or function.
    Leaf(Leaf<'a>),
    /// A join; its columns are those of both sides, the merged ones once and first.
    Join { left: Box<Source<'a>>, right: Box<Source<'a>>, merge: Merge },
}

/// How a join merges columns.
#[derive(Debug, Clone)]
pub(crate) enum Merge {
    Nothing,
    Using(Vec<String>),
    Natural,
}

#[derive(Debug, Clone)]
pub(crate) struct Leaf<'a> {
    /// What qualifies its columns.
    pub alias: Option<String>,
    /// What it shows to the application.
    pub columns: Columns,
    /// The table, where it is one.
    pub facts: Option<&'a Facts>,
    /// Columns that `*` shows and the application does not know of.
    pub hides: bool,
    pub location: i32,
}

impl<'a> Finder<'a> {
    pub(super) fn sources(&mut self, list: &'a NodeList) -> Vec<Source<'a>> {
        let mut sources = Vec::with_capacity(list.len());
        for node in list {
            // LATERAL queries see what stands before them.
            self.outer.push(std::mem::take(&mut sources));
            let source = self.source(node);
            sources = self.outer.pop().unwrap_or_default();
            sources.push(source);
        }
        sources
    }

    pub(super) fn source(&mut self, node: Node<'a>) -> Source<'a> {
        match node {
            Node::RangeVar(relation) => {
                let plain = self.in_plain_order(relation);
                let leaf = self.relation(relation);
                Source::Leaf(Leaf { hides: leaf.hides && !plain, ..leaf })
            }
            Node::RangeSubselect(sub) => {
                let columns = self.statement(sub.subquery());
                Source::Leaf(opaque(sub.alias(), columns))
            }
            Node::JoinExpr(join) => self.join(join),
            Node::RangeTableSample(sample) => {
                self.expressions(sample.args().iter());
                match sample.relation() {
                    Node::RangeVar(relation) => Source::Leaf(self.relation(relation)),
                    other => self.source(other),
                }
            }
            Node::RangeFunction(function) => Source::Leaf(self.function(function)),
            other => {
                self.expression(other);
                let alias = match other {
                    Node::RangeTableFunc(table) => table.alias(),
                    Node::JsonTable(table) => table.alias(),
                    _ => None,
                };
                Source::Leaf(opaque(alias, None))
            }
        }
    }

    fn relation(&self, relation: &'a nodes::RangeVar) -> Leaf<'a> {
        self.leaf(relation, self.cte(relation))
    }

    /// What a statement writes to: no common table expression hides it.
    pub(super) fn written_to(&self, relation: &'a nodes::RangeVar) -> Leaf<'a> {
        self.leaf(relation, None)
    }

    fn leaf(&self, relation: &'a nodes::RangeVar, cte: Option<&(String, Columns)>) -> Leaf<'a> {
        let aliases = relation.alias().map(|alias| names(alias.colnames().iter())).unwrap_or_default();
        let alias = relation.alias().and_then(nodes::Alias::aliasname).or(relation.relname());
        let mut leaf = Leaf {
            alias: alias.map(ToOwned::to_owned),
            columns: None,
            facts: None,
            hides: false,
            location: relation.location,
        };
        if let Some((_, columns)) = cte {
            leaf.columns = columns.clone().map(|columns| renamed(columns, &aliases));
        } else if let Some(facts) = self.table(relation) {
            leaf.columns = Some(renamed(facts.columns.clone(), &aliases));
            leaf.hides = facts.hides();
            // Under other names the columns are no longer those of the table.
            leaf.facts = aliases.is_empty().then_some(facts);
        } else if let Some(view) = self.view(relation) {
            leaf.columns = Some(renamed(view.columns.clone(), &aliases));
        }
        leaf
    }

    fn join(&mut self, join: &'a nodes::JoinExpr) -> Source<'a> {
        let left = self.source(join.larg());
        self.outer.push(vec![left]);
        let right = self.source(join.rarg());
        let left = self.outer.pop().and_then(|mut sources| sources.pop()).unwrap_or_else(nothing);
        self.outer.push(vec![left, right]);
        self.expression(join.quals());
        let mut sides = self.outer.pop().unwrap_or_default().into_iter();
        let (left, right) = (sides.next().unwrap_or_else(nothing), sides.next().unwrap_or_else(nothing));
        let using = names(join.using_clause().iter().map(Node::String));
        let merge = match (join.is_natural, using.is_empty()) {
            (true, _) => Merge::Natural,
            (_, false) => Merge::Using(using),
            _ => Merge::Nothing,
        };
        let source = Source::Join { left: Box::new(left), right: Box::new(right), merge };
        let Some(alias) = join.alias() else { return source };
        // With an alias nothing else qualifies its columns. If two have the same name, neither can be named.
        let columns =
            source.visible().map(|items| items.into_iter().filter_map(|item| item.column).collect());
        let columns: Columns = columns.filter(|names: &Vec<String>| all_different(names));
        let hides = source.hides() && columns.is_some();
        Source::Leaf(Leaf { hides, ..opaque(Some(alias), columns) })
    }

    /// `json_populate_record(NULL::t, …)` and its kin show what `t` shows.
    fn function(&mut self, function: &'a nodes::RangeFunction) -> Leaf<'a> {
        self.expressions(function.functions().iter());
        let mut leaf = opaque(function.alias(), None);
        let plain = !function.ordinality && !function.is_rowsfrom && function.coldeflist().is_empty();
        let call = function.functions().first().and_then(|pair| pair.as_node_list()?.first());
        let Some(Node::FuncCall(call)) = call.filter(|_| plain) else { return leaf };
        let name = call.funcname().iter().next_back().and_then(Node::as_str).unwrap_or_default();
        if leaf.alias.is_none() {
            leaf.alias = Some(name.to_owned());
        }
        let populates = [
            "json_populate_record",
            "json_populate_recordset",
            "jsonb_populate_record",
            "jsonb_populate_recordset",
        ];
        if let Some(Node::TypeCast(cast)) = call.args().first()
            && populates.contains(&name)
            && let Some(of) = cast.type_name()
        {
            let path = names(of.names().iter().map(Node::String));
            let facts = match path.as_slice() {
                [table] => self.known.table(None, table),
                [schema, table] => self.known.table(Some(schema), table),
                _ => None,
            };
            shows(&mut leaf, facts, function);
        } else {
            let returned = self.known.returned(&names(call.funcname().iter()));
            shows(&mut leaf, returned.and_then(|table| self.known.table(None, table)), function);
        }
        leaf
    }
}

/// A function's rows are those of a table.
fn shows(leaf: &mut Leaf<'_>, facts: Option<&Facts>, function: &nodes::RangeFunction) {
    let Some(facts) = facts else { return };
    let aliases = function.alias().map(|alias| names(alias.colnames().iter())).unwrap_or_default();
    leaf.columns = Some(renamed(facts.columns.clone(), &aliases));
    leaf.hides = facts.hides();
}

fn nothing<'a>() -> Source<'a> {
    Source::Leaf(opaque(None, None))
}

fn opaque<'a>(alias: Option<&nodes::Alias>, columns: Columns) -> Leaf<'a> {
    let aliases = alias.map(|alias| names(alias.colnames().iter())).unwrap_or_default();
    Leaf {
        alias: alias.and_then(nodes::Alias::aliasname).map(ToOwned::to_owned),
        columns: columns.map(|columns| renamed(columns, &aliases)),
        facts: None,
        hides: false,
        location: -1,
    }
}

pub(super) fn all_different(names: &[String]) -> bool {
    names.iter().enumerate().all(|(at, name)| !names[..at].contains(name))
}

impl<'a> Source<'a> {
    /// Whether `*` shows something that the application does not know of.
    pub(super) fn hides(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.hides,
            Self::Join { left, right, .. } => left.hides() || right.hides(),
        }
    }

    pub(super) fn leaves(&self) -> Vec<&Leaf<'a>> {
        match self {
            Self::Leaf(leaf) => vec![leaf],
            Self::Join { left, right, .. } => {
                let mut leaves = left.leaves();
                leaves.extend(right.leaves());
                leaves
            }
        }
    }

    /// What `*` is to show, column by column where that is known.
    pub(super) fn visible(&self) -> Option<Vec<Item>> {
        match self {
            Self::Leaf(leaf) => {
                let columns = leaf.columns.as_ref()?;
                let qualifier = leaf.alias.clone();
                let item =
                    |column: &String| Item { qualifier: qualifier.clone(), column: Some(column.clone()) };
                Some(columns.iter().map(item).collect())
            }
            Self::Join { left, right, merge } => {
                let (left, right) = (left.visible()?, right.visible()?);
                let merged: Vec<String> = match merge {
                    Merge::Nothing => Vec::new(),
                    Merge::Using(columns) => columns.clone(),
                    Merge::Natural => {
                        let in_right = |item: &&Item| right.iter().any(|other| other.column == item.column);
                        left.iter().filter(in_right).filter_map(|item| item.column.clone()).collect()
                    }
                };
                let rest = |item: &Item| item.column.as_ref().is_none_or(|column| !merged.contains(column));
                let first = merged.iter().map(|name| Item { qualifier: None, column: Some(name.clone()) });
                let others = left.iter().chain(&right).filter(|item| rest(item)).cloned();
                Some(first.chain(others).collect())
            }
        }
    }

    /// What to write for `*`: as few columns as possible, `t.*` for the rest.
    pub(super) fn written(&self) -> Option<Vec<Item>> {
        match self {
            Self::Leaf(leaf) if leaf.hides => self.visible(),
            Self::Leaf(leaf) => Some(vec![Item { qualifier: Some(leaf.alias.clone()?), column: None }]),
            Self::Join { left, right, merge: Merge::Nothing } => {
                let mut items = left.written()?;
                items.extend(right.written()?);
                Some(items)
            }
            Self::Join { .. } => self.visible(),
        }
    }
}
