//! A network that fails on purpose: a TCP proxy that knows where PostgreSQL's messages begin and end, and breaks a
//! connection at the one it was told to.
//!
//! It stands between a client and a gateway, or between a gateway and a server; whoever connects to it is the client. It reads
//! headers and no bodies, so a message of any length passes without being kept. Behind the answer that begins encryption it
//! sees no messages any more and passes everything on.

mod carry;
mod split;

use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What a first packet is called, which has no tag: startup, cancel, or a request for encryption.
pub const FIRST: u8 = 0;
/// What the one byte is called that answers a request for encryption.
pub const ANSWER: u8 = 1;

/// Who sends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    Client,
    Server,
}

/// What happens instead of a message's arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It arrives so much later, and with it what follows.
    Delay(Duration),
    /// Both sides see the end of the stream in front of it.
    Cut,
    /// Both sides see the end of the stream in the middle of it.
    Truncate,
    /// Both sides get a TCP reset in front of it.
    Reset,
    /// Neither it nor what follows arrives, while the connection looks alive, until one side gives up.
    Stall,
}

/// Which message it happens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The n-th that this side sends, from 0, whatever its type.
    Nth(usize),
    /// The n-th of this type, from 0.
    Tag(u8, usize),
}

/// One fault. It strikes once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub sender: Sender,
    pub place: Place,
    pub fault: Fault,
}

/// A message that has passed, or was struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub sender: Sender,
    pub tag: u8,
}

/// A running proxy. Dropping it ends its connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// Messages that are remembered.
const MAX_SEEN: usize = 100_000;

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Faults that have struck since the beginning.
    struck: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    plan: Option<Plan>,
    /// Messages of the plan's kind that have passed since it was made.
    passed: usize,
    seen: Vec<Seen>,
}

impl Proxy {
    /// Listens on a free port of this machine and connects each client on to `host` and `port`.
    pub async fn to(host: &str, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let own = listener.local_addr()?.port();
        let shared = Arc::new(Shared { state: Mutex::default(), struck: watch::Sender::new(0) });
        let task = tokio::spawn(accept(listener, (host.to_owned(), port), Arc::clone(&shared)));
        Ok(Self { port: own, shared, task })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on the messages are counted, on whichever connections they pass, until one meets the plan.
    pub fn arm(&self, plan: Plan) {
        *self.shared.state.lock() = State { plan: Some(plan), ..State::default() };
    }

    /// From now on messages are remembered, and nothing happens to them.
    pub fn watch(&self) {
        *self.shared.state.lock() = State::default();
    }

    /// Nothing happens any more. True when the fault had struck.
    pub fn disarm(&self) -> bool {
        self.shared.state.lock().plan.take().is_none()
    }

    /// What has passed since `arm` or `watch`, in order. The two directions are carried independently of each other: only within
    /// one is the order that of the wire.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state.lock().seen.clone()
    }

    /// How many faults have struck. Changes after the sockets have been dealt with.
    pub fn struck(&self) -> watch::Receiver<u64> {
        self.shared.struck.subscribe()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// Notes a message, and says what happens to it.
    fn next(&self, sender: Sender, tag: u8) -> Option<Fault> {
        let mut state = self.state.lock();
        if state.seen.len() < MAX_SEEN {
            state.seen.push(Seen { sender, tag });
        }
        let plan = state.plan.filter(|plan| plan.sender == sender)?;
        let nth = match plan.place {
            Place::Nth(nth) => nth,
            Place::Tag(of, nth) if of == tag => nth,
            Place::Tag(..) => return None,
        };
        state.passed += 1;
        if state.passed <= nth {
            return None;
        }
        state.plan = None;
        Some(plan.fault)
    }
}

/// Connections end with this future.
async fn accept(listener: TcpListener, target: (String, u16), shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // Cancel-safe: neither loses anything when dropped.
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let (target, shared) = (target.clone(), Arc::clone(&shared));
                connections.spawn(async move {
                    // Where nobody listens, the client sees a connection that ends at once.
                    if let Ok(server) = TcpStream::connect(target).await {
                        Box::pin(carry::carry(client, server, &shared)).await;
                    }
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}
