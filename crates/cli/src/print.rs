//! What commands say: documents on standard output, everything about the way there on standard error.
//!
//! With `--json` there is exactly one document on standard output. Nothing here decides anything.

mod confirm;
mod password;
mod progress;
mod table;

pub(crate) use confirm::confirm;
pub(crate) use password::read_password;
pub(crate) use progress::Reporter;
pub(crate) use table::{Grid, grid};

use crate::failure::Failure;
use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::io::{self, Write};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default().bold();
pub(crate) const CODE: Style = AnsiColor::Blue.on_default();

/// When to colour; `Auto` is on a terminal that can.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// What kind of output was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

/// Something a command tells: a serializable document with a form for people.
pub(crate) trait Document: Serialize {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// How much is said, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    pub(crate) format: Format,
    pub(crate) quiet: bool,
    pub(crate) color: ColorChoice,
}

impl Printer {
    /// Standard output, with colour as asked for.
    pub(crate) fn out(self) -> AutoStream<io::Stdout> {
        AutoStream::new(io::stdout(), choice(self.color))
    }

    /// Standard error, with colour as asked for.
    pub(crate) fn err(self) -> AutoStream<io::Stderr> {
        AutoStream::new(io::stderr(), choice(self.color))
    }

    /// Prints a command's one document.
    pub(crate) fn emit(self, document: &impl Document) -> anyhow::Result<()> {
        let mut out = self.out();
        match self.format {
            Format::Text => document.write_text(&mut out)?,
            Format::Json => {
                serde_json::to_writer_pretty(&mut out, document)?;
                writeln!(out)?;
            }
        }
        out.flush()?;
        Ok(())
    }

    /// Says something about the way there.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            self.say(&format!("{text}\n"));
        }
    }

    /// Says something that should be looked at.
    pub(crate) fn warn(self, text: &str) {
        self.say(&format!("{WARN}warning{WARN:#}: {text}\n"));
    }

    /// Tells an error.
    pub(crate) fn fail(self, failure: &Failure) {
        if self.format == Format::Json {
            if let Ok(text) = serde_json::to_string_pretty(&serde_json::json!({ "error": failure })) {
                self.say(&format!("{text}\n"));
            }
            return;
        }
        self.say(&failure.to_string());
    }

    /// Standard error may be gone (a closed terminal): there is nobody left to tell then.
    fn say(self, text: &str) {
        drop(self.err().write_all(text.as_bytes()));
    }
}

fn choice(color: ColorChoice) -> anstream::ColorChoice {
    match color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
}
