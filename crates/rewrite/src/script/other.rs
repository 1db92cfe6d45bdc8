//! Statements about objects that are not tables.

use super::work::Work;
use super::{Class, Marker, Script, Statement};
use crate::edit::Splice;
use crate::name::ident;
use crate::{Refusal, Rewritten};
use pg_raw_parse::{Node, NodeMut, nodes};
use tenantry_core::{TenancyModel, quote_literal};
use tenantry_schema::Kind;
use tenantry_schema::model::{Extension, Trigger};

/// What the rules call their own policies.
const OURS: &str = "tenantry_";

impl Script {
    pub(super) fn dispatch(
        &mut self,
        work: &Work<'_>,
        marker: Option<Marker>,
    ) -> Result<Vec<Statement>, Refusal> {
        match (marker, work.raw.stmt()) {
            (Some(Marker::Skip), _) => Ok(Vec::new()),
            (Some(Marker::Verbatim), _) => Ok(vec![work.verbatim()]),
            (_, Node::CreateStmt(of)) => self.create_table(work, of),
            (_, Node::IndexStmt(of)) => self.create_index(work, of),
            (_, Node::AlterTableStmt(of)) => self.alter_table(work, of),
            (_, Node::RenameStmt(of)) => self.rename(work, of),
            (_, Node::DropStmt(of)) => self.drop(work, of),
            (_, Node::ViewStmt(of)) => self.view(work, of),
            (_, Node::CreateFunctionStmt(of)) => self.function(work, of),
            (_, Node::CommentStmt(of)) => self.comment(work, of),
            (_, Node::CreateTrigStmt(of)) => Ok(self.trigger(work, of)),
            (_, Node::CreatePolicyStmt(of)) => self.policy(work, of),
            (_, Node::AlterPolicyStmt(of)) => ours(work, of.policy_name()).map(|()| vec![work.verbatim()]),
            (_, Node::CreateExtensionStmt(of)) => Ok(self.extension(work, of)),
            (_, Node::SelectStmt(of)) if of.into_clause().is_some() => Err(made_from_query(work)),
            (
                _,
                Node::SelectStmt(_)
                | Node::InsertStmt(_)
                | Node::UpdateStmt(_)
                | Node::DeleteStmt(_)
                | Node::MergeStmt(_)
                | Node::ExplainStmt(_),
            ) => self.data(work, marker),
            (_, node) => self.plain(work, node),
        }
    }

