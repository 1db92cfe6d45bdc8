//! Statements about objects that are not tables.

use super::work::Work;
use super::{Class, Marker, Script, Statement};
use crate::Refusal;
use crate::name::ident;
use pg_raw_parse::{Node, nodes};
use std::collections::BTreeSet;
use tenantry_core::{TenancyModel, quote_literal};
use tenantry_schema::model::{Attribute, Extension, Table, Trigger, Type, TypeKind};

/// What the rules call their own policies.
const OURS: &str = "tenantry_";

impl Script {
    pub(super) fn dispatch(
        &mut self,
        work: &Work<'_>,
        marker: Option<Marker>,
    ) -> Result<Vec<Statement>, Refusal> {
        if !matches!(marker, Some(Marker::Skip | Marker::Verbatim)) {
            self.pool_is_not_named(work)?;
        }
        match (marker, work.raw.stmt()) {
            (Some(Marker::Skip), _) => Ok(Vec::new()),
            (Some(Marker::Verbatim), _) => Ok(vec![work.verbatim()]),
            _ if self.changes_the_pool(work)? => self.follow_the_pool(work, marker).map(|()| Vec::new()),
            (_, Node::CreateStmt(of)) => self.create_table(work, of),
            (_, Node::IndexStmt(of)) => self.create_index(work, of),
            (_, Node::AlterTableStmt(of)) => self.alter_table(work, of),
            (_, Node::RenameStmt(of)) => self.rename(work, of),
            (_, Node::DropStmt(of)) => self.drop(work, of),
            (_, Node::ViewStmt(of)) => self.view(work, of),
            (_, Node::CreateFunctionStmt(of)) => self.function(work, of),
            (_, Node::CommentStmt(of)) => Ok(self.comment(work, of)),
            (_, Node::CreateTrigStmt(of)) => Ok(self.trigger(work, of)),
            (_, Node::CreatePolicyStmt(of)) => self.policy(work, of),
            (_, Node::AlterPolicyStmt(of)) => ours(work, of.policy_name()).map(|()| vec![work.verbatim()]),
            (_, Node::CreateExtensionStmt(of)) => Ok(self.extension(work, of)),
            (_, Node::SelectStmt(of)) if into_of(of).is_some() => Err(super::made::made_from_query(work)),
            (
                _,
                Node::SelectStmt(_)
                | Node::InsertStmt(_)
                | Node::UpdateStmt(_)
                | Node::DeleteStmt(_)
                | Node::MergeStmt(_),
            ) => self.data(work, marker),
            (_, node) => self.plain(work, node),
        }
    }

    fn plain(&mut self, work: &Work<'_>, node: Node<'_>) -> Result<Vec<Statement>, Refusal> {
        let mut statement = work.verbatim();
        match node {
            Node::CreateTableAsStmt(of) => return self.table_as(work, of),
            Node::RefreshMatViewStmt(of) => return self.refresh(work, of),
            Node::TransactionStmt(_) | Node::ConstraintsSetStmt(_) | Node::LockStmt(_) => {
                statement.class = Class::Session;
            }
            Node::VariableSetStmt(of) => return Self::set(work, of),
            Node::VacuumStmt(of) => {
                statement.transactional = !of.is_vacuumcmd;
            }
            Node::ReindexStmt(_) => {
                statement.transactional = false;
            }
            Node::AlterEnumStmt(of) if of.new_val().is_some() && of.old_val().is_none() => {
                statement.notes.push(
                    "the new value can't be used before the transaction that adds it has ended".to_owned(),
                );
            }
            Node::CreateEnumStmt(of) => return Ok(self.owned(work, "TYPE", of.type_name().iter())),
            Node::CreateRangeStmt(of) => return Ok(self.owned(work, "TYPE", of.type_name().iter())),
            Node::CreateDomainStmt(of) => return Ok(self.owned(work, "DOMAIN", of.domainname().iter())),
            Node::CompositeTypeStmt(of) => {
                self.remember_type(work, of);
                return Ok(self.owned_by_name(work, "TYPE", of.typevar().and_then(nodes::RangeVar::relname)));
            }
            Node::CreateSeqStmt(of) => {
                return Ok(self.owned_by_name(
                    work,
                    "SEQUENCE",
                    of.sequence().and_then(nodes::RangeVar::relname),
                ));
            }
            Node::CreateStatsStmt(of) => {
                return Ok(self.owned(work, "STATISTICS", of.defnames().iter()));
            }
            Node::AlterFunctionStmt(of) => return self.alter_function(work, of),
            Node::GrantStmt(of) => return self.grant(work, of),
            Node::AlterOwnerStmt(of) => return self.give(work, of),
            other if super::refused::passes(&other) => {}
            other => return Err(super::refused::refused(work, &other)),
        }
        Ok(vec![statement])
    }

