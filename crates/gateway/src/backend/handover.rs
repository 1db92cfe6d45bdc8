//! The handover of a server connection from one tenant to the next.
//!
//! It needs no answer: leaving the old tenant and entering the new one are two transactions at the front of the pipeline
//! that the client's first message ends. What fails there makes PostgreSQL skip everything up to the client's Sync, so
//! that nothing of the client's runs anywhere but inside its tenant (docs/adr/0003).

use super::connect::server_error;
use super::{BackendError, Residue, ServerConnection, State};
use crate::settings::Settings;
use crate::statement::unguessable_name;
use bytes::BytesMut;
use std::sync::Arc;
use tenantry_core::{ContextKey, Epoch, Nonce, TenantId, quote_literal};
use tenantry_wire::backend::{DataRow, ErrorFields, ParameterStatus, TransactionStatus, ready_status, tag};
use tenantry_wire::{frame, frontend};

/// One simple Query: it also drops the unnamed statement, and overwrites the last statement's text in
/// `pg_stat_activity`. It keeps plans and prepared statements, which hold no tenant's data.
const RESET: &str =
    "SET SESSION AUTHORIZATION DEFAULT;CLOSE ALL;RESET ALL;UNLISTEN *;DISCARD TEMP;DISCARD SEQUENCES";
/// A message of its own, of exactly this text: only where the context's end is committed does the database also give
/// up the fence lock.
const CHALLENGE: &str = "SELECT tenancy.challenge()";

/// The gateway's own statements on a server connection, prepared once.
#[derive(Debug, Clone, Copy)]
enum Own {
    /// The level is that which `tenancy.admit` reads the gate at, whatever the session's default is.
    Begin,
    Commit,
    /// Ends the old tenant's transaction, and begins the new one's at the same level.
    Chain,
    /// Statements with names in them are planned anew under another search path; this one is not.
    Path,
    Leave,
    Admit,
    Set,
}

impl Own {
    const ALL: [(Self, &str); 7] = [
        (Self::Begin, "BEGIN ISOLATION LEVEL READ COMMITTED"),
        (Self::Commit, "COMMIT"),
        (Self::Chain, "COMMIT AND CHAIN"),
        (Self::Path, "RESET search_path"),
        (Self::Leave, "SELECT tenancy.leave()"),
        (Self::Admit, "SELECT tenancy.admit($1::int4,$2::int8,$3::int8,$4::text)"),
        (Self::Set, "SELECT pg_catalog.set_config($1::text,$2::text,false)"),
    ];
}

/// What the gateway's own statements are called on one server connection: a name that can't be guessed, and a letter. With
/// the messages that are the same at every handover.
#[derive(Debug, Clone)]
pub(super) struct OwnNames {
    name: Box<[u8]>,
    /// To the beginning of the entry: from nobody, from a tenant, and from one with a search path of its own.
    begin: Messages,
    leave: Messages,
    leave_path: Messages,
    commit: Messages,
}

/// What runs some statements without parameters.
#[derive(Debug, Clone, Default)]
struct Messages {
    bytes: Box<[u8]>,
    statements: usize,
}

impl OwnNames {
    fn new() -> Self {
        let mut names = Self {
            name: [&*unguessable_name(), b"_?"].concat().into(),
            begin: Messages::default(),
            leave: Messages::default(),
            leave_path: Messages::default(),
            commit: Messages::default(),
        };
        names.begin = names.messages(&[Own::Begin]);
        names.leave = names.messages(&[Own::Begin, Own::Leave, Own::Chain]);
        names.leave_path = names.messages(&[Own::Begin, Own::Path, Own::Leave, Own::Chain]);
        names.commit = names.messages(&[Own::Commit]);
        names
    }

