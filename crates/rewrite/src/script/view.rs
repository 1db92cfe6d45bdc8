//! Views.

use super::work::Work;
use super::{Script, Statement};
use crate::edit::Splice;
use crate::name::ident;
use crate::{Refusal, Rewritten};
use pg_raw_parse::{Node, NodeMut, nodes};
use std::collections::BTreeSet;
use tenantry_core::TenancyModel;
use tenantry_schema::Kind;

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
        let rights =
            if self.writes_tenants(of.query()) { "SELECT, INSERT, UPDATE, DELETE" } else { "SELECT" };
        out.push(work.statement(format!("GRANT {rights} ON TABLE {} TO {}", ident(name), self.target.app)));
        Ok(out)
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
                Splice::insert(tokens.get(with + 1).ok_or_else(lost)?.end, "security_invoker = true, ")
            };
            text = work.spliced(vec![splice], |mem, copy| {
                let mut raw = copy.as_mut();
                let NodeMut::ViewStmt(mut view) = raw.stmt_mut() else { return false };
                let value = mem.make_string(Some("true")).uncast();
                let option = mem.make_def_elem(Some("security_invoker"), value);
                view.options_mut().insert(mem, 0, option.uncast());
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
    let calls = |target: &nodes::ResTarget| matches!(target.val(), Node::FuncCall(call) if call.agg_star || is_aggregate(call));
    simple && matches!(from.as_slice(), [Node::RangeVar(_)]) && !select.target_list().iter().any(calls)
}

fn is_aggregate(call: &nodes::FuncCall) -> bool {
    let name = call.funcname().iter().filter_map(Node::as_str).next_back().unwrap_or_default();
    [
        "count",
        "sum",
        "avg",
        "min",
        "max",
        "array_agg",
        "string_agg",
        "json_agg",
        "jsonb_agg",
        "bool_and",
        "bool_or",
        "every",
    ]
    .contains(&name)
}
