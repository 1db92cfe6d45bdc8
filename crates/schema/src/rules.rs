//! The rules, one file each, and the registry that lists them in the order in which they run.
//!
//! A rule finds and fixes in one pass: it changes the model towards what the tenancy model asks for, and reports each
//! change and each thing it can't decide. So a rule's finding and its fix can't disagree, and a model that a rule has
//! been over gives it nothing more to change (the tests hold every rule to that).

mod declaration;
mod exclusion;
mod extension;
mod foreign_key;
mod function;
mod global;
mod index;
#[cfg(test)]
mod lab;
mod leakproof;
mod marker;
mod materialized_view;
mod names;
mod not_modelled;
mod overrides;
pub(crate) mod partition;
pub(crate) mod pool;
mod primary_key;
mod printed;
mod query;
mod rewrite_rule;
mod row_security;
pub(crate) mod scope;
mod sequence;
mod statistics;
mod table;
mod tenant_column;
mod unique;
mod view;

use self::printed::printed;
use crate::check::{Classified, Finding, Origin, Remedy, Severity};
use crate::declaration::{Declaration, Kind, TableEntry, Unnamed, split_unique};
use crate::model::{Model, Table};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Debug;
use tenantry_core::{ContextKind, TenancyModel};

pub use marker::MARKER;
pub(crate) use materialized_view::is_companion as is_materialized;
pub use materialized_view::{MATERIALIZED_LOG, materialized_companions};
pub(crate) use names::nearest;
pub use pool::needs_pool;
pub(crate) use row_security::is_value as is_tenant_value;

/// One rule.
pub trait Rule: Debug + Sync {
    /// Stable, kebab-case: people write it in suppressions and search for it.
    fn id(&self) -> &'static str;
    /// What it asks for and why, in a sentence or two, for the reference page.
    fn about(&self) -> &'static str;
    /// The longer documentation: `tenantry rules ID`, `tenantry audit --explain ID` and the reference page show it.
    fn docs(&self) -> Docs {
        Docs::default()
    }
    /// The models that it concerns.
    fn models(&self) -> &'static [TenancyModel];
    /// How bad its findings can be, worst first.
    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Warning, Severity::Note]
    }
    /// Who makes its findings go away.
    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }
    /// Brings the model in line and reports.
    fn apply(&self, model: &mut Model, case: &mut Case<'_>);
}

/// A rule's documentation. The examples are run by the tests: `before` compiles (or is refused), `after` is what it becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Docs {
    /// What goes wrong without it: a leak, a failure, a cost. Markdown.
    pub why: &'static str,
    /// SQL (and, behind a line `-- tenantry.toml`, declaration) that the rule has something to say about.
    pub before: &'static str,
    /// What it becomes, or what a person should write instead.
    pub after: &'static str,
    /// When to ignore it with `[[ignore]]`; empty where one shouldn't.
    pub ignore: &'static str,
}

/// What there is to know of a rule. The auditor's rules, which are no [`Rule`]s, have one each too: the ids are one namespace,
/// and `tenantry rules` lists both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RuleInfo {
    pub id: &'static str,
    pub about: &'static str,
    /// How bad its findings can be, worst first.
    pub severities: &'static [Severity],
    pub models: &'static [TenancyModel],
    /// Who makes its findings go away.
    pub remedies: &'static [Remedy],
    pub docs: Docs,
}

/// What there is to know of this crate's rules, by id.
pub fn infos() -> Vec<RuleInfo> {
    let mut infos: Vec<RuleInfo> = registry().iter().map(|rule| RuleInfo::of(*rule)).collect();
    infos.sort_by_key(|info| info.id);
    infos
}

impl RuleInfo {
    fn of(rule: &dyn Rule) -> Self {
        Self {
            id: rule.id(),
            about: rule.about(),
            severities: rule.severities(),
            models: rule.models(),
            remedies: rule.remedies(),
            docs: rule.docs(),
        }
    }
}

/// All rules. The order matters: keys before foreign keys, columns before keys.
pub fn registry() -> &'static [&'static dyn Rule] {
    &[
        &declaration::Declared,
        &not_modelled::NotModelled,
        &table::Tables,
        &extension::Extensions,
        &sequence::Sequences,
        &overrides::Overrides,
        &materialized_view::MaterializedViews,
        &tenant_column::TenantColumn,
        &partition::Partitions,
        &primary_key::PrimaryKey,
        &unique::Uniques,
        &exclusion::Exclusions,
        &scope::Scopes,
        &pool::PoolTables,
        &foreign_key::ForeignKeys,
        &index::Indexes,
        &leakproof::Leakproof,
        &statistics::ExtendedStatistics,
        &row_security::RowSecurity,
        &view::Views,
        &function::Functions,
        &rewrite_rule::RewriteRules,
        &global::ReferenceCopies,
        &marker::Marker,
    ]
}

