//! From a change of the plain schema to what it is in the placement: the rules run over the part of the model that the change
//! is about, before it and after it.

use super::Script;
use super::plain::{Plain, targets};
use super::work::Work;
use crate::Refusal;
use std::collections::{BTreeMap, BTreeSet};
use tenantry_schema::model::{Constraint, ConstraintKind, Table};
use tenantry_schema::{
    Declaration, Finding, Floor, Kind, Model, Severity, constraint_sql, reconcile_owned, render,
};

/// What the rules make of the part of the model that a statement is about.
#[derive(Debug)]
pub(crate) struct Built {
    pub model: Model,
    pub kinds: BTreeMap<String, Kind>,
    findings: Vec<Finding>,
}

impl Built {
    fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }
}

/// A constraint that changes without the statement saying so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    Add { table: String, constraint: Box<Constraint> },
    Drop { table: String, name: String },
}

impl Consequence {
    pub(crate) fn sql(&self) -> String {
        match self {
            Self::Add { table, constraint } => {
                format!("ALTER TABLE {} ADD {}", crate::name::ident(table), constraint_sql(constraint))
            }
            Self::Drop { table, name } => {
                format!(
                    "ALTER TABLE {} DROP CONSTRAINT {}",
                    crate::name::ident(table),
                    crate::name::ident(name)
                )
            }
        }
    }
}

impl Script {
    /// Runs the rules over the tables `about`, and over what these tables' own parts depend on.
    pub(crate) fn build(&self, model: &Plain, about: &[&str]) -> Built {
        let (part, declaration) = part_of(model, &self.declaration, about);
        let floor = Floor { context: self.target.context, tenant_value: self.target.tenant_value.clone() };
        let built = reconcile_owned(part, &declaration, self.target.model, &floor);
        Built { model: built.model, kinds: built.kinds, findings: built.findings }
    }

    /// What the rules refuse now and did not refuse before.
    pub(crate) fn refused(work: &Work<'_>, after: &Built, before: &Built) -> Result<(), Refusal> {
        if after.errors().next().is_none() {
            return Ok(());
        }
        let new = after.errors().find(|error| {
            !before.errors().any(|known| known.place == error.place && known.message == error.message)
        });
        match new {
            None => Ok(()),
            Some(error) => {
                let mut refusal = work.refuse(format!("{}: {}", error.place, error.message));
                refusal.hint.clone_from(&error.hint);
                Err(refusal)
            }
        }
    }

    /// The statements that create what is left of a model, without those that prepare a transaction and a schema.
    pub(crate) fn rendered(
        &self,
        work: &Work<'_>,
        built: &Built,
        model: &Model,
    ) -> Result<Vec<String>, Refusal> {
        self.rendered_as(work, &built.kinds, model)
    }

    pub(crate) fn rendered_as(
        &self,
        work: &Work<'_>,
        kinds: &BTreeMap<String, Kind>,
        model: &Model,
    ) -> Result<Vec<String>, Refusal> {
        let statements = render(model, kinds, &self.target);
        let statements = statements.map_err(|error| work.refuse(error.to_string()))?;
        let prepares = ["SET LOCAL ", "GRANT USAGE ON SCHEMA ", "CREATE EXTENSION "];
        Ok(statements
            .into_iter()
            .filter(|sql| !prepares.iter().any(|start| sql.starts_with(start)))
            .collect())
    }
}

/// Constraints that differ between two builds, without the ones that the statement itself names.
/// Foreign keys go before the keys that they refer to, and come after them.
pub(crate) fn consequences(before: &Built, after: &Built, stated: &BTreeSet<String>) -> Vec<Consequence> {
    let refers = |constraint: &Constraint| matches!(constraint.kind, ConstraintKind::ForeignKey(_));
    let mut out: Vec<(bool, bool, Consequence)> = Vec::new();
    for table in &after.model.tables {
        let Some(old) = before.model.table(&table.name) else { continue };
        let find = |list: &[Constraint], name: &str| list.iter().find(|c| c.name == name).cloned();
        for constraint in old.constraints.iter().filter(|c| !stated.contains(&c.name)) {
            if find(&table.constraints, &constraint.name).as_ref() != Some(constraint) {
                let (table, name) = (table.name.clone(), constraint.name.clone());
                out.push((false, !refers(constraint), Consequence::Drop { table, name }));
            }
        }
        for constraint in table.constraints.iter().filter(|c| !stated.contains(&c.name)) {
            if find(&old.constraints, &constraint.name).as_ref() != Some(constraint) {
                let (table, own) = (table.name.clone(), Box::new(constraint.clone()));
                out.push((true, refers(constraint), Consequence::Add { table, constraint: own }));
            }
        }
    }
    out.sort_by_key(|(added, later, _)| (*added, *later));
    out.into_iter().map(|(_, _, consequence)| consequence).collect()
}

/// A table and what it refers to, before and after a statement: both builds must be about the same part of the schema, or the edge
/// of that part would look like a change.
pub(crate) fn about(before: Option<&Table>, after: Option<&Table>, name: &str) -> BTreeSet<String> {
    let both = [before, after];
    let targets = both.iter().flatten().flat_map(|table| targets(table)).map(ToOwned::to_owned);
    targets.chain(std::iter::once(name.to_owned())).collect()
}

/// The tables in question, those they refer to, those that refer to any of these, and the partition trees of all of them.
fn part_of(model: &Plain, declaration: &Declaration, about: &[&str]) -> (Model, Declaration) {
    let mut near: BTreeSet<&str> = about.iter().copied().collect();
    for name in about {
        near.extend(model.targets(name));
    }
    let mut names = near.clone();
    names.extend(near.iter().flat_map(|name| model.referrers(name)));
    let with: Vec<&str> = names.iter().copied().collect();
    names.extend(with.iter().flat_map(|name| model.targets(name)));
    let roots: BTreeSet<&str> = names.iter().map(|name| model.root(name)).collect();
    names.extend(roots.iter().flat_map(|root| model.tree(root)));
    // By name, as in the whole model.
    let tables: Vec<Table> = names.iter().filter_map(|name| model.table(name)).cloned().collect();
    let part = Model {
        source: model.source.clone(),
        extensions: model.extensions.clone(),
        tables,
        ..Model::default()
    };
    let names = part.tables.iter().map(|table| table.name.as_str()).collect();
    let declaration = declaration_of(declaration, &names);
    (part, declaration)
}

/// What is declared of some tables.
fn declaration_of(whole: &Declaration, tables: &BTreeSet<&str>) -> Declaration {
    let entries = tables.iter().filter_map(|name| whole.tables.get_key_value(*name));
    let names_one = |key: &str| key.split_once('.').is_some_and(|(table, _)| tables.contains(table.trim()));
    Declaration {
        tenancy: whole.tenancy.clone(),
        tables: entries.map(|(name, entry)| (name.clone(), entry.clone())).collect(),
        unique: whole
            .unique
            .iter()
            .filter(|(key, _)| names_one(key))
            .map(|(key, of)| (key.clone(), *of))
            .collect(),
        ignore: Vec::new(),
    }
}
