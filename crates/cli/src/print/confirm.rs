//! Asking before something is lost.

use super::Printer;
use crate::failure::Refusal;
use std::io::{self, BufRead, IsTerminal, Write};
use tenantry_core::ErrorKind;

/// Asks a person to type `word`; without a terminal, refuses.
pub(crate) fn confirm(printer: Printer, question: &str, word: &str) -> anyhow::Result<()> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Refusal {
            kind: ErrorKind::WouldLoseData,
            message: format!("{question}: this has to be confirmed, and there is nobody to ask"),
            hint: Some("give --yes if you are sure".into()),
        }
        .into());
    }
    let mut err = printer.err();
    write!(err, "{question}. Type {word} to go on: ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == word {
        return Ok(());
    }
    Err(Refusal {
        kind: ErrorKind::InvalidInput,
        message: "not confirmed; nothing was changed".into(),
        hint: None,
    }
    .into())
}
