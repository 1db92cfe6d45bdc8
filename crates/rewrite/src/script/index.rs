//! CREATE INDEX.

use super::build::Built;
use super::element::{index_key, joined, key_names};
use super::partition;
use super::text;
use super::work::Work;
use super::{Script, Statement};
use crate::Refusal;
use crate::edit::Splice;
use crate::find::names;
use crate::name::{ident, idents};
use pg_raw_parse::{Node, NodeMut, nodes};
use tenantry_schema::model::{Index, Table};

/// How an index is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    AsWritten,
    /// Not concurrently.
    AtOnce,
    /// Not concurrently, and of the parent alone.
    Only,
}

impl Script {
    pub(super) fn create_index(
        &mut self,
        work: &Work<'_>,
        index: &nodes::IndexStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        let relation = index.relation().ok_or_else(|| work.refuse("an index without a table"))?;
        self.own_schema(work, relation)?;
        let name = relation.relname().unwrap_or_default();
        let Some(table) = self.model.table(name) else {
            return self.index_beside(work, index, name);
        };
        if index.if_not_exists
            && index.idxname().is_some_and(|name| table.indexes.iter().any(|other| other.name == name))
        {
            return Ok(Vec::new());
        }
        let mut names_of = self.names();
        let plain = read_index(work, index, name, &mut names_of)?;
        let before = self.build(&self.model, &[name]);
        let partitions = partitions_of(&self.model, name);
        let mut changed: Vec<Table> = Vec::new();
        changed.extend(self.model.table(name).map(|table| with_index(table, plain.clone())));
        let mut children: Vec<(String, Index)> = Vec::new();
        if relation.inh {
            for partition in &partitions {
                let child = partition::of_index(&plain, partition, &mut names_of);
                children.push((partition.clone(), child.clone()));
                changed.extend(self.model.table(partition).map(|table| with_index(table, child)));
            }
        }
        self.change(changed.iter().map(|table| table.name.clone()).collect(), changed, None);
        let built = self.build(&self.model, &[name]);
        Self::refused(work, &built, &before)?;
        let find = |table: &str, index: &str| {
            built.model.table(table).and_then(|table| table.indexes.iter().find(|i| i.name == index)).cloned()
        };
        let wanted = find(name, &plain.name).ok_or_else(|| work.refuse("the index was lost"))?;
        let statements = if children.is_empty() {
            // PostgreSQL builds no index of a partitioned table concurrently; without partitions there is nothing to build.
            let empty = self.model.table(name).is_some_and(|table| table.partition_by.is_some());
            let form = if empty { Form::AtOnce } else { Form::AsWritten };
            let mut statement = work.statement(Self::index_text(work, index, &plain, &wanted, form)?);
            statement.transactional = !index.concurrent || empty;
            vec![statement]
        } else {
            self.tree(work, index, &plain, &wanted, &children, &built)?
        };
        self.learn_about(&built, &[name]);
        Ok(statements)
    }

    /// On a materialized view, which may be a table here, or on a table that is not ours: there is nothing to lead it by.
    fn index_beside(
        &mut self,
        work: &Work<'_>,
        index: &nodes::IndexStmt,
        name: &str,
    ) -> Result<Vec<Statement>, Refusal> {
        let mut sql = work.text().to_owned();
        if let Some(view) = self.model.materialized_view(name) {
            let is_it = |other: &Index| Some(other.name.as_str()) == index.idxname();
            if index.if_not_exists && view.indexes.iter().any(is_it) {
                return Ok(Vec::new());
            }
            let plain = read_index(work, index, name, &mut self.names())?;
            if let Some(wanted) = self.index_of_materialized(name, &plain) {
                sql = Self::index_text(work, index, &plain, &wanted, Form::AsWritten)?;
            }
        }
        let mut statement = work.statement(sql);
        statement.transactional = !index.concurrent;
        Ok(vec![statement])
    }

