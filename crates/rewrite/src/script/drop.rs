//! DROP and RENAME: the statements stay, what is known of the schema changes.

use super::build::consequences;
use super::follow::Renamed;
use super::index::dropped;
use super::work::Work;
use super::{Script, Statement};
use crate::Refusal;
use pg_raw_parse::nodes;
use std::collections::BTreeSet;
use tenantry_schema::Model;
use tenantry_schema::model::{ConstraintKind, Table};

impl Script {
    pub(super) fn drop(&mut self, work: &Work<'_>, of: &nodes::DropStmt) -> Result<Vec<Statement>, Refusal> {
        use nodes::ObjectType as Type;
        if super::refused::is_of_the_server(of.remove_type) {
            return Err(super::refused::not_a_tenants(work));
        }
        self.will_change();
        let paths = dropped(of.objects());
        let names: Vec<String> = paths.iter().filter_map(|path| path.last().cloned()).collect();
        if matches!(
            of.remove_type,
            Type::OBJECT_TABLE
                | Type::OBJECT_VIEW
                | Type::OBJECT_MATVIEW
                | Type::OBJECT_SEQUENCE
                | Type::OBJECT_INDEX
        ) {
            paths.iter().try_for_each(|path| self.own_path(work, path))?;
        }
        let mut statement = work.verbatim();
        statement.transactional = !of.concurrent;
        match of.remove_type {
            Type::OBJECT_TABLE => {
                let mut out = vec![statement];
                out.extend(self.drop_tables(work, &names));
                return Ok(out);
            }
            Type::OBJECT_INDEX => {
                for table in &mut self.model.tables {
                    table.indexes.retain(|index| !names.contains(&index.name));
                }
                for view in &mut self.model.materialized_views {
                    view.indexes.retain(|index| !names.contains(&index.name));
                }
                self.learn();
            }
            Type::OBJECT_POLICY if names.iter().any(|name| name.starts_with("tenantry_")) => {
                return Err(work.refuse("the policy is what keeps tenants apart").hint("leave it out"));
            }
            Type::OBJECT_TRIGGER if names.iter().any(|name| name.starts_with("tenantry_")) => {
                return Err(work.refuse("the trigger keeps references to visible rows").hint("leave it out"));
            }
            Type::OBJECT_TRIGGER => {
                for path in &paths {
                    let [.., table, trigger] = path.as_slice() else { continue };
                    if let Some(table) = self.model.tables.iter_mut().find(|other| other.name == *table) {
                        table.triggers.retain(|other| other.name != *trigger);
                    }
                }
                self.learn();
            }
            Type::OBJECT_MATVIEW => return Ok(self.drop_materialized(work, of, &names)),
            Type::OBJECT_VIEW => {
                self.model.views.retain(|view| !names.contains(&view.name));
                self.learn();
            }
            Type::OBJECT_FUNCTION | Type::OBJECT_ROUTINE | Type::OBJECT_PROCEDURE => {
                // Where one of several goes, nobody knows any more what the others return.
                self.model.functions.retain(|function| !names.contains(&function.name));
                let functions = self.model.functions.clone();
                self.learn_shape(|known| known.learn_functions(&functions));
            }
            Type::OBJECT_SEQUENCE => self.model.sequences.retain(|sequence| !names.contains(&sequence.name)),
            Type::OBJECT_TYPE => self.model.types.retain(|known| !names.contains(&known.name)),
            Type::OBJECT_EXTENSION => {
                self.model.extensions.retain(|extension| !names.contains(&extension.name));
            }
            Type::OBJECT_SCHEMA => {
                return Err(work.refuse("the schema of a placement is Tenantry's").hint("drop its objects"));
            }
            _ => {}
        }
        Ok(vec![statement])
    }

