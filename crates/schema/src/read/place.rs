//! Where a fact about a part of a relation goes.

use crate::error::SchemaError;
use crate::model::{Column, Index, Model, RewriteRule, Statistics, Table, Trigger};
use serde::Deserialize;
use std::collections::HashMap;

/// A fact that belongs to a relation.
#[derive(Deserialize)]
pub(super) struct Part<T> {
    table: String,
    #[serde(flatten)]
    part: T,
}

impl<T> Part<T> {
    pub(super) fn split(self) -> (String, T) {
        (self.table, self.part)
    }
}

/// The relations of a model by name. They share one namespace.
pub(super) struct Places(HashMap<String, At>);

#[derive(Clone, Copy)]
enum At {
    Table(usize),
    View(usize),
    MaterializedView(usize),
}

impl Places {
    pub(super) fn of(model: &Model) -> Self {
        let tables = model.tables.iter().enumerate().map(|(at, t)| (t.name.clone(), At::Table(at)));
        let views = model.views.iter().enumerate().map(|(at, v)| (v.name.clone(), At::View(at)));
        let materialized = model
            .materialized_views
            .iter()
            .enumerate()
            .map(|(at, v)| (v.name.clone(), At::MaterializedView(at)));
        Self(tables.chain(views).chain(materialized).collect())
    }

    fn at(&self, name: &str) -> Option<At> {
        self.0.get(name).copied()
    }

    pub(super) fn table<'a>(
        &self,
        model: &'a mut Model,
        facts: &'static str,
        name: &str,
    ) -> Result<&'a mut Table, SchemaError> {
        match self.at(name) {
            Some(At::Table(at)) => Ok(&mut model.tables[at]),
            _ => Err(dangling(facts, name)),
        }
    }

    pub(super) fn columns<'a>(
        &self,
        model: &'a mut Model,
        name: &str,
    ) -> Result<&'a mut Vec<Column>, SchemaError> {
        match self.at(name) {
            Some(At::MaterializedView(at)) => Ok(&mut model.materialized_views[at].columns),
            _ => Ok(&mut self.table(model, "columns", name)?.columns),
        }
    }

    pub(super) fn indexes<'a>(
        &self,
        model: &'a mut Model,
        name: &str,
    ) -> Result<&'a mut Vec<Index>, SchemaError> {
        match self.at(name) {
            Some(At::MaterializedView(at)) => Ok(&mut model.materialized_views[at].indexes),
            _ => Ok(&mut self.table(model, "indexes", name)?.indexes),
        }
    }

    pub(super) fn statistics<'a>(
        &self,
        model: &'a mut Model,
        name: &str,
    ) -> Result<&'a mut Vec<Statistics>, SchemaError> {
        match self.at(name) {
            Some(At::MaterializedView(at)) => Ok(&mut model.materialized_views[at].statistics),
            _ => Ok(&mut self.table(model, "statistics", name)?.statistics),
        }
    }

    pub(super) fn triggers<'a>(
        &self,
        model: &'a mut Model,
        name: &str,
    ) -> Result<&'a mut Vec<Trigger>, SchemaError> {
        match self.at(name) {
            Some(At::View(at)) => Ok(&mut model.views[at].triggers),
            _ => Ok(&mut self.table(model, "triggers", name)?.triggers),
        }
    }

    pub(super) fn rules<'a>(
        &self,
        model: &'a mut Model,
        name: &str,
    ) -> Result<&'a mut Vec<RewriteRule>, SchemaError> {
        match self.at(name) {
            Some(At::View(at)) => Ok(&mut model.views[at].rules),
            _ => Ok(&mut self.table(model, "rules", name)?.rules),
        }
    }
}

pub(super) fn dangling(facts: &'static str, name: &str) -> SchemaError {
    SchemaError::Dangling { facts, object: name.to_owned() }
}
