//! GRANT, REVOKE and OWNER TO. In a placement one role owns everything and one role is the application's; the roles of the plain
//! schema stand for these. What the application's role has comes with each object, so a GRANT of a part of it is kept as that,
//! and what would give more or take some away is refused: no placement could keep it.

use super::work::Work;
use super::{Script, Statement};
use crate::Refusal;
use crate::name::{ident, idents};
use pg_raw_parse::{Node, nodes};
use tenantry_core::TenancyModel;
use tenantry_schema::Kind;

const OWNERS_NOTE: &str = "in a placement Tenantry's owner owns everything: nobody logs in as it";
const GRANTS_NOTE: &str = "in a placement the application's role stands for the roles of the plain schema";
const ALL: [&str; 4] = ["select", "insert", "update", "delete"];

impl Script {
    pub(super) fn grant(
        &mut self,
        work: &Work<'_>,
        of: &nodes::GrantStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        let is_public = |role: &nodes::RoleSpec| role.roletype == nodes::RoleSpecType::ROLESPEC_PUBLIC;
        let publicly = of.grantees().iter().any(is_public);
        if !of.is_grant {
            if publicly && of.grantees().iter().all(is_public) && self.names_ours(of) {
                return Ok(vec![work.verbatim()]);
            }
            return Err(refused(
                work,
                "the application's role has the same rights on every tenant's tables, and keeps them",
                "leave it out; a policy of your own can say which rows may be written",
            ));
        }
        if publicly {
            return Err(refused(
                work,
                "PUBLIC is every role of the server, those of other databases too",
                "grant it to the application's role",
            ));
        }
        if of.grant_option {
            return Err(refused(
                work,
                "with GRANT OPTION the application could give its rights to roles that Tenantry does not know",
                "leave WITH GRANT OPTION out",
            ));
        }
        if of.targtype != nodes::GrantTargetType::ACL_TARGET_OBJECT {
            return Err(refused(
                work,
                "rights are Tenantry's: the application's role gets them with each table",
                "leave it out",
            ));
        }
        self.grant_objects(work, of)
    }

    fn names_ours(&self, of: &nodes::GrantStmt) -> bool {
        use nodes::ObjectType as Type;
        matches!(of.objtype, Type::OBJECT_TABLE | Type::OBJECT_SEQUENCE | Type::OBJECT_FUNCTION)
            && of.targtype == nodes::GrantTargetType::ACL_TARGET_OBJECT
            && (of.objtype == Type::OBJECT_FUNCTION
                || of.objects().iter().all(|relation| {
                    relation.schemaname().is_none_or(|schema| schema == self.target.schema.as_str())
                }))
    }

    fn grant_objects(&self, work: &Work<'_>, of: &nodes::GrantStmt) -> Result<Vec<Statement>, Refusal> {
        use nodes::ObjectType as Type;
        let app = &self.target.app;
        let wanted: Vec<String> = of
            .privileges()
            .iter()
            .filter_map(|right| right.priv_name().map(str::to_ascii_lowercase))
            .collect();
        let sql = match of.objtype {
            Type::OBJECT_TABLE => {
                let (names, rights) = self.table_rights(work, of, &wanted)?;
                format!("GRANT {rights} ON TABLE {} TO {app}", idents(&names))
            }
            Type::OBJECT_SEQUENCE => {
                let names: Vec<&str> = of.objects().iter().filter_map(nodes::RangeVar::relname).collect();
                let taken = |name: &&str| {
                    self.model.sequences.iter().any(|known| known.name == **name && known.used_by_default)
                };
                if !wanted.iter().all(|right| right == "usage") || !names.iter().all(taken) {
                    return Err(refused(
                        work,
                        "the application's role may take numbers of the sequences that defaults use, and nothing else of any",
                        "leave it out",
                    ));
                }
                format!("GRANT USAGE ON SEQUENCE {} TO {app}", idents(&names))
            }
            Type::OBJECT_FUNCTION | Type::OBJECT_PROCEDURE | Type::OBJECT_ROUTINE => {
                let tokens = &work.tokens;
                let to = (0..tokens.len()).rev().find(|at| tokens.is(*at, "to")).unwrap_or(0);
                format!("{} TO {app}", work.slice(0..to))
            }
            // Everybody has these.
            Type::OBJECT_TYPE | Type::OBJECT_DOMAIN => return Ok(Vec::new()),
            Type::OBJECT_SCHEMA if wanted.iter().all(|right| right == "usage") && !wanted.is_empty() => {
                return Ok(Vec::new());
            }
            Type::OBJECT_SCHEMA => {
                return Err(refused(
                    work,
                    "the application's role creates nothing in the schema of a placement",
                    "leave it out",
                ));
            }
            _ => return Err(super::refused::not_a_tenants(work)),
        };
        let mut statement = work.statement(sql);
        statement.notes.push(GRANTS_NOTE.to_owned());
        Ok(vec![statement])
    }

