//! What the rewriter knows of tables: how they look to the application, and what shared tables add to them.

use crate::script::Plain;
mod shape;

pub(crate) use shape::{Shape, returns};

use std::collections::{BTreeMap, HashMap};
use tenantry_core::{ContextKind, TenancyModel};
use tenantry_schema::model::{ConstraintKind, IndexKey, Table};
use tenantry_schema::{Declaration, Floor, Kind, Model, reconcile};

/// A table, as the application sees it and as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub kind: Option<Kind>,
    /// The columns of the plain table, in order.
    pub columns: Vec<String>,
    /// Those of them that `COPY` leaves out.
    pub generated: Vec<String>,
    /// What the shared table has and the plain one has not.
    pub hidden: Vec<String>,
    /// Of the plain table.
    pub primary_key: Vec<String>,
    /// What the shared primary key has beyond that.
    pub key_prefix: Vec<String>,
    /// The unique keys of the shared table that can be conflict targets: columns only.
    pub keys: Vec<Vec<String>>,
    /// Tables with foreign keys to it.
    pub referenced_by: Vec<String>,
    /// A row trigger fires when rows are deleted, or a statement trigger when the table is truncated.
    pub has_delete_triggers: bool,
}

impl Facts {
    /// Whether `*` shows more than the plain table's columns.
    pub(crate) fn hides(&self) -> bool {
        !self.hidden.is_empty()
    }

    /// What the conflict target over these columns needs before them: nothing where a key has exactly these.
    pub(crate) fn conflict_prefix(&self, columns: &[String], expressions: bool, tenant: &str) -> Vec<String> {
        if self.kind.is_none_or(|kind| kind == Kind::Global) || columns.iter().any(|column| column == tenant)
        {
            return Vec::new();
        }
        let covers = |key: &&Vec<String>| columns.iter().all(|column| key.contains(column));
        let matching: Vec<&Vec<String>> = self.keys.iter().filter(covers).collect();
        if !expressions && matching.iter().any(|key| same(key, columns)) {
            return Vec::new();
        }
        let extra = |key: &&Vec<String>| -> Vec<String> {
            key.iter().filter(|column| !columns.contains(column)).cloned().collect()
        };
        let by_key = matching
            .iter()
            .map(extra)
            .find(|extra| extra.iter().all(|column| column == tenant || self.hidden.contains(column)));
        match by_key {
            Some(prefix) if !expressions => prefix,
            // Expression and partial indexes are led by the tenant; so is whatever PostgreSQL won't find.
            _ if self.kind == Some(Kind::Tenant) => vec![tenant.to_owned()],
            _ => self.hidden.clone(),
        }
    }
}

fn same(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().all(|column| b.contains(column))
}

/// All tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub schema: String,
    pub tenant: String,
    pub tables: HashMap<String, Facts>,
    pub views: HashMap<String, Shape>,
    /// The type that a function returns, which may be a table's.
    pub functions: BTreeMap<String, String>,
}

impl Known {
    pub(crate) fn new(model: &Model, declaration: &Declaration, tenancy: TenancyModel) -> Self {
        let tenant = declaration.tenancy.column.as_str().to_owned();
        let mut known = Self { schema: model.source.schema.clone(), tenant, ..Self::default() };
        if tenancy == TenancyModel::Shared {
            known.learn(model, declaration);
            known.learn_shapes(model);
        }
        known
    }

    /// (Re)reads the tables of a plain model.
    pub(crate) fn learn(&mut self, model: &Model, declaration: &Declaration) {
        let floor = Floor { context: ContextKind::Carrier, tenant_value: None };
        let built = reconcile(model, declaration, TenancyModel::Shared, &floor);
        self.tables = facts(model, &built.model, &built.kinds);
    }

