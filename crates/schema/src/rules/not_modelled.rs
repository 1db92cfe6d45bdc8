//! `not-modelled`: what the model can't hold is refused or reported, never lost.

use super::{ALL, Case, Rule};
use crate::model::Model;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct NotModelled;

impl Rule for NotModelled {
    fn id(&self) -> &'static str {
        "not-modelled"
    }

    fn about(&self) -> &'static str {
        "Objects that Tenantry does not understand would be missing in a placement, or would not be isolated in it \
         (materialized views and foreign tables know no row-level security; rules rewrite around it)."
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for object in &model.unmodelled {
            let place = format!("{} {}", object.kind, object.name);
            match object.kind.as_str() {
                "materialized view" => case.error(
                    place,
                    "row-level security does not reach a materialized view: every tenant would read all rows",
                    "make it a view, or a table that a job fills for each tenant",
                ),
                "rule" => case.error(
                    place,
                    "a rule rewrites statements after the tenant was decided, and is not carried over",
                    "use a trigger (INSTEAD OF for a view)",
                ),
                "foreign table" => case.error(
                    place,
                    "row-level security does not exist for foreign tables",
                    "leave it out of the tenants' schema",
                ),
                "schema" => case.error(
                    place,
                    "only one schema is read, and this one holds tables too",
                    "put the application's tables into one schema",
                ),
                "typed table" => {
                    case.error(place, "a table OF a type is not carried over", "write its columns out");
                }
                "tablespace" | "invalid index" => case.warning(
                    place,
                    format!("placements don't get the {}: they use the default", object.kind),
                    "nothing to do, unless you need it there",
                ),
                "event trigger" | "publication" | "foreign server" => case.warning(
                    place,
                    "it belongs to the database, not to the schema, and is not carried over",
                    "create it by hand where it is needed",
                ),
                kind => case.error(
                    place,
                    format!("objects of the kind {kind:?} are not carried over yet"),
                    "put it into an extension, or leave it out",
                ),
            }
        }
    }
}