    fn plain(&mut self, work: &Work<'_>, node: Node<'_>) -> Result<Vec<Statement>, Refusal> {
        let mut statement = work.verbatim();
        match node {
            Node::CreateTableAsStmt(of) => return self.table_as(work, of),
            Node::TransactionStmt(_) | Node::ConstraintsSetStmt(_) | Node::LockStmt(_) => {
                statement.class = Class::Session;
            }
            Node::VariableSetStmt(of) => {
                if of.name() == Some("search_path")
                    || of.name() == Some("role")
                    || of.name() == Some("session_authorization")
                {
                    return Err(work
                        .refuse(format!(
                            "{} is set by whoever runs the migration",
                            of.name().unwrap_or_default()
                        ))
                        .hint("leave it out: names are found in the placement's own schema")
                        .choice("-- tenantry: skip"));
                }
                statement.class = Class::Session;
            }
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
            other => {
                if let Some(refusal) = refused(work, &other) {
                    return Err(refusal);
                }
            }
        }
        Ok(vec![statement])
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
        let text =
            format!(r#"{{"name":{:?},"schema":null,"relations":[]}}"#, of.extname().unwrap_or_default());
        if let Ok(extension) = serde_json::from_str::<Extension>(&text)
            && !self.model.has_extension(&extension.name)
        {
            self.model.extensions.push(extension);
            self.model.extensions.sort_by(|a, b| a.name.cmp(&b.name));
        }
        vec![work.verbatim()]
    }

    fn trigger(&mut self, work: &Work<'_>, of: &nodes::CreateTrigStmt) -> Vec<Statement> {
        let table = of.relation().and_then(nodes::RangeVar::relname).unwrap_or_default();
        let name = of.trigname().unwrap_or_default();
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
        let foreign = of.roles().iter().any(|role| match Node::from(role) {
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
    fn comment(&mut self, work: &Work<'_>, of: &nodes::CommentStmt) -> Result<Vec<Statement>, Refusal> {
        if of.objtype != nodes::ObjectType::OBJECT_TABLE {
            return Ok(vec![work.verbatim()]);
        }
        let name =
            of.object().as_node_list().map(|path| crate::find::names(path.iter())).and_then(|mut p| p.pop());
        let Some(name) = name.filter(|name| self.model.table(name).is_some()) else {
            return Ok(vec![work.verbatim()]);
        };
        let mut after = self.model.clone();
        if let Some(table) = after.tables.iter_mut().find(|table| table.name == name) {
            table.comment = of.comment().map(ToOwned::to_owned);
        }
        let built = self.build(&after, &[&name]);
        let comment = built.model.table(&name).and_then(|table| table.comment.clone()).unwrap_or_default();
        self.model = after;
        Ok(vec![work.statement(format!(
            "COMMENT ON TABLE {} IS {}",
            ident(&name),
            quote_literal(&comment).trim_start()
        ))])
    }

    fn table_as(&self, work: &Work<'_>, of: &nodes::CreateTableAsStmt) -> Result<Vec<Statement>, Refusal> {
        if of.objtype == nodes::ObjectType::OBJECT_MATVIEW {
            return Err(work
                .refuse(
                    "row-level security does not reach a materialized view: every tenant would read all rows",
                )
                .hint("make it a view, or a table that a job fills for each tenant"));
        }
        let temporary = of
            .into()
            .and_then(nodes::IntoClause::rel)
            .is_some_and(|r| r.relpersistence == b't'.cast_signed());
        if temporary { Ok(vec![work.verbatim()]) } else { Err(made_from_query(work)) }
    }

    fn view(&mut self, work: &Work<'_>, of: &nodes::ViewStmt) -> Result<Vec<Statement>, Refusal> {
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
        let mut only_tenants = true;
        let known = self.rewriter.known();
        super::data::each_relation(of.query(), |relation| {
            let facts = relation.relname().and_then(|name| known.table(relation.schemaname(), name));
            only_tenants &= facts.is_some_and(|facts| facts.kind == Some(Kind::Tenant));
        });
        if self.target.model != TenancyModel::Shared {
            only_tenants = true;
        }
        let rights =
            if only_tenants && updatable(of.query()) { "SELECT, INSERT, UPDATE, DELETE" } else { "SELECT" };
        out.push(work.statement(format!("GRANT {rights} ON TABLE {} TO {}", ident(name), self.target.app)));
        Ok(out)
    }

    fn shared_view(&self, work: &Work<'_>, of: &nodes::ViewStmt) -> Result<String, Refusal> {
        let asked = of.options().iter().any(|option| match Node::from(option) {
            Node::DefElem(option) => option.defname() == Some("security_invoker"),
            _ => false,
        });
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

    fn function(
        &mut self,
        work: &Work<'_>,
        of: &nodes::CreateFunctionStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        let mut statement = work.verbatim();
        let opaque = matches!(of.sql_body(), Node::None);
        if opaque && self.target.model == TenancyModel::Shared {
            statement.notes.extend(opaque_body(work.text()));
        } else {
            let rewritten = self.rewriter.rewrite(work.text());
            let rewritten = rewritten.map_err(|refusal| refusal.within(work.sql, work.range.start))?;
            if let Rewritten::Changed(sql) = rewritten {
                statement.sql = sql;
            }
        }
        let name = crate::find::names(of.funcname().iter().map(Node::from)).pop().unwrap_or_default();
        let signature = format!("{}({})", ident(&name), arguments(work, of));
        let (owner, app) = (&self.target.owner, &self.target.app);
        let returns_trigger = of
            .return_type()
            .is_some_and(|of| of.names().iter().next_back().and_then(|name| name.sval()) == Some("trigger"));
        let mut out = vec![
            statement,
            work.statement(format!("ALTER ROUTINE {signature} OWNER TO {owner}")),
            work.statement(format!("REVOKE EXECUTE ON ROUTINE {signature} FROM PUBLIC")),
        ];
        if !returns_trigger {
            out.push(work.statement(format!("GRANT EXECUTE ON ROUTINE {signature} TO {app}")));
        }
        Ok(out)
    }
}

/// The types of the arguments that a call gives.
fn arguments(work: &Work<'_>, of: &nodes::CreateFunctionStmt) -> String {
    use nodes::FunctionParameterMode as Mode;
    let given = of.parameters().iter().filter_map(|parameter| match Node::from(parameter) {
        Node::FunctionParameter(parameter) => Some(parameter),
        _ => None,
    });
    let types: Vec<String> = given
        .filter(|parameter| !matches!(parameter.mode, Mode::FUNC_PARAM_OUT | Mode::FUNC_PARAM_TABLE))
        .map(|parameter| {
            let variadic = if parameter.mode == Mode::FUNC_PARAM_VARIADIC { "VARIADIC " } else { "" };
            let of = parameter.arg_type().map(|of| super::text::type_name(of, work.sql)).unwrap_or_default();
            format!("{variadic}{of}")
        })
        .collect();
    types.join(", ")
}

/// What the rules say of a body that is a string.
fn opaque_body(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut notes = Vec::new();
    if lower.contains("truncate") {
        notes.push("its body seems to TRUNCATE, which the application's role may not do in shared tables: use DELETE".to_owned());
    }
    if lower.split_whitespace().collect::<Vec<_>>().windows(2).any(|pair| pair == ["on", "conflict"]) {
        notes.push("its body seems to use ON CONFLICT; unique keys of shared tables start with the tenant column: use ON CONFLICT ON CONSTRAINT <name>, or a body of BEGIN ATOMIC, which is rewritten".to_owned());
    }
    notes
}

fn ours(work: &Work<'_>, name: Option<&str>) -> Result<(), Refusal> {
    if name.is_some_and(|name| name.starts_with(OURS)) {
        return Err(work
            .refuse(format!("policies named {OURS}… are Tenantry's"))
            .hint("choose another name"));
    }
    Ok(())
}

fn made_from_query(work: &Work<'_>) -> Refusal {
    work.refuse("a table made from a query has neither keys nor a tenant")
        .hint("create the table first, then fill it with INSERT")
        .choice("CREATE TABLE …; INSERT INTO … SELECT …, with -- tenantry: per-tenant")
        .choice("CREATE TEMPORARY TABLE … AS …")
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

/// Statements that are not offered, each with what to do instead.
fn refused(work: &Work<'_>, node: &Node<'_>) -> Option<Refusal> {
    let (message, hint, choices): (&str, &str, &[&str]) = match node {
        Node::GrantStmt(_) | Node::GrantRoleStmt(_) | Node::AlterDefaultPrivilegesStmt(_) => (
            "rights are Tenantry's: the application's role gets them with each table",
            "leave it out",
            &["-- tenantry: skip"],
        ),
        Node::AlterOwnerStmt(_) | Node::ReassignOwnedStmt(_) => (
            "owners are Tenantry's: nobody logs in as the owner of a tenant table",
            "leave it out",
            &["-- tenantry: skip"],
        ),
        Node::AlterObjectSchemaStmt(_) => {
            ("the schema of a placement is Tenantry's", "put the application's tables into one schema", &[])
        }
        Node::CreateSchemaStmt(_) => (
            "the schema of a placement is Tenantry's",
            "put the application's tables into one schema",
            &["-- tenantry: skip"],
        ),
        Node::RuleStmt(_) => (
            "a rule rewrites statements after the tenant was decided",
            "use a trigger (INSTEAD OF for a view)",
            &[],
        ),
        Node::TruncateStmt(_) => (
            "TRUNCATE empties a table of all tenants' rows, row-level security or not",
            "use DELETE",
            &[
                "-- tenantry: per-tenant, and DELETE",
                "-- tenantry: once, and DELETE",
                "-- tenantry: verbatim",
            ],
        ),
        Node::DoStmt(_) => (
            "nobody can tell what a DO block does",
            "write its statements out, or say that it may run as it is",
            &["-- tenantry: verbatim"],
        ),
        Node::CallStmt(_) => (
            "nobody can tell what a procedure does, and for whom",
            "say that it may run as it is",
            &["-- tenantry: verbatim"],
        ),
        Node::CopyStmt(of) if of.is_from && of.filename().is_none() => (
            "the rows of COPY … FROM stdin are not SQL",
            "write INSERT, or load them into a placement with psql",
            &[],
        ),
        Node::CopyStmt(_) => {
            ("COPY reads and writes files of the server", "use INSERT", &["-- tenantry: verbatim"])
        }
        Node::CreateEventTrigStmt(_)
        | Node::CreateForeignServerStmt(_)
        | Node::CreateFdwStmt(_)
        | Node::CreatePublicationStmt(_)
        | Node::CreateSubscriptionStmt(_)
        | Node::CreateRoleStmt(_)
        | Node::CreatedbStmt(_)
        | Node::AlterRoleStmt(_) => (
            "it belongs to the database or the server, not to a tenant's schema",
            "run it by hand where it is needed",
            &["-- tenantry: skip", "-- tenantry: verbatim"],
        ),
        _ => return None,
    };
    let refusal = work.refuse(message).hint(hint);
    Some(choices.iter().fold(refusal, |refusal, choice| refusal.choice(*choice)))
}
