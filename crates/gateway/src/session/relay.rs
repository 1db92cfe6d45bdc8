//! The relay: bytes between a client and the server connection it was lent, until the transaction is over.
//!
//! Bodies are not read, with few exceptions: headers are, and names of prepared statements are replaced. Both
//! directions are bounded by `buffer_bytes`: who does not read makes the other wait.
//!
//! Whatever the client sends, each reply of the server must be the one that is owed next; a reply that is not breaks the
//! connection. So that this can be said of every conversation, the client's messages wait where PostgreSQL's answer
//! decides what they mean: behind a simple Query, and in front of COPY data (`client.rs`).

mod client;
mod kept;
mod named;
mod server;

use super::Session;
use super::hold::{Hold, Looking, Next};
use super::transaction::{Expected, Pipeline, Transaction};
use crate::backend::{Entry, NotEntered, Residue};
use crate::error::{ClientError, SessionEnd};
use crate::limit::timer::Overdue;
pub(super) use client::Flow;
pub(super) use server::Verdict;
use std::future::poll_fn;
use std::task::Poll;
use tenantry_core::ErrorKind;
use tenantry_wire::backend::{self, TransactionStatus};
use tenantry_wire::frame;
use tenantry_wire::frontend::tag;

/// What happened while waiting.
pub(super) enum Event {
    Progress,
    ServerLost,
    ClientGone,
    /// What the session is doing takes too long.
    Overdue,
}

/// Why the relay can't go on with this server connection.
enum Broken {
    /// The connection was lost, or said what it must not.
    Lost,
    /// The database keeps us out; nothing of the client's was executed inside the tenant.
    Refused(Entry),
    /// The entry failed; nothing of the client's was executed inside the tenant.
    NotEntered,
    /// A cancel of the client's statement came so early that it hit the entry in front of it.
    Cancelled,
    /// The client's settings were not accepted.
    Settings(ClientError),
    /// The transaction could not begin.
    NotBegun(ClientError),
    /// A statement returned more than it may.
    TooLarge(u64),
}

impl Broken {
    /// What the client is told when only its statement fails; `None` when the session ends.
    fn refusal(&self, cancelled: Overdue) -> Option<ClientError> {
        match self {
            Self::Lost | Self::TooLarge(_) => None,
            Self::Refused(entry) => Some(super::attach::refused(*entry)),
            Self::NotEntered => Some(
                ClientError::new(ErrorKind::TenantUnavailable, "the tenant could not be entered")
                    .with_hint("try again"),
            ),
            Self::Cancelled => Some(super::overdue::cancelled(cancelled)),
            Self::Settings(error) | Self::NotBegun(error) => Some(error.clone()),
        }
    }
}

impl From<NotEntered> for Broken {
    fn from(reason: NotEntered) -> Self {
        match reason {
            NotEntered::Refused(entry) => Self::Refused(entry),
            NotEntered::Failed => Self::NotEntered,
            NotEntered::Cancelled => Self::Cancelled,
            NotEntered::Setting(said) => Self::Settings(super::attach::bad_setting(said)),
            NotEntered::Unexpected => Self::Lost,
        }
    }
}

/// Whether a client that sends no more has said so.
pub(super) fn says_goodbye(unread: &[u8]) -> bool {
    frame::frames(unread).any(|message| message.is_ok_and(|message| message.tag == tag::TERMINATE))
}

impl Session {
    /// Relays until the transaction is over, then gives the connection back.
    pub(super) async fn transact(&mut self, mut transaction: Box<Transaction>) -> Result<(), SessionEnd> {
        loop {
            // What the client has sent since must not be hit by a cancel of what came before.
            if self.cancel.slot.is_busy() {
                Box::pin(self.cancel.slot.delivered()).await;
            }
            let event = match self.turn(&mut transaction).await {
                Ok(Some(event)) => event,
                Ok(None) => {
                    let rolled_back = transaction.rolled_back;
                    self.release(transaction);
                    self.end_scope(rolled_back);
                    return Ok(());
                }
                Err(end) => {
                    Box::pin(self.part(transaction)).await;
                    return Err(end);
                }
            };
            match event {
                Event::Progress => {}
                Event::ServerLost => return self.server_lost(transaction, &Broken::Lost),
                Event::Overdue => {
                    if let Err(end) = Box::pin(self.end_overdue(&mut transaction)).await {
                        self.limited();
                        Box::pin(self.abandon(transaction)).await;
                        return Err(end);
                    }
                    continue;
                }
                Event::ClientGone => {
                    Box::pin(self.part(transaction)).await;
                    return Err(SessionEnd::ClientGone);
                }
            }
            match self.pump_server(&mut transaction) {
                Ok(()) => {}
                Err(Broken::TooLarge(limit)) => {
                    self.limited();
                    Box::pin(self.abandon(transaction)).await;
                    return Err(super::overdue::result_too_large(limit).into());
                }
                Err(broken) => return self.server_lost(transaction, &broken),
            }
        }
    }

