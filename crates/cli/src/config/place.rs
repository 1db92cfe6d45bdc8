//! A place in a configuration file, shown with its line and a mark under what is meant.

use std::fmt;
use std::ops::Range;

/// A stretch of one line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    file: String,
    /// 1-based.
    line: usize,
    /// 1-based, in characters.
    column: usize,
    text: String,
    /// In characters, at least one.
    width: usize,
}

impl Place {
    /// The first line of `span` (bytes of `source`).
    pub(crate) fn new(file: &str, source: &str, span: Range<usize>) -> Self {
        let start = floor_char(source, span.start);
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        let end = floor_char(source, span.end).clamp(start, line_end);
        Self {
            file: file.to_owned(),
            line: source[..line_start].matches('\n').count() + 1,
            column: source[line_start..start].chars().count() + 1,
            text: redact(source[line_start..line_end].trim_end()),
            width: source[start..end].chars().count().max(1),
        }
    }
}

/// The line without what may be a secret: the value of a key that is called like one, the password of a URL.
fn redact(line: &str) -> String {
    let key = line.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
    let secret = ["password", "secret", "master_key", "token"].iter().any(|word| key.contains(word));
    if secret && !key.ends_with("_file") && !key.ends_with("_env") {
        return line.split_inclusive('=').next().map_or_else(String::new, |front| format!("{front} …"));
    }
    let Some((scheme, rest)) = line.split_once("://") else { return line.to_owned() };
    match rest.split_once('@') {
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            let hidden = if login.contains(':') { ":…" } else { "" };
            format!("{scheme}://{user}{hidden}@{host}")
        }
        None => line.to_owned(),
    }
}

fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = self.line.to_string().len();
        writeln!(f, "{:gutter$}--> {}:{}:{}", "", self.file, self.line, self.column)?;
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{} | {}", self.line, self.text)?;
        write!(f, "{:gutter$} | {:indent$}{}", "", "", "^".repeat(self.width), indent = self.column - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_the_span() {
        let place = Place::new("a.toml", "[x]\nkéy = 1\n", 4..8);
        assert_eq!(place.to_string(), " --> a.toml:2:1\n  |\n2 | kéy = 1\n  | ^^^");
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        assert_eq!(redact("password = \"hunter2\""), "password = …");
        assert_eq!(redact("  Master_Key=\"x=y\""), "  Master_Key= …");
        assert_eq!(redact("url = \"postgres://me:hunter2@db/x"), "url = \"postgres://me:…@db/x");
        for open in ["password_file = \"a\"", "url = \"postgres://me@db/x\"", "listen = [\"a:1\"]"] {
            assert_eq!(redact(open), open);
        }
    }

    #[test]
    fn a_span_past_the_end_or_over_lines_stays_on_its_line() {
        assert_eq!(Place::new("a", "x = [\n", 4..6).to_string(), " --> a:1:5\n  |\n1 | x = [\n  |     ^");
        assert_eq!(Place::new("a", "", 7..9).to_string(), " --> a:1:1\n  |\n1 | \n  | ^");
    }
}
