//! `sequence`: who may take numbers.

use super::{ALL, Case, Rule};
use crate::model::Model;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Sequences;

impl Rule for Sequences {
    fn id(&self) -> &'static str {
        "sequence"
    }

    fn about(&self) -> &'static str {
        "The application's role gets USAGE only on sequences that a column's default takes numbers from. Identity \
         columns need no grant. In shared tables a sequence serves all tenants, so gaps show other tenants' activity."
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for sequence in model.sequences.iter().filter(|sequence| !sequence.used_by_default) {
            case.warning(
                format!("sequence {}", sequence.name),
                "no default uses it, so the application's role gets no grant on it",
                "use it in a column's default, or make the column an identity",
            );
        }
    }
}
