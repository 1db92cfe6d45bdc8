//! `GROUP BY key`: PostgreSQL lets the other columns of a table stand beside its grouped primary key. Where the key starts
//! with the tenant column, that has to be grouped too.

use super::Finder;
use super::from::{Leaf, Source};
use crate::aggregate::is_aggregate;
use crate::edit::{Change, Item, Splice, items_sql};
use pg_raw_parse::{Node, nodes};

impl<'a> Finder<'a> {
    pub(super) fn group_by(&mut self, select: &'a nodes::SelectStmt) {
        let group = select.group_clause();
        if group.is_empty() {
            return;
        }
        let Some(sources) = self.outer.last().cloned() else { return };
        let leaves: Vec<&Leaf<'a>> = sources.iter().flat_map(Source::leaves).collect();
        let grouped: Vec<(Node<'a>, Option<(String, String)>)> = group
            .iter()
            .map(|item| (item, reference(item, select).and_then(|of| resolve(of, &leaves))))
            .collect();
        let mut items = Vec::new();
        for leaf in &leaves {
            let (Some(facts), Some(alias)) = (leaf.facts, &leaf.alias) else { continue };
            let has = |column: &String| {
                grouped.iter().any(|(_, of)| of.as_ref().is_some_and(|(a, c)| a == alias && c == column))
            };
            if !facts.primary_key.is_empty() && facts.primary_key.iter().all(has) {
                let missing = facts.key_prefix.iter().filter(|column| !has(column));
                items.extend(
                    missing
                        .map(|column| Item { qualifier: Some(alias.clone()), column: Some(column.clone()) }),
                );
            }
        }
        if items.is_empty() || !depends(select) {
            return;
        }
        // Before an item that stands for itself: in parentheses another one would make it a row.
        let places = grouped.iter().filter_map(|(item, _)| location(*item));
        for at in places {
            let Some(token) = self.token_at(at) else { continue };
            let tokens = self.tokens();
            let alone = token.checked_sub(1).is_some_and(|before| {
                ["by", ",", "distinct", "all"].iter().any(|word| tokens.is(before, word))
            });
            if alone && let Some(start) = tokens.get(token).map(|token| token.start) {
                self.splices.push(Splice::insert(start, format!("{}, ", items_sql(&items))));
                self.changes.push(Change::Group { at, items });
                return;
            }
        }
    }
}

/// What a GROUP BY item stands for: a column, or the column at an ordinal.
fn reference<'a>(item: Node<'a>, select: &'a nodes::SelectStmt) -> Option<&'a nodes::ColumnRef> {
    let target = |number: i32| {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        match select.target_list().iter().nth(at)?.val() {
            Node::ColumnRef(of) => Some(of),
            _ => None,
        }
    };
    match item {
        Node::ColumnRef(of) => Some(of),
        Node::A_Const(constant) => match constant.val() {
            Some(pg_raw_parse::ConstValue::Integer(number)) => target(number),
            _ => None,
        },
        _ => None,
    }
}

fn location(item: Node<'_>) -> Option<i32> {
    match item {
        Node::ColumnRef(of) => Some(of.location),
        Node::A_Const(of) => Some(of.location),
        _ => None,
    }
}

/// `(alias, column)` of a reference, where exactly one table can be meant.
fn resolve(of: &nodes::ColumnRef, leaves: &[&Leaf<'_>]) -> Option<(String, String)> {
    let path = super::names(of.fields().iter());
    match path.as_slice() {
        [column] => {
            let hidden = |leaf: &Leaf<'_>| leaf.facts.is_some_and(|facts| facts.hidden.contains(column));
            let has = |leaf: &&&Leaf<'_>| {
                leaf.columns.as_ref().is_none_or(|columns| columns.contains(column)) || hidden(leaf)
            };
            let mut having = leaves.iter().filter(has);
            let (first, second) = (having.next()?, having.next());
            if second.is_some() {
                return None;
            }
            Some((first.alias.clone()?, column.clone()))
        }
        [alias, column] | [_, alias, column] => Some((alias.clone(), column.clone())),
        _ => None,
    }
}

/// Whether anything is selected but what is grouped and aggregates.
fn depends<'a>(select: &'a nodes::SelectStmt) -> bool {
    let grouped: Vec<Node<'a>> = select.group_clause().iter().collect();
    let is_grouped = |path: &[String]| {
        grouped.iter().any(|item| match reference(*item, select) {
            Some(of) => super::names(of.fields().iter()).last() == path.last(),
            None => false,
        })
    };
    let mut open: Vec<Node<'a>> = select.target_list().iter().map(Node::ResTarget).collect();
    open.push(select.having_clause());
    open.extend(select.sort_clause().iter().map(Node::SortBy));
    while let Some(node) = open.pop() {
        match node {
            Node::ColumnRef(of) => {
                let path = super::names(of.fields().iter());
                if super::star::is_star(of) || !is_grouped(&path) {
                    return true;
                }
            }
            Node::A_Const(_) | Node::ParamRef(_) | Node::None => {}
            Node::FuncCall(call) if is_aggregate(call) => {}
            other => crate::parse::children(other, |child| open.push(child)),
        }
    }
    false
}
