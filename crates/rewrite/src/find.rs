//! Finds what has to change in a query or data statement, wherever it stands: in common table expressions, sub-selects,
//! EXPLAIN, PREPARE, cursors, COPY, views and SQL-standard function bodies.

mod from;
mod group;
mod row;
mod star;
mod write;

pub(crate) use star::{figure_name, is_star};
pub(crate) use write::names_listed;

use crate::Refusal;
use crate::edit::{Change, Splice};
use crate::known::{Facts, Known, Shape, returns};
use crate::lex::Tokens;
use from::Source;
use pg_raw_parse::{Node, nodes};
use std::cell::OnceCell;
use std::ops::Range;

/// What `*` becomes where a table shows more than the application knows of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Star {
    /// The columns of the plain table, so that results have the same columns everywhere.
    #[default]
    Expand,
    /// It stays, and shows the tenant column.
    Keep,
}

/// The names of a query's columns, or `None` where they are not known.
pub(crate) type Columns = Option<Vec<String>>;

/// The search through one statement.
pub(crate) struct Finder<'a> {
    pub known: &'a Known,
    pub star: Star,
    /// The text that places in the tree refer to.
    pub sql: &'a str,
    pub changes: Vec<Change>,
    pub splices: Vec<Splice>,
    pub refusal: Option<Refusal>,
    /// The statement's part of the text.
    range: Range<usize>,
    tokens: OnceCell<Tokens<'a>>,
    /// Common table expressions in sight, innermost last.
    ctes: Vec<(String, Columns)>,
    /// What the FROM clauses around a place name, innermost last: for `t.*` in LATERAL and correlated queries.
    outer: Vec<Vec<Source<'a>>>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(known: &'a Known, star: Star, sql: &'a str, range: Range<usize>) -> Self {
        Self {
            known,
            star,
            sql,
            changes: Vec::new(),
            splices: Vec::new(),
            refusal: None,
            range,
            tokens: OnceCell::new(),
            ctes: Vec::new(),
            outer: Vec::new(),
        }
    }

    /// Looks through a statement of any kind.
    pub(crate) fn statement(&mut self, node: Node<'a>) -> Columns {
        match node {
            Node::SelectStmt(select) => return self.select(select),
            Node::InsertStmt(insert) => return self.insert(insert),
            Node::UpdateStmt(update) => return self.update(update),
            Node::DeleteStmt(delete) => return self.delete(delete),
            Node::MergeStmt(merge) => return self.merge(merge),
            Node::ExplainStmt(explain) => return self.statement(explain.query()),
            Node::PrepareStmt(prepare) => return self.statement(prepare.query()),
            Node::DeclareCursorStmt(declare) => return self.statement(declare.query()),
            Node::CreateTableAsStmt(create) => return self.statement(create.query()),
            Node::ViewStmt(view) => return self.statement(view.query()),
            Node::CopyStmt(copy) => self.copy(copy),
            Node::TruncateStmt(truncate) => self.truncate(truncate),
            Node::CreateFunctionStmt(function) => self.body(function),
            _ => {}
        }
        None
    }

    /// `RETURN expression`, or the statements of BEGIN ATOMIC: lists of lists. What returns rows of a table's own type returns all of
    /// its columns.
    fn body(&mut self, function: &'a nodes::CreateFunctionStmt) {
        let mut statements = Vec::new();
        let mut open = vec![function.sql_body()];
        while let Some(node) = open.pop() {
            match node {
                Node::NodeList(list) => open.extend(list.iter().rev()),
                other => statements.push(other),
            }
        }
        let returned = returns(function);
        let whole = returned.and_then(|name| self.known.table(None, &name)).is_some_and(Facts::hides);
        let last = statements.len().saturating_sub(1);
        for (at, statement) in statements.into_iter().enumerate() {
            let star = self.star;
            if whole && at == last {
                self.star = Star::Keep;
            }
            match statement {
                Node::ReturnStmt(body) => self.expression(body.returnval()),
                other => drop(self.statement(other)),
            }
            self.star = star;
        }
    }

    /// Looks for queries inside an expression.
    pub(crate) fn expression(&mut self, node: Node<'a>) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            match node {
                Node::SelectStmt(select) => {
                    self.select(select);
                }
                // Nobody sees what EXISTS selects.
                Node::SubLink(link) if link.sub_link_type == nodes::SubLinkType::EXISTS_SUBLINK => {
                    if let Node::SelectStmt(select) = link.subselect() {
                        self.select_of(select, Star::Keep);
                    }
                }
                Node::ColumnRef(reference) => self.row(reference),
                Node::A_Const(_) | Node::ParamRef(_) | Node::None => {}
                other => self.parts(other, &mut open),
            }
        }
    }

    pub(crate) fn expressions(&mut self, nodes: impl IntoIterator<Item = Node<'a>>) {
        for node in nodes {
            self.expression(node);
        }
    }

    pub(crate) fn select(&mut self, select: &'a nodes::SelectStmt) -> Columns {
        self.select_of(select, self.star)
    }

    fn select_of(&mut self, select: &'a nodes::SelectStmt, star: Star) -> Columns {
        let ctes = self.ctes.len();
        if let Some(with) = select.with_clause() {
            self.with(with);
        }
        let columns = match (select.larg(), select.rarg()) {
            (Some(left), Some(right)) => {
                // The left arm names the columns. Long chains lean to the left.
                let columns = self.select_of(left, star);
                self.select_of(right, star);
                // Names here are those of the result.
                let is_name = |item: &&nodes::SortBy| matches!(item.node(), Node::ColumnRef(_));
                let sorted = select.sort_clause().iter().filter(|item| !is_name(item));
                self.expressions(sorted.map(Node::SortBy));
                columns
            }
            _ => self.simple(select, star),
        };
        self.expressions([select.limit_offset(), select.limit_count()]);
        self.ctes.truncate(ctes);
        columns
    }

    fn simple(&mut self, select: &'a nodes::SelectStmt, star: Star) -> Columns {
        let values = select.values_lists();
        if let Some(first) = values.first() {
            // A star among values stands for columns, and never does in what people write.
            let is_star = |value: &Node<'_>| matches!(value, Node::ColumnRef(of) if star::is_star(of));
            let lists = values.iter().filter_map(|row| row.as_node_list());
            self.expressions(
                lists.flat_map(pg_raw_parse::list::NodeList::iter).filter(|value| !is_star(value)),
            );
            self.expressions(select.sort_clause().iter().map(Node::SortBy));
            let width = first.as_node_list().map_or(0, pg_raw_parse::list::NodeList::len);
            return Some((1..=width).map(|number| format!("column{number}")).collect());
        }
        let from = self.sources(select.from_clause());
        self.outer.push(from);
        let columns = self.targets(select.target_list().iter().map(Node::ResTarget), star);
        self.expressions([select.where_clause(), select.having_clause()]);
        let named = |item: &Node<'a>| is_output(*item, select);
        self.expressions(select.distinct_clause().iter().filter(|item| !named(item)));
        self.expressions(select.group_clause().iter().filter(|item| !named(item)));
        let sorted = select.sort_clause().iter().filter(|item| !named(&item.node()));
        self.expressions(sorted.map(Node::SortBy));
        self.expressions(select.window_clause().iter());
        self.group_by(select);
        self.outer.pop();
        columns
    }

    /// Brings the common table expressions into sight.
    fn with(&mut self, with: &'a nodes::WithClause) {
        for cte in with.ctes() {
            let Some(name) = cte.ctename() else { continue };
            let aliases = names(cte.aliascolnames().iter());
            if with.recursive {
                // Seen from inside: the columns of its first arm, which are not known yet.
                self.ctes.push((name.to_owned(), (!aliases.is_empty()).then(|| aliases.clone())));
            }
            let columns = self.statement(cte.ctequery());
            if with.recursive {
                self.ctes.pop();
            }
            // SEARCH and CYCLE add columns at the end.
            let plain = cte.search_clause().is_none() && cte.cycle_clause().is_none();
            let columns = columns.filter(|_| plain).map(|columns| renamed(columns, &aliases));
            self.ctes.push((name.to_owned(), columns));
        }
    }

    /// A table that a statement names, unless a common table expression has that name.
    pub(crate) fn table(&self, relation: &nodes::RangeVar) -> Option<&'a Facts> {
        if relation.catalogname().is_some() {
            return None;
        }
        self.known.table(relation.schemaname(), relation.relname()?)
    }

    /// A view that a statement names.
    pub(crate) fn view(&self, relation: &nodes::RangeVar) -> Option<&'a Shape> {
        if relation.catalogname().is_some() {
            return None;
        }
        self.known.view(relation.schemaname(), relation.relname()?)
    }

    fn cte(&self, relation: &nodes::RangeVar) -> Option<&(String, Columns)> {
        if relation.schemaname().is_some() {
            return None;
        }
        let name = relation.relname()?;
        self.ctes.iter().rev().find(|(cte, _)| cte == name)
    }

    pub(crate) fn tokens(&self) -> &Tokens<'a> {
        self.tokens.get_or_init(|| Tokens::new(self.sql, self.range.clone()))
    }

    /// The position of the token at a place of the tree. `None` where the tree has no place (−1).
    pub(crate) fn token_at(&self, location: i32) -> Option<usize> {
        self.tokens().at(usize::try_from(location).ok()?)
    }
}

/// Whether an item of GROUP BY, ORDER BY or DISTINCT ON is the name of a column of the result.
fn is_output(item: Node<'_>, select: &nodes::SelectStmt) -> bool {
    let Node::ColumnRef(of) = item else { return false };
    let path = names(of.fields().iter());
    let [name] = path.as_slice() else { return false };
    let called = |target: &nodes::ResTarget| match target.name() {
        Some(alias) => alias == name,
        None => figure_name(target.val()) == *name,
    };
    select.target_list().iter().any(called)
}

/// The texts of a list of names.
pub(crate) fn names<'n>(nodes: impl IntoIterator<Item = Node<'n>>) -> Vec<String> {
    nodes.into_iter().filter_map(Node::as_str).map(ToOwned::to_owned).collect()
}

/// Columns with the first of them renamed by an alias.
pub(crate) fn renamed(mut columns: Vec<String>, aliases: &[String]) -> Vec<String> {
    for (column, alias) in columns.iter_mut().zip(aliases) {
        alias.clone_into(column);
    }
    columns
}