    /// Those of a connection, on which the statements are prepared first if they are not.
    fn prepared<'n>(own: &'n mut Option<Self>, out: &mut BytesMut) -> &'n mut Self {
        own.get_or_insert_with(|| {
            let mut names = Self::new();
            for (own, text) in Own::ALL {
                frontend::parse(out, names.of(own), text, &[]);
            }
            names
        })
    }

    fn of(&mut self, own: Own) -> &[u8] {
        if let Some(last) = self.name.last_mut() {
            *last = b'a' + own as u8;
        }
        &self.name
    }

    fn messages(&mut self, statements: &[Own]) -> Messages {
        let mut out = BytesMut::new();
        for own in statements {
            self.run(&mut out, *own, &[]);
        }
        Messages { bytes: (&*out).into(), statements: statements.len() }
    }

    /// Binds and executes one of the statements.
    fn run(&mut self, out: &mut BytesMut, own: Own, params: &[Option<&[u8]>]) {
        frontend::bind_text(out, b"", self.of(own), params);
        frontend::execute(out, b"", 0);
    }
}

/// What `tenancy.admit` says when it does not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The token was not accepted: wrong key, or somebody used the nonce up.
    Refused,
    /// The placement has a newer epoch than the route we know.
    Stale,
    Suspended,
    /// A move or a suspension holds the tenant's fence right now.
    Fenced,
}

impl Entry {
    /// The SQLSTATE with which `tenancy.admit` raises one of these words.
    const SQLSTATE: &[u8] = b"TN001";

    fn parse(text: &[u8]) -> Option<Self> {
        Some(match text {
            b"refused" => Self::Refused,
            b"stale" => Self::Stale,
            b"suspended" => Self::Suspended,
            b"fenced" => Self::Fenced,
            _ => return None,
        })
    }
}

/// An entry that was queued, and how far its replies have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entering {
    tenant: TenantId,
    epoch: Epoch,
    /// Rows in front of the admission's, which holds the next nonce.
    rows: u16,
    /// Statements that have not completed yet.
    statements: u16,
    /// It goes from one tenant to another.
    leaving: bool,
    admitted: bool,
}

/// What one reply to an entry said.
#[derive(Debug)]
pub(crate) enum Said {
    Nothing,
    /// For the next entry.
    Nonce(Nonce),
    Parameter(String, String),
    /// The tenant is entered.
    Done,
}

/// Why an entry failed. Nothing that followed it in its pipeline was executed; the connection must be closed.
#[derive(Debug)]
pub(crate) enum NotEntered {
    /// The database keeps us out.
    Refused(Entry),
    /// Leaving, or entering, failed.
    Failed,
    /// A cancel hit it that was meant for the client's statement behind it.
    Cancelled,
    /// A setting of the client's was not accepted, in the server's words.
    Setting(Option<String>),
    /// A reply that is none of an entry's.
    Unexpected,
}

impl ServerConnection {
    /// Queues the reset. The replies are read by whoever needs the connection next.
    pub(crate) fn start_reset(&mut self) {
        self.settings = Arc::new(Settings::default());
        self.unnamed = 0;
        let discarded = self.residue == Residue::Statements;
        if discarded {
            // DISCARD ALL may not share its message with other statements.
            frontend::query(&mut self.io.outbuf, "DISCARD ALL");
            self.forget_statements();
        }
        let marker = String::from_utf8_lossy(&unguessable_name()).into_owned();
        frontend::query(&mut self.io.outbuf, &[RESET, ";SELECT NULL,", &quote_literal(&marker)].concat());
        frontend::query(&mut self.io.outbuf, CHALLENGE);
        self.residue = Residue::None;
        self.nonce = None;
        self.state = State::Resetting { discarded, marker: marker.into() };
    }

    /// All prepared statements of the session are gone.
    pub(crate) fn forget_statements(&mut self) {
        self.prepared.clear();
        self.own = None;
        self.unnamed = 0;
    }

