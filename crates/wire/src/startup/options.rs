//! The startup parameter `options`: settings in the form of a server's command line.
//!
//! Understood are `-c name=value`, `-cname=value` and `--name=value`. PostgreSQL's other switches are refused:
//! none of them is meant for an application.

use tenantry_core::ErrorKind;
use thiserror::Error;

/// Why the `options` of a startup packet are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OptionsError {
    #[error("startup options: {0:?} is not a setting")]
    NotASetting(String),
    #[error("startup options: {0:?} has no value")]
    NoValue(String),
}

impl OptionsError {
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }

    pub fn hint(&self) -> Option<String> {
        Some("write settings as -c name=value, with a backslash before each space in a value".into())
    }
}

/// Reads all settings, in order; in their names `-` becomes `_`, as in PostgreSQL.
pub fn parse_options(options: &str) -> Result<Vec<(String, String)>, OptionsError> {
    let mut settings = Vec::new();
    let mut arguments = split(options).into_iter();
    while let Some(argument) = arguments.next() {
        let setting = if argument == "-c" {
            arguments.next().ok_or(OptionsError::NoValue(argument))?
        } else if let Some(setting) = argument.strip_prefix("--").or_else(|| argument.strip_prefix("-c")) {
            setting.to_owned()
        } else {
            return Err(OptionsError::NotASetting(argument));
        };
        let Some((name, value)) = setting.split_once('=') else { return Err(OptionsError::NoValue(setting)) };
        if name.is_empty() {
            return Err(OptionsError::NotASetting(setting));
        }
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

/// Splits at white space; a backslash takes the meaning from the character after it.
fn split(options: &str) -> Vec<String> {
    // C's isspace, which has one more than Rust's: the vertical tab.
    let is_space = |c: char| c.is_ascii_whitespace() || c == '\x0b';
    let mut arguments = Vec::new();
    let mut chars = options.chars().peekable();
    loop {
        while chars.next_if(|c| is_space(*c)).is_some() {}
        if chars.peek().is_none() {
            return arguments;
        }
        let mut argument = String::new();
        while let Some(c) = chars.next_if(|c| !is_space(*c)) {
            // A backslash at the very end stands for nothing.
            argument.extend(if c == '\\' { chars.next() } else { Some(c) });
        }
        arguments.push(argument);
    }
}