    /// On a partitioned table: first the index of the parent alone, then one for each partition under the name that it has
    /// in a plain database, then these become parts of it. So it can also be made concurrently, which PostgreSQL refuses
    /// for the whole.
    fn tree(
        &self,
        work: &Work<'_>,
        index: &nodes::IndexStmt,
        plain: &Index,
        wanted: &Index,
        children: &[(String, Index)],
        built: &Built,
    ) -> Result<Vec<Statement>, Refusal> {
        let mut out = vec![work.statement(Self::index_text(work, index, plain, wanted, Form::Only)?)];
        for (partition, child) in children {
            let of =
                built.model.table(partition).and_then(|t| t.indexes.iter().find(|i| i.name == child.name));
            let Some(of) = of else { continue };
            let alone = Table {
                name: partition.clone(),
                indexes: vec![of.clone()],
                replica_identity: 'd',
                ..Table::default()
            };
            let model = tenantry_schema::Model { tables: vec![alone], ..tenantry_schema::Model::default() };
            let created = self.rendered(work, built, &model)?;
            let created = created
                .into_iter()
                .find(|sql| sql.starts_with("CREATE INDEX") || sql.starts_with("CREATE UNIQUE"));
            let mut statement = work.statement(created.ok_or_else(|| work.refuse("the index was lost"))?);
            if index.concurrent {
                statement.sql = statement.sql.replacen("INDEX ", "INDEX CONCURRENTLY ", 1);
                statement.transactional = false;
            }
            out.push(statement);
            out.push(work.statement(format!(
                "ALTER INDEX {} ATTACH PARTITION {}",
                ident(&plain.name),
                ident(&child.name)
            )));
        }
        Ok(out)
    }

    /// The statement with the index's name and what the rules put before its first key.
    fn index_text(
        work: &Work<'_>,
        index: &nodes::IndexStmt,
        plain: &Index,
        wanted: &Index,
        form: Form,
    ) -> Result<String, Refusal> {
        let added: Vec<String> = wanted
            .keys
            .iter()
            .take_while(|key| !plain.keys.contains(key))
            .filter_map(|key| key.column.clone())
            .collect();
        let lost = || Refusal::guard(work.sql, work.range.clone(), "the keys of the index were not found");
        if wanted.keys.len() != plain.keys.len() + added.len() {
            // A key that was in the middle has come first.
            return Err(work
                .refuse("the tenant column stands behind other keys")
                .hint("write it first, or leave it out"));
        }
        let tokens = &work.tokens;
        let relation = index.relation().and_then(|relation| work.at(relation.location)).ok_or_else(lost)?;
        let mut splices = Vec::new();
        let on =
            relation.checked_sub(if tokens.is(relation - 1, "only") { 2 } else { 1 }).ok_or_else(lost)?;
        if index.idxname().is_none() {
            let at = tokens.get(on).ok_or_else(lost)?.start;
            splices.push(Splice::insert(at, format!("{} ", ident(&plain.name))));
        }
        if form == Form::Only && index.relation().is_some_and(|relation| relation.inh) {
            splices.push(Splice::insert(tokens.get(relation).ok_or_else(lost)?.start, "ONLY "));
        }
        if form != Form::AsWritten && index.concurrent {
            let word = (0..on).find(|at| tokens.is(*at, "concurrently")).ok_or_else(lost)?;
            splices.push(Splice::replace(tokens.span(word..word + 1).ok_or_else(lost)?, ""));
        }
        if !added.is_empty() {
            let open = (tokens.after_name(relation)..tokens.len())
                .find(|at| tokens.is(*at, "("))
                .ok_or_else(lost)?;
            let end = tokens.get(open).ok_or_else(lost)?.end;
            splices.push(Splice::insert(end, format!("{}, ", idents(&added))));
        }
        if splices.is_empty() {
            return Ok(work.text().to_owned());
        }
        work.spliced(splices, |mem, copy| {
            let mut raw = copy.as_mut();
            let NodeMut::IndexStmt(mut statement) = raw.stmt_mut() else { return false };
            statement.set_idxname(Some(mem.copy_string(&plain.name)));
            if form != Form::AsWritten {
                statement.set_concurrent(false);
            }
            if form == Form::Only
                && let Some(mut relation) = statement.relation_mut()
            {
                relation.set_inh(false);
            }
            for (at, column) in added.iter().enumerate() {
                let mut element = mem.make_node::<nodes::IndexElem>();
                element.as_mut().set_name(Some(mem.copy_string(column)));
                statement.index_params_mut().insert(mem, at, element);
            }
            true
        })
    }
}