    /// Takes over what the rules made of some tables, and what these refer to. Returns what was known of them.
    pub(crate) fn update(
        &mut self,
        plain: &Plain,
        built: &Model,
        kinds: &BTreeMap<String, Kind>,
        tables: &[&str],
    ) -> Vec<(String, Option<Facts>)> {
        let mut old = Vec::new();
        for table in &built.tables {
            let Some(of_plain) = plain.table(&table.name) else { continue };
            let mut facts = table_facts(of_plain, table, kinds.get(&table.name).copied());
            facts.referenced_by = plain.referrers(&table.name).map(ToOwned::to_owned).collect();
            if tables.contains(&table.name.as_str()) || self.tables.get(&table.name) != Some(&facts) {
                let was = self.tables.insert(table.name.clone(), facts);
                old.push((table.name.clone(), was));
            }
        }
        old
    }

    /// The facts of some tables as they were.
    pub(crate) fn restore(&mut self, facts: Vec<(String, Option<Facts>)>) {
        for (name, facts) in facts {
            match facts {
                Some(facts) => drop(self.tables.insert(name, facts)),
                None => drop(self.tables.remove(&name)),
            }
        }
    }

    /// A table by the name that a statement has for it. Names qualified by another schema are none of ours.
    pub(crate) fn table(&self, schema: Option<&str>, name: &str) -> Option<&Facts> {
        if schema.is_some_and(|schema| schema != self.schema) {
            return None;
        }
        self.tables.get(name)
    }
}

fn facts(plain: &Model, shared: &Model, kinds: &BTreeMap<String, Kind>) -> HashMap<String, Facts> {
    let mut referenced: HashMap<&str, Vec<String>> = HashMap::new();
    for table in &plain.tables {
        for constraint in &table.constraints {
            if let ConstraintKind::ForeignKey(key) = &constraint.kind
                && key.target_schema.is_none()
            {
                let by = referenced.entry(&key.target).or_default();
                if !by.contains(&table.name) {
                    by.push(table.name.clone());
                }
            }
        }
    }
    let entries = plain.tables.iter().map(|table| {
        let built = shared.table(&table.name).unwrap_or(table);
        let mut facts = table_facts(table, built, kinds.get(&table.name).copied());
        facts.referenced_by = referenced.remove(table.name.as_str()).unwrap_or_default();
        (table.name.clone(), facts)
    });
    entries.collect()
}

fn table_facts(plain: &Table, built: &Table, kind: Option<Kind>) -> Facts {
    let names = |table: &Table| -> Vec<String> { table.columns.iter().map(|c| c.name.clone()).collect() };
    let columns = names(plain);
    let hidden = names(built).into_iter().filter(|name| !columns.contains(name)).collect();
    let generated = plain.columns.iter().filter(|c| c.generated.is_some()).map(|c| c.name.clone()).collect();
    let key = |table: &Table| table.primary_key().map(|key| key.columns.clone()).unwrap_or_default();
    let primary_key = key(plain);
    let key_prefix = key(built).into_iter().filter(|name| !primary_key.contains(name)).collect();
    let deletes = |definition: &str| {
        let events = definition.split(" ON ").next().unwrap_or_default();
        events.contains("DELETE") || events.contains("TRUNCATE")
    };
    Facts {
        kind,
        columns,
        generated,
        hidden,
        primary_key,
        key_prefix,
        keys: unique_keys(built),
        referenced_by: Vec::new(),
        has_delete_triggers: plain.triggers.iter().any(|trigger| deletes(&trigger.definition)),
    }
}

fn unique_keys(table: &Table) -> Vec<Vec<String>> {
    let constraints = table.constraints.iter().filter_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) if !constraint.deferrable => {
            Some(key.columns.clone())
        }
        _ => None,
    });
    let plain_column = |key: &IndexKey| key.column.clone();
    let indexes = table
        .indexes
        .iter()
        .filter(|index| index.unique)
        .filter_map(|index| index.keys.iter().map(plain_column).collect::<Option<Vec<_>>>());
    constraints.chain(indexes).collect()
}