/// What the row-level security floor compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    pub context: ContextKind,
    /// The one tenant of a schema placement.
    pub tenant_value: Option<String>,
}

/// What a rule works with: the declaration, the tables' kinds, and where findings go.
#[derive(Debug)]
pub struct Case<'a> {
    pub declaration: &'a Declaration,
    pub tenancy: TenancyModel,
    pub floor: &'a Floor,
    kinds: BTreeMap<String, Kind>,
    globally_unique: BTreeMap<String, Vec<Vec<String>>>,
    /// Built when a rule first needs a name.
    names: Option<HashSet<String>>,
    rule: &'static str,
    findings: Vec<Finding>,
}

impl Case<'_> {
    /// The tenant column's name.
    pub fn column(&self) -> &str {
        self.declaration.tenancy.column.as_str()
    }

    /// A table's kind. Unclassified tables have none: their own error stops the compilation.
    pub fn kind(&self, table: &str) -> Option<Kind> {
        self.kinds.get(table).copied()
    }

    /// The column sets of a table (the root of its partitions) that `[unique]` declares unique over all tenants.
    pub fn globally_unique(&self, table: &str) -> &[Vec<String>] {
        self.globally_unique.get(table).map_or(&[], Vec::as_slice)
    }

    /// Whether policies of ours bind the readers of a table.
    pub fn has_floor(&self, table: &Table) -> bool {
        match self.tenancy {
            TenancyModel::Shared => matches!(self.kind(&table.name), Some(Kind::Tenant | Kind::Scoped)),
            TenancyModel::Schema => true,
            TenancyModel::Database => false,
        }
    }

    /// Whether it is a tenant table.
    pub fn is_tenant(&self, table: &Table) -> bool {
        self.kind(&table.name) == Some(Kind::Tenant)
    }

    /// A name for something new of a table that nothing has yet.
    pub(crate) fn fresh_name(
        &mut self,
        model: &Model,
        table: &str,
        columns: &[String],
        label: &str,
    ) -> String {
        let names = self.names.get_or_insert_with(|| names::all(model));
        let name = names::fresh_among(|name| names.contains(name), table, columns, label);
        names.insert(name.clone());
        name
    }

    /// A rule has made something of that name.
    pub(crate) fn is_taken_now(&mut self, name: &str) {
        if let Some(names) = &mut self.names {
            names.insert(name.to_owned());
        }
    }

    /// The model can't be compiled like this.
    pub fn error(&mut self, place: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Error, Remedy::Person, place.into(), message.into(), Some(hint.into()));
    }

    /// It compiles, and a person should look.
    pub fn warning(&mut self, place: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Warning, Remedy::Person, place.into(), message.into(), Some(hint.into()));
    }

    /// Worth knowing.
    pub fn note(&mut self, place: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Note, Remedy::Person, place.into(), message.into(), Some(hint.into()));
    }

    /// The rule has changed the model here.
    pub fn change(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.push(Severity::Note, Remedy::Compile, place.into(), message.into(), None);
    }

    fn push(
        &mut self,
        severity: Severity,
        remedy: Remedy,
        place: String,
        message: String,
        hint: Option<String>,
    ) {
        let (rule, models) = (self.rule, vec![self.tenancy]);
        self.findings.push(Finding { rule, severity, place, message, hint, remedy, models });
    }
}

/// What the rules make of a model for one placement: the model as it should be, and what they said on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    pub model: Model,
    pub findings: Vec<Finding>,
    /// The kind of every classified table.
    pub kinds: BTreeMap<String, Kind>,
}

/// Runs the rules for a placement of this tenancy model over a model, wherever it was read: from a plain schema (to compile
/// it), from a database with tenants (to audit it) or from one to be converted.
pub fn reconcile(
    model: &Model,
    declaration: &Declaration,
    tenancy: TenancyModel,
    floor: &Floor,
) -> Reconciled {
    reconcile_owned(model.clone(), declaration, tenancy, floor)
}

/// The same of a model that nobody else needs.
pub fn reconcile_owned(
    model: Model,
    declaration: &Declaration,
    tenancy: TenancyModel,
    floor: &Floor,
) -> Reconciled {
    let (model, findings) = run(model, declaration, tenancy, floor);
    let kinds = kinds(&model, declaration);
    Reconciled { model, findings, kinds }
}