fn read_index(
    work: &Work<'_>,
    index: &nodes::IndexStmt,
    table: &str,
    names_of: &mut super::element::Names<'_>,
) -> Result<Index, Refusal> {
    let lost =
        || Refusal::guard(work.sql, work.range.clone(), "the keys of the index could not be told apart");
    let tokens = &work.tokens;
    let relation = index.relation().and_then(|relation| work.at(relation.location)).ok_or_else(lost)?;
    let open = (relation..tokens.len()).find(|at| tokens.is(*at, "(")).ok_or_else(lost)?;
    let close = tokens.closing(open).ok_or_else(lost)?;
    let parts = tokens.parts(open + 1..close);
    if parts.len() != index.index_params().len() {
        return Err(lost());
    }
    let keys: Vec<_> = index
        .index_params()
        .iter()
        .zip(parts)
        .map(|(node, part)| index_key(node, work.slice(part)))
        .collect();
    let include: Vec<String> = index
        .index_including_params()
        .iter()
        .filter_map(|node| match node {
            Node::IndexElem(of) => of.name().map(ToOwned::to_owned),
            _ => None,
        })
        .collect();
    let mut called = Vec::new();
    for (key, node) in keys.iter().zip(index.index_params()) {
        // An expression is called as a column of its own would be.
        let figured = match node.expr() {
            Node::None => key.column.clone().unwrap_or_default(),
            expression => match crate::find::figure_name(expression) {
                unnamed if unnamed == "?column?" => "expr".to_owned(),
                figured => figured,
            },
        };
        called.push(tenantry_schema::model::IndexKey {
            column: Some(figured),
            ..tenantry_schema::model::IndexKey::default()
        });
    }
    let name = match index.idxname() {
        Some(name) => name.to_owned(),
        None => names_of.choose(table, Some(&joined(&key_names(&called, &include))), "idx"),
    };
    names_of.made.insert(name.clone());
    let predicate = match index.where_clause() {
        Node::None => None,
        _ => Some(format!(
            "({})",
            text::after_last(work.slice(close + 1..tokens.len()), "where").trim_end_matches(';')
        )),
    };
    Ok(Index {
        name,
        method: index.access_method().unwrap_or("btree").to_owned(),
        unique: index.unique,
        nulls_not_distinct: index.nulls_not_distinct,
        keys,
        include,
        predicate,
        options: text::options(index.options().iter().map(Node::from)),
        ..Index::default()
    })
}

fn with_index(table: &Table, index: Index) -> Table {
    let mut table = table.clone();
    table.indexes.push(index);
    table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    table
}

/// All partitions below a table.
pub(super) fn partitions_of(model: &tenantry_schema::Model, table: &str) -> Vec<String> {
    let below = |other: &&Table| {
        other.name != table && other.partition_of.is_some() && {
            let mut at = other.name.as_str();
            // Bounded by the depth of the tree.
            while let Some(of) = model.table(at).and_then(|table| table.partition_of.as_ref()) {
                if of.parent == table {
                    return true;
                }
                at = &of.parent;
            }
            false
        }
    };
    model.tables.iter().filter(below).map(|table| table.name.clone()).collect()
}

/// The names in a DROP.
pub(super) fn dropped(objects: &pg_raw_parse::list::NodeList) -> Vec<Vec<String>> {
    let path = |node: Node<'_>| match node {
        Node::NodeList(path) => names(path.iter()),
        Node::ObjectWithArgs(of) => names(of.objname().iter()),
        Node::TypeName(of) => names(of.names().iter().map(Node::String)),
        other => names(std::iter::once(other)),
    };
    objects.iter().map(path).collect()
}