    /// The tables of a GRANT, and what of it the application's role has.
    fn table_rights(
        &self,
        work: &Work<'_>,
        of: &nodes::GrantStmt,
        wanted: &[String],
    ) -> Result<(Vec<String>, String), Refusal> {
        let mut rights: Vec<&str> = ALL.to_vec();
        let mut names = Vec::new();
        for relation in of.objects() {
            self.own_schema(work, relation)?;
            let name = relation.relname().unwrap_or_default();
            let table = self.model.table(name);
            if table.is_some_and(tenantry_schema::model::Table::is_partition) {
                let message = format!("{name} is a partition: rights on it would be a way around its parent");
                return Err(refused(work, &message, "grant them on the partitioned table"));
            }
            let built = self.build(&self.model, &[name]);
            let written = match built.kinds.get(name) {
                Some(Kind::Tenant) => true,
                Some(Kind::Scoped) => self.target.model == TenancyModel::Shared,
                _ => false,
            };
            if !written {
                rights.truncate(1);
            }
            names.push(name.to_owned());
        }
        let beyond = wanted.iter().find(|right| !rights.contains(&right.as_str()));
        if let Some(beyond) = beyond {
            let message = format!(
                "{} is not among the rights of the application's role on {}: it may {}",
                beyond.to_ascii_uppercase(),
                names.join(", "),
                rights.join(", ")
            );
            return Err(refused(work, &message, "leave it out"));
        }
        let granted: Vec<&str> = rights
            .into_iter()
            .filter(|right| wanted.is_empty() || wanted.iter().any(|w| w == right))
            .collect();
        Ok((names, granted.join(", ").to_ascii_uppercase()))
    }

    /// `ALTER … OWNER TO …` of what is not a table.
    pub(super) fn give(
        &mut self,
        work: &Work<'_>,
        of: &nodes::AlterOwnerStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        if super::refused::is_of_the_server(of.object_type)
            || of.object_type == nodes::ObjectType::OBJECT_SCHEMA
        {
            return Err(super::refused::not_a_tenants(work));
        }
        let path = match of.object() {
            Node::ObjectWithArgs(of) => crate::find::names(of.objname().iter()),
            Node::NodeList(path) => crate::find::names(path.iter()),
            other => crate::find::names(std::iter::once(other)),
        };
        self.own_path(work, &path)?;
        let tokens = &work.tokens;
        let to = (0..tokens.len()).rev().find(|at| tokens.is(*at, "to") && tokens.is(at - 1, "owner"));
        let to = to.ok_or_else(|| work.refuse("the new owner was not found"))?;
        let mut statement = work.statement(format!("{} TO {}", work.slice(0..to), self.target.owner));
        statement.notes.push(OWNERS_NOTE.to_owned());
        Ok(vec![statement])
    }

    /// `ALTER TABLE … OWNER TO …` alone, of a table or what is altered like one.
    pub(super) fn give_relation(&self, work: &Work<'_>, word: &str, name: &str) -> Statement {
        let mut statement =
            work.statement(format!("ALTER {word} {} OWNER TO {}", ident(name), self.target.owner));
        statement.notes.push(OWNERS_NOTE.to_owned());
        statement
    }
}

fn refused(work: &Work<'_>, message: &str, hint: &str) -> Refusal {
    work.refuse(message).hint(hint).choice("-- tenantry: skip")
}
