//! The guard: a rewritten text is parsed again, and must be the statement that was meant.
//!
//! What was meant is the syntax tree of the original with the changes made in the tree itself. Both trees are compared as
//! PostgreSQL's grammar prints them. The printed text is compared and never sent: what the printer might leave out of both
//! is still in the text that is sent, because that is the original with pieces put in.

use crate::edit::{Change, Item};
use crate::name::ident;
use crate::parse::{parse, size};
use pg_raw_parse::make::{MemoryToken, Unique, owned};
use pg_raw_parse::transform::{self, Assignable, Transform};
use pg_raw_parse::{Node, NodeMut, Owned, deparse, nodes};

/// Whether `text` is the statement `original` with the changes.
pub(crate) fn holds(original: &nodes::RawStmt, changes: &[Change], new: &nodes::RawStmt) -> bool {
    if let [Change::Whole { text }] = changes {
        let Ok(wanted) = parse(text) else { return false };
        let mut statements = wanted.iter();
        return match (statements.next(), statements.next()) {
            (Some(wanted), None) => prints_alike(wanted, new),
            _ => false,
        };
    }
    let mut made = 0;
    let wanted: Owned<nodes::RawStmt> = owned(|mem| {
        let mut copy = mem.make_unique(original);
        let mut applier = Applier { mem, changes, made: 0 };
        applier.transform_raw_stmt(copy.as_mut());
        made = applier.made;
        copy
    });
    made == changes.len() && prints_alike(&wanted, new)
}

/// Nodes of rows of VALUES that are printed at once. The time that the printer takes grows with the square of what it prints.
const NODES: usize = 4_096;

/// Whether two statements print as the same text. Long lists of rows are compared piece by piece.
pub(crate) fn prints_alike(a: &nodes::RawStmt, b: &nodes::RawStmt) -> bool {
    match (rows(a), rows(b)) {
        (Some(ours), Some(theirs)) if ours.len() > 1 && ours.len() == theirs.len() => {
            let (mut start, mut nodes) = (0, 0);
            for end in 1..=ours.len() {
                nodes += size(ours[end - 1]);
                if nodes > NODES || end == ours.len() {
                    let (ours, theirs) = (piece(&ours[start..end]), piece(&theirs[start..end]));
                    if !alike(Node::SelectStmt(&ours), Node::SelectStmt(&theirs)) {
                        return false;
                    }
                    (start, nodes) = (end, 0);
                }
            }
            alike(shortened(a).stmt(), shortened(b).stmt())
        }
        // The statement itself: the places of a RawStmt differ.
        _ => alike(a.stmt(), b.stmt()),
    }
}

fn alike(a: Node<'_>, b: Node<'_>) -> bool {
    match (deparse(a), deparse(b)) {
        (Ok(a), Ok(b)) => a.as_str() == b.as_str(),
        _ => false,
    }
}

/// The rows of `INSERT … VALUES`.
pub(crate) fn rows(raw: &nodes::RawStmt) -> Option<Vec<Node<'_>>> {
    let Node::InsertStmt(insert) = raw.stmt() else { return None };
    match insert.select_stmt() {
        Node::SelectStmt(select) => Some(select.values_lists().iter().collect()),
        _ => None,
    }
}