    /// Waits for the replies of the reset that was queued. Afterwards the connection is `Clean`; on an error it
    /// must be closed.
    pub(crate) async fn finish_reset(&mut self) -> Result<(), BackendError> {
        let State::Resetting { discarded, marker } = std::mem::replace(&mut self.state, State::Unknown)
        else {
            return Err(BackendError::Protocol("no reset is under way"));
        };
        self.io.flush().await?;
        if discarded {
            self.read_reply().await?;
        }
        if self.read_reply().await?.marker.as_deref() != Some(&*marker) {
            return Err(BackendError::Protocol("another reply than the reset's"));
        }
        let mut nonce = self.read_reply().await?.value;
        if nonce.is_none() {
            // SQL prepared statements without a command tag that told (a function did it), so the database does not
            // call the session clean.
            self.forget_statements();
            frontend::query(&mut self.io.outbuf, "DISCARD ALL");
            frontend::query(&mut self.io.outbuf, CHALLENGE);
            self.io.flush().await?;
            self.read_reply().await?;
            nonce = self.read_reply().await?.value;
        }
        self.nonce = Some(Nonce::new(nonce.ok_or(BackendError::Protocol("no nonce"))?));
        self.state = State::Clean;
        Ok(())
    }

    /// A client that keeps this connection has lost the tenant's context on it: asks for the next nonce. Nothing may be owed.
    pub(crate) async fn rechallenge(&mut self) -> Result<(), BackendError> {
        const NAME: &[u8] = b"tenantry_again";
        self.state = State::Unknown;
        let out = &mut self.io.outbuf;
        // By the extended protocol, which leaves the client its unnamed statement.
        frontend::parse(out, NAME, "SELECT tenancy.rechallenge()", &[]);
        frontend::bind_text(out, b"", NAME, &[]);
        frontend::execute(out, b"", 0);
        frontend::close(out, frontend::STATEMENT, NAME);
        frontend::sync(out);
        self.io.flush().await?;
        let nonce = self.read_reply().await?.value.ok_or(BackendError::Protocol("no nonce"))?;
        self.nonce = Some(Nonce::new(nonce));
        self.state = State::Clean;
        Ok(())
    }

    /// Sets again what a client that keeps this connection has reset, and that its startup packet chose.
    pub(crate) async fn set_again(&mut self, settings: &[(&str, &str)]) -> Result<(), BackendError> {
        let out = &mut self.io.outbuf;
        let names = OwnNames::prepared(&mut self.own, out);
        for (name, value) in settings {
            names.run(out, Own::Set, &[Some(name.as_bytes()), Some(value.as_bytes())]);
        }
        frontend::sync(&mut self.io.outbuf);
        self.io.flush().await?;
        self.read_reply().await.map(drop)
    }

    /// Reads up to ReadyForQuery. Returns the columns of the last row.
    pub(super) async fn read_reply(&mut self) -> Result<Answer, BackendError> {
        let mut answer = Answer::default();
        loop {
            let frame = self.next_frame().await?;
            let body = &frame[frame::HEADER..];
            match frame[0] {
                tag::DATA_ROW => answer = Answer::decode(body)?,
                tag::ERROR => return Err(server_error(body)),
                tag::PARAMETER_STATUS => self.read_parameter(body)?,
                tag::READY_FOR_QUERY => {
                    expect_idle(body)?;
                    return Ok(answer);
                }
                _ => {}
            }
        }
    }

    fn read_parameter(&mut self, body: &[u8]) -> Result<(), BackendError> {
        let (name, value) = parameter(body)?;
        self.report(&name, &value);
        Ok(())
    }

