//! `scope`: rows that are visible to a set of tenants.
//!
//! In a pool a scoped table has the scope column, uniques and indexes that take it in, and a floor that reads and writes
//! through different sets. In a schema placement of the same database the table is not there at all (see `pool`). In a
//! database of its own it is a copy that is kept up (see `global`).

mod column;
mod foreign;
mod policy;
#[cfg(test)]
mod tests;

use super::pool::POOL;
use super::{ALL, Case, Docs, Rule};
use crate::check::Severity;
use crate::declaration::{Declaration, Kind, TableEntry, WritableBy};
use crate::model::{Model, Table};
use tenantry_core::TenancyModel;

/// The column that says which scope a row has.
pub(crate) const COLUMN: &str = "scope_id";

#[derive(Debug)]
pub(super) struct Scopes;

impl Rule for Scopes {
    fn id(&self) -> &'static str {
        "scope"
    }

    fn about(&self) -> &'static str {
        "A scoped table says for each row which set of tenants sees it. Reading goes by the scopes that a tenant sees, writing \
         by its own (and, if members may write, by those it is a member of); uniques hold within a scope; a reference to a \
         row that the tenant does not see is refused like one to a row that is not there."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "Rows that several tenants share are otherwise copied for each, or opened to all. What a tenant sees is one array, \
                  read once a statement: an index serves `scope_id = ANY (array)`, and none serves `EXISTS (…)`.",
            before: "CREATE TABLE products (id bigint, sku text, CONSTRAINT products_sku_key UNIQUE (sku));\n\
                     -- tenantry.toml\n\
                     [tables]\n\
                     products = \"scoped\"",
            after: "scope_id bigint DEFAULT tenancy.own_scope() NOT NULL;\n\
                    CONSTRAINT products_sku_key UNIQUE (scope_id, sku);\n\
                    CREATE POLICY tenantry_floor ON products AS RESTRICTIVE FOR ALL TO PUBLIC \
                    USING ((scope_id = ANY ((SELECT tenancy.visible_scopes() AS visible_scopes)::bigint[])));\n\
                    CREATE POLICY tenantry_floor_delete ON products AS RESTRICTIVE FOR DELETE TO PUBLIC \
                    USING ((scope_id = (SELECT tenancy.own_scope() AS own_scope)))",
            ignore: "The note about ids can be ignored where the database makes them.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Warning, Severity::Note]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        foreign::refuse(model, case);
        match case.tenancy {
            TenancyModel::Shared => shared(model, case),
            // The tables themselves are the pool's (see `pool`).
            TenancyModel::Schema => foreign::check_visibility(model, Some(POOL), case),
            TenancyModel::Database => {}
        }
    }
}

fn shared(model: &mut Model, case: &mut Case<'_>) {
    for at in 0..model.tables.len() {
        if !is_scoped(case, &model.tables[at]) {
            continue;
        }
        let members = members_write(case.declaration, model.root(&model.tables[at].name));
        column::add(&mut model.tables[at], case);
        column::keys(
            &mut model.tables[at],
            model.extensions.iter().any(|one| one.name == "btree_gist"),
            case,
        );
        column::indexes(model, at, case);
        policy::put(&mut model.tables[at], members, case);
    }
    foreign::check_visibility(model, None, case);
}

fn is_scoped(case: &Case<'_>, table: &Table) -> bool {
    case.kind(&table.name) == Some(Kind::Scoped)
}

/// By declaration: the table itself may be another schema's.
fn is_scoped_name(case: &Case<'_>, name: &str) -> bool {
    case.declaration.tables.get(name).is_some_and(|entry| entry.kind() == Kind::Scoped)
        || case.kind(name) == Some(Kind::Scoped)
}

fn members_write(declaration: &Declaration, table: &str) -> bool {
    match declaration.tables.get(table) {
        Some(TableEntry::Detailed(details)) => details.writable_by == Some(WritableBy::Members),
        _ => false,
    }
}
