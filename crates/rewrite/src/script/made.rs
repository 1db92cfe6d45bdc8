//! Tables made from a query (`CREATE TABLE … AS`): the table first, without rows, as the rules want it; then each tenant's rows. The
//! types of its columns are the server's to say, and stay unknown here.

use super::materialized::{query_text, storage};
use super::work::Work;
use super::{Class, Runs, Script, Statement};
use crate::name::{ident, idents};
use crate::{Refusal, Rewritten};
use pg_raw_parse::{Node, nodes};
use tenantry_core::TenancyModel;
use tenantry_schema::Kind;
use tenantry_schema::model::{Column, Table, View};

impl Script {
    pub(super) fn table_as(
        &mut self,
        work: &Work<'_>,
        of: &nodes::CreateTableAsStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        if of.objtype == nodes::ObjectType::OBJECT_MATVIEW {
            return self.create_materialized(work, of);
        }
        let into = of.into().ok_or_else(|| work.refuse("a table without a name"))?;
        let relation = into.rel().ok_or_else(|| work.refuse("a table without a name"))?;
        if relation.relpersistence == b't'.cast_signed() {
            return Ok(vec![work.verbatim()]);
        }
        self.own_schema(work, relation)?;
        let name = relation.relname().unwrap_or_default();
        if of.if_not_exists && self.model.table(name).is_some() {
            return Ok(Vec::new());
        }
        let (Node::SelectStmt(_), Some(query)) = (of.query(), query_text(work, into)) else {
            return Err(made_from_query(work));
        };
        Self::sets_nothing(work, of.query())?;
        let plain = self.made(work, into, name, query)?;
        let columns: Vec<String> = plain.columns.iter().map(|column| column.name.clone()).collect();
        let reads = self.tenant_tables(of.query());
        let selected = self.for_tenants(work, query)?;
        let (_, built) = self.add_table(work, relation, plain, &[])?;
        let kind = built.kinds.get(name);
        if kind == Some(&Kind::Scoped) {
            return Err(made_from_query(work));
        }
        let global = kind == Some(&Kind::Global);
        if global && self.target.model == TenancyModel::Shared && !reads.is_empty() {
            let listed: Vec<&str> = reads.iter().map(String::as_str).collect();
            return Err(work
                .refuse_at(
                    relation.location,
                    format!("{name} is everybody's, and is made from tenants' rows ({})", listed.join(", ")),
                )
                .hint("declare it a tenant table, or make it from global tables")
                .choice(format!("{name} = \"tenant\"")));
        }
        let table = built.model.table(name).ok_or_else(|| work.refuse("the table was lost"))?;
        let mut out = Vec::new();
        // One tenant lives in a database of its own, and everybody's rows are nobody's.
        let whole = self.target.model == TenancyModel::Database || global;
        if whole {
            out.push(work.verbatim());
        } else {
            let (name, storage, listed) = (ident(name), storage(work, into), idents(&columns));
            let unlogged = if table.unlogged { "UNLOGGED " } else { "" };
            out.push(work.statement(format!(
                "CREATE {unlogged}TABLE {name} ({listed}){storage} AS {selected} WITH NO DATA"
            )));
            let added = table.columns.iter().filter(|column| !columns.contains(&column.name));
            out.extend(added.map(|column| {
                work.statement(format!("ALTER TABLE {name} ADD COLUMN {}", super::create::column_sql(column)))
            }));
        }
        out.extend(self.beside_create(work, &built, table, &[])?);
        if !whole && !into.skip_data {
            let sql = format!("INSERT INTO {} ({}) {selected}", ident(name), idents(&columns));
            out.push(Statement { class: Class::Data, runs: Runs::PerTenant, ..work.statement(sql) });
        }
        self.learn_about(&built, &[name]);
        Ok(out)
    }

    /// The plain table, as far as it is known.
    fn made(
        &self,
        work: &Work<'_>,
        into: &nodes::IntoClause,
        name: &str,
        query: &str,
    ) -> Result<Table, Refusal> {
        let place = into.rel().map_or(-1, |relation| relation.location);
        let shape = self.rewriter.known().shape(&View { definition: query.to_owned(), ..View::default() });
        let shape = shape.ok_or_else(|| {
            work.refuse_at(place, format!("the columns of {name} can't be told from its query"))
                .hint("name every column in the query, without *")
                .choice("CREATE TABLE …; INSERT INTO … SELECT …, with -- tenantry: per-tenant")
        })?;
        let mut names = shape.columns;
        for (column, said) in names.iter_mut().zip(crate::find::names(into.col_names().iter())) {
            *column = said;
        }
        if names.iter().any(|column| column == self.declaration.tenancy.column.as_str()) {
            return Err(work
                .refuse_at(place, "the shared table has the tenant column already")
                .hint("leave it out of the query"));
        }
        let columns = names.into_iter().map(|name| Column { name, ..Column::default() }).collect();
        Ok(Table {
            name: name.to_owned(),
            replica_identity: 'd',
            unlogged: into.rel().is_some_and(|relation| relation.relpersistence == b'u'.cast_signed()),
            options: super::text::options(into.options().iter()),
            columns,
            ..Table::default()
        })
    }

    /// The query, as each tenant asks it.
    fn for_tenants(&self, work: &Work<'_>, query: &str) -> Result<String, Refusal> {
        if self.target.model != TenancyModel::Shared {
            return Ok(query.to_owned());
        }
        match self.rewriter.rewrite(query) {
            Ok(Rewritten::Unchanged(sql)) => Ok(sql.to_owned()),
            Ok(Rewritten::Changed(sql)) => Ok(sql),
            Err(refusal) => {
                // Where the query stands in the script.
                let start = work.sql[work.range.clone()].find(query).unwrap_or(0) + work.range.start;
                Err(refusal.within(work.sql, start))
            }
        }
    }
}

/// The refusal where it is not done.
pub(super) fn made_from_query(work: &Work<'_>) -> Refusal {
    work.refuse("a table made from a query has neither keys nor a tenant")
        .hint("create the table first, then fill it with INSERT")
        .choice("CREATE TABLE … AS SELECT …")
        .choice("CREATE TABLE …; INSERT INTO … SELECT …, with -- tenantry: per-tenant")
        .choice("CREATE TEMPORARY TABLE … AS …")
}
