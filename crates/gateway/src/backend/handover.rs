//! The handover of a server connection from one tenant to the next.

use super::connect::server_error;
use super::{BackendError, Reset, Residue, ServerConnection, State};
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
/// up the fence lock.
const CHALLENGE: &str = "SELECT tenancy.challenge()";
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
        frontend::query(&mut self.io.outbuf, &[RESET, ";SELECT ", &quote_literal(&marker)].concat());
        frontend::query(&mut self.io.outbuf, CHALLENGE);
        self.residue = Residue::None;
        self.state = State::Resetting { reset: Reset { marker: marker.into(), discarded } };
    }

    /// All prepared statements of the session are gone.
    pub(crate) fn forget_statements(&mut self) {
        self.prepared.clear();
        self.enter = None;
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
        if self.read_reply().await?.as_deref() != Some(&*reset.marker) {
            return Err(BackendError::Protocol("another reply than the reset's"));
        }
        let mut nonce = self.read_reply().await?;
        if nonce.is_none() {
            // SQL prepared statements without a command tag that told (a function did it), so the database does not
            // call the session clean.
            self.forget_statements();
            frontend::query(&mut self.io.outbuf, "DISCARD ALL");
            frontend::query(&mut self.io.outbuf, CHALLENGE);
            self.io.flush().await?;
            self.read_reply().await?;
            nonce = self.read_reply().await?;
        }
        let nonce = nonce.ok_or(BackendError::Protocol("no nonce"))?;
        self.state = State::Clean { nonce: Nonce::new(nonce) };
        Ok(())
    }

    /// Reads up to ReadyForQuery. Returns the first column of the last row.
    async fn read_reply(&mut self) -> Result<Option<String>, BackendError> {
        let mut column = None;
        loop {
            let frame = self.next_frame().await?;
            let body = &frame[frame::HEADER..];
            match frame[0] {
                tag::DATA_ROW => column = first_column(body)?,
                tag::ERROR => return Err(server_error(body)),
                tag::PARAMETER_STATUS => {
                    let status = ParameterStatus::decode(body)
                        .map_err(|_| BackendError::Protocol("ParameterStatus"))?;
                    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                    self.report(&text(status.name), &text(status.value));
                }
                tag::READY_FOR_QUERY => {
                    expect_idle(body)?;
                    return Ok(column);
                }
                _ => {}
            }
        }
    }

    /// Queues the entry into a tenant. The answer is one row of text, read with `Entry::parse`.
    /// The connection must be `Clean`; its nonce is used up whatever comes back.
    pub(crate) fn queue_enter(
        &mut self,
        key: &ContextKey,
        tenant: TenantId,
        epoch: Epoch,
    ) -> Result<(), BackendError> {
        let State::Clean { nonce } = std::mem::replace(&mut self.state, State::Unknown) else {
            return Err(BackendError::Protocol("handover of a connection that is not clean"));
        };
        let token = key.sign(tenant, epoch, &nonce);
        let out = &mut self.io.outbuf;
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
        self.queue_enter(key, tenant, epoch)?;
        self.io.flush().await?;
        let answer = self.read_reply().await?;
        let entry = answer.and_then(|text| Entry::parse(text.as_bytes()));
        let entry = entry.ok_or(BackendError::Protocol("no answer from tenancy.enter"))?;
        if entry == Entry::Entered {
            self.state = State::Entered { tenant, epoch };
        }
        Ok(entry)
    }
}

/// The first column of a row, as text.
pub(crate) fn first_column(body: &[u8]) -> Result<Option<String>, BackendError> {
    let row = DataRow::decode(body).map_err(|_| BackendError::Protocol("DataRow"))?;
    Ok(row.get(0).map(|text| String::from_utf8_lossy(text).into_owned()))
}

fn expect_idle(body: &[u8]) -> Result<(), BackendError> {
    match ready_status(body) {
        Ok(TransactionStatus::Idle) => Ok(()),
        _ => Err(BackendError::Protocol("not idle between transactions")),
    }
}
