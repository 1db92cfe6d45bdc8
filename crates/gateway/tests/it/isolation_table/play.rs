//! One vector, played: by the attacker in some protocol and state, then looked for by the other tenant on the same connection.

use super::vectors::{Look, Vector};
use crate::raw::{Raw, sqlstate};
use bytes::BytesMut;
use std::fmt;
use tenantry_wire::backend::{DataRow, command_tag, tag};
use tenantry_wire::frontend;

type Messages = Vec<(u8, BytesMut)>;

/// How the statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Simple,
    Unnamed,
    Named,
    /// All in one pipeline.
    Pipelined,
}

impl Protocol {
    pub(super) const ALL: [Self; 4] = [Self::Simple, Self::Unnamed, Self::Named, Self::Pipelined];
}

/// What the attacker's session is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    None,
    /// Committed afterwards.
    InTransaction,
    /// Rolled back afterwards.
    Failed,
    AfterCommit,
    /// The session keeps its connection.
    Session,
    /// The client is gone in the middle of a transaction.
    Abandoned,
}

impl State {
    pub(super) const ALL: [Self; 6] =
        [Self::None, Self::InTransaction, Self::Failed, Self::AfterCommit, Self::Session, Self::Abandoned];

    fn begin(self) -> &'static [&'static str] {
        match self {
            Self::None | Self::Session => &[],
            Self::InTransaction | Self::Abandoned => &["BEGIN"],
            Self::Failed => &["BEGIN", "SELECT 1/0"],
            Self::AfterCommit => &["BEGIN", "SELECT body FROM notes", "COMMIT"],
        }
    }

    fn end(self) -> Option<&'static str> {
        match self {
            Self::InTransaction => Some("COMMIT"),
            // An error may have kept a vector from ending its own.
            Self::None | Self::Failed | Self::AfterCommit => Some("ROLLBACK"),
            Self::Session | Self::Abandoned => None,
        }
    }

    fn ends_the_session(self) -> bool {
        matches!(self, Self::Session | Self::Abandoned)
    }
}

/// What must not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Rows of the other were seen.
    Seen,
    /// Rows of the other are not what they were.
    Changed(String),
    /// The other found something.
    Found(String),
    /// What protects all is not what it was.
    Unprotected(String),
    /// The tenant itself could not work afterwards.
    Broken(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seen => "**the other's rows are read**",
            Self::Changed(_) => "**the other's rows are changed**",
            Self::Found(_) => "**the next tenant finds it**",
            Self::Unprotected(_) => "**the role or its rights are changed, for all**",
            Self::Broken(_) => "**the tenant can't work any more**",
        })
    }
}

/// How it went.
#[derive(Debug, Default)]
pub(super) struct Happened {
    /// The first error's SQLSTATE.
    pub(super) refused: Option<String>,
    pub(super) faults: Vec<Fault>,
}

/// A client, and what it says before each of its requests, and behind.
pub(super) struct Caller {
    pub(super) raw: Raw,
    pub(super) before: Vec<String>,
    pub(super) after: Option<&'static str>,
}

/// Everything up to ReadyForQuery, or to the connection's end. A COPY that asks for rows gets none.
async fn answer(raw: &mut Raw) -> Messages {
    raw.flush().await;
    let mut messages = Vec::new();
    while let Some(message) = raw.message().await {
        messages.push(message);
        match messages.last().unwrap().0 {
            tag::READY_FOR_QUERY => break,
            tag::COPY_IN => {
                frontend::copy_fail(&mut raw.out, "no rows");
                raw.flush().await;
            }
            _ => {}
        }
    }
    messages
}

async fn simple(raw: &mut Raw, sql: &str) -> Messages {
    frontend::query(&mut raw.out, sql);
    answer(raw).await
}

impl Caller {
    /// Asks in a request of its own; rows, or the error.
    pub(super) async fn ask(&mut self, sql: &str) -> String {
        frontend::query(&mut self.raw.out, sql);
        self.request().await
    }

