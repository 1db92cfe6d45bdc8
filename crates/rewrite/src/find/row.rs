//! Whole rows: `row_to_json(t)`, `t::text`, `SELECT t FROM t`, `ROW(t.*, 1)`. A row of a shared table has the tenant column in it;
//! the application is to see the row of the plain table.
//!
//! What is written instead is a row of the plain columns, under the name that the whole row had. Functions of the application's own
//! keep the row as it is: their arguments have the table's type, which has the tenant column too.

use super::from::{Leaf, Source};
use super::star::is_star;
use super::{Finder, Star, names};
use crate::edit::{Change, Item, Splice, items_sql};
use pg_raw_parse::{Node, nodes};

/// Functions of PostgreSQL's own that take any row and show what is in it. `count` and the like only ask whether there is one.
const SHOWING: &[&str] = &[
    "row_to_json",
    "to_json",
    "to_jsonb",
    "json_agg",
    "jsonb_agg",
    "json_agg_strict",
    "jsonb_agg_strict",
    "json_build_array",
    "jsonb_build_array",
    "json_build_object",
    "jsonb_build_object",
    "json_object_agg",
    "jsonb_object_agg",
    "json_object_agg_strict",
    "jsonb_object_agg_strict",
    "array_agg",
    "concat",
    "concat_ws",
    "format",
    "quote_literal",
    "quote_nullable",
    "hash_record",
    "hash_record_extended",
    "hstore",
    "first_value",
    "last_value",
    "nth_value",
    "lag",
    "lead",
    "min",
    "max",
];

impl<'a> Finder<'a> {
    /// Goes on to the parts of an expression that may be whole rows or have them in them.
    pub(super) fn parts(&mut self, node: Node<'a>, open: &mut Vec<Node<'a>>) {
        match node {
            Node::FuncCall(call) if !shows(call) => {
                let mut visit = |child| {
                    let direct = match child {
                        Node::NamedArgExpr(named) => named.arg(),
                        other => other,
                    };
                    if !matches!(direct, Node::ColumnRef(_)) {
                        open.push(child);
                    }
                };
                crate::parse::children(node, |child| match child {
                    Node::NodeList(list) => list.iter().for_each(&mut visit),
                    other => visit(other),
                });
            }
            Node::TypeCast(cast) if matches!(cast.arg(), Node::ColumnRef(_)) => {
                if is_text(cast) {
                    open.push(cast.arg());
                }
            }
            // `(t).column` names a column, and reads no other.
            Node::A_Indirection(of) if matches!(of.arg(), Node::ColumnRef(_)) => {
                open.extend(of.indirection().iter());
            }
            Node::RowExpr(row) => {
                for part in row.args() {
                    match part {
                        Node::ColumnRef(of) if is_star(of) => self.star_of_row(of),
                        other => open.push(other),
                    }
                }
            }
            other => crate::parse::children(other, |child| open.push(child)),
        }
    }

    /// `t.*` among the parts of a row stands for its columns.
    fn star_of_row(&mut self, of: &'a nodes::ColumnRef) {
        self.star(of, self.star);
    }

    /// A reference that is a whole row of a table with hidden columns becomes a row of the others.
    pub(super) fn row(&mut self, of: &'a nodes::ColumnRef) {
        if self.star == Star::Keep {
            return;
        }
        let path = names(of.fields().iter());
        let ([name], Some(first)) = (path.as_slice(), self.outer.last()) else { return };
        let starred = is_star(of);
        // Most references are columns of what stands right beside them.
        if !starred && first.iter().flat_map(Source::leaves).any(|leaf| has(leaf, name) == Some(true)) {
            return;
        }
        let Some(leaf) = self.row_of(name) else { return };
        if !starred && self.may_be_column(name) {
            return;
        }
        let (Some(hidden), Some(columns)) =
            (leaf.facts.and_then(|facts| facts.hidden.first()).cloned(), leaf.columns.clone())
        else {
            return;
        };
        let item = |column: String| Item { qualifier: Some(name.clone()), column: Some(column) };
        let items: Vec<Item> = columns.into_iter().map(item).collect();
        // Where an outer join found no row there is no row, and not one of nulls.
        let there = item(hidden).sql();
        let called = crate::name::ident(name);
        let text = format!(
            "(SELECT {called} FROM (SELECT {} WHERE {there} IS NOT NULL) {called})",
            items_sql(&items)
        );
        let Some(at) = self.token_at(of.location) else { return };
        let end = if starred { at + 3 } else { at + 1 };
        if starred && !self.tokens().is(at + 2, "*") {
            return;
        }
        if let Some(span) = self.tokens().span(at..end) {
            self.splices.push(Splice::replace(span, text.clone()));
            self.changes.push(Change::Row { at: of.location, text });
        }
    }