    /// Queues the entry into a tenant under these settings, behind leaving the one that the connection is inside, if any.
    ///
    /// No Sync follows: the caller sends the client's first message in the same pipeline, and nothing behind the end
    /// of that one's until [`note_entry`](Self::note_entry) says that the entry is done.
    pub(crate) fn queue_entry(
        &mut self,
        key: &ContextKey,
        tenant: TenantId,
        epoch: Epoch,
        settings: &[(&str, &str)],
    ) -> Result<Entering, BackendError> {
        let leaving = match std::mem::replace(&mut self.state, State::Unknown) {
            State::Entered { .. } => true,
            State::Clean => false,
            _ => return Err(BackendError::Protocol("handover of a connection in an unknown state")),
        };
        let nonce = self.nonce.take().ok_or(BackendError::Protocol("handover without a nonce"))?;
        let token = key.sign(tenant, epoch, &nonce);
        self.residue = Residue::None;
        self.unnamed = 0;
        let had_path = self.has_path;
        self.has_path = settings.iter().any(|(name, _)| *name == "search_path");
        let [kid, for_tenant, at_epoch] =
            [i64::from(token.key.get()), tenant.get(), epoch.get()].map(|n| n.to_string());
        let token = [kid.as_bytes(), for_tenant.as_bytes(), at_epoch.as_bytes(), token.mac.as_bytes()];
        let out = &mut self.io.outbuf;
        let names = OwnNames::prepared(&mut self.own, out);
        let begin = match (leaving, had_path) {
            (false, _) => &names.begin,
            (true, false) => &names.leave,
            (true, true) => &names.leave_path,
        };
        out.extend_from_slice(&begin.bytes);
        // The admission and the settings are the others.
        let statements = begin.statements + 1 + settings.len() + names.commit.statements;
        names.run(out, Own::Admit, &token.map(Some));
        for (name, value) in settings {
            names.run(out, Own::Set, &[Some(name.as_bytes()), Some(value.as_bytes())]);
        }
        out.extend_from_slice(&names.commit.bytes);
        Ok(Entering {
            tenant,
            epoch,
            rows: u16::from(leaving),
            statements: u16::try_from(statements).unwrap_or(u16::MAX),
            leaving,
            admitted: false,
        })
    }

    /// Takes note of what a reply to an entry said. True when the entry is done: the connection is `Entered`.
    pub(crate) fn note_entry(&mut self, entering: &Entering, said: Said) -> bool {
        match said {
            Said::Nothing => {}
            Said::Nonce(nonce) => self.nonce = Some(nonce),
            Said::Parameter(name, value) => self.report(&name, &value),
            Said::Done => {
                self.state = State::Entered { tenant: entering.tenant, epoch: entering.epoch };
                return true;
            }
        }
        false
    }

    /// Enters with an exchange of its own, so that the server reports its parameters under the new settings before anything of
    /// the client's is sent. Leaves the connection idle.
    pub(crate) async fn finish_entry(&mut self, mut entering: Entering) -> Result<(), NotEntered> {
        frontend::sync(&mut self.io.outbuf);
        self.io.flush().await.map_err(|_| NotEntered::Unexpected)?;
        let mut done = false;
        loop {
            let frame = self.next_frame().await.map_err(|_| NotEntered::Unexpected)?;
            let body = &frame[frame::HEADER..];
            match frame[0] {
                tag::READY_FOR_QUERY if done => {
                    return expect_idle(body).map_err(|_| NotEntered::Unexpected);
                }
                tag::PARAMETER_STATUS => self.read_parameter(body).map_err(|_| NotEntered::Unexpected)?,
                _ if done => return Err(NotEntered::Unexpected),
                other => {
                    let said = entering.reply(other, body)?;
                    done = self.note_entry(&entering, said);
                }
            }
        }
    }
}

