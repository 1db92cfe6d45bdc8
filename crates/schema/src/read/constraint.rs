//! Facts about constraints and indexes: an index that backs a constraint becomes part of it.

use super::place::{Part, Places, dangling};
use crate::error::SchemaError;
use crate::model::{
    Constraint, ConstraintKind, Exclusion, ForeignAction, ForeignKey, Index, Model, UniqueKey,
};
use serde::Deserialize;
use std::collections::HashMap;

/// A row of constraints.sql.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own in the catalog")]
#[derive(Deserialize)]
pub(super) struct ConstraintFact {
    name: String,
    comment: Option<String>,
    kind: FactKind,
    columns: Vec<String>,
    #[serde(default)]
    inherited: bool,
    deferrable: bool,
    deferred: bool,
    validated: bool,
    enforced: bool,
    period: bool,
    definition: Option<String>,
    operators: Option<Vec<String>>,
    references: Option<References>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum FactKind {
    PrimaryKey,
    Unique,
    ForeignKey,
    Check,
    Exclusion,
}

#[derive(Deserialize)]
struct References {
    schema: Option<String>,
    table: String,
    columns: Vec<String>,
    full: bool,
    full_check: Option<String>,
    on_update: ForeignAction,
    on_delete: ForeignAction,
    on_delete_columns: Vec<String>,
}

/// A row of indexes.sql.
#[derive(Deserialize)]
pub(super) struct IndexFact {
    constraint: Option<String>,
    #[serde(flatten)]
    index: Index,
}

/// Indexes that back a constraint become part of it.
pub(super) fn add_keys(
    model: &mut Model,
    places: &Places,
    constraints: Vec<Part<ConstraintFact>>,
    indexes: Vec<Part<IndexFact>>,
) -> Result<(), SchemaError> {
    let mut backing = HashMap::new();
    for (place, fact) in indexes.into_iter().map(Part::split) {
        match fact.constraint {
            Some(constraint) => {
                backing.insert((place, constraint), fact.index);
            }
            None => places.indexes(model, &place)?.push(fact.index),
        }
    }
    for (place, fact) in constraints.into_iter().map(Part::split) {
        let key = (place, fact.name.clone());
        let index = backing.remove(&key);
        let constraint = constraint(&fact, index).ok_or_else(|| dangling("constraints", &fact.name))?;
        places.table(model, "constraints", &key.0)?.constraints.push(constraint);
    }
    Ok(())
}

/// `None` where the facts of a constraint are incomplete.
fn constraint(fact: &ConstraintFact, index: Option<Index>) -> Option<Constraint> {
    let (index_comment, replica_identity, clustered) = match &index {
        Some(index) => (index.comment.clone(), index.replica_identity, index.clustered),
        None => (None, false, false),
    };
    let kind = match fact.kind {
        FactKind::Check => {
            ConstraintKind::Check { definition: fact.definition.clone()?, validated: fact.validated }
        }
        FactKind::ForeignKey => ConstraintKind::ForeignKey(foreign_key(fact)?),
        FactKind::PrimaryKey => ConstraintKind::PrimaryKey(unique_key(fact, index?)),
        FactKind::Unique => ConstraintKind::Unique(unique_key(fact, index?)),
        FactKind::Exclusion => ConstraintKind::Exclusion(exclusion(fact, index?)?),
    };
    Some(Constraint {
        comment: fact.comment.clone(),
        deferrable: fact.deferrable,
        deferred: fact.deferred,
        inherited: fact.inherited,
        index_comment,
        replica_identity,
        clustered,
        ..Constraint::new(fact.name.clone(), kind)
    })
}

fn unique_key(fact: &ConstraintFact, index: Index) -> UniqueKey {
    UniqueKey {
        columns: fact.columns.clone(),
        include: index.include,
        nulls_not_distinct: index.nulls_not_distinct,
        period: fact.period,
        options: index.options,
    }
}

fn exclusion(fact: &ConstraintFact, index: Index) -> Option<Exclusion> {
    let operators = fact.operators.clone()?;
    (operators.len() == index.keys.len()).then_some(Exclusion {
        method: index.method,
        keys: index.keys,
        operators,
        include: index.include,
        predicate: index.predicate,
        options: index.options,
    })
}

fn foreign_key(fact: &ConstraintFact) -> Option<ForeignKey> {
    let target = fact.references.as_ref()?;
    Some(ForeignKey {
        columns: fact.columns.clone(),
        target_schema: target.schema.clone(),
        target: target.table.clone(),
        target_columns: target.columns.clone(),
        full: target.full,
        full_check: target.full_check.clone(),
        on_update: target.on_update,
        on_delete: target.on_delete,
        on_delete_columns: target.on_delete_columns.clone(),
        validated: fact.validated,
        enforced: fact.enforced,
        period: fact.period,
    })
}
