//! A server connection: its state between transactions, and the exchanges that change it.
//!
//! The handover is a small state machine. The nonce that the server issued can be signed once, which enters one tenant.
//! `Entered` serves that tenant until the entry into the next one leaves it, or until a reset, which also gives up the fence
//! lock. Whatever is unexpected breaks the connection: it is closed, never repaired.

mod connect;
mod handover;
mod position;

use crate::account::Account;
use crate::cancel::CancelTarget;
use crate::limit::timer::Timer;
use crate::pool::{Lease, Slot};
use crate::settings::Settings;
use crate::statement::Prepared;
use crate::stream::{Buffered, Stream, prepare};
use bytes::BytesMut;
use std::collections::HashSet;
use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;
use tenantry_core::{Epoch, Nonce, ServerAddress, ServerTls, TenantId};
use tenantry_tls::{Connector, Negotiated, TlsError};
use tenantry_wire::frame;
use thiserror::Error;
use tokio::net::{TcpStream, UnixStream};

pub(crate) use connect::{Credentials, read_only};
#[cfg(feature = "fuzzing")]
pub(crate) use handover::fuzzing;
pub(crate) use handover::{Entering, Entry, NotEntered};

/// Where a server listens, and how a connection to it is protected.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    place: Place,
    /// Why there can't be any is told whenever a connection is tried.
    tls: Result<Option<Connector>, Arc<TlsError>>,
}

#[derive(Debug, Clone)]
enum Place {
    Tcp(Box<str>, u16),
    /// Never under TLS, as with libpq.
    Unix(PathBuf),
}

impl Address {
    pub(crate) fn new(server: &ServerAddress, tls: &ServerTls) -> Self {
        let place = if server.host.starts_with('/') {
            Place::Unix(PathBuf::from(format!("{}/.s.PGSQL.{}", server.host, server.port)))
        } else {
            Place::Tcp(server.host.clone(), server.port)
        };
        Self { place, tls: Connector::new(tls).map_err(Arc::new) }
    }

    pub(crate) async fn connect(&self) -> io::Result<Stream> {
        let (host, port) = match &self.place {
            Place::Unix(path) => return Ok(UnixStream::connect(path).await?.into()),
            Place::Tcp(host, port) => (host, *port),
        };
        let connector = self.tls.as_ref().map_err(|error| explained(error))?;
        let stream = TcpStream::connect((&**host, port)).await?;
        prepare(&stream)?;
        let Some(connector) = connector else { return Ok(stream.into()) };
        match connector.request(stream, host).await {
            Ok(Negotiated::Clear(stream)) => Ok(stream.into()),
            Ok(Negotiated::Tls(stream)) => Ok(Stream::Tls(stream)),
            Err(error) => Err(explained(&error)),
        }
    }

    /// Host, or the socket's path, and port, for an administrator.
    pub(crate) fn shown(&self) -> (String, Option<u16>) {
        match &self.place {
            Place::Tcp(host, port) => (host.to_string(), Some(*port)),
            Place::Unix(path) => (path.display().to_string(), None),
        }
    }

    /// Where nobody listens.
    #[cfg(test)]
    pub(crate) fn nowhere() -> Self {
        Self { place: Place::Unix(PathBuf::from("/nonexistent")), tls: Ok(None) }
    }
}

/// The error with what to do about it, for the gateway's log.
fn explained(error: &TlsError) -> io::Error {
    io::Error::other(match error.hint() {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    })
}

/// Whose a server connection is between two transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// A reset was sent; its replies, with the next nonce, have not been read yet.
    Resetting {
        /// `DISCARD ALL` went first, where only that drops what was left behind.
        discarded: bool,
        /// A random text that the reset's last statement returns: whoever reads the replies knows that they are the reset's,
        /// whatever else the server may have been made to say.
        marker: Box<str>,
    },
    /// Nobody's.
    Clean,
    /// Inside a tenant, holding its fence lock.
    Entered { tenant: TenantId, epoch: Epoch },
    /// An entry was sent and its answer is outstanding, or something went wrong: only closing is left.
    Unknown,
}

