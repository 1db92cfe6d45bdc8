//! From the model to the graph.

use super::{Change, Column, Enumeration, Graph, Index, IndexPart, Key, Reference, Table};
use crate::domain;
use std::collections::{BTreeMap, BTreeSet};
use tenantry_core::{ContextKind, TenancyModel};
use tenantry_schema::model::{self, ConstraintKind, ForeignKey, Model, TypeKind};
use tenantry_schema::{Declaration, Floor, Kind, reconcile};

/// The graph of a plain schema as a tenancy model has it.
pub fn graph(plain: &Model, declaration: &Declaration, tenancy: TenancyModel) -> Graph {
    let tenant_value = (tenancy == TenancyModel::Schema).then(|| "0".to_owned());
    let floor = Floor { context: ContextKind::Carrier, tenant_value };
    let reconciled = reconcile(plain, declaration, tenancy, &floor);
    let builder = Builder {
        model: &reconciled.model,
        kinds: &reconciled.kinds,
        tenant: declaration.tenancy.column.as_str(),
        tenancy,
    };
    builder.build()
}

struct Builder<'a> {
    model: &'a Model,
    kinds: &'a BTreeMap<String, Kind>,
    tenant: &'a str,
    tenancy: TenancyModel,
}

impl Builder<'_> {
    fn build(&self) -> Graph {
        let references = self.references();
        let mut tables: Vec<Table> = self
            .model
            .tables
            .iter()
            .filter(|table| !table.is_partition())
            .map(|table| self.table(table, &references))
            .collect();
        let known: BTreeSet<String> = tables.iter().map(|table| table.name.clone()).collect();
        let outside: BTreeSet<&String> = references
            .iter()
            .map(|reference| &reference.target)
            .filter(|name| !known.contains(*name))
            .collect();
        tables.extend(outside.into_iter().map(|name| external(name, &references)));
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        let mut graph = Graph {
            title: self.tenancy.to_string(),
            is_difference: false,
            domains: Vec::new(),
            tables,
            references,
            enums: self.model.types.iter().filter_map(enumeration).collect(),
        };
        domain::divide(&mut graph);
        graph
    }

    fn table(&self, table: &model::Table, references: &[Reference]) -> Table {
        let mut primary_key = None;
        let mut uniques = Vec::new();
        for constraint in &table.constraints {
            let key = |columns: &[String]| Key {
                name: constraint.name.clone(),
                columns: columns.to_vec(),
                change: Change::Same,
            };
            match &constraint.kind {
                ConstraintKind::PrimaryKey(found) => primary_key = Some(key(&found.columns)),
                ConstraintKind::Unique(found) => uniques.push(key(&found.columns)),
                _ => {}
            }
        }
        let foreign: BTreeSet<&str> = references
            .iter()
            .filter(|reference| reference.table == table.name)
            .flat_map(|reference| reference.columns.iter().map(String::as_str))
            .collect();
        let column = |column: &model::Column| Column {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            not_null: column.not_null,
            primary: primary_key.as_ref().is_some_and(|key| key.columns.contains(&column.name)),
            foreign: foreign.contains(column.name.as_str()),
            unique: uniques.iter().any(|key| self.without_tenant(&key.columns) == [column.name.as_str()]),
            tenant: column.name == self.tenant,
            default: column.default.clone(),
            generated: column.generated.is_some(),
            identity: column.identity.is_some(),
            comment: column.comment.clone(),
            change: Change::Same,
        };
        Table {
            name: table.name.clone(),
            kind: self.kinds.get(&table.name).copied(),
            domain: String::new(),
            comment: table.comment.as_deref().and_then(human),
            columns: table.columns.iter().map(column).collect(),
            indexes: table.indexes.iter().map(index).collect(),
            partition_by: table.partition_by.clone(),
            partitions: self.partitions(&table.name),
            inherits: table.inherits.clone(),
            external: false,
            change: Change::Same,
            primary_key,
            uniques,
        }
    }

    fn partitions(&self, root: &str) -> Vec<String> {
        let below = |table: &&model::Table| table.is_partition() && self.model.root(&table.name) == root;
        self.model.tables.iter().filter(below).map(|table| table.name.clone()).collect()
    }

    fn without_tenant<'c>(&self, columns: &'c [String]) -> Vec<&'c str> {
        let named: Vec<&str> = columns.iter().map(String::as_str).collect();
        let rest: Vec<&str> = named.iter().copied().filter(|column| *column != self.tenant).collect();
        if rest.is_empty() { named } else { rest }
    }

    /// Foreign keys; those of partitions count as their parent's, once.
    fn references(&self) -> Vec<Reference> {
        let mut seen = BTreeSet::new();
        let mut references = Vec::new();
        // Parents first, so that a key is known by the name that it has there.
        let (partitions, roots): (Vec<_>, Vec<_>) =
            self.model.tables.iter().partition(|table| table.is_partition());
        for table in roots.into_iter().chain(partitions) {
            for constraint in &table.constraints {
                let ConstraintKind::ForeignKey(key) = &constraint.kind else { continue };
                let reference = self.reference(table, &constraint.name, key);
                let identity = (
                    reference.table.clone(),
                    reference.columns.clone(),
                    reference.target.clone(),
                    reference.target_columns.clone(),
                );
                if seen.insert(identity) {
                    references.push(reference);
                }
            }
        }
        references.sort_by(|a, b| (&a.table, &a.name).cmp(&(&b.table, &b.name)));
        references
    }

    fn reference(&self, table: &model::Table, name: &str, key: &ForeignKey) -> Reference {
        let nullable = |name: &String| table.column(name).is_some_and(|column| !column.not_null);
        let target = match &key.target_schema {
            Some(schema) => format!("{schema}.{}", key.target),
            None => self.model.root(&key.target).to_owned(),
        };
        Reference {
            name: name.to_owned(),
            table: self.model.root(&table.name).to_owned(),
            columns: key.columns.clone(),
            target,
            target_columns: key.target_columns.clone(),
            on_update: key.on_update.as_sql(),
            on_delete: key.on_delete.as_sql(),
            optional: key.columns.iter().any(nullable),
            to_one: self.is_unique(table, &key.columns),
            crosses_tenants: self.crosses(&table.name, key),
            change: Change::Same,
        }
    }

    /// Whether the columns, the tenant aside, hold a key of the table.
    fn is_unique(&self, table: &model::Table, columns: &[String]) -> bool {
        let columns = self.without_tenant(columns);
        let held = |key: &[String]| {
            !key.is_empty() && self.without_tenant(key).iter().all(|column| columns.contains(column))
        };
        let constraint = table.constraints.iter().any(|constraint| match &constraint.kind {
            ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => {
                !key.period && held(&key.columns)
            }
            _ => false,
        });
        constraint
            || table.indexes.iter().any(|index| {
                let keys: Option<Vec<String>> = index.keys.iter().map(|key| key.column.clone()).collect();
                index.unique && index.predicate.is_none() && keys.is_some_and(|keys| held(&keys))
            })
    }

    /// In shared tables, an end whose rows belong to tenants can be reached only through a key that carries the tenant.
    fn crosses(&self, table: &str, key: &ForeignKey) -> bool {
        if self.tenancy != TenancyModel::Shared || key.target_schema.is_some() {
            return false;
        }
        let kind = |name: &str| self.kinds.get(name).copied();
        let carried = key
            .columns
            .iter()
            .zip(&key.target_columns)
            .any(|(from, to)| from == self.tenant && to == self.tenant);
        match (kind(table), kind(&key.target)) {
            (Some(Kind::Tenant), Some(Kind::Tenant)) => !carried && !self.is_owner(key),
            // The rows of a scope may belong to several tenants, and row-level security says who sees them.
            (_, Some(Kind::Global) | None) | (Some(Kind::Tenant | Kind::Scoped), Some(Kind::Scoped)) => false,
            (Some(Kind::Global | Kind::Scoped) | None, Some(Kind::Tenant | Kind::Scoped)) => true,
        }
    }

    /// The tenant column itself refers to the table of tenants.
    fn is_owner(&self, key: &ForeignKey) -> bool {
        key.columns.len() == 1 && key.columns[0] == self.tenant
    }
}