/// Some of the rows, as a statement.
fn piece(rows: &[Node<'_>]) -> Owned<nodes::SelectStmt> {
    owned(|mem| {
        let rows: Vec<_> = rows.iter().map(|row| mem.make_unique(*row)).collect();
        let mut select = mem.make_node::<nodes::SelectStmt>();
        select.as_mut().set_values_lists(mem.make_list(&rows));
        select
    })
}

/// The statement with its first row alone.
fn shortened(raw: &nodes::RawStmt) -> Owned<nodes::RawStmt> {
    owned(|mem| {
        let mut copy = mem.make_unique(raw);
        let first: Vec<_> = rows(raw).iter().flatten().take(1).map(|row| mem.make_unique(*row)).collect();
        let mut raw = copy.as_mut();
        if let NodeMut::InsertStmt(mut insert) = raw.stmt_mut()
            && let NodeMut::SelectStmt(mut select) = insert.select_stmt_mut()
        {
            select.set_values_lists(mem.make_list(&first));
        }
        copy
    })
}

struct Applier<'mem, 'c> {
    mem: MemoryToken<'mem>,
    changes: &'c [Change],
    made: usize,
}

impl<'mem, 'c> Applier<'mem, 'c> {
    fn find<T>(&mut self, of: impl Fn(&'c Change) -> Option<T>) -> Option<T> {
        let found = self.changes.iter().find_map(of);
        self.made += usize::from(found.is_some());
        found
    }

    fn stars(&mut self, here: i32) -> Option<&'c Vec<Item>> {
        self.find(|change| match change {
            Change::Star { at, items } if *at == here => Some(items),
            _ => None,
        })
    }

    /// Puts the expression, or the item of FROM, of a short query in the place of a node. A table's alias stays.
    fn put(&mut self, node: Assignable<'mem, '_>, text: &str) {
        let Ok(parsed) = parse(text) else { return };
        let Some(Node::SelectStmt(select)) = parsed.stmts().next() else { return };
        match (&*node, select.target_list().iter().next(), select.from_clause().first()) {
            (NodeMut::RangeVar(relation), _, Some(Node::RangeSubselect(query))) => {
                let mut query = self.mem.make_unique(query);
                query.as_mut().set_alias(self.mem.make_unique(relation.alias()));
                node.replace(query.uncast());
            }
            (_, Some(target), _) => node.replace(self.mem.make_unique(target.val())),
            _ => {}
        }
    }

    fn column(&self, item: &Item) -> Unique<'mem, &'mem nodes::ColumnRef> {
        let mem = self.mem;
        let mut fields = Vec::new();
        fields.extend(item.qualifier.as_ref().map(|name| mem.make_string(Some(name)).uncast()));
        fields.push(match &item.column {
            Some(name) => mem.make_string(Some(name)).uncast(),
            None => mem.make_node::<nodes::A_Star>().uncast(),
        });
        mem.make_column_ref(mem.make_list(&fields))
    }

    fn target(&self, item: &Item) -> Unique<'mem, &'mem nodes::ResTarget> {
        self.mem.make_res_target(None, self.mem.empty(), self.column(item).uncast())
    }

    fn named(&self, name: &str) -> Unique<'mem, &'mem nodes::ResTarget> {
        self.mem.make_res_target(Some(name), self.mem.empty(), self.mem.none())
    }
}

/// The place of a target that is a star. A star without one is that of `TABLE t`.
fn star_of(target: &nodes::ResTarget) -> Option<i32> {
    match target.val() {
        Node::ColumnRef(of) if crate::find::is_star(of) => Some(of.location),
        Node::A_Indirection(of) => match (of.arg(), of.indirection().iter().next_back()) {
            (Node::ColumnRef(row), Some(Node::A_Star(_))) => Some(row.location),
            _ => None,
        },
        _ => None,
    }
}

fn place(node: Node<'_>) -> Option<i32> {
    match node {
        Node::ColumnRef(of) => Some(of.location),
        Node::A_Const(of) => Some(of.location),
        _ => None,
    }
}

impl<'mem> Transform<'mem> for Applier<'mem, '_> {
    fn transform_node<'r>(&mut self, node: Assignable<'mem, 'r>) {
        let text = match &*node {
            NodeMut::ColumnRef(of) => {
                let here = of.location;
                self.find(|change| match change {
                    Change::Row { at, text } if *at == here => Some(format!("SELECT {text}")),
                    _ => None,
                })
            }
            NodeMut::RangeVar(of) => {
                let here = of.location;
                let text = self.find(|change| match change {
                    Change::Relation { at, text } if *at == here => Some(text),
                    _ => None,
                });
                text.map(|text| format!("SELECT FROM {text} x"))
            }
            _ => None,
        };
        match text {
            None => transform::transform_node(node.into_inner(), self),
            Some(text) => self.put(node, &text),
        }
    }

    fn transform_row_expr<'r>(&mut self, mut node: nodes::RowExprMut<'mem, 'r>) {
        let mut position = 0;
        while let Some(part) = node.args().get(position) {
            let here = match part {
                Node::ColumnRef(of) if crate::find::is_star(of) => Some(of.location),
                _ => None,
            };
            let items = here.and_then(|here| self.stars(here));
            for (nth, item) in items.into_iter().flatten().enumerate() {
                let column = self.column(item).uncast();
                if nth == 0 {
                    node.args_mut().set(position, column);
                } else {
                    node.args_mut().insert(self.mem, position + nth, column);
                }
            }
            position += items.map_or(1, Vec::len);
        }
        transform::transform_row_expr(node, self);
    }

    fn transform_infer_clause<'r>(&mut self, mut node: nodes::InferClauseMut<'mem, 'r>) {
        let here = node.location;
        let columns = self.find(|change| match change {
            Change::Conflict { at, columns } if *at == here => Some(columns),
            _ => None,
        });
        for (position, column) in columns.into_iter().flatten().enumerate() {
            let mut element = self.mem.make_node::<nodes::IndexElem>();
            element.as_mut().set_name(Some(self.mem.copy_string(column)));
            node.index_elems_mut().insert(self.mem, position, element.uncast());
        }
        transform::transform_infer_clause(node, self);
    }

    fn transform_insert_stmt<'r>(&mut self, mut node: nodes::InsertStmtMut<'mem, 'r>) {
        let here = node.relation().map(|relation| relation.location);
        let columns = self.find(|change| match change {
            Change::Insert { at, columns } if Some(*at) == here => Some(columns),
            _ => None,
        });
        if let Some(columns) = columns {
            let list: Vec<_> = columns.iter().map(|column| self.named(column).uncast()).collect();
            node.set_cols(self.mem.make_list(&list));
        }
        let into = self.find(|change| match change {
            Change::Into { at, table, alias } if Some(*at) == here => Some((table, alias)),
            _ => None,
        });
        if let Some((table, alias)) = into
            && let Ok(parsed) =
                parse(&format!("INSERT INTO {} AS {} DEFAULT VALUES", ident(table), ident(alias)))
            && let Some(Node::InsertStmt(wanted)) = parsed.stmts().next()
        {
            node.set_relation(self.mem.make_unique(wanted.relation()));
        }
        transform::transform_insert_stmt(node, self);
    }

    fn transform_copy_stmt<'r>(&mut self, mut node: nodes::CopyStmtMut<'mem, 'r>) {
        let here = node.relation().map(|relation| relation.location);
        let columns = self.find(|change| match change {
            Change::Copy { at, columns } if Some(*at) == here => Some(columns),
            _ => None,
        });
        if let Some(columns) = columns {
            let list: Vec<_> = columns.iter().map(|name| self.mem.make_string(Some(name)).uncast()).collect();
            node.set_attlist(self.mem.make_list(&list));
        }
        transform::transform_copy_stmt(node, self);
    }

    fn transform_merge_stmt<'r>(&mut self, mut node: nodes::MergeStmtMut<'mem, 'r>) {
        let here = node.relation().map(|relation| relation.location);
        for position in 0..node.merge_when_clauses().len() {
            let columns = self.find(|change| match change {
                Change::Merge { at, clause, columns } if Some(*at) == here && *clause == position => {
                    Some(columns)
                }
                _ => None,
            });
            let Some(columns) = columns else { continue };
            let list: Vec<_> = columns.iter().map(|column| self.named(column).uncast()).collect();
            let list = self.mem.make_list(&list);
            if let Some(mut when) = node.merge_when_clauses_mut().into_iter().nth(position) {
                when.set_target_list(list);
            }
        }
        transform::transform_merge_stmt(node, self);
    }

    fn transform_returning_clause<'r>(&mut self, mut node: nodes::ReturningClauseMut<'mem, 'r>) {
        let mut position = 0;
        while let Some(target) = node.exprs().get(position) {
            let here = match target {
                Node::ResTarget(target) => star_of(target),
                _ => None,
            };
            let items = here.and_then(|here| self.stars(here));
            for (nth, item) in items.into_iter().flatten().enumerate() {
                let target = self.target(item).uncast();
                if nth == 0 {
                    node.exprs_mut().set(position, target);
                } else {
                    node.exprs_mut().insert(self.mem, position + nth, target);
                }
            }
            position += items.map_or(1, Vec::len);
        }
        transform::transform_returning_clause(node, self);
    }

    fn transform_select_stmt<'r>(&mut self, mut node: nodes::SelectStmtMut<'mem, 'r>) {
        let table = match node.from_clause().first() {
            Some(Node::RangeVar(relation)) => relation.location,
            _ => -1,
        };
        let mut position = 0;
        while let Some(target) = node.target_list().get(position) {
            let here = star_of(target).map(|here| if here < 0 { table } else { here });
            let items = here.and_then(|here| self.stars(here));
            for (nth, item) in items.into_iter().flatten().enumerate() {
                let target = self.target(item);
                if nth == 0 {
                    node.target_list_mut().set(position, target);
                } else {
                    node.target_list_mut().insert(self.mem, position + nth, target);
                }
            }
            position += items.map_or(1, Vec::len);
        }
        let mut position = 0;
        while let Some(item) = node.group_clause().get(position) {
            let here = place(item);
            let items = self.find(|change| match change {
                Change::Group { at, items } if Some(*at) == here => Some(items),
                _ => None,
            });
            for (nth, item) in items.into_iter().flatten().enumerate() {
                let column = self.column(item).uncast();
                node.group_clause_mut().insert(self.mem, position + nth, column);
            }
            position += 1 + items.map_or(0, Vec::len);
        }
        transform::transform_select_stmt(node, self);
    }
}
