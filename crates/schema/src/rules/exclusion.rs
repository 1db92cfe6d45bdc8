//! `exclusion`: rows of different tenants never exclude each other.

use super::{Case, Rule, SHARED};
use crate::model::{ConstraintKind, Exclusion, IndexKey, Model};
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Exclusions;

impl Rule for Exclusions {
    fn id(&self) -> &'static str {
        "exclusion"
    }

    fn about(&self) -> &'static str {
        "An exclusion constraint of a shared tenant table first asks for the same tenant. For GiST that takes the \
         extension btree_gist."
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
            for constraint in &mut table.constraints {
                let ConstraintKind::Exclusion(exclusion) = &mut constraint.kind else { continue };
                if has_tenant(exclusion, &tenant) {
                    continue;
                }
                let place = format!("{} on {}", constraint.name, table.name);
                match exclusion.method.as_str() {
                    "gist" if !btree_gist => case.error(
                        place,
                        "the tenant column can't take part in it without the extension btree_gist",
                        "add CREATE EXTENSION btree_gist to the schema",
                    ),
                    "gist" | "btree" => {
                        exclusion.keys.insert(0, IndexKey::of_column(&tenant));
                        exclusion.operators.insert(0, "=".to_owned());
                        case.change(place, format!("the constraint starts with {tenant} WITH ="));
                    }
                    method => case.error(
                        place,
                        format!(
                            "the tenant column can't be added to an exclusion constraint that uses {method}"
                        ),
                        "use gist",
                    ),
                }
            }
        }
    }
}

fn has_tenant(exclusion: &Exclusion, tenant: &str) -> bool {
    let mut pairs = exclusion.keys.iter().zip(&exclusion.operators);
    pairs.any(|(key, operator)| key.column.as_deref() == Some(tenant) && operator == "=")
}
