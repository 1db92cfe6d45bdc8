//! What views and functions show: which columns a view has, and which functions return rows of a table.

use super::Known;
use crate::find::{Finder, Star, names};
use crate::parse::parse;
use pg_raw_parse::{Node, nodes};
use std::collections::BTreeMap;
use tenantry_schema::Model;
use tenantry_schema::model::{Function, View};

/// A view, as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    pub columns: Vec<String>,
    /// The table that it shows columns of under their own names, and nothing else: a row that is written to it is one of the table.
    pub table: Option<String>,
}

impl Known {
    /// Reads the views and functions of a model.
    pub(super) fn learn_shapes(&mut self, model: &Model) {
        for view in &model.views {
            if let Some(shape) = self.shape(view) {
                self.views.insert(view.name.clone(), shape);
            }
        }
        for view in &model.materialized_views {
            let columns = view.columns.iter().map(|column| column.name.clone()).collect();
            self.views.insert(view.name.clone(), Shape { columns, table: None });
        }
        self.learn_functions(&model.functions);
    }

    pub(crate) fn learn_functions(&mut self, known: &[Function]) {
        self.functions = functions(known);
    }

    /// What a view shows, where its query can be read.
    pub(crate) fn shape(&self, view: &View) -> Option<Shape> {
        let parsed = parse(&view.definition).ok()?;
        let query = parsed.stmts().next()?;
        let mut finder = Finder::new(self, Star::Keep, &view.definition, 0..view.definition.len());
        let columns = finder.statement(query)?;
        let plain = view.triggers.is_empty()
            && view.rules.is_empty()
            && view.column_defaults.is_empty()
            && !view.options.iter().any(|option| option.starts_with("check_option"));
        let table = table_of(query).filter(|_| plain);
        Some(Shape { columns, table })
    }

    /// A view by the name that a statement has for it.
    pub(crate) fn view(&self, schema: Option<&str>, name: &str) -> Option<&Shape> {
        if schema.is_some_and(|schema| schema != self.schema) {
            return None;
        }
        self.views.get(name)
    }

    /// The table whose rows a function returns.
    pub(crate) fn returned(&self, path: &[String]) -> Option<&str> {
        match path {
            [name] => self.functions.get(name).map(String::as_str),
            [schema, name] if *schema == self.schema => self.functions.get(name).map(String::as_str),
            _ => None,
        }
    }
}

/// The table of `SELECT a, b FROM t WHERE …`: no column has another name, and none stands twice.
fn table_of(query: Node<'_>) -> Option<String> {
    let Node::SelectStmt(select) = query else { return None };
    let simple = select.with_clause().is_none()
        && select.larg().is_none()
        && select.distinct_clause().is_empty()
        && select.group_clause().is_empty()
        && [select.having_clause(), select.limit_count(), select.limit_offset()]
            .iter()
            .all(|node| matches!(node, Node::None));
    let from: Vec<Node<'_>> = select.from_clause().iter().collect();
    let [Node::RangeVar(relation)] = from.as_slice() else { return None };
    let renames = relation.alias().is_some_and(|alias| !alias.colnames().is_empty());
    let mut seen: Vec<String> = Vec::new();
    let own = |target: &nodes::ResTarget| match target.val() {
        Node::ColumnRef(of) if !crate::find::is_star(of) => {
            let column = names(of.fields().iter()).pop().unwrap_or_default();
            let fits = target.name().is_none_or(|name| name == column) && !seen.contains(&column);
            seen.push(column);
            fits
        }
        _ => false,
    };
    let fits = simple && !renames && select.target_list().iter().all(own);
    relation.relname().filter(|_| fits).map(ToOwned::to_owned)
}

/// Functions by name, with the type that they return, where all of one name return the same.
fn functions(functions: &[Function]) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, Option<String>> = BTreeMap::new();
    for function in functions.iter().filter(|function| !function.procedure && !function.trigger) {
        let returned = parse(&function.definition).ok().and_then(|parsed| match parsed.stmts().next()? {
            Node::CreateFunctionStmt(of) => returns(of),
            _ => None,
        });
        let known = out.entry(function.name.clone()).or_insert_with(|| returned.clone());
        if *known != returned {
            *known = None;
        }
    }
    out.into_iter().filter_map(|(name, returned)| Some((name, returned?))).collect()
}

/// The name of the type that a function returns, without a schema.
pub(crate) fn returns(of: &nodes::CreateFunctionStmt) -> Option<String> {
    names(of.return_type()?.names().iter().map(Node::String)).pop()
}