    /// What was there only for the dropped tables' foreign keys goes too.
    fn drop_tables(&mut self, work: &Work<'_>, names: &[String]) -> Vec<Statement> {
        let near: Vec<String> = names
            .iter()
            .filter_map(|name| self.model.table(name))
            .flat_map(|table| &table.constraints)
            .filter_map(|constraint| match &constraint.kind {
                ConstraintKind::ForeignKey(key) => Some(key.target.clone()),
                _ => None,
            })
            .filter(|target| !names.contains(target))
            .collect();
        let about: Vec<&str> = near.iter().map(String::as_str).collect();
        let before = self.build(&self.model, &about);
        remove_tables(&mut self.model, names);
        let after = self.build(&self.model, &about);
        let out = consequences(&before, &after, &BTreeSet::new());
        self.learn();
        out.iter().map(|consequence| work.statement(consequence.sql())).collect()
    }

    pub(super) fn rename(
        &mut self,
        work: &Work<'_>,
        of: &nodes::RenameStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        use nodes::ObjectType as Type;
        let new = of.newname().unwrap_or_default().to_owned();
        let old = of.subname().unwrap_or_default().to_owned();
        let table = of.relation().and_then(nodes::RangeVar::relname).unwrap_or_default().to_owned();
        if super::refused::is_of_the_server(of.rename_type) || of.rename_type == Type::OBJECT_SCHEMA {
            return Err(super::refused::not_a_tenants(work));
        }
        if let Some(relation) = of.relation() {
            self.own_schema(work, relation)?;
        }
        if self.is_table_here(&table) && of.rename_type != Type::OBJECT_INDEX {
            return Err(super::refused::was_materialized(work, &table));
        }
        self.will_change();
        let before = self.model.clone();
        let mut renamed = Renamed { old_table: &table, new_table: &table, column: None };
        match of.rename_type {
            Type::OBJECT_TABLE if self.model.table(&table).is_some() => {
                self.rename_table(work, of, &table, &new)?;
                renamed.new_table = &new;
            }
            Type::OBJECT_COLUMN if self.model.table(&table).is_some() => {
                let tenant = self.declaration.tenancy.column.as_str();
                if [old.as_str(), new.as_str()].contains(&tenant) {
                    return Err(work
                        .refuse(format!("{tenant} is the tenant column of shared tables"))
                        .hint("choose another name, or declare another one for the tenant column"));
                }
                rename_column(&mut self.model, &table, &old, &new);
                renamed.column = Some((&old, &new));
            }
            Type::OBJECT_VIEW | Type::OBJECT_TABLE => self.rename_view(&table, &new),
            Type::OBJECT_COLUMN => {
                let swap = |column: &mut String| {
                    if *column == old {
                        new.clone_into(column);
                    }
                };
                self.learn_shape(|known| {
                    let view = known.views.get_mut(&table);
                    view.into_iter().flat_map(|view| &mut view.columns).for_each(swap);
                });
            }
            Type::OBJECT_TABCONSTRAINT => {
                if let Some(table) = self.model.tables.iter_mut().find(|other| other.name == table) {
                    for constraint in table.constraints.iter_mut().filter(|constraint| constraint.name == old)
                    {
                        constraint.name.clone_from(&new);
                    }
                }
            }
            Type::OBJECT_INDEX => rename_index(&mut self.model, &table, &new),
            Type::OBJECT_POLICY if old.starts_with("tenantry_") || new.starts_with("tenantry_") => {
                return Err(work
                    .refuse("policies named tenantry_… are Tenantry's")
                    .hint("choose another name"));
            }
            _ => {}
        }
        self.learn();
        let mut out = vec![work.verbatim()];
        out.extend(self.follow(&before, renamed).into_iter().map(|sql| work.statement(sql)));
        Ok(out)
    }

    fn rename_view(&mut self, old: &str, new: &str) {
        for view in self.model.views.iter_mut().filter(|view| view.name == old) {
            new.clone_into(&mut view.name);
        }
        self.model.views.sort_by(|a, b| a.name.cmp(&b.name));
        self.learn_shape(|known| {
            if let Some(shape) = known.views.remove(old) {
                known.views.insert(new.to_owned(), shape);
            }
        });
    }

