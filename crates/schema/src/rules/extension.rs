//! `extension`: extensions exist once per database, so a tenant's own schema may not find them.

use super::{Case, Rule};
use crate::model::Model;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Extensions;

/// These only add operator classes, which are found by type and not by search_path.
const OPERATOR_CLASSES_ONLY: &[&str] = &["btree_gist", "btree_gin"];

impl Rule for Extensions {
    fn id(&self) -> &'static str {
        "extension"
    }

    fn about(&self) -> &'static str {
        "An extension lives in one schema of the database. In the schema model a session's search_path is the \
         tenant's schema alone, so types and functions of extensions are not found there by their bare name."
    }

    fn models(&self) -> &'static [TenancyModel] {
        &[TenancyModel::Schema]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let reachable = |name: &str| OPERATOR_CLASSES_ONLY.contains(&name);
        for extension in model.extensions.iter().filter(|extension| extension.schema.is_none()) {
            let place = format!("extension {}", extension.name);
            if reachable(&extension.name) {
                continue;
            }
            if extension.relations.is_empty() {
                case.warning(
                    place,
                    "its functions and operators are not on the search_path of a tenant's schema",
                    "name them with their schema in SQL, or use the shared or the database model",
                );
            } else {
                case.error(
                    place,
                    format!(
                        "{} use it, and a tenant's schema can't reach it yet",
                        extension.relations.join(", ")
                    ),
                    "use the shared or the database model, or put the extension into a schema of its own",
                );
            }
        }
    }
}
