//! The handover of a server connection from one tenant to the next.

use super::connect::server_error;
use super::{BackendError, Fence, Reset, Residue, ServerConnection, State};
use crate::settings::Settings;
use crate::statement::unguessable_name;
use std::sync::Arc;
use tenantry_core::{ContextKey, Epoch, Nonce, TenantId, quote_literal};
use tenantry_wire::backend::{DataRow, ParameterStatus, TransactionStatus, ready_status, tag};
use tenantry_wire::{frame, frontend};

/// One simple Query: it also drops the unnamed statement, and overwrites the last statement's text in
/// `pg_stat_activity`. It keeps plans and prepared statements, which hold no tenant's data.
const RESET: &str =
    "SET SESSION AUTHORIZATION DEFAULT;CLOSE ALL;RESET ALL;UNLISTEN *;DISCARD TEMP;DISCARD SEQUENCES";
/// A message of its own, of exactly this text: only where the context's end is committed does the database also give
/// up the fence lock. As a part of the reset it issues a nonce and leaves the lock to the next entry.
const CHALLENGE: &str = "SELECT tenancy.challenge()";
const SET: &str = "SELECT pg_catalog.set_config($1::text,$2::text,false)";
const ENTER: &str = "SELECT tenancy.enter($1::int4,$2::int8,$3::int8,$4::text)";

/// What `tenancy.enter` answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Entered,
    /// The token was not accepted: wrong key, or somebody used the nonce up.
    Refused,
    /// The placement has a newer epoch than the route we know.
    Stale,
    Suspended,
    /// A move or a suspension holds the tenant's fence right now.
    Fenced,
}

impl Entry {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        Some(match text {
            b"entered" => Self::Entered,
            b"refused" => Self::Refused,
            b"stale" => Self::Stale,
            b"suspended" => Self::Suspended,
            b"fenced" => Self::Fenced,
            _ => return None,
        })
    }
}

impl ServerConnection {
    /// Queues the reset. The replies are read by whoever needs the connection next.
    ///
    /// Where an entry is about to follow, the fence lock may be kept for it to give up: that is one message less.
    pub(crate) fn start_reset(&mut self, fence: Fence) {
        self.settings = Arc::new(Settings::default());
        self.unnamed = 0;
        let discarded = self.residue == Residue::Statements;
        if discarded {
            // DISCARD ALL may not share its message with other statements.
            frontend::query(&mut self.io.outbuf, "DISCARD ALL");
            self.forget_statements();
        }
        let marker = String::from_utf8_lossy(&unguessable_name()).into_owned();
        let literal = quote_literal(&marker);
        match fence {
            Fence::Kept => {
                frontend::query(&mut self.io.outbuf, &[RESET, ";", CHALLENGE, ",", &literal].concat());
            }
            Fence::GivenUp => {
                frontend::query(&mut self.io.outbuf, &[RESET, ";SELECT NULL,", &literal].concat());
                frontend::query(&mut self.io.outbuf, CHALLENGE);
            }
        }
        self.residue = Residue::None;
        self.state = State::Resetting { reset: Reset { discarded, marker: Some(marker.into()), fence } };
    }

    /// Queues what gives up a fence lock that was kept for an entry which did not follow. False where none is kept.
    pub(crate) fn give_up_fence(&mut self) -> bool {
        let reset = match &self.state {
            State::Clean { fence: Fence::Kept, .. } => {
                Reset { discarded: false, marker: None, fence: Fence::GivenUp }
            }
            State::Resetting { reset } if reset.fence == Fence::Kept => {
                Reset { fence: Fence::GivenUp, ..reset.clone() }
            }
            _ => return false,
        };
        frontend::query(&mut self.io.outbuf, CHALLENGE);
        self.state = State::Resetting { reset };
        true
    }

    /// All prepared statements of the session are gone.
    pub(crate) fn forget_statements(&mut self) {
        self.prepared.clear();
        self.enter = None;
        self.set = None;
        self.unnamed = 0;
    }