/// Runs every rule that concerns the tenancy model. Returns the model as it is to be built, and the findings.
pub(crate) fn run(
    mut model: Model,
    declaration: &Declaration,
    tenancy: TenancyModel,
    floor: &Floor,
) -> (Model, Vec<Finding>) {
    let mut case = Case {
        declaration,
        tenancy,
        floor,
        kinds: kinds(&model, declaration),
        globally_unique: globally_unique(declaration),
        names: None,
        rule: "",
        findings: Vec::new(),
    };
    for rule in registry().iter().filter(|rule| rule.models().contains(&tenancy)) {
        case.rule = rule.id();
        // What the rule before has made has names of its own.
        case.names = None;
        rule.apply(&mut model, &mut case);
    }
    (model, case.findings)
}

fn globally_unique(declaration: &Declaration) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut sets: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for (table, columns) in declaration.unique.keys().filter_map(|key| split_unique(key)) {
        let columns = columns.into_iter().map(ToOwned::to_owned).collect();
        sets.entry(table.to_owned()).or_default().push(columns);
    }
    sets
}

/// The findings alone, before a target is known.
pub(crate) fn preview(model: &Model, declaration: &Declaration, tenancy: TenancyModel) -> Vec<Finding> {
    let tenant_value = (tenancy == TenancyModel::Schema).then(|| "0".to_owned());
    run(model.clone(), declaration, tenancy, &Floor { context: ContextKind::Carrier, tenant_value }).1
}

/// The kind of every table.
pub(crate) fn classify(model: &Model, declaration: &Declaration) -> Vec<Classified> {
    let mut all: Vec<Classified> =
        model.tables.iter().map(|table| classify_table(model, declaration, table)).collect();
    all.extend(overrides::companions(model, declaration).map(|table| Classified {
        table,
        kind: Some(Kind::Tenant),
        origin: Origin::Declared,
    }));
    all
}

/// What `[tables]` says of a table: partitions follow the root of their tree, and children by INHERITS their parent unless they
/// are named themselves.
fn declared(model: &Model, declaration: &Declaration, table: &Table) -> Option<(Kind, Origin)> {
    let mut table = table;
    let mut origin = Origin::Declared;
    // Bounded by the number of tables, should the facts ever hold a circle.
    for _ in 0..=model.tables.len() {
        if let Some(entry) = declaration.tables.get(model.root(&table.name)) {
            return Some((entry.kind(), origin));
        }
        table = table.inherits.first().and_then(|parent| model.table(parent))?;
        origin = Origin::Parent;
    }
    None
}

fn classify_table(model: &Model, declaration: &Declaration, table: &Table) -> Classified {
    let (kind, origin) = match declared(model, declaration, table) {
        Some((kind, origin)) => (Some(kind), origin),
        None if declaration.tenancy.default == Unnamed::Tenant || is_companion(table) => {
            (Some(Kind::Tenant), Origin::Default)
        }
        None => (None, Origin::Default),
    };
    let origin = if table.is_partition() { Origin::Parent } else { origin };
    Classified { table: table.name.clone(), kind, origin }
}

/// Tables that rules have made hold tenants' rows, whether the declaration names them or not.
fn is_companion(table: &Table) -> bool {
    overrides::is_companion(table) || is_materialized(table)
}

pub(crate) fn kinds(model: &Model, declaration: &Declaration) -> BTreeMap<String, Kind> {
    let classified = classify(model, declaration).into_iter();
    classified.filter_map(|table| Some((table.table, table.kind?))).collect()
}

const ALL: &[TenancyModel] = &TenancyModel::ALL;
const SHARED: &[TenancyModel] = &[TenancyModel::Shared];
const POOLED: &[TenancyModel] = &[TenancyModel::Shared, TenancyModel::Schema];

/// The tenant column's default, as the server prints it: the tenant, wherever it is placed.
pub(crate) const TENANT_ID: &str = "tenancy.tenant_id()";
/// The tenant whose rows the tables that tenants share hold: none, for one with a schema of its own.
pub(crate) const SHARED_TENANT_ID: &str = "tenancy.shared_tenant_id()";

/// Puts the tenant column first. False where it was there already.
fn lead(columns: &mut Vec<String>, tenant: &str) -> bool {
    if columns.first().is_some_and(|first| first == tenant) {
        return false;
    }
    columns.retain(|column| column != tenant);
    columns.insert(0, tenant.to_owned());
    true
}

/// Whether two lists name the same columns, in any order.
fn same_columns(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().all(|column| b.contains(column))
}
