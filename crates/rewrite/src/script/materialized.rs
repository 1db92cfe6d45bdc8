//! Materialized views. In a placement that others share a database with, a materialized view is a table of the tenant's own rows
//! beside a view of its query and a function that fills it, as the rules have it; its columns' types are the server's to say.

use super::work::Work;
use super::{Class, Runs, Script, Statement};
use crate::Refusal;
use crate::name::{ident, idents};
use pg_raw_parse::{Node, nodes};
use std::collections::BTreeSet;
use tenantry_core::{TenancyModel, quote_literal};
use tenantry_schema::model::{Column, Dependency, MaterializedView, Object, ObjectKind, View};
use tenantry_schema::{Floor, MATERIALIZED_LOG, Model, Reconciled, materialized_companions, reconcile_owned};

impl Script {
    /// What the rules make of the whole model.
    fn whole(&self) -> Reconciled {
        let floor = Floor { context: self.target.context, tenant_value: self.target.tenant_value.clone() };
        let mut declaration = self.declaration.clone();
        declaration.tables.retain(|name, _| self.model.table(name).is_some());
        reconcile_owned(self.model.clone().into_model(), &declaration, self.target.model, &floor)
    }

    /// The view of the query and the function, where it is no materialized view in this placement.
    fn companions(&self, name: &str) -> Option<(String, String)> {
        self.model.materialized_view(name)?;
        materialized_companions(&self.whole().model, name)
    }

    pub(super) fn create_materialized(
        &mut self,
        work: &Work<'_>,
        of: &nodes::CreateTableAsStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        let into = of.into().ok_or_else(|| work.refuse("a materialized view without a name"))?;
        let relation = into.rel().ok_or_else(|| work.refuse("a materialized view without a name"))?;
        self.own_schema(work, relation)?;
        let name = relation.relname().unwrap_or_default();
        if of.if_not_exists && self.model.materialized_view(name).is_some() {
            return Ok(Vec::new());
        }
        if self.names().taken.is_taken(name) {
            return Err(work
                .refuse_at(relation.location, format!("{name} is there already"))
                .hint("choose another name"));
        }
        let query = query_text(work, into).ok_or_else(|| {
            Refusal::guard(work.sql, work.range.clone(), "the query of the materialized view was not found")
        })?;
        let before = self.whole();
        self.remember_materialized(work, of, into, name, query)?;
        let whole = self.whole();
        let known = |place: &str, message: &str| {
            before.findings.iter().any(|old| old.place == place && old.message == message)
        };
        let errors =
            whole.findings.iter().filter(|finding| finding.severity == tenantry_schema::Severity::Error);
        if let Some(error) = errors.into_iter().find(|error| !known(&error.place, &error.message)) {
            let mut refusal = work.refuse(format!("{}: {}", error.place, error.message));
            refusal.hint.clone_from(&error.hint);
            return Err(refusal);
        }
        match materialized_companions(&whole.model, name) {
            None => Ok(self.stays_materialized(work, name)),
            Some((view, function)) => {
                self.becomes_table(work, into, name, (&view, &function, query), &before.model, &whole)
            }
        }
    }

    /// It shows nothing of a tenant's, or the tenant has a database of its own.
    fn stays_materialized(&self, work: &Work<'_>, name: &str) -> Vec<Statement> {
        let (name, owner) = (ident(name), &self.target.owner);
        let mut out =
            vec![work.verbatim(), work.statement(format!("ALTER MATERIALIZED VIEW {name} OWNER TO {owner}"))];
        out.extend(self.target.grant_tables("SELECT", &name).into_iter().map(|sql| work.statement(sql)));
        out
    }

    fn becomes_table(
        &mut self,
        work: &Work<'_>,
        into: &nodes::IntoClause,
        name: &str,
        (view, function, query): (&str, &str, &str),
        before: &Model,
        whole: &Reconciled,
    ) -> Result<Vec<Statement>, Refusal> {
        let lost = || work.refuse("the materialized view was lost");
        let table = whole.model.table(name).ok_or_else(lost)?;
        let columns: Vec<String> = self
            .model
            .materialized_view(name)
            .map(|view| view.columns.iter().map(|column| column.name.clone()).collect())
            .unwrap_or_default();
        let mut out = vec![work.statement(self.query_view(work, into, view, query)?)];
        out.push(work.statement(format!(
            "CREATE TABLE {}{} AS SELECT {} FROM {} WITH NO DATA",
            ident(name),
            storage(work, into),
            idents(&columns),
            ident(view)
        )));
        for column in table.columns.iter().filter(|column| !columns.contains(&column.name)) {
            let column = super::create::column_sql(column);
            out.push(work.statement(format!("ALTER TABLE {} ADD COLUMN {column}", ident(name))));
        }
        let of = |list: &[&str], name: &str| list.contains(&name);
        let mut new = vec![name];
        if before.table(MATERIALIZED_LOG).is_none() {
            new.push(MATERIALIZED_LOG);
        }
        let made = Model {
            tables: whole.model.tables.iter().filter(|table| of(&new, &table.name)).cloned().collect(),
            views: whole.model.views.iter().filter(|other| other.name == view).cloned().collect(),
            functions: whole.model.functions.iter().filter(|other| other.name == function).cloned().collect(),
            ..Model::default()
        };
        let rendered = self.rendered_as(work, &whole.kinds, &made)?;
        let ours = [format!("CREATE TABLE {} ", quoted(name)), format!("CREATE VIEW {} ", quoted(view))];
        let rest = rendered.into_iter().filter(|sql| !ours.iter().any(|start| sql.starts_with(start)));
        out.extend(rest.map(|sql| work.statement(sql)));
        if !into.skip_data {
            out.push(Self::filling(work, format!("SELECT {}()", ident(function))));
        }
        Ok(out)
    }

