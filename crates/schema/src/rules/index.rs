//! `index`: indexes that a tenant's queries can use.

use super::unique::lead_index;
use super::{Case, Rule, SHARED};
use crate::model::{Index, IndexKey, Model};
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Indexes;

impl Rule for Indexes {
    fn id(&self) -> &'static str {
        "index"
    }

    fn about(&self) -> &'static str {
        "B-tree indexes of shared tenant tables are led by the tenant column (partial and expression indexes keep \
         their predicate and expressions), GiST ones where btree_gist is there. Other methods stay as they are."
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let btree_gist = model.has_extension("btree_gist");
        let tenant = case.column().to_owned();
        for table in &mut model.tables {
            if !case.is_tenant(table) {
                continue;
            }
            for index in
                table.indexes.iter_mut().filter(|index| !index.unique && !names_tenant(index, &tenant))
            {
                let place = format!("{} on {}", index.name, table.name);
                if index.method == "btree" || (index.method == "gist" && btree_gist) {
                    lead_index(index, &tenant);
                    case.change(place, format!("the index is led by {tenant}"));
                } else {
                    left_alone(case, place, &index.method);
                }
            }
        }
    }
}

/// For B-trees the tenant must come first; elsewhere it is enough that it is there.
fn names_tenant(index: &Index, tenant: &str) -> bool {
    let is_tenant = |key: &IndexKey| key.column.as_deref() == Some(tenant);
    if index.method == "btree" {
        index.keys.first().is_some_and(is_tenant)
    } else {
        index.keys.iter().any(is_tenant)
    }
}

fn left_alone(case: &mut Case<'_>, place: String, method: &str) {
    let (message, hint) = match method {
        "gin" => (
            "a gin index is left as it is; its operators are not leakproof, so under row-level security it is not used",
            "give tenants that need it a schema or a database of their own",
        ),
        "gist" => (
            "a gist index is left as it is: leading it by the tenant takes the extension btree_gist",
            "add CREATE EXTENSION btree_gist to the schema",
        ),
        "brin" => (
            "a brin index is left as it is: it helps only where rows lie in its order",
            "partition the table, or use a btree index",
        ),
        "hash" => ("a hash index can't be led by the tenant", "use a btree index"),
        "hnsw" | "ivfflat" => (
            "a vector index is left as it is: it finds neighbours among all tenants' rows and filters afterwards, so \
             small tenants may get too few",
            "use iterative scans, or give big tenants a schema or a database of their own",
        ),
        _ => (
            "the index is left as it is: its method can't be led by the tenant",
            "use a btree index if it fits",
        ),
    };
    case.note(place, message, hint);
}
