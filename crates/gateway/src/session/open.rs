//! From a socket to a session, and from its end to the last words.
//!
//! A task is as large as the largest thing that it may ever wait for, and nearly all tasks wait for an idle client. So what is
//! large or rare is boxed, here and in the other files of the session.

use super::login::{self, Login};
use super::{Session, refuse, startup};
use crate::admin::Console;
use crate::clients::{Client, Known};
use crate::door::{LoginPlace, Source};
use crate::error::{ClientError, SessionEnd};
use crate::stream::{Buffered, Stream, prepare};
use crate::worker::{ClientSlot, Worker};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenantry_core::ErrorKind;
use tokio::net::TcpStream;

/// How long a client that is not reading may take over the last words.
const GOODBYE: Duration = Duration::from_secs(1);

/// What a connection has turned out to be.
enum Opened {
    Session(Box<Session>),
    Console(Box<Visit>),
    /// It is over already.
    Nothing(Box<Parting>),
}

/// An administrator's session.
struct Visit {
    console: Console,
    _noted: Option<Box<Noted>>,
    _slot: ClientSlot,
    _place: LoginPlace,
}

/// A connection that is to be closed.
struct Parting {
    client: Buffered,
    end: Option<SessionEnd>,
}

/// Serves one client until it leaves.
pub(crate) async fn serve(worker: Arc<Worker>, stream: TcpStream) {
    // The socket options are a wish: without them the client is only slower, or missed later.
    let _prepared = prepare(&stream);
    let id = worker.shared.next_client.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let listed = worker.clients.enter(id, stream.peer_addr().ok());
    worker.stats.accepted.add(1);
    let opened = Box::pin(open(worker, stream, &listed.client)).await;
    let parting = match opened {
        Opened::Session(mut session) => {
            // What is dropped with it when the session is ended from outside is closed, never lent again.
            let outcome = tokio::select! {
                biased;
                () = listed.client.killed() => Err(ClientError::terminated().into()),
                outcome = session.open_and_serve() => outcome,
            };
            session.count_bytes();
            let client = std::mem::replace(&mut session.client, Buffered::new(Stream::Closed));
            Box::new(Parting { client, end: outcome.err() })
        }
        Opened::Console(visit) => Box::pin(run_console(visit, &listed.client)).await,
        Opened::Nothing(parting) => parting,
    };
    Box::pin(part(parting)).await;
}

/// Says the last words, if there are any.
async fn part(mut parting: Box<Parting>) {
    let client = &mut parting.client;
    // In the middle of a row the client would take the error for the rest of the row: then the end alone must do.
    if let Some(SessionEnd::Fatal(error)) = &parting.end
        && !client.is_mid_message
    {
        refuse::fatal(&mut client.outbuf, error);
    }
    let goodbye = async {
        if client.flush().await.is_ok() {
            client.close().await;
        }
    };
    // The client may be gone or not reading; it has had its chance.
    let _sent = tokio::time::timeout(GOODBYE, goodbye).await;
}

/// Reads up to the login, and lets the client in.
async fn open(worker: Arc<Worker>, stream: TcpStream, listed: &Arc<Client>) -> Opened {
    let mut client = Buffered::new(stream.into());
    let Some(slot) = ClientSlot::take(&worker.shared) else {
        let full = ClientError::new(ErrorKind::LimitReached, "too many clients are connected");
        let end = Some(full.with_sqlstate("53300").into());
        return Opened::Nothing(Box::new(Parting { client, end }));
    };
    let login = match log_in(&worker, &mut client, listed).await {
        Ok(Some(login)) => login,
        Ok(None) => return Opened::Nothing(Box::new(Parting { client, end: None })),
        Err(end) => {
            if matches!(end, SessionEnd::Fatal(_)) {
                worker.stats.logins_refused.add(1);
            }
            return Opened::Nothing(Box::new(Parting { client, end: Some(end) }));
        }
    };
    worker.stats.logins.add(1);
    let noted = Noted::connection(&worker, listed, &login);
    if !login.console {
        return Opened::Session(Box::new(Session::new(
            worker,
            client,
            login,
            slot,
            Arc::clone(listed),
            noted,
        )));
    }
    listed.know(Known {
        name: login.name.clone(),
        application: login.settings.get("application_name").unwrap_or_default().into(),
        cancel: None,
    });
    let console = Console::new(worker, client);
    Opened::Console(Box::new(Visit { console, _noted: noted, _slot: slot, _place: login.place }))
}

/// `None` when the connection was for a cancel request.
async fn log_in(
    worker: &Arc<Worker>,
    client: &mut Buffered,
    listed: &Client,
) -> Result<Option<Login>, SessionEnd> {
    let guest = worker.shared.door.enter(Source::of(listed.address.map(|address| address.ip())))?;
    let opening = async {
        let Some(opened) = startup::read(worker, client).await? else { return Ok(None) };
        login::authenticate(worker, client, &guest, opened).await.map(Some)
    };
    let patience = worker.shared.live.load().login_timeout;
    tokio::time::timeout(patience, opening)
        .await
        .map_err(|_| ClientError::new(ErrorKind::AuthenticationFailed, "the login took too long").into())
        .flatten()
}

/// The session of an administrator.
async fn run_console(mut visit: Box<Visit>, listed: &Arc<Client>) -> Box<Parting> {
    let outcome = tokio::select! {
        biased;
        () = listed.killed() => Err(ClientError::terminated().into()),
        outcome = visit.console.serve(listed) => outcome,
    };
    Box::new(Parting { client: visit.console.into_client(), end: outcome.err() })
}

/// Logs that a client came and, when dropped, that it went; where that is wanted.
pub(super) struct Noted {
    session: u64,
    since: Instant,
}

impl Noted {
    fn connection(worker: &Worker, listed: &Client, login: &Login) -> Option<Box<Self>> {
        if !worker.shared.live.load().log_connections {
            return None;
        }
        let routes = worker.routes.borrow();
        let tenant = login.tenant.and_then(|id| routes.tenant(id)).map(|tenant| tenant.key.as_str());
        let address = listed.address.map(tracing::field::display);
        tracing::info!(session = listed.id, login = &*login.name, tenant, address, "client connected");
        Some(Box::new(Self { session: listed.id, since: Instant::now() }))
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        let seconds = self.since.elapsed().as_secs();
        tracing::info!(session = self.session, seconds, "client disconnected");
    }
}