    /// The view of the query, as CREATE VIEW would be rewritten.
    fn query_view(
        &self,
        work: &Work<'_>,
        into: &nodes::IntoClause,
        view: &str,
        query: &str,
    ) -> Result<String, Refusal> {
        let names = crate::find::names(into.col_names().iter());
        let listed = if names.is_empty() { String::new() } else { format!(" ({})", idents(&names)) };
        let sql = format!("CREATE VIEW {}{listed} AS {query}", ident(view));
        let lost = |message: String| work.refuse(message);
        let parsed = crate::parse::parse(&sql).map_err(lost)?;
        let raw = parsed.iter().next().ok_or_else(|| work.refuse("the query was lost"))?;
        let inner = Work::new(&sql, 0..sql.len(), raw);
        match raw.stmt() {
            Node::ViewStmt(of) if self.target.model == TenancyModel::Shared => {
                self.shared_view(&inner, of).map_err(|refusal| {
                    let mut here = work.refuse(refusal.message);
                    here.hint = refusal.hint;
                    here
                })
            }
            _ => Ok(sql.clone()),
        }
    }

    fn remember_materialized(
        &mut self,
        work: &Work<'_>,
        of: &nodes::CreateTableAsStmt,
        into: &nodes::IntoClause,
        name: &str,
        query: &str,
    ) -> Result<(), Refusal> {
        let place = into.rel().map_or(-1, |relation| relation.location);
        let names = crate::find::names(into.col_names().iter());
        let definition = match names.as_slice() {
            [] => query.to_owned(),
            names => format!("SELECT * FROM ({query}) AS named ({})", idents(names)),
        };
        let read = View { definition: definition.clone(), ..View::default() };
        let shape = self.rewriter.known().shape(&read).ok_or_else(|| {
            work.refuse_at(place, format!("the columns of {name} can't be told from its query"))
                .hint("name them behind the view's name, and leave out * of what is not known")
        })?;
        let column = |name: &String| Column { name: name.clone(), ..Column::default() };
        let view = MaterializedView {
            name: name.to_owned(),
            definition,
            options: super::text::options(into.options().iter()),
            populated: !into.skip_data,
            access_method: into.access_method().map(ToOwned::to_owned),
            tablespace: into.table_space_name().map(ToOwned::to_owned),
            columns: shape.columns.iter().map(column).collect(),
            ..MaterializedView::default()
        };
        let needs = self.needs(of.query());
        self.will_change();
        let from = Object { kind: ObjectKind::MaterializedView, name: name.to_owned() };
        self.model.dependencies.extend(needs.into_iter().map(|to| Dependency {
            from: from.clone(),
            to,
            soft: false,
        }));
        let at = self.model.materialized_views.partition_point(|other| other.name.as_str() < name);
        self.model.materialized_views.insert(at, view);
        let columns = shape.columns;
        self.learn_shape(|known| {
            known.views.insert(name.to_owned(), crate::known::Shape { columns, table: None });
        });
        Ok(())
    }

    /// What a query rests on: whether it is everybody's depends on it.
    fn needs(&self, query: Node<'_>) -> BTreeSet<Object> {
        let mut needs = BTreeSet::new();
        super::data::each_relation(query, |relation| {
            let name = relation.relname().unwrap_or_default().to_owned();
            let kind = if self.model.view(&name).is_some() {
                ObjectKind::View
            } else if self.model.materialized_view(&name).is_some() {
                ObjectKind::MaterializedView
            } else {
                ObjectKind::Table
            };
            needs.insert(Object { kind, name });
        });
        let mut open = vec![query];
        while let Some(node) = open.pop() {
            if let Node::FuncCall(call) = node {
                let called = crate::find::names(call.funcname().iter()).pop().unwrap_or_default();
                let known = self.model.functions.iter().filter(|function| function.name == called);
                needs.extend(
                    known.map(|function| Object { kind: ObjectKind::Function, name: function.object_name() }),
                );
            }
            crate::parse::children(node, |child| open.push(child));
        }
        needs
    }