/// What a transaction may have left behind in the session, from the evidence of command tags and texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Residue {
    None,
    /// Settings, cursors, listens: gone when the tenant is left.
    Session,
    /// The context itself, and with it the nonce of the next entry; or the role. Gone with a reset of its own.
    Context,
    /// SQL-level prepared statements too: only `DISCARD ALL` drops them.
    Statements,
}

/// Parameters that the server reported when the connection was opened, in order.
pub(crate) type Parameters = Vec<(Box<str>, Box<str>)>;

#[derive(Debug)]
pub(crate) struct ServerConnection {
    pub(crate) io: Buffered,
    pub(crate) state: State,
    pub(crate) residue: Residue,
    /// Which client's settings are in force.
    pub(crate) settings: Arc<Settings>,
    pub(crate) prepared: Prepared,
    /// Identifies the client's unnamed statement that the server holds; 0 is none.
    pub(crate) unnamed: u64,
    /// What the server issued for the next entry.
    nonce: Option<Nonce>,
    /// The gateway's own statements, once they are prepared.
    own: Option<handover::OwnNames>,
    /// Whether the tenant that it is inside has a search path of its own.
    has_path: bool,
    pub(crate) cancel: Arc<CancelTarget>,
    /// What the server reports of itself now, under the settings in force.
    pub(crate) parameters: Arc<Parameters>,
    pub(crate) idle_since: Instant,
    pub(crate) timer: Arc<Timer>,
    /// The tenants whose own tables the backend has seen.
    pub(crate) visited: HashSet<TenantId>,
    /// Whose it is while it is lent. Dropping the connection ends it.
    pub(crate) lease: Option<Lease>,
    /// Its place in the pool's count. Dropping the connection frees it.
    pub(crate) slot: Slot,
}

/// Why a server connection can't be used (any more).
#[derive(Debug, Error)]
pub(crate) enum BackendError {
    #[error("connection failed")]
    Io(#[from] io::Error),
    #[error("deadline passed")]
    Deadline(#[from] tokio::time::error::Elapsed),
    #[error("server said {sqlstate}: {message}")]
    Server { sqlstate: String, message: String },
    #[error("unexpected message from the server ({0})")]
    Protocol(&'static str),
    #[error("the server is {0}")]
    WrongRole(&'static str),
    #[error(
        "the database's isolation core is version {0}, and this gateway needs {min}: run `tenantry cluster add` again",
        min = connect::MIN_CORE
    )]
    OldCore(i32),
}

impl ServerConnection {
    /// The next whole message of the server, header included. Not for the relay, which does not wait for whole rows.
    async fn next_frame(&mut self) -> Result<BytesMut, BackendError> {
        loop {
            let header = frame::peek(&self.io.inbuf).map_err(|_| BackendError::Protocol("frame length"))?;
            if let Some(header) = header {
                if header.len > MAX_CONTROL_BYTES {
                    return Err(BackendError::Protocol("oversized message"));
                }
                if self.io.inbuf.len() >= header.len {
                    return Ok(self.io.inbuf.split_to(header.len));
                }
            }
            self.io.fill().await?;
        }
    }

    /// Notes a parameter that the server reported.
    pub(crate) fn report(&mut self, name: &str, value: &str) {
        let parameters = Arc::make_mut(&mut self.parameters);
        match parameters.iter_mut().find(|(known, _)| **known == *name) {
            Some(known) => known.1 = value.into(),
            None => parameters.push((name.into(), value.into())),
        }
    }

    /// Begins to time what a session does with the connection that it was lent.
    pub(crate) async fn time(&self, account: &Arc<Account>) {
        // A task keeps its waker for life, so this is usually no more than a comparison.
        poll_fn(|cx| {
            self.timer.lend(account, cx.waker());
            Poll::Ready(())
        })
        .await;
    }

    /// Whether the connection is still as it was left: nothing unread, not closed.
    pub(crate) fn is_quiet(&mut self) -> bool {
        if !self.io.inbuf.is_empty() {
            return matches!(self.state, State::Resetting { .. });
        }
        match self.io.poll_fill_at_once() {
            Poll::Pending => true,
            Poll::Ready(Ok(read)) => read > 0 && matches!(self.state, State::Resetting { .. }),
            Poll::Ready(Err(_)) => false,
        }
    }
}

/// Messages outside the relay are short; a longer one means that something is wrong.
const MAX_CONTROL_BYTES: usize = 1 << 20;
