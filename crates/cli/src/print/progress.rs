//! Steps of an operation as they happen: one moving line on a terminal, plain lines elsewhere.

use super::{DIM, Format, GOOD, Printer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tenantry_ops::{Advance, Progress, Step};

/// How often the moving line moves.
const TICK: Duration = Duration::from_millis(120);

/// Whether a step that is done leaves a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    Kept,
    Gone,
}

/// Shows steps, and stops an operation between two of them when a person asks for it.
#[derive(Debug)]
pub(crate) struct Reporter {
    printer: Printer,
    bar: ProgressBar,
    lines: Lines,
    interrupted: Arc<AtomicBool>,
}

impl Reporter {
    /// Every step leaves a line.
    pub(crate) fn new(printer: Printer) -> Self {
        Self::with_lines(printer, Lines::Kept)
    }

    /// Only the step that is under way is shown, and only on a terminal.
    pub(crate) fn moving(printer: Printer) -> Self {
        Self::with_lines(printer, Lines::Gone)
    }

    fn with_lines(printer: Printer, lines: Lines) -> Self {
        let shown = printer.format == Format::Text && !printer.quiet && io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            None,
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        Self { printer, bar, lines, interrupted: Arc::new(AtomicBool::new(false)) }
    }

    /// Set this, and the operation stops before its next step. Running it again finishes it.
    pub(crate) fn interrupt_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }

    /// Shows what is under way.
    pub(crate) fn working(&self, text: &str) {
        // First the text: a finished line draws nothing, and `reset` draws at once.
        self.bar.set_message(text.to_owned());
        self.bar.reset();
        self.bar.enable_steady_tick(TICK);
    }

    /// Says that something is done, with a line that stays.
    pub(crate) fn done(&self, text: &str) {
        self.settle();
        if self.printer.format == Format::Text {
            self.printer.note(&format!("{GOOD}✓{GOOD:#} {text}"));
        }
    }

    fn line(&self, text: &str) {
        if self.printer.format == Format::Text && self.lines == Lines::Kept {
            self.bar.suspend(|| self.printer.note(text));
        }
    }

    fn settle(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Reporter {
    fn proceed(&self, _next: Step<'_>) -> ControlFlow<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn begun(&self, step: Step<'_>) {
        self.working(&format!("{} {}", step.name, step.on));
    }

    fn found_done(&self, step: Step<'_>) {
        self.line(&format!("{DIM}= {:<22} {} (there already){DIM:#}", step.name, step.on));
    }

    fn advanced(&self, step: Step<'_>, by: Advance) {
        let left = by.remaining.map_or_else(String::new, |left| format!(", {} s left", left.as_secs()));
        self.working(&format!(
            "{} {}: {:.0} %, {} rows, {:.0} rows/s{left}",
            step.name,
            step.on,
            by.part * 100.0,
            by.rows,
            by.rows_per_second
        ));
    }

    fn finished(&self, step: Step<'_>) {
        self.settle();
        self.line(&format!("{GOOD}+{GOOD:#} {:<22} {}", step.name, step.on));
    }
}
