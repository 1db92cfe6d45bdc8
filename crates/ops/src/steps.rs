//! The rails every operation runs on: observe, and act only when the effect is not there yet.

use crate::{OpsError, Progress, Step};
use std::future::Future;

/// The steps of one operation.
#[derive(Clone, Copy)]
pub(crate) struct Steps<'a> {
    progress: &'a dyn Progress,
}

/// A step that was allowed to run.
pub(crate) struct Running<'a> {
    progress: &'a dyn Progress,
    step: Step<'a>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(progress: &'a dyn Progress) -> Self {
        Self { progress }
    }

    /// Who hears of the steps, for what reports from inside one.
    pub(crate) fn progress(self) -> &'a dyn Progress {
        self.progress
    }

    /// Asks whether to go on.
    pub(crate) fn next(self, name: &'static str, on: &'a str) -> Result<Running<'a>, OpsError> {
        let step = Step { name, on };
        if self.progress.proceed(step).is_break() {
            return Err(OpsError::Stopped(name));
        }
        Ok(Running { progress: self.progress, step })
    }
}

impl Running<'_> {
    /// Acts unless `done`. A future does nothing until it is awaited, so `act` costs nothing when it is not needed.
    pub(crate) async fn run(
        self,
        done: bool,
        act: impl Future<Output = Result<(), OpsError>>,
    ) -> Result<(), OpsError> {
        if done {
            self.progress.found_done(self.step);
            return Ok(());
        }
        self.progress.begun(self.step);
        act.await?;
        self.progress.finished(self.step);
        Ok(())
    }
}
