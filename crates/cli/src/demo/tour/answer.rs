//! What came back from a server, and whether it is what had to.

use super::script::{Expect, Rows};
use tokio_postgres::SimpleQueryMessage;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The last statement that returned columns.
    Rows {
        columns: Vec<String>,
        rows: Vec<Vec<String>>,
    },
    /// Rows written by the last statement.
    Wrote(u64),
    Refused {
        sqlstate: String,
        message: String,
        hint: Option<String>,
    },
}

impl Answer {
    /// Reads what the simple protocol said: the last result set with columns, or the last command.
    pub(super) fn of(result: Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>) -> Self {
        let messages = match result {
            Ok(messages) => messages,
            Err(error) => return Self::refused(&error),
        };
        let (mut set, mut wrote) = (None, 0);
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    let names = columns.iter().map(|column| column.name().to_owned()).collect();
                    set = Some((names, Vec::new()));
                }
                SimpleQueryMessage::Row(row) => {
                    let cells = (0..row.len()).map(|i| row.get(i).unwrap_or("NULL").to_owned()).collect();
                    set.get_or_insert_default().1.push(cells);
                }
                SimpleQueryMessage::CommandComplete(count) => wrote = count,
                _ => {}
            }
        }
        match set {
            Some((columns, rows)) => Self::Rows { columns, rows },
            None => Self::Wrote(wrote),
        }
    }

    /// An error, of the server or of the connection.
    pub(super) fn refused(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) => Self::Refused {
                sqlstate: db.code().code().to_owned(),
                message: db.message().to_owned(),
                hint: db.hint().map(str::to_owned),
            },
            None => Self::Refused { sqlstate: "-".to_owned(), message: error.to_string(), hint: None },
        }
    }

    /// Whether this is what had to come back to `tenant`.
    pub(super) fn is(&self, expect: &Expect, tenant: Option<&str>) -> bool {
        match (self, expect) {
            (Self::Rows { rows, .. }, Expect::Rows(expected)) => same(rows, expected),
            (Self::Rows { rows, .. }, Expect::Each(expected)) => {
                expected.iter().any(|(key, expected)| Some(*key) == tenant && same(rows, expected))
            }
            (Self::Wrote(count), Expect::Wrote(expected)) => count == expected,
            (Self::Rows { .. } | Self::Wrote(_), Expect::Done) => true,
            (Self::Refused { sqlstate, .. }, Expect::Refused(expected)) => {
                expected.contains(&sqlstate.as_str())
            }
            _ => false,
        }
    }

    /// On one line, in the words of what was expected.
    pub(super) fn summary(&self, expect: &Expect) -> String {
        match self {
            Self::Wrote(count) if matches!(expect, Expect::Wrote(_)) => rows(*count),
            Self::Rows { rows, .. } if rows.is_empty() => "no rows".to_owned(),
            Self::Rows { columns, rows } if rows.len() == 1 => {
                let pairs = columns.iter().zip(&rows[0]).map(|(column, cell)| format!("{column} = {cell}"));
                pairs.collect::<Vec<_>>().join(", ")
            }
            Self::Rows { rows: all, .. } => rows(all.len() as u64),
            Self::Wrote(_) => "done".to_owned(),
            Self::Refused { sqlstate, message, .. } => format!("refused, {sqlstate}: {message}"),
        }
    }
}

fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

fn same(rows: &[Vec<String>], expected: &Rows) -> bool {
    rows.len() == expected.len() && rows.iter().zip(*expected).all(|(row, expected)| row.iter().eq(*expected))
}

impl Expect {
    /// For the line under an expectation that did not hold.
    pub(super) fn describe(&self, tenant: Option<&str>) -> String {
        let listed = |rows: &Rows| match rows {
            [] => "no rows".to_owned(),
            rows => rows.iter().map(|row| format!("({})", row.join(", "))).collect::<Vec<_>>().join(" "),
        };
        match self {
            Self::Rows(expected) => listed(expected),
            Self::Each(expected) => expected
                .iter()
                .find(|(key, _)| Some(*key) == tenant)
                .map_or_else(String::new, |(_, e)| listed(e)),
            Self::Wrote(count) => format!("{} written", rows(*count)),
            Self::Done => "success".to_owned(),
            Self::Refused(states) => format!("refused with {}", states.join(" or ")),
        }
    }
}
