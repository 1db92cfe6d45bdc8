//! Passwords that people give: from a file, from standard input, or typed without being shown. Never from an argument.

use super::Printer;
use crate::failure::Refusal;
use anyhow::Context;
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;
use tenantry_core::Secret;

/// Reads a password: from `file` (`-` is standard input), otherwise typed twice, otherwise from standard input.
pub(crate) fn read_password(printer: Printer, file: Option<&Path>, whose: &str) -> anyhow::Result<Secret> {
    let text = match file {
        Some(path) if path != Path::new("-") => fs::read_to_string(path)
            .with_context(|| format!("can't read the password from {}", path.display()))?,
        None if io::stdin().is_terminal() => typed(printer, whose)?,
        _ => first_line()?,
    };
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Refusal::input("the password is empty", "give --password-file, or type one").into());
    }
    Ok(Secret::new(password))
}

fn first_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}

fn typed(printer: Printer, whose: &str) -> anyhow::Result<String> {
    let first = ask(printer, &format!("Password of {whose}: "))?;
    let second = ask(printer, "The same again: ")?;
    if first != second {
        return Err(Refusal::input("the two passwords differ", "try again").into());
    }
    Ok(first)
}

fn ask(printer: Printer, prompt: &str) -> anyhow::Result<String> {
    let mut err = printer.err();
    write!(err, "{prompt}")?;
    err.flush()?;
    let hidden = Hidden::new()?;
    let line = first_line()?;
    drop(hidden);
    writeln!(err)?;
    Ok(line)
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = termios::tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        termios::tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The terminal may be gone; nothing can be put back then.
        let _gone = termios::tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
