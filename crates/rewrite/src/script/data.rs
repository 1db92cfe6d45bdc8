//! Data statements of migrations: once over all tenants, or once for each.

use super::work::Work;
use super::{Class, Marker, Runs, Script, Statement};
use crate::parse::children;
use crate::{Refusal, Rewritten};
use pg_raw_parse::{Node, nodes};
use std::collections::BTreeSet;
use tenantry_core::TenancyModel;
use tenantry_schema::Kind;

impl Script {
    pub(super) fn data(
        &mut self,
        work: &Work<'_>,
        marker: Option<Marker>,
    ) -> Result<Vec<Statement>, Refusal> {
        let node = work.raw.stmt();
        Self::sets_nothing(work, node)?;
        let tables = self.tenant_tables(node);
        let runs = match (marker, self.target.model) {
            // One tenant lives there: there is nobody to go over.
            (_, TenancyModel::Database | TenancyModel::Schema) => Runs::PerTenant,
            _ if tables.is_empty() => Runs::Once,
            (Some(Marker::PerTenant), _) => Runs::PerTenant,
            (Some(Marker::Once), _) => {
                self.once(work, node, &tables)?;
                Runs::Once
            }
            _ if is_seed(node) => Runs::PerTenant,
            _ => return Err(unmarked(work, node, &tables)),
        };
        let mut statement = work.verbatim();
        statement.class = Class::Data;
        statement.runs = runs;
        if runs == Runs::PerTenant && self.target.model == TenancyModel::Shared {
            let rewritten = self.rewriter.rewrite(work.text());
            let rewritten = rewritten.map_err(|refusal| refusal.within(work.sql, work.range.start))?;
            if let Rewritten::Changed(sql) = rewritten {
                statement.sql = sql;
            }
        }
        Ok(vec![statement])
    }

    /// Past row-level security nothing keeps the rows of one tenant from meeting those of another.
    fn once(&self, work: &Work<'_>, node: Node<'_>, tables: &BTreeSet<String>) -> Result<(), Refusal> {
        let tenant = self.declaration.tenancy.column.as_str();
        let named = mentions(node, tenant);
        if let Node::InsertStmt(insert) = node {
            let lists = insert.cols().iter().any(|column| match column {
                Node::ResTarget(column) => column.name() == Some(tenant),
                _ => false,
            });
            let into = insert.relation().and_then(nodes::RangeVar::relname).unwrap_or_default();
            if tables.contains(into) && !lists {
                return Err(work
                    .refuse(format!("run once, the rows of {into} would have no tenant"))
                    .hint(format!("name {tenant} among the columns, or run it for each tenant"))
                    .choice("-- tenantry: per-tenant"));
            }
        }
        if tables.len() > 1 && !named {
            let listed: Vec<&str> = tables.iter().map(String::as_str).collect();
            return Err(work
                .refuse(format!("run once, rows of different tenants would meet in {}", listed.join(", ")))
                .hint(format!("compare {tenant} too, or run it for each tenant"))
                .choice("-- tenantry: per-tenant"));
        }
        Ok(())
    }

    /// The tenant tables (and scoped ones) that a statement names.
    pub(super) fn tenant_tables(&self, node: Node<'_>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let known = self.rewriter.known();
        each_relation(node, |relation| {
            let Some(name) = relation.relname() else { return };
            let facts = known.table(relation.schemaname(), name);
            if facts.is_some_and(|facts| facts.kind != Some(Kind::Global)) {
                found.insert(name.to_owned());
            }
        });
        found
    }
}

fn unmarked(work: &Work<'_>, node: Node<'_>, tables: &BTreeSet<String>) -> Refusal {
    let verb = match node {
        Node::InsertStmt(_) => "inserts into",
        Node::UpdateStmt(_) => "updates",
        Node::DeleteStmt(_) => "deletes from",
        Node::MergeStmt(_) => "merges into",
        _ => "reads",
    };
    let listed: Vec<&str> = tables.iter().map(String::as_str).collect();
    work.refuse(format!("it {verb} tenant tables ({}), and does not say for whom", listed.join(", ")))
        .hint("write one of these on the line before it")
        .choice("-- tenantry: per-tenant")
        .choice("-- tenantry: once")
}

/// `INSERT … VALUES`: rows that every tenant gets.
fn is_seed(node: Node<'_>) -> bool {
    let Node::InsertStmt(insert) = node else { return false };
    match insert.select_stmt() {
        Node::None => true,
        Node::SelectStmt(select) => !select.values_lists().is_empty() && insert.with_clause().is_none(),
        _ => false,
    }
}

/// The names in a list of relations.
pub(super) fn relations(list: &pg_raw_parse::list::NodeList) -> Vec<String> {
    let name = |node: Node<'_>| match node {
        Node::RangeVar(relation) => relation.relname().map(ToOwned::to_owned),
        _ => None,
    };
    list.iter().filter_map(name).collect()
}

/// Every relation that a query or data statement names.
pub(super) fn each_relation<'n>(node: Node<'n>, mut each: impl FnMut(&'n nodes::RangeVar)) {
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        match node {
            Node::RangeVar(relation) => each(relation),
            Node::InsertStmt(of) => {
                of.relation().into_iter().for_each(&mut each);
                children(node, |child| open.push(child));
            }
            Node::UpdateStmt(of) => {
                of.relation().into_iter().for_each(&mut each);
                children(node, |child| open.push(child));
            }
            Node::DeleteStmt(of) => {
                of.relation().into_iter().for_each(&mut each);
                children(node, |child| open.push(child));
            }
            Node::MergeStmt(of) => {
                of.relation().into_iter().for_each(&mut each);
                children(node, |child| open.push(child));
            }
            Node::ExplainStmt(of) => open.push(of.query()),
            Node::CopyStmt(of) => {
                of.relation().into_iter().for_each(&mut each);
                open.push(of.query());
            }
            other => children(other, |child| open.push(child)),
        }
    }
}

fn mentions(node: Node<'_>, column: &str) -> bool {
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        match node {
            Node::ColumnRef(of) if of.fields().iter().next_back().and_then(Node::as_str) == Some(column) => {
                return true;
            }
            other => children(other, |child| open.push(child)),
        }
    }
    false
}
