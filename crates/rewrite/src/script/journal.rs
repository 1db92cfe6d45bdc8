//! What a script has changed of its own knowledge since it began, so that a refused script leaves nothing behind. Most statements
//! touch a table or two of hundreds: those are kept, not a copy of everything.

use super::Script;
use super::build::Built;
use super::plain::Plain;
use crate::known::{Facts, Known};
use std::collections::BTreeSet;
use tenantry_core::TenancyModel;
use tenantry_schema::model::{Sequence, Table};

/// One thing as it was.
#[derive(Debug, Clone)]
enum Undo {
    Model(Box<Plain>),
    /// Tables under these names.
    Tables(BTreeSet<String>, Vec<Table>),
    Sequences(Vec<Sequence>),
    Known(Box<Known>),
    Facts(Vec<(String, Option<Facts>)>),
}

/// The changes, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Vec<Undo>);

impl Script {
    /// Runs something that may fail, and undoes what it did of the script's knowledge if so.
    pub(super) fn all_or_nothing<T, E>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.journal.0.clear();
        let done = work(self);
        let journal = std::mem::take(&mut self.journal.0);
        if done.is_err() {
            journal.into_iter().rev().for_each(|undo| self.undo(undo));
        }
        done
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Model(model) => self.model = *model,
            Undo::Tables(names, tables) => drop(self.model.put(&names, tables)),
            Undo::Sequences(sequences) => drop(self.model.put_sequences(sequences)),
            Undo::Known(known) => drop(self.rewriter.replace_known(*known)),
            Undo::Facts(facts) => self.rewriter.known_mut().restore(facts),
        }
    }

    /// Before a statement that may touch anything.
    pub(super) fn will_change(&mut self) {
        self.journal.0.push(Undo::Model(Box::new(self.model.clone())));
    }

    /// Puts tables in the place of those with these names, and sequences in the place of all.
    pub(super) fn change(
        &mut self,
        names: BTreeSet<String>,
        tables: Vec<Table>,
        sequences: Option<Vec<Sequence>>,
    ) {
        let old = self.model.put(&names, tables);
        self.journal.0.push(Undo::Tables(names, old));
        if let Some(sequences) = sequences {
            let old = self.model.put_sequences(sequences);
            self.journal.0.push(Undo::Sequences(old));
        }
    }

    /// Takes over what the rules made of some tables.
    pub(super) fn learn_about(&mut self, built: &Built, tables: &[&str]) {
        if self.target.model == TenancyModel::Shared {
            let known = self.rewriter.known_mut();
            let old = known.update(&self.model, &built.model, &built.kinds, tables);
            self.journal.0.push(Undo::Facts(old));
        }
    }

    /// A view or a function is there from now on.
    pub(super) fn learn_shape(&mut self, learn: impl FnOnce(&mut Known)) {
        let mut known = self.rewriter.known().clone();
        learn(&mut known);
        let old = self.rewriter.replace_known(known);
        self.journal.0.push(Undo::Known(Box::new(old)));
    }

    /// Brings what is known of tables up to date with the model.
    pub(super) fn learn(&mut self) {
        let mut known = self.rewriter.known().clone();
        if self.target.model == TenancyModel::Shared {
            known.learn(&self.model, &self.declaration);
        }
        known.views.retain(|name, _| {
            self.model.views.iter().any(|view| view.name == *name)
                || self.model.materialized_views.iter().any(|view| view.name == *name)
        });
        let old = self.rewriter.replace_known(known);
        self.journal.0.push(Undo::Known(Box::new(old)));
    }
}