/// A comment without the lines that Tenantry adds for itself.
fn human(comment: &str) -> Option<String> {
    let lines: Vec<&str> = comment.lines().filter(|line| !line.starts_with("tenantry:")).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn index(index: &model::Index) -> Index {
    let part = |key: &model::IndexKey| match &key.column {
        Some(column) => IndexPart::Column(column.clone()),
        None => IndexPart::Expression(key.expression.clone().unwrap_or_default()),
    };
    Index {
        name: index.name.clone(),
        method: index.method.clone(),
        unique: index.unique,
        keys: index.keys.iter().map(part).collect(),
        include: index.include.clone(),
        predicate: index.predicate.clone(),
        change: Change::Same,
    }
}

fn enumeration(found: &model::Type) -> Option<Enumeration> {
    match &found.kind {
        TypeKind::Enum { labels } => Some(Enumeration { name: found.name.clone(), labels: labels.clone() }),
        _ => None,
    }
}

/// A table that other tables refer to and that stands in another schema: what is known is what they refer to.
fn external(name: &str, references: &[Reference]) -> Table {
    let mut columns: Vec<Column> = Vec::new();
    for reference in references.iter().filter(|reference| reference.target == name) {
        for column in &reference.target_columns {
            if columns.iter().all(|known| known.name != *column) {
                columns.push(Column {
                    name: column.clone(),
                    type_name: String::new(),
                    not_null: true,
                    primary: false,
                    foreign: false,
                    unique: true,
                    tenant: false,
                    default: None,
                    generated: false,
                    identity: false,
                    comment: None,
                    change: Change::Same,
                });
            }
        }
    }
    Table {
        name: name.to_owned(),
        kind: None,
        domain: String::new(),
        comment: None,
        columns,
        primary_key: None,
        uniques: Vec::new(),
        indexes: Vec::new(),
        partition_by: None,
        partitions: Vec::new(),
        inherits: Vec::new(),
        external: true,
        change: Change::Same,
    }
}
