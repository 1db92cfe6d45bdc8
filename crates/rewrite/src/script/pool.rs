//! Statements about what a tenant's schema finds in the pool: global and scoped tables. The pool's own migration runs them; here
//! they only change what is known.

use super::index::dropped;
use super::work::Work;
use super::{Marker, Script};
use crate::Refusal;
use pg_raw_parse::{Node, nodes};
use tenantry_core::TenancyModel;
use tenantry_schema::Kind;

impl Script {
    /// Whether the placement finds what the statement changes in the pool.
    pub(super) fn changes_the_pool(&self, work: &Work<'_>) -> Result<bool, Refusal> {
        if self.target.model != TenancyModel::Schema {
            return Ok(false);
        }
        let relation = match work.raw.stmt() {
            Node::CreateStmt(of) => of.relation(),
            Node::CreateTableAsStmt(of) if of.objtype == nodes::ObjectType::OBJECT_TABLE => {
                of.into().and_then(nodes::IntoClause::rel)
            }
            Node::IndexStmt(of) => of.relation(),
            Node::AlterTableStmt(of) => of.relation(),
            Node::RenameStmt(of) => of.relation(),
            Node::CreateTrigStmt(of) => of.relation(),
            Node::CreatePolicyStmt(of) => of.table(),
            Node::InsertStmt(of) => of.relation(),
            Node::UpdateStmt(of) => of.relation(),
            Node::DeleteStmt(of) => of.relation(),
            Node::MergeStmt(of) => of.relation(),
            Node::DropStmt(of) if of.remove_type == nodes::ObjectType::OBJECT_TABLE => {
                return self.drops_the_pools(work, of);
            }
            _ => None,
        };
        Ok(relation.and_then(nodes::RangeVar::relname).is_some_and(|name| self.is_the_pools(name)))
    }

    fn drops_the_pools(&self, work: &Work<'_>, of: &nodes::DropStmt) -> Result<bool, Refusal> {
        let names = dropped(of.objects());
        let pools =
            names.iter().filter_map(|path| path.last()).filter(|name| self.is_the_pools(name)).count();
        if pools > 0 && pools < names.len() {
            return Err(work
                .refuse("it drops tables of the tenant and of the pool at once")
                .hint("drop them in two statements"));
        }
        Ok(pools > 0)
    }

    fn is_the_pools(&self, name: &str) -> bool {
        let known = self.rewriter.known().table(None, name).and_then(|facts| facts.kind);
        let declared =
            || self.declaration.tables.get(self.model.root(name)).map(tenantry_schema::TableEntry::kind);
        known.or_else(declared).is_some_and(|kind| kind != Kind::Tenant)
    }

    /// Follows a statement that the pool's migration runs.
    pub(super) fn follow_the_pool(&mut self, work: &Work<'_>, marker: Option<Marker>) -> Result<(), Refusal> {
        let mut pool = self.clone();
        pool.target.model = TenancyModel::Shared;
        pool.target.tenant_value = None;
        pool.dispatch(work, marker)?;
        self.will_change();
        self.model = pool.model;
        self.learn();
        Ok(())
    }
}