    fn rename_table(
        &mut self,
        work: &Work<'_>,
        of: &nodes::RenameStmt,
        old: &str,
        new: &str,
    ) -> Result<(), Refusal> {
        let kind = |name: &str| self.declaration.tables.get(name).map(tenantry_schema::TableEntry::kind);
        if kind(old) != kind(new) {
            let place = of.relation().map_or(-1, |relation| relation.location);
            let entry = kind(old).map_or_else(|| "tenant".to_owned(), |kind| kind.to_string());
            return Err(work
                .refuse_at(place, format!("[tables] says what {old} is, and something else of {new}"))
                .hint("declare the new name as well before the migration, and drop the old one after it")
                .choice(format!("{new} = \"{entry}\"")));
        }
        for table in &mut self.model.tables {
            if table.name == old {
                new.clone_into(&mut table.name);
            }
            if let Some(partition) = table.partition_of.as_mut().filter(|partition| partition.parent == old) {
                new.clone_into(&mut partition.parent);
            }
            for constraint in &mut table.constraints {
                if let ConstraintKind::ForeignKey(key) = &mut constraint.kind
                    && key.target == old
                {
                    new.clone_into(&mut key.target);
                }
            }
        }
        for owned in self.model.sequences.iter_mut().filter_map(|sequence| sequence.owned_by.as_mut()) {
            if owned.table == old {
                new.clone_into(&mut owned.table);
            }
        }
        self.model.tables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }
}

fn remove_tables(model: &mut Model, names: &[String]) {
    let mut gone: BTreeSet<String> = names.iter().cloned().collect();
    for name in names {
        gone.extend(super::index::partitions_of(model, name));
    }
    model.tables.retain(|table| !gone.contains(&table.name));
    for table in &mut model.tables {
        table.constraints.retain(|constraint| match &constraint.kind {
            ConstraintKind::ForeignKey(key) => !gone.contains(&key.target),
            _ => true,
        });
    }
    model
        .sequences
        .retain(|sequence| !sequence.owned_by.as_ref().is_some_and(|owned| gone.contains(&owned.table)));
}

fn rename_column(model: &mut Model, table: &str, old: &str, new: &str) {
    let mut tree = super::index::partitions_of(model, table);
    tree.push(table.to_owned());
    let swap = |names: &mut Vec<String>| {
        for name in names.iter_mut().filter(|name| *name == old) {
            new.clone_into(name);
        }
    };
    for other in &mut model.tables {
        let of_tree = tree.contains(&other.name);
        for constraint in &mut other.constraints {
            match &mut constraint.kind {
                ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) if of_tree => {
                    swap(&mut key.columns);
                    swap(&mut key.include);
                }
                ConstraintKind::ForeignKey(key) => {
                    if of_tree {
                        swap(&mut key.columns);
                        swap(&mut key.on_delete_columns);
                    }
                    if key.target == table {
                        swap(&mut key.target_columns);
                    }
                }
                ConstraintKind::Exclusion(of) if of_tree => {
                    for key in of.keys.iter_mut().filter(|key| key.column.as_deref() == Some(old)) {
                        key.column = Some(new.to_owned());
                    }
                }
                _ => {}
            }
        }
        if of_tree {
            rename_in_table(other, old, new);
        }
    }
}

fn rename_in_table(table: &mut Table, old: &str, new: &str) {
    for column in table.columns.iter_mut().filter(|column| column.name == old) {
        new.clone_into(&mut column.name);
    }
    for index in &mut table.indexes {
        for key in index.keys.iter_mut().filter(|key| key.column.as_deref() == Some(old)) {
            key.column = Some(new.to_owned());
        }
        for name in index.include.iter_mut().filter(|name| *name == old) {
            new.clone_into(name);
        }
    }
}

fn rename_index(model: &mut Model, old: &str, new: &str) {
    for index in model.materialized_views.iter_mut().flat_map(|view| &mut view.indexes) {
        if index.name == old {
            new.clone_into(&mut index.name);
        }
    }
    for table in &mut model.tables {
        for index in table.indexes.iter_mut().filter(|index| index.name == old) {
            new.clone_into(&mut index.name);
        }
        for constraint in table.constraints.iter_mut().filter(|constraint| constraint.name == old) {
            new.clone_into(&mut constraint.name);
        }
    }
}
