//! `table`: partitions are understood; `INHERITS` is not yet.

use super::{ALL, Case, MARKER, Rule};
use crate::model::Model;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Tables;

impl Rule for Tables {
    fn id(&self) -> &'static str {
        "table"
    }

    fn about(&self) -> &'static str {
        "Tables are plain, partitioned or partitions. INHERITS passes on neither keys nor row-level security, so each \
         child would need its own; that is not offered yet. Grants of the plain schema are replaced by Tenantry's."
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for table in &model.tables {
            if !table.inherits.is_empty() {
                case.error(
                    &table.name,
                    format!("it inherits from {}, which is not offered yet", table.inherits.join(", ")),
                    "use declarative partitions, or a view over separate tables",
                );
            }
            let ours = table.comment.as_deref().is_some_and(|comment| comment.contains(MARKER));
            if table.has_grants && !ours {
                case.note(
                    &table.name,
                    "the grants of the plain schema are not kept",
                    "the application's role gets SELECT, INSERT, UPDATE and DELETE on tenant tables",
                );
            }
        }
    }
}