    /// A table may be OF it.
    fn remember_type(&mut self, work: &Work<'_>, of: &nodes::CompositeTypeStmt) {
        let attributes = of.coldeflist().iter().map(|column| Attribute {
            name: column.colname().unwrap_or_default().to_owned(),
            type_name: column.type_name().map(|of| super::text::type_name(of, work.sql)).unwrap_or_default(),
            collation: column.coll_clause().map(|of| crate::find::names(of.collname().iter()).join(".")),
            comment: None,
        });
        let kind = TypeKind::Composite { attributes: attributes.collect() };
        let name = of.typevar().and_then(nodes::RangeVar::relname).unwrap_or_default().to_owned();
        self.will_change();
        self.model.types.push(Type { name, comment: None, kind });
        self.model.types.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn owned<'n, N: Into<Node<'n>>>(
        &self,
        work: &Work<'_>,
        word: &str,
        path: impl Iterator<Item = N>,
    ) -> Vec<Statement> {
        let name = crate::find::names(path.map(Into::into)).pop();
        self.owned_by_name(work, word, name.as_deref())
    }

    /// The statement, and the object given to the owner.
    fn owned_by_name(&self, work: &Work<'_>, word: &str, name: Option<&str>) -> Vec<Statement> {
        let mut out = vec![work.verbatim()];
        if let Some(name) = name {
            let owner = &self.target.owner;
            out.push(work.statement(format!("ALTER {word} {} OWNER TO {owner}", ident(name))));
        }
        out
    }

    fn extension(&mut self, work: &Work<'_>, of: &nodes::CreateExtensionStmt) -> Vec<Statement> {
        let name = of.extname().unwrap_or_default().to_owned();
        if !self.model.has_extension(&name) {
            self.will_change();
            let users = Vec::new();
            let extension = Extension { name, schema: None, relations: Vec::new(), version: None, users };
            self.model.extensions.push(extension);
            self.model.extensions.sort_by(|a, b| a.name.cmp(&b.name));
        }
        vec![work.verbatim()]
    }

    fn trigger(&mut self, work: &Work<'_>, of: &nodes::CreateTrigStmt) -> Vec<Statement> {
        let table = of.relation().and_then(nodes::RangeVar::relname).unwrap_or_default();
        let name = of.trigname().unwrap_or_default();
        self.will_change();
        if let Some(table) = self.model.tables.iter_mut().find(|other| other.name == table) {
            table.triggers.retain(|trigger| trigger.name != name);
            table.triggers.push(Trigger {
                name: name.to_owned(),
                comment: None,
                definition: work.text().to_owned(),
                enabled: 'O',
            });
            table.triggers.sort_by(|a, b| a.name.cmp(&b.name));
        }
        self.learn();
        vec![work.verbatim()]
    }

    fn policy(&self, work: &Work<'_>, of: &nodes::CreatePolicyStmt) -> Result<Vec<Statement>, Refusal> {
        ours(work, of.policy_name())?;
        let public = |role: &nodes::RoleSpec| role.roletype == nodes::RoleSpecType::ROLESPEC_PUBLIC;
        let foreign = of.roles().iter().any(|role| match role {
            Node::RoleSpec(role) => !public(role),
            _ => true,
        });
        if foreign {
            return Err(work
                .refuse("the policy is for a role, but placements have roles of their own")
                .hint("make it a policy TO PUBLIC"));
        }
        let name = of.table().and_then(nodes::RangeVar::relname).unwrap_or_default();
        let secured = self.model.table(name).is_some_and(|table| table.row_security);
        if !secured && self.target.model != TenancyModel::Database {
            return Err(work
                .refuse(format!("row-level security of {name} is not enabled in the plain schema, so the policy would not be in force there and would be here"))
                .hint("enable row-level security in the plain schema and compile it, or leave the policy out"));
        }
        Ok(vec![work.verbatim()])
    }

    /// The marker's line of a table's comment stays.
    fn comment(&mut self, work: &Work<'_>, of: &nodes::CommentStmt) -> Vec<Statement> {
        let name =
            of.object().as_node_list().map(|path| crate::find::names(path.iter())).and_then(|mut p| p.pop());
        if of.objtype == nodes::ObjectType::OBJECT_MATVIEW
            && let Some(sql) = self.comment_on_materialized(name.as_deref().unwrap_or_default(), of.comment())
        {
            return vec![work.statement(sql)];
        }
        if of.objtype != nodes::ObjectType::OBJECT_TABLE {
            return vec![work.verbatim()];
        }
        let Some(name) = name.filter(|name| self.model.table(name).is_some()) else {
            return vec![work.verbatim()];
        };
        let commented = self.model.table(&name).cloned();
        let commented =
            commented.map(|table| Table { comment: of.comment().map(ToOwned::to_owned), ..table });
        self.change(BTreeSet::from([name.clone()]), commented.into_iter().collect(), None);
        let built = self.build(&self.model, &[&name]);
        let comment = built.model.table(&name).and_then(|table| table.comment.clone()).unwrap_or_default();
        vec![work.statement(format!(
            "COMMENT ON TABLE {} IS {}",
            ident(&name),
            quote_literal(&comment).trim_start()
        ))]
    }
}

/// `SELECT … INTO`: of several arms, the first has it.
fn into_of(select: &nodes::SelectStmt) -> Option<&nodes::IntoClause> {
    let mut arm = select;
    while let Some(left) = arm.larg() {
        arm = left;
    }
    arm.into_clause()
}

fn ours(work: &Work<'_>, name: Option<&str>) -> Result<(), Refusal> {
    if name.is_some_and(|name| name.starts_with(OURS)) {
        return Err(work
            .refuse(format!("policies named {OURS}… are Tenantry's"))
            .hint("choose another name"));
    }
    Ok(())
}
