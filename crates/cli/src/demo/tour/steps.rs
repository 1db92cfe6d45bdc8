//! The tour's script, in the order in which it is played. The expected rows are those of `examples/sample/data`.

mod everyday;
mod inside;
mod naming;
mod operator;
mod token;

use super::script::Step;

/// What the tour adds for itself. Run in every tenant, before and after.
pub(super) const TIDY: &str =
    "DELETE FROM projects WHERE id = 1001; DELETE FROM members WHERE email = 'sales@example.com'";

/// Every step.
pub(super) fn all() -> impl Iterator<Item = &'static Step> {
    [everyday::STEPS, naming::STEPS, inside::STEPS, token::STEPS, operator::STEPS].into_iter().flatten()
}