    pub(super) fn refresh(
        &self,
        work: &Work<'_>,
        of: &nodes::RefreshMatViewStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        let relation = of.relation().ok_or_else(|| work.refuse("nothing is refreshed"))?;
        self.own_schema(work, relation)?;
        let name = relation.relname().unwrap_or_default();
        if self.model.materialized_view(name).is_none() {
            return Err(work
                .refuse_at(relation.location, format!("there is no materialized view {name}"))
                .hint("create it first"));
        }
        Ok(vec![match self.companions(name) {
            None => work.verbatim(),
            Some(_) if of.skip_data => Self::filling(work, format!("DELETE FROM {}", ident(name))),
            Some((_, function)) => Self::filling(work, format!("SELECT {}()", ident(&function))),
        }])
    }

    /// It is about rows, of one tenant at a time.
    fn filling(work: &Work<'_>, sql: String) -> Statement {
        let mut statement = work.statement(sql);
        statement.class = Class::Data;
        statement.runs = Runs::PerTenant;
        statement
    }

    pub(super) fn drop_materialized(
        &mut self,
        work: &Work<'_>,
        of: &nodes::DropStmt,
        names: &[String],
    ) -> Vec<Statement> {
        let made: Vec<(&String, Option<(String, String)>)> =
            names.iter().map(|name| (name, self.companions(name))).collect();
        let logged = self.whole().model.table(MATERIALIZED_LOG).is_some();
        self.model.materialized_views.retain(|view| !names.contains(&view.name));
        let gone =
            |object: &Object| object.kind == ObjectKind::MaterializedView && names.contains(&object.name);
        self.model.dependencies.retain(|edge| !gone(&edge.from));
        self.learn();
        if made.iter().all(|(_, companions)| companions.is_none()) {
            return vec![work.verbatim()];
        }
        let cascade = if of.behavior == nodes::DropBehavior::DROP_CASCADE { " CASCADE" } else { "" };
        let mut out = Vec::new();
        for (name, companions) in made {
            match companions {
                None => out.push(format!("DROP MATERIALIZED VIEW IF EXISTS {}{cascade}", ident(name))),
                Some((view, function)) => out.extend([
                    format!("DROP FUNCTION {}()", ident(&function)),
                    format!("DROP TABLE {}{cascade}", ident(name)),
                    format!("DROP VIEW {}", ident(&view)),
                ]),
            }
        }
        if logged && self.whole().model.table(MATERIALIZED_LOG).is_none() {
            out.push(format!("DROP TABLE {MATERIALIZED_LOG}"));
        }
        out.into_iter().map(|sql| work.statement(sql)).collect()
    }

    /// COMMENT ON MATERIALIZED VIEW, where it is a table: the marker stays behind what people write.
    pub(super) fn comment_on_materialized(&mut self, name: &str, comment: Option<&str>) -> Option<String> {
        self.model.materialized_view(name)?;
        self.will_change();
        for view in self.model.materialized_views.iter_mut().filter(|view| view.name == name) {
            view.comment = comment.map(ToOwned::to_owned);
        }
        let whole = self.whole();
        let comment = whole.model.table(name)?.comment.clone().unwrap_or_default();
        Some(format!("COMMENT ON TABLE {} IS {}", ident(name), quote_literal(&comment).trim_start()))
    }

    /// Whether a name is that of a materialized view that is a table here.
    pub(super) fn is_table_here(&self, name: &str) -> bool {
        self.companions(name).is_some()
    }

    /// The index of a materialized view, in the model with what the rules make of it.
    pub(super) fn index_of_materialized(
        &mut self,
        name: &str,
        plain: &tenantry_schema::model::Index,
    ) -> Option<tenantry_schema::model::Index> {
        self.will_change();
        let view = self.model.materialized_views.iter_mut().find(|view| view.name == name)?;
        view.indexes.push(plain.clone());
        view.indexes.sort_by(|a, b| a.name.cmp(&b.name));
        self.whole().model.table(name)?.indexes.iter().find(|index| index.name == plain.name).cloned()
    }
}

/// As statements that the model is written with name things.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `USING … WITH (…) TABLESPACE …`, as written.
pub(super) fn storage(work: &Work<'_>, into: &nodes::IntoClause) -> String {
    let tokens = &work.tokens;
    let Some(name) = into.rel().and_then(|relation| work.at(relation.location)) else { return String::new() };
    let mut start = tokens.after_name(name);
    if tokens.is(start, "(") {
        start = tokens.closing(start).map_or(start, |close| close + 1);
    }
    let end = (start..tokens.len()).find(|at| tokens.is(*at, "as")).unwrap_or(start);
    if start == end { String::new() } else { format!(" {}", work.slice(start..end)) }
}

pub(super) fn query_text<'w>(work: &Work<'w>, into: &nodes::IntoClause) -> Option<&'w str> {
    let tokens = &work.tokens;
    let start = work.at(into.rel()?.location)?;
    let first = (start..tokens.len()).find(|at| tokens.is(*at, "as"))? + 1;
    let mut end = tokens.len();
    // WITH [NO] DATA
    if end >= 2 && tokens.is(end - 1, "data") && (tokens.is(end - 2, "with") || tokens.is(end - 2, "no")) {
        end -= if tokens.is(end - 2, "no") { 3 } else { 2 };
    }
    Some(work.slice(first..end))
}