impl Entering {
    /// Reads one reply to an entry.
    pub(crate) fn reply(&mut self, tag: u8, body: &[u8]) -> Result<Said, NotEntered> {
        match tag {
            tag::PARSE_COMPLETE | tag::BIND_COMPLETE | tag::NOTICE => {}
            tag::DATA_ROW if self.admitted => {}
            tag::DATA_ROW if self.rows > 0 => self.rows -= 1,
            tag::DATA_ROW => {
                let row = DataRow::decode(body).map_err(|_| NotEntered::Unexpected)?;
                let nonce = row.get(0).ok_or(NotEntered::Unexpected)?;
                self.admitted = true;
                return Ok(Said::Nonce(Nonce::new(String::from_utf8_lossy(nonce))));
            }
            tag::COMMAND_COMPLETE => {
                self.statements = self.statements.checked_sub(1).ok_or(NotEntered::Unexpected)?;
                if self.statements == 0 {
                    return if self.admitted { Ok(Said::Done) } else { Err(NotEntered::Unexpected) };
                }
            }
            tag::PARAMETER_STATUS => {
                let (name, value) = parameter(body).map_err(|_| NotEntered::Unexpected)?;
                return Ok(Said::Parameter(name, value));
            }
            tag::ERROR => return Err(refusal(self, body)),
            _ => return Err(NotEntered::Unexpected),
        }
        Ok(Said::Nothing)
    }
}

fn parameter(body: &[u8]) -> Result<(String, String), BackendError> {
    let status = ParameterStatus::decode(body).map_err(|_| BackendError::Protocol("ParameterStatus"))?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok((text(status.name), text(status.value)))
}

fn refusal(entering: &Entering, body: &[u8]) -> NotEntered {
    let Ok(fields) = ErrorFields::decode(body) else { return NotEntered::Unexpected };
    if fields.get(b'C') == Some(b"57014") {
        return NotEntered::Cancelled;
    }
    if entering.admitted {
        return NotEntered::Setting(Some(fields.text(b'M').into_owned()));
    }
    let word = fields.get(b'M').filter(|_| fields.get(b'C') == Some(Entry::SQLSTATE));
    match word.and_then(Entry::parse) {
        // Whoever was inside before has lost the nonce, by a RESET ALL that nobody saw.
        Some(Entry::Refused) if entering.leaving => NotEntered::Failed,
        Some(entry) => NotEntered::Refused(entry),
        None => NotEntered::Failed,
    }
}

/// What a statement of the reset returned: its value and, behind it, the reset's marker.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) value: Option<String>,
    marker: Option<String>,
}

impl Answer {
    fn decode(body: &[u8]) -> Result<Self, BackendError> {
        let row = DataRow::decode(body).map_err(|_| BackendError::Protocol("DataRow"))?;
        let column = |at| row.get(at).map(|text| String::from_utf8_lossy(text).into_owned());
        Ok(Self { value: column(0), marker: column(1) })
    }
}

fn expect_idle(body: &[u8]) -> Result<(), BackendError> {
    match ready_status(body) {
        Ok(TransactionStatus::Idle) => Ok(()),
        _ => Err(BackendError::Protocol("not idle between transactions")),
    }
}

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing {
    use super::{Answer, Entering, NotEntered, Said, expect_idle, parameter};
    use tenantry_core::{Epoch, TenantId};
    use tenantry_wire::frame;

    /// Replies to an entry: whatever they are, they end it or count down, and no tenant is entered without its admission.
    pub(crate) fn entry(bytes: &[u8]) {
        for leaving in [false, true] {
            let (tenant, epoch) = (TenantId::new(1), Epoch::FIRST);
            let (rows, statements) = (u16::from(leaving), 3);
            let mut entering = Entering { tenant, epoch, rows, statements, leaving, admitted: false };
            for frame in frame::frames(bytes).map_while(Result::ok) {
                let before = entering;
                match entering.reply(frame.tag, frame.body) {
                    Ok(Said::Done) => {
                        assert!(entering.admitted && entering.statements == 0);
                        break;
                    }
                    Ok(Said::Nonce(_)) => assert!(!before.admitted && entering.admitted),
                    Ok(Said::Nothing | Said::Parameter(..)) => assert_eq!(before.admitted, entering.admitted),
                    Err(NotEntered::Setting(_)) => {
                        assert!(before.admitted);
                        break;
                    }
                    Err(_) => break,
                }
            }
        }
        drop((Answer::decode(bytes), parameter(bytes), expect_idle(bytes)));
    }
}
