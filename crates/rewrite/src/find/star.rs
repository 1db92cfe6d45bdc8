//! `*` and `t.*` in target lists: what the application is to see.

use super::from::{Leaf, Source};
use super::{Columns, Finder, Star};
use crate::edit::{Change, Item, Splice, items_sql};
use pg_raw_parse::{Node, nodes};

impl<'a> Finder<'a> {
    /// Goes through a target list; returns the names of its columns.
    pub(super) fn targets(&mut self, targets: impl Iterator<Item = Node<'a>>, star: Star) -> Columns {
        let mut columns: Columns = Some(Vec::new());
        for target in targets {
            let Node::ResTarget(target) = target else { continue };
            match target.val() {
                Node::ColumnRef(reference) if is_star(reference) => {
                    let shown = self.star(reference, star);
                    columns = columns.zip(shown).map(|(mut columns, shown)| {
                        columns.extend(shown);
                        columns
                    });
                }
                Node::A_Indirection(of)
                    if matches!(of.indirection().iter().next_back(), Some(Node::A_Star(_))) =>
                {
                    let shown = self.row_star(of, star);
                    columns = columns.zip(shown).map(|(mut columns, shown)| {
                        columns.extend(shown);
                        columns
                    });
                    if !matches!(of.arg(), Node::ColumnRef(_)) {
                        self.expression(of.arg());
                    }
                }
                value => {
                    self.expression(value);
                    let name = target.name().map_or_else(|| figure_name(value), ToOwned::to_owned);
                    if let Some(columns) = &mut columns {
                        columns.push(name);
                    }
                }
            }
        }
        columns
    }

    /// Expands a star where it must be; returns what it shows to the application.
    pub(super) fn star(&mut self, reference: &'a nodes::ColumnRef, star: Star) -> Columns {
        let path: Vec<&str> = reference.fields().iter().filter_map(Node::as_str).collect();
        let (written, visible, hides) = match path.as_slice() {
            [] => self.bare_star()?,
            [alias] => self.qualified_star(None, alias)?,
            [schema, table] => self.qualified_star(Some(schema), table)?,
            _ => return None,
        };
        if hides && star == Star::Expand {
            self.expand(reference, written?);
        }
        visible
    }

    /// `(what to write, what is seen, whether something must be hidden)`
    fn bare_star(&self) -> Option<(Option<Vec<Item>>, Columns, bool)> {
        let sources = self.outer.last()?;
        let all = |part: fn(&Source<'a>) -> Option<Vec<Item>>| -> Option<Vec<Item>> {
            let parts: Option<Vec<Vec<Item>>> = sources.iter().map(part).collect();
            parts.map(|parts| parts.concat())
        };
        let visible = all(Source::visible).map(|items| items.into_iter().filter_map(|i| i.column).collect());
        let hides = sources.iter().any(Source::hides);
        let mut written = if hides { all(Source::written) } else { None };
        if let Some(items) = &mut written {
            self.shorten(items);
        }
        Some((written, visible, hides))
    }

    /// Where there is only one table, nothing need be qualified.
    fn shorten(&self, items: &mut [Item]) {
        if let Some([Source::Leaf(_)]) = self.outer.last().map(Vec::as_slice) {
            for item in items.iter_mut().filter(|item| item.column.is_some()) {
                item.qualifier = None;
            }
        }
    }

    fn qualified_star(&self, schema: Option<&str>, name: &str) -> Option<(Option<Vec<Item>>, Columns, bool)> {
        if schema.is_some_and(|schema| schema != self.known.schema) {
            return None;
        }
        let named = |leaf: &&Leaf<'a>| leaf.alias.as_deref() == Some(name);
        let leaf = self
            .outer
            .iter()
            .rev()
            .find_map(|sources| sources.iter().flat_map(Source::leaves).find(named).cloned())?;
        let written = Source::Leaf(leaf.clone()).visible();
        Some((written, leaf.columns, leaf.hides))
    }

    fn expand(&mut self, reference: &nodes::ColumnRef, items: Vec<Item>) {
        let text = items_sql(&items);
        if let Some(first) = self.token_at(reference.location) {
            let tokens = self.tokens();
            let mut last = first;
            while !tokens.is(last, "*") && last < first + 6 {
                last += 1;
            }
            if let Some(span) = tokens.span(first..last + 1) {
                self.splices.push(Splice::replace(span, text));
                self.changes.push(Change::Star { at: reference.location, items });
            }
            return;
        }
        // `TABLE t` has a star without a place.
        let Some(Source::Leaf(leaf)) = self.outer.last().and_then(|sources| sources.first()) else { return };
        let location = leaf.location;
        let Some(word) = self.token_at(location).and_then(|at| self.before_table(at)) else { return };
        if let Some(span) = self.tokens().span(word..word + 1) {
            self.splices.push(Splice::replace(span, format!("SELECT {text} FROM")));
            self.changes.push(Change::Star { at: location, items });
        }
    }

    /// The position of the word TABLE (or TABLE ONLY) before a name.
    fn before_table(&self, name: usize) -> Option<usize> {
        let tokens = self.tokens();
        (1..=3).filter_map(|back| name.checked_sub(back)).find(|at| tokens.is(*at, "table"))
    }
}

pub(crate) fn is_star(reference: &nodes::ColumnRef) -> bool {
    matches!(reference.fields().iter().next_back(), Some(Node::A_Star(_)))
}

/// `FigureColname`: the name that PostgreSQL gives to a column without one.
pub(crate) fn figure_name(node: Node<'_>) -> String {
    figure(node).unwrap_or_else(|| "?column?".to_owned())
}

fn figure(node: Node<'_>) -> Option<String> {
    let last = |nodes: &pg_raw_parse::list::NodeList| {
        nodes.iter().filter_map(Node::as_str).next_back().map(ToOwned::to_owned)
    };
    let fixed = |name: &str| Some(name.to_owned());
    match node {
        Node::ColumnRef(reference) => last(reference.fields()),
        Node::A_Indirection(indirection) => {
            last(indirection.indirection()).or_else(|| figure(indirection.arg()))
        }
        Node::FuncCall(call) => last(call.funcname()),
        Node::TypeCast(cast) => figure(cast.arg()).or_else(|| {
            let of = cast.type_name()?;
            of.names().iter().next_back().and_then(|name| name.sval()).map(ToOwned::to_owned)
        }),
        Node::CollateClause(collate) => figure(collate.arg()),
        Node::CaseExpr(case) => figure(case.defresult()).or_else(|| fixed("case")),
        Node::CoalesceExpr(_) => fixed("coalesce"),
        Node::A_ArrayExpr(_) => fixed("array"),
        Node::RowExpr(_) => fixed("row"),
        Node::GroupingFunc(_) => fixed("grouping"),
        Node::MinMaxExpr(of) if of.op == nodes::MinMaxOp::IS_GREATEST => fixed("greatest"),
        Node::MinMaxExpr(_) => fixed("least"),
        Node::SubLink(link) => match link.sub_link_type {
            nodes::SubLinkType::EXISTS_SUBLINK => fixed("exists"),
            nodes::SubLinkType::ARRAY_SUBLINK => fixed("array"),
            nodes::SubLinkType::EXPR_SUBLINK => match link.subselect() {
                Node::SelectStmt(select) => {
                    let target = select.target_list().iter().next()?;
                    target.name().map(ToOwned::to_owned).or_else(|| figure(target.val()))
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
