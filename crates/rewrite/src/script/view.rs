//! Views.

use super::work::Work;
use super::{Script, Statement};
use crate::aggregate::is_aggregate;
use crate::edit::Splice;
use crate::lex::Tokens;
use crate::name::ident;
use crate::{Refusal, Rewritten};
use pg_raw_parse::{Node, NodeMut, nodes};
use std::collections::BTreeSet;
use tenantry_core::TenancyModel;
use tenantry_schema::Kind;
use tenantry_schema::model::View;

impl Script {
    pub(super) fn view(&mut self, work: &Work<'_>, of: &nodes::ViewStmt) -> Result<Vec<Statement>, Refusal> {
        let relation = of.view().ok_or_else(|| work.refuse("a view without a name"))?;
        self.own_schema(work, relation)?;
        let name = relation.relname().unwrap_or_default();
        let mut out = Vec::new();
        if self.target.model == TenancyModel::Shared {
            out.push(work.statement(self.shared_view(work, of)?));
        } else {
            out.push(work.verbatim());
        }
        out.push(work.statement(format!("ALTER VIEW {} OWNER TO {}", ident(name), self.target.owner)));
        self.remember(work, of, name);
        let rights =
            if self.writes_tenants(of.query()) { "SELECT, INSERT, UPDATE, DELETE" } else { "SELECT" };
        out.push(work.statement(format!("GRANT {rights} ON TABLE {} TO {}", ident(name), self.target.app)));
        Ok(out)
    }

    /// Later statements may name the view.
    fn remember(&mut self, work: &Work<'_>, of: &nodes::ViewStmt, name: &str) {
        let Some(definition) = query_text(work, of) else { return };
        let with_check = of.with_check_option != nodes::ViewCheckOption::NO_CHECK_OPTION;
        let view = View {
            name: name.to_owned(),
            definition,
            options: if with_check { vec!["check_option=cascaded".to_owned()] } else { Vec::new() },
            ..View::default()
        };
        let shape = self.rewriter.known().shape(&view);
        let view = match &shape {
            Some(shape) => View { definition: without_star(&view.definition, &shape.columns), ..view },
            None => view,
        };
        self.will_change();
        self.model.views.retain(|other| other.name != name);
        let at = self.model.views.partition_point(|other| other.name.as_str() < name);
        self.model.views.insert(at, view.clone());
        // Without a star it may be seen to show a table's own columns.
        let shape = self.rewriter.known().shape(&view).or(shape);
        self.learn_shape(|known| match shape {
            Some(shape) => drop(known.views.insert(view.name, shape)),
            None => drop(known.views.remove(&view.name)),
        });
    }

    /// Whether what is written through a view goes to rows of tenants: the owner of a view may write global tables and copies.
    fn writes_tenants(&self, query: Node<'_>) -> bool {
        let mut names = BTreeSet::new();
        super::data::each_relation(query, |relation| {
            names.extend(relation.relname().map(ToOwned::to_owned));
        });
        let tables: Vec<&str> = names.iter().map(String::as_str).collect();
        let kinds = self.build(&self.model, &tables).kinds;
        updatable(query) && tables.iter().all(|name| kinds.get(*name) == Some(&Kind::Tenant))
    }

