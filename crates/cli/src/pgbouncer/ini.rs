//! The format of `pgbouncer.ini`: sections, keys, comments, `%include`, and connection strings.

use super::{Line, Verdict};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Includes within includes; PgBouncer's own bound is as small.
const MAX_DEPTH: usize = 10;
/// Files in all: a file that includes itself twice would be read a thousand times, at that depth.
const MAX_FILES: usize = 500;
/// A configuration is not longer than this.
const MAX_BYTES: u64 = 4 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Databases,
    Users,
    PgBouncer,
    Other,
}

/// One `key = value`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) section: Section,
    pub(super) key: String,
    pub(super) value: String,
}

impl Entry {
    /// The line with what is said of it; a password in it is not repeated.
    pub(super) fn judged(&self, (verdict, why): (Verdict, String)) -> Line {
        let text = match without_password(&self.value) {
            value if value.is_empty() => format!("{} =", self.key),
            value => format!("{} = {value}", self.key),
        };
        Line { file: self.file.clone(), number: self.line, text, verdict, why }
    }
}

fn without_password(value: &str) -> String {
    match value.to_ascii_lowercase().find("password") {
        // Whatever stands behind may be part of it.
        Some(at) => format!("{}password=…", &value[..at]),
        None => value.to_owned(),
    }
}

/// All entries, those of included files in their place.
pub(super) fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let mut read = Read { entries: Vec::new(), files: 0 };
    read.file(path, &mut Section::Other, 0)?;
    Ok(read.entries)
}

/// What has been read so far.
struct Read {
    entries: Vec<Entry>,
    files: usize,
}

impl Read {
    /// A section goes on into the files that are included in it, and behind them.
    fn file(&mut self, path: &Path, section: &mut Section, depth: usize) -> io::Result<()> {
        self.files += 1;
        let text = small(path)?;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with([';', '#']) {
                continue;
            }
            let at = |what: &str| {
                let place = format!("{}:{}: {what}", path.display(), index + 1);
                io::Error::new(io::ErrorKind::InvalidData, place)
            };
            if let Some(name) = line.strip_prefix("%include") {
                if depth >= MAX_DEPTH || self.files >= MAX_FILES {
                    return Err(at("files include each other too deeply, or too many of them"));
                }
                self.file(&beside(path, name.trim()), section, depth + 1)?;
            } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                *section = match name.trim().to_ascii_lowercase().as_str() {
                    "databases" => Section::Databases,
                    "users" => Section::Users,
                    "pgbouncer" => Section::PgBouncer,
                    _ => Section::Other,
                };
            } else if let Some((key, value)) = line.split_once('=') {
                self.entries.push(Entry {
                    file: path.display().to_string(),
                    line: index + 1,
                    section: *section,
                    key: key.trim().trim_matches('"').to_owned(),
                    value: value.trim().to_owned(),
                });
            } else {
                return Err(at("neither a section nor `key = value`"));
            }
        }
        Ok(())
    }
}

/// A path as PgBouncer's packages write it; a relative one is looked up beside the file that names it.
pub(super) fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or(Path::new(".")).join(name.trim_matches(['\'', '"']))
}

/// A text file of a bounded size.
pub(super) fn small(path: &Path) -> io::Result<String> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if fs::metadata(path).map_err(named)?.len() > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{} is too large", path.display())));
    }
    fs::read_to_string(path).map_err(named)
}

/// `key=value key='it''s'`, as in [databases] and [users]. An error where a quote has no end.
pub(super) fn parameters(text: &str) -> Result<Vec<(String, String)>, ()> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=').ok_or(())?;
        let behind = behind.trim_start();
        let mut value = String::new();
        let mut left = behind;
        if let Some(quoted) = behind.strip_prefix('\'') {
            left = quoted;
            loop {
                let end = left.find('\'').ok_or(())?;
                value.push_str(&left[..end]);
                left = &left[end + 1..];
                match left.strip_prefix('\'') {
                    Some(more) => {
                        value.push('\'');
                        left = more;
                    }
                    None => break,
                }
            }
        } else {
            let end = left.find(char::is_whitespace).unwrap_or(left.len());
            value.push_str(&left[..end]);
            left = &left[end..];
        }
        found.push((key.trim().to_ascii_lowercase(), value));
        rest = left.trim_start();
    }
    Ok(found)
}