    /// Forwards what is there and waits for more. `None` when the connection can be given back.
    async fn turn(&mut self, transaction: &mut Transaction) -> Result<Option<Event>, SessionEnd> {
        if transaction.attention
            && transaction.ran
            && transaction.is_finished()
            && matches!(Box::pin(self.attend(transaction)).await?, Next::Release)
        {
            return Ok(None);
        }
        if transaction.lone
            && transaction.ran
            && transaction.hold == Hold::Transaction
            && transaction.is_finished()
        {
            return Ok(None);
        }
        // What the client says next may depend on what the server is being asked.
        let flow = match transaction.looking {
            Looking::Asked(_) => Flow::Wait,
            _ => self.pump_client(transaction)?,
        };
        if transaction.switching {
            // The next tenant's server connection is another one.
            transaction.residue = match transaction.hold {
                Hold::Session => {
                    self.statements.kept = None;
                    Residue::Statements
                }
                _ => transaction.residue,
            };
            return Ok(None);
        }
        let kept = transaction.hold != Hold::Transaction;
        if transaction.is_finished() && !kept {
            return Ok(None);
        }
        transaction.note_doing();
        if transaction.is_resting() {
            return Box::pin(self.rest(transaction)).await.map(Some);
        }
        Ok(Some(self.exchange(transaction, flow).await))
    }

    /// Moves bytes over the sockets until something arrived. Cancel-safe: nothing is held across the wait.
    pub(super) async fn exchange(&mut self, transaction: &mut Transaction, flow: Flow) -> Event {
        let limit = self.worker.shared.config.buffer_bytes;
        let client = &mut self.client;
        let timer = &transaction.server.timer;
        let server = &mut transaction.server.io;
        let goodbye = &mut transaction.goodbye;
        let moved = poll_fn(|cx| {
            if timer.overdue() != Overdue::Nothing {
                return Poll::Ready(Event::Overdue);
            }
            if let Poll::Ready(Err(_)) = server.poll_flush_soon(cx) {
                return Poll::Ready(Event::ServerLost);
            }
            let unsent = client.outbuf.len();
            if let Poll::Ready(Err(_)) = client.poll_flush_soon(cx) {
                return Poll::Ready(Event::ClientGone);
            }
            // What waited for the client to read may go on.
            let mut progress = unsent >= limit && client.outbuf.len() < limit;
            if client.outbuf.len() < limit
                && let Poll::Ready(read) = server.poll_fill(cx)
            {
                match read {
                    Ok(1..) => progress = true,
                    _ => return Poll::Ready(Event::ServerLost),
                }
            }
            // Nor is a client read that does not read, or that is ahead of the server, or while there is something to pass on to it. Of
            // one whose next message waits, no more is kept than that: enough to notice that it is gone.
            let room = match flow {
                Flow::Read => server.outbuf.len() < limit,
                Flow::Wait => client.inbuf.len() < limit && !*goodbye,
            };
            if room
                && !progress
                && client.outbuf.len() < limit
                && let Poll::Ready(read) = client.poll_fill(cx)
            {
                match read {
                    Ok(1..) => progress = true,
                    // What it has sent is finished before the end is seen, as PostgreSQL does.
                    Ok(0) if flow == Flow::Wait && says_goodbye(&client.inbuf) => *goodbye = true,
                    _ => return Poll::Ready(Event::ClientGone),
                }
            }
            if progress { Poll::Ready(Event::Progress) } else { Poll::Pending }
        });
        moved.await
    }

    /// The server connection can't be used any more. Before anything of the client's ran, only its statement fails;
    /// in the middle of a transaction the session ends, because its state is lost.
    fn server_lost(&mut self, transaction: Box<Transaction>, broken: &Broken) -> Result<(), SessionEnd> {
        self.cancel.slot.detach();
        match broken.refusal(transaction.cancelled) {
            // Half a message of the client's was passed on: where the next begins is only known to the server that is
            // gone.
            Some(error) if transaction.client_pass > 0 => Err(error.into()),
            Some(error) => {
                let begun = !transaction.expected.iter().any(|expected| matches!(expected, Expected::Begin));
                self.refuse_expected(transaction, &error);
                if begun {
                    self.end_scope(true);
                } else {
                    self.refuse(&error);
                }
                Ok(())
            }
            None if transaction.fatal_seen => Err(SessionEnd::ClientGone),
            None => Err(ClientError::server_lost().into()),
        }
    }

    /// Answers everything the client has sent with the same error, as if each had failed.
    fn refuse_expected(&mut self, mut transaction: Box<Transaction>, error: &ClientError) {
        let out = &mut self.client.outbuf;
        let mut in_pipeline = false;
        for expected in transaction.expected.drain(..) {
            match expected {
                Expected::Enter(_) | Expected::Begin | Expected::Look | Expected::SyncInjected => {}
                Expected::Query => {
                    super::refuse::error(out, error);
                    backend::ready_for_query(out, TransactionStatus::Idle);
                }
                Expected::Sync => {
                    if !in_pipeline {
                        super::refuse::error(out, error);
                    }
                    backend::ready_for_query(out, TransactionStatus::Idle);
                    in_pipeline = false;
                }
                other => {
                    if let Expected::Parse { name, .. } | Expected::ParseKnown(name) = other {
                        self.statements.remove(&name);
                    }
                    if !std::mem::replace(&mut in_pipeline, true) {
                        super::refuse::error(out, error);
                    }
                }
            }
        }
        self.skip_to_sync = in_pipeline || transaction.pipeline == Pipeline::Failed;
    }
}
