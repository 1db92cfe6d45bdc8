//! What can't be rewritten: why, where, and what a person can choose.

use serde::Serialize;
use std::fmt;
use std::ops::Range;
use tenantry_core::ErrorKind;
use thiserror::Error;

/// A statement that is not passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[error("{message}")]
pub struct Refusal {
    #[serde(skip)]
    kind: Cause,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What can be written instead, where there is a choice.
    pub choices: Vec<String>,
    pub place: Place,
}

/// What stands behind a refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The text is not SQL.
    Syntax,
    /// It can't be had in this tenancy model, or a person must decide.
    #[default]
    Choice,
    /// What was written is not what was meant: the guard held it back.
    Guard,
}

/// A place in the text that was handed in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// In bytes.
    pub offset: usize,
    /// In bytes; what the carets stand under, at least one.
    pub length: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line's text.
    pub text: String,
}

impl Place {
    pub(crate) fn new(sql: &str, range: Range<usize>) -> Self {
        let mut offset = range.start.min(sql.len());
        while !sql.is_char_boundary(offset) {
            offset -= 1;
        }
        let start = sql[..offset].rfind('\n').map_or(0, |at| at + 1);
        let end = sql[offset..].find('\n').map_or(sql.len(), |at| offset + at);
        Self {
            offset,
            length: range.end.saturating_sub(offset).max(1),
            line: sql[..start].matches('\n').count() + 1,
            column: sql[start..offset].chars().count() + 1,
            text: sql[start..end].trim_end_matches('\r').to_owned(),
        }
    }
}

/// Line, and carets under the place.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let before = self.column.saturating_sub(1);
        // Tabs stay tabs, so that the carets stand right wherever it is shown.
        let indent: String =
            self.text.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let from = self.text.char_indices().nth(before).map_or(self.text.len(), |(at, _)| at);
        let upto = (from + self.length).min(self.text.len());
        let covered = self.text.get(from..upto).map_or(1, |text| text.chars().count());
        writeln!(f, "{number} | {}", self.text)?;
        write!(f, "{:>1$} | {indent}{2}", "", number.len(), "^".repeat(covered.max(1)))
    }
}

impl Refusal {
    pub(crate) fn new(sql: &str, range: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            kind: Cause::Choice,
            message: message.into(),
            hint: None,
            choices: Vec::new(),
            place: Place::new(sql, range),
        }
    }

    pub(crate) fn syntax(sql: &str, range: Range<usize>, message: impl Into<String>) -> Self {
        Self { kind: Cause::Syntax, ..Self::new(sql, range, message) }
    }

    /// The guard's: a defect of ours, never of the one who wrote the statement.
    pub(crate) fn guard(sql: &str, range: Range<usize>, message: impl Into<String>) -> Self {
        let hint = "write the statement another way, and please report it";
        Self { kind: Cause::Guard, hint: Some(hint.to_owned()), ..Self::new(sql, range, message) }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn choice(mut self, choice: impl Into<String>) -> Self {
        self.choices.push(choice.into());
        self
    }

    /// The same, of the text that became `text`, in which it was found: at its place, counted from the end, if the same stands there.
    pub(crate) fn of(self, original: &str, text: &str) -> Self {
        let Place { offset, length, .. } = self.place;
        let at = original.len().checked_sub(text.len().saturating_sub(offset));
        let same = at.filter(|at| original.get(*at..at + length) == text.get(offset..offset + length));
        let range = same.map_or(0..original.len(), |at| at..at + length);
        Self { place: Place::new(original, range), ..self }
    }

    /// The same, of a text in which this one's text starts at `start`.
    pub(crate) fn within(mut self, whole: &str, start: usize) -> Self {
        let from = self.place.offset + start;
        self.place = Place::new(whole, from..from + self.place.length);
        self
    }

    pub fn kind(&self) -> ErrorKind {
        match self.kind {
            Cause::Syntax => ErrorKind::InvalidInput,
            Cause::Choice => ErrorKind::NotSupported,
            Cause::Guard => ErrorKind::Internal,
        }
    }

    pub fn hint_text(&self) -> Option<String> {
        self.hint.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_with_carets() {
        let sql = "SELECT 1;\n\tDROP é;\n";
        let at = sql.find('é').unwrap();
        let place = Place::new(sql, at..at + 2);
        assert_eq!((place.line, place.column), (2, 7));
        assert_eq!(place.to_string(), "2 | \tDROP é;\n  | \t     ^");
        assert_eq!(Place::new("", 5..9).to_string(), "1 | \n  | ^");
    }
}
