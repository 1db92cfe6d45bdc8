//! `primary-key`: two tenants may use the same id.

use super::{Case, Rule, SHARED, lead, names};
use crate::check::{Remedy, Severity};
use crate::declaration::Keys;
use crate::model::{Constraint, ConstraintKind, Model, UniqueKey};
use crate::read::rank;
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct PrimaryKey;

impl Rule for PrimaryKey {
    fn id(&self) -> &'static str {
        "primary-key"
    }

    fn about(&self) -> &'static str {
        "With composite keys the primary key of a shared tenant table starts with the tenant column. With global ids it \
         stays as it is, and a unique constraint led by the tenant column is what foreign keys refer to. A key without \
         the tenant tells one tenant that another one uses a value."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A key without the tenant tells one tenant that another one uses a value, makes the second wait for \
                  the first, and keeps two databases from being merged. Rows without a key can't be told apart when a \
                  tenant moves.",
            before: "CREATE TABLE projects (id bigint, name text, CONSTRAINT projects_pkey PRIMARY KEY (id));",
            after: "CONSTRAINT projects_pkey PRIMARY KEY (tenant_id, id)",
            ignore: "The warning, for a table whose rows are never moved, such as a log that is not kept.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Warning, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for at in 0..model.tables.len() {
            let table = &model.tables[at];
            if !case.is_tenant(table) {
                continue;
            }
            let Some(key) = table.primary_key() else {
                if !table.is_partition() {
                    case.warning(
                        &table.name,
                        "it has no primary key, so rows can't be told apart when a tenant moves",
                        "add one",
                    );
                }
                continue;
            };
            match case.declaration.tenancy.keys {
                Keys::Composite => composite(model, at, case),
                Keys::GlobalId => {
                    let mut columns = key.columns.clone();
                    lead(&mut columns, case.column());
                    add_unique(model, at, columns, case);
                }
            }
        }
    }
}

fn composite(model: &mut Model, at: usize, case: &mut Case<'_>) {
    let tenant = case.column().to_owned();
    let table = &mut model.tables[at];
    for constraint in &mut table.constraints {
        let ConstraintKind::PrimaryKey(key) = &mut constraint.kind else { continue };
        if lead(&mut key.columns, &tenant) {
            let place = format!("{} on {}", constraint.name, table.name);
            case.change(place, format!("the primary key becomes ({})", key.columns.join(", ")));
        }
        key.include.retain(|column| *column != tenant);
    }
}

/// Adds a unique constraint unless the columns are a key already.
pub(super) fn add_unique(model: &mut Model, at: usize, columns: Vec<String>, case: &mut Case<'_>) {
    let table = &model.tables[at];
    if names::is_key(table, &columns) {
        return;
    }
    let name = case.fresh_name(model, &table.name, &columns, "key");
    let place = format!("{name} on {}", table.name);
    case.change(place, format!("UNIQUE ({}) is added for foreign keys", columns.join(", ")));
    let key = UniqueKey {
        columns,
        include: Vec::new(),
        nulls_not_distinct: false,
        period: false,
        options: Vec::new(),
    };
    let kind = ConstraintKind::Unique(key);
    let table = &mut model.tables[at];
    table.constraints.push(Constraint::new(name, kind));
    table.constraints.sort_by(|a, b| rank(a).cmp(&rank(b)));
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    const T: &str = "CREATE TABLE t (id bigint, a int, CONSTRAINT k PRIMARY KEY (id) INCLUDE (a));";
    const GLOBAL_ID: &str = "[tenancy]\nkeys = \"global-id\"";

    #[test]
    fn the_tenant_leads_a_composite_key() {
        hits(&PrimaryKey, T, "", &["change: k on t: the primary key becomes (tenant_id, id)"]);
        let adopted =
            "CREATE TABLE t (id bigint, tenant_id bigint, CONSTRAINT k PRIMARY KEY (id, tenant_id))";
        hits(&PrimaryKey, adopted, "", &["change: k on t: the primary key becomes (tenant_id, id)"]);
    }

    #[test]
    fn a_global_id_stays_and_gets_a_companion() {
        let added = "change: t_tenant_id_id_key on t: UNIQUE (tenant_id, id) is added for foreign keys";
        hits(&PrimaryKey, T, GLOBAL_ID, &[added]);
    }

    #[test]
    fn tables_without_a_key() {
        let warning = "warning: t: it has no primary key, so rows can't be told apart when a tenant moves";
        hits(&PrimaryKey, "CREATE TABLE t (a int)", "", &[warning]);
        misses(&PrimaryKey, "CREATE TABLE t (a int)", "[tables]\nt = \"global\"");
    }

    #[test]
    fn keys_that_have_the_tenant() {
        misses(&PrimaryKey, "CREATE TABLE t (tenant_id bigint, id bigint, PRIMARY KEY (tenant_id, id))", "");
        misses(
            &PrimaryKey,
            "CREATE TABLE t (tenant_id bigint, id bigint PRIMARY KEY, UNIQUE (tenant_id, id))",
            GLOBAL_ID,
        );
    }
}
