//! How an operation tells people where it is, and how it is told to stop.

use std::ops::ControlFlow;

/// One step of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// A stable word, for `--json` (`create-database`).
    pub name: &'static str,
    /// What the step acts on, for people (`database "tenant_7" on main`).
    pub on: &'a str,
}

/// How far a long step is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Advance {
    /// Of a whole that is 1.
    pub part: f64,
    /// Rows changed so far.
    pub rows: u64,
    pub rows_per_second: f64,
    /// `None` until it can be told.
    pub remaining: Option<std::time::Duration>,
}

/// Hears of each step. All methods have defaults, so that a listener implements what it shows.
pub trait Progress: Send + Sync {
    /// Asked between steps. `Break` ends the operation there with `OpsError::Stopped`; running it again finishes it.
    fn proceed(&self, _next: Step<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// The step's effect was not there yet: work begins.
    fn begun(&self, _step: Step<'_>) {}

    /// The step's effect was there already.
    fn found_done(&self, _step: Step<'_>) {}

    /// A long step has come so far.
    fn advanced(&self, _step: Step<'_>, _by: Advance) {}

    /// The step's work is done and committed.
    fn finished(&self, _step: Step<'_>) {}
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