    /// Waits for the replies of the reset that was queued. Afterwards the connection is `Clean`; on an error it
    /// must be closed.
    pub(crate) async fn finish_reset(&mut self) -> Result<(), BackendError> {
        let State::Resetting { reset } = std::mem::replace(&mut self.state, State::Unknown) else {
            return Err(BackendError::Protocol("no reset is under way"));
        };
        self.io.flush().await?;
        if reset.discarded {
            self.read_reply().await?;
        }
        let mut nonce = None;
        if let Some(marker) = reset.marker {
            let answer = self.read_reply().await?;
            if answer.marker.as_deref() != Some(&*marker) {
                return Err(BackendError::Protocol("another reply than the reset's"));
            }
            nonce = answer.value;
        }
        if reset.fence == Fence::GivenUp {
            nonce = self.read_reply().await?.value;
        }
        let mut fence = reset.fence;
        if nonce.is_none() {
            // SQL prepared statements without a command tag that told (a function did it), so the database does not
            // call the session clean.
            self.forget_statements();
            frontend::query(&mut self.io.outbuf, "DISCARD ALL");
            frontend::query(&mut self.io.outbuf, CHALLENGE);
            self.io.flush().await?;
            self.read_reply().await?;
            nonce = self.read_reply().await?.value;
            fence = Fence::GivenUp;
        }
        let nonce = nonce.ok_or(BackendError::Protocol("no nonce"))?;
        self.state = State::Clean { nonce: Nonce::new(nonce), fence };
        Ok(())
    }

    /// Reads up to ReadyForQuery. Returns the columns of the last row.
    async fn read_reply(&mut self) -> Result<Answer, BackendError> {
        let mut answer = Answer::default();
        loop {
            let frame = self.next_frame().await?;
            let body = &frame[frame::HEADER..];
            match frame[0] {
                tag::DATA_ROW => answer = Answer::decode(body)?,
                tag::ERROR => return Err(server_error(body)),
                tag::PARAMETER_STATUS => {
                    let status = ParameterStatus::decode(body)
                        .map_err(|_| BackendError::Protocol("ParameterStatus"))?;
                    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                    self.report(&text(status.name), &text(status.value));
                }
                tag::READY_FOR_QUERY => {
                    expect_idle(body)?;
                    return Ok(answer);
                }
                _ => {}
            }
        }
    }

    /// Queues settings, each answered with a row, and the entry into a tenant, in one pipeline: the entry's answer is one
    /// row of text, read with `Entry::parse`. The connection must be `Clean`; its nonce is used up whatever comes back.
    pub(crate) fn queue_enter(
        &mut self,
        key: &ContextKey,
        tenant: TenantId,
        epoch: Epoch,
        settings: &[(&str, &str)],
    ) -> Result<(), BackendError> {
        let State::Clean { nonce, .. } = std::mem::replace(&mut self.state, State::Unknown) else {
            return Err(BackendError::Protocol("handover of a connection that is not clean"));
        };
        let token = key.sign(tenant, epoch, &nonce);
        let out = &mut self.io.outbuf;
        if self.set.is_none() && !settings.is_empty() {
            frontend::parse(out, &*self.set.insert(unguessable_name()), SET, &[]);
        }
        for (name, value) in settings {
            let params = [Some(name.as_bytes()), Some(value.as_bytes())];
            frontend::bind_text(out, b"", self.set.as_deref().unwrap_or_default(), &params);
            frontend::execute(out, b"", 0);
        }
        if self.enter.is_none() {
            frontend::parse(out, &*self.enter.insert(unguessable_name()), ENTER, &[]);
        }
        let name = self.enter.as_deref().unwrap_or_default();
        let [kid, tenant, epoch] =
            [i64::from(token.key.get()), tenant.get(), epoch.get()].map(|n| n.to_string());
        let params = [kid.as_bytes(), tenant.as_bytes(), epoch.as_bytes(), token.mac.as_bytes()].map(Some);
        frontend::bind_text(out, b"", name, &params);
        frontend::execute(out, b"", 0);
        frontend::sync(out);
        Ok(())
    }

    /// Enters and waits for the answer: for a tenant's own database, where no row-level security would hold back
    /// a statement that follows a refusal in the same packet.
    pub(crate) async fn enter(
        &mut self,
        key: &ContextKey,
        tenant: TenantId,
        epoch: Epoch,
    ) -> Result<Entry, BackendError> {
        self.queue_enter(key, tenant, epoch, &[])?;
        self.io.flush().await?;
        let answer = self.read_reply().await?;
        let entry = answer.value.and_then(|text| Entry::parse(text.as_bytes()));
        let entry = entry.ok_or(BackendError::Protocol("no answer from tenancy.enter"))?;
        if entry == Entry::Entered {
            self.state = State::Entered { tenant, epoch };
        }
        Ok(entry)
    }
}

/// What a statement of the handover returned: its value and, behind it, the reset's marker.
#[derive(Debug, Default)]
struct Answer {
    value: Option<String>,
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