    /// What is in the buffer as a request of its own.
    async fn request(&mut self) -> String {
        let question = self.raw.out.split();
        for sql in &self.before {
            simple(&mut self.raw, sql).await;
        }
        self.raw.out.extend_from_slice(&question);
        let answered = told(&answer(&mut self.raw).await);
        if let Some(sql) = self.after {
            simple(&mut self.raw, sql).await;
        }
        answered
    }

    pub(super) async fn look(&mut self, look: Look, words: &super::stage::Words) -> String {
        match look {
            Look::Nothing => return String::new(),
            Look::Sql(sql) => return self.ask(&words.fill(sql)).await,
            Look::Unnamed => frontend::bind_text(&mut self.raw.out, b"", b"", &[]),
            Look::Portal => {}
        }
        frontend::execute(&mut self.raw.out, b"", 0);
        frontend::sync(&mut self.raw.out);
        self.request().await
    }

    /// Sends a statement, or several in a pipeline.
    async fn play(&mut self, protocol: Protocol, statements: &[String]) -> Messages {
        let mut messages = Vec::new();
        let raw = &mut self.raw;
        for (number, sql) in statements.iter().enumerate() {
            let name = if protocol == Protocol::Named { format!("s{number}") } else { String::new() };
            if protocol == Protocol::Simple {
                messages.extend(simple(raw, sql).await);
                continue;
            }
            frontend::parse(&mut raw.out, &name, sql, &[]);
            if protocol == Protocol::Named {
                frontend::sync(&mut raw.out);
                let prepared = answer(raw).await;
                let failed = sqlstate(&prepared).is_some();
                messages.extend(prepared);
                if failed {
                    continue;
                }
            }
            frontend::bind_text(&mut raw.out, b"", &name, &[]);
            frontend::describe(&mut raw.out, frontend::PORTAL, b"");
            frontend::execute(&mut raw.out, b"", 0);
            if protocol != Protocol::Pipelined {
                frontend::sync(&mut raw.out);
                messages.extend(answer(raw).await);
            }
        }
        if protocol == Protocol::Pipelined {
            frontend::sync(&mut raw.out);
            messages.extend(answer(raw).await);
        }
        messages
    }

    /// The attack itself. `None` when the attacker is gone.
    pub(super) async fn attack(
        mut self,
        vector: &Vector,
        (protocol, state): (Protocol, State),
        words: &super::stage::Words,
        happened: &mut Happened,
    ) -> Option<Self> {
        for sql in self.before.iter().map(String::as_str).chain(state.begin().iter().copied()) {
            simple(&mut self.raw, sql).await;
        }
        let statements: Vec<String> = vector.tries.iter().map(|sql| words.fill(sql)).collect();
        let mut said = self.play(protocol, &statements).await;
        happened.refused = sqlstate(&said);
        // Whatever that did to the session, nobody else's rows appear, for reading or for writing.
        for sql in ["SELECT body FROM notes", "UPDATE notes SET body = body RETURNING body"] {
            said.extend(simple(&mut self.raw, sql).await);
        }
        let secret = words.secret.as_bytes();
        if said.iter().any(|(_, body)| body.windows(secret.len()).any(|part| part == secret)) {
            happened.faults.push(Fault::Seen);
        }
        if vector.keeps || state.ends_the_session() {
            return None;
        }
        if let Some(sql) = self.after.or(state.end()) {
            simple(&mut self.raw, sql).await;
        }
        Some(self)
    }
}

/// An answer in a line: rows and tags, or the error.
fn told(messages: &Messages) -> String {
    if let Some(code) = sqlstate(messages) {
        return format!("error {code}");
    }
    let words = messages.iter().filter_map(|(kind, body)| match *kind {
        tag::DATA_ROW => {
            let row = DataRow::decode(body).unwrap();
            Some(String::from_utf8_lossy(row.get(0).unwrap_or(b"NULL")).into_owned())
        }
        tag::COMMAND_COMPLETE => Some(String::from_utf8_lossy(command_tag(body).unwrap()).into_owned()),
        tag::READY_FOR_QUERY => Some(String::new()),
        _ => None,
    });
    words.collect::<Vec<_>>().join(";")
}