    /// The table whose rows go by that name here.
    fn row_of(&self, name: &str) -> Option<Leaf<'a>> {
        let named = |leaf: &&Leaf<'a>| leaf.alias.as_deref() == Some(name);
        let leaf = self
            .outer
            .iter()
            .rev()
            .find_map(|sources| sources.iter().flat_map(Source::leaves).find(named))?;
        (leaf.hides && leaf.facts.is_some()).then(|| leaf.clone())
    }

    /// A column goes before a row of the same name, however far out it stands.
    fn may_be_column(&self, name: &str) -> bool {
        self.outer.iter().flatten().flat_map(Source::leaves).any(|leaf| has(leaf, name) != Some(false))
    }

    /// `(t).*` in a list of targets: what it shows, and where its text begins and ends.
    pub(super) fn row_star(&mut self, of: &'a nodes::A_Indirection, star: Star) -> super::Columns {
        let Node::ColumnRef(reference) = of.arg() else { return None };
        let path = names(reference.fields().iter());
        let ([name], false) = (path.as_slice(), is_star(reference)) else { return None };
        let leaf = self.row_of(name).filter(|_| !self.may_be_column(name))?;
        let items = Source::Leaf(leaf.clone()).visible()?;
        if star == Star::Expand
            && let Some(at) = self.token_at(reference.location)
        {
            let tokens = self.tokens();
            let mut around = 0;
            while at > around && tokens.is(at - around - 1, "(") && tokens.is(at + around + 1, ")") {
                around += 1;
            }
            let end = at + around + 2;
            if tokens.is(end - 1, ".")
                && tokens.is(end, "*")
                && let Some(span) = tokens.span(at - around..end + 1)
            {
                self.splices.push(Splice::replace(span, items_sql(&items)));
                self.changes.push(Change::Star { at: reference.location, items });
            }
        }
        leaf.columns
    }

    /// `t AS x (a, b)` names columns by their place, where hidden ones stand too: the columns of the plain table take their places.
    pub(super) fn in_plain_order(&mut self, relation: &'a nodes::RangeVar) -> bool {
        let renames = relation.alias().is_some_and(|alias| !alias.colnames().is_empty());
        if self.star == Star::Keep || !renames || self.cte(relation).is_some() {
            return false;
        }
        let Some(facts) = self.table(relation).filter(|facts| facts.hides()) else { return false };
        let Some(start) = self.token_at(relation.location) else { return false };
        let tokens = self.tokens();
        let end = tokens.after_name(start);
        let only = start > 0 && tokens.is(start - 1, "only");
        // ONLY (t), and t *, which nobody writes.
        if tokens.is(end, ")") || tokens.is(end, "*") {
            return false;
        }
        let (Some(name), Some(span)) = (tokens.span(start..end), tokens.span(start - usize::from(only)..end))
        else {
            return false;
        };
        let (name, whole) = (&self.sql[name], if only { "ONLY " } else { "" });
        let text = format!("(SELECT {} FROM {whole}{name})", crate::name::idents(&facts.columns));
        self.splices.push(Splice::replace(span, text.clone()));
        self.changes.push(Change::Relation { at: relation.location, text });
        true
    }
}

/// Whether a leaf has a column, where that is known.
fn has(leaf: &Leaf<'_>, column: &str) -> Option<bool> {
    let hidden = leaf.facts.is_some_and(|facts| facts.hidden.iter().any(|hidden| hidden == column));
    match &leaf.columns {
        _ if hidden => Some(true),
        Some(columns) => Some(columns.iter().any(|known| known == column)),
        None => None,
    }
}

fn shows(call: &nodes::FuncCall) -> bool {
    let path = names(call.funcname().iter());
    match path.as_slice() {
        [name] => SHOWING.contains(&name.as_str()),
        [schema, name] => schema == "pg_catalog" && SHOWING.contains(&name.as_str()),
        _ => false,
    }
}

/// A cast of a row to a text; one to a table's type is about the row as it is.
fn is_text(cast: &nodes::TypeCast) -> bool {
    let path = cast.type_name().map(|of| names(of.names().iter().map(Node::String))).unwrap_or_default();
    path.last().is_some_and(|name| ["text", "varchar", "bpchar", "name"].contains(&name.as_str()))
}