    fn shared_view(&self, work: &Work<'_>, of: &nodes::ViewStmt) -> Result<String, Refusal> {
        let asked = of.options().iter().any(|option| match option {
            Node::DefElem(option) => option.defname() == Some("security_invoker"),
            _ => false,
        });
        let refused = |option: &nodes::DefElem| match option.arg() {
            Node::String(value) => value.sval().is_some_and(|text| !["true", "on", "1"].contains(&text)),
            Node::Boolean(value) => !value.boolval,
            Node::Integer(value) => value.ival != 1,
            _ => false,
        };
        if of.options().iter().any(|option| matches!(option, Node::DefElem(option) if option.defname() == Some("security_invoker") && refused(option))) {
            return Err(work
                .refuse("a view over shared tables asks as its reader (security_invoker)")
                .hint("leave security_invoker out"));
        }
        let mut text = work.text().to_owned();
        if !asked {
            let lost = || Refusal::guard(work.sql, work.range.clone(), "the body of the view was not found");
            let tokens = &work.tokens;
            let start = of.view().and_then(|view| work.at(view.location)).ok_or_else(lost)?;
            let word = (start..tokens.len()).find(|at| tokens.is(*at, "as")).ok_or_else(lost)?;
            let splice = if of.options().is_empty() {
                Splice::insert(tokens.get(word).ok_or_else(lost)?.start, "WITH (security_invoker = true) ")
            } else {
                let with = (start..word).find(|at| tokens.is(*at, "with")).ok_or_else(lost)?;
                let close = tokens.closing(with + 1).ok_or_else(lost)?;
                Splice::insert(tokens.get(close).ok_or_else(lost)?.start, ", security_invoker = true")
            };
            text = work.spliced(vec![splice], |mem, copy| {
                let mut raw = copy.as_mut();
                let NodeMut::ViewStmt(mut view) = raw.stmt_mut() else { return false };
                let value = mem.make_string(Some("true")).uncast();
                let option = mem.make_def_elem(Some("security_invoker"), value);
                let last = view.options().len();
                view.options_mut().insert(mem, last, option.uncast());
                true
            })?;
        }
        let rewritten = self.rewriter.rewrite(&text);
        let rewritten = rewritten.map_err(|refusal| refusal.within(work.sql, work.range.start))?;
        Ok(match rewritten {
            Rewritten::Unchanged(text) => text.to_owned(),
            Rewritten::Changed(text) => text,
        })
    }
}

/// The query of a view, with the names that the view gives to its columns.
fn query_text(work: &Work<'_>, of: &nodes::ViewStmt) -> Option<String> {
    let tokens = &work.tokens;
    let start = work.at(of.view()?.location)?;
    let first = (start..tokens.len()).find(|at| tokens.is(*at, "as"))? + 1;
    let mut end = tokens.len();
    if of.with_check_option != nodes::ViewCheckOption::NO_CHECK_OPTION {
        end = (first..end).rev().find(|at| tokens.is(*at, "with"))?;
    }
    let query = work.slice(first..end);
    let aliases = crate::find::names(of.aliases().iter());
    Some(match aliases.as_slice() {
        [] => query.to_owned(),
        names => format!("SELECT * FROM ({query}) AS named ({})", crate::name::idents(names)),
    })
}

/// A view shows the columns that there were when it was made.
fn without_star(query: &str, columns: &[String]) -> String {
    let tokens = Tokens::new(query, 0..query.len());
    let stars = (0..tokens.len()).any(|at| tokens.is(at, "*"));
    let listed = crate::name::idents(columns);
    match tokens.span(2..tokens.len()) {
        _ if !stars => query.to_owned(),
        Some(rest) if tokens.is(0, "select") && tokens.is(1, "*") && tokens.is(2, "from") => {
            format!("SELECT {listed} {}", &query[rest])
        }
        _ => format!("SELECT {listed} FROM ({query}) AS shown"),
    }
}

/// PostgreSQL shows through such a view what it is made of, and writes through it.
fn updatable(query: Node<'_>) -> bool {
    let Node::SelectStmt(select) = query else { return false };
    let simple = select.with_clause().is_none()
        && select.distinct_clause().is_empty()
        && select.group_clause().is_empty()
        && select.window_clause().is_empty()
        && select.values_lists().is_empty()
        && select.larg().is_none()
        && [select.having_clause(), select.limit_count(), select.limit_offset()]
            .iter()
            .all(|n| matches!(n, Node::None));
    let from: Vec<Node<'_>> = select.from_clause().iter().collect();
    let calls =
        |target: &nodes::ResTarget| matches!(target.val(), Node::FuncCall(call) if is_aggregate(call));
    simple && matches!(from.as_slice(), [Node::RangeVar(_)]) && !select.target_list().iter().any(calls)
}
