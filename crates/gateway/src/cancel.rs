//! Cancel requests: which client key stands for which server connection right now.
//!
//! A cancel may only hit the statement it was meant for. While a session is lent a server connection, its key maps
//! to it; what the session sends next waits until a cancel that is under way has been delivered, and a connection that was
//! sent a cancel is closed after the transaction instead of being lent again, so that no late signal reaches the next
//! tenant's statement.
//!
//! A key says which gateway gave it, so that a request that reaches another one finds its way (`peer`).

mod key;
mod peer;

use crate::backend::Address;
use crate::stream::Stream;
use key::{KeyMaker, Secret4};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use tenantry_core::MasterKey;
use tenantry_wire::startup::{self, CancelKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, Semaphore};

pub use key::MAX_NUMBER;
pub use peer::CancelConfig;
pub(crate) use peer::Peers;

/// Where to send a cancel for one server connection.
#[derive(Debug)]
pub(crate) struct CancelTarget {
    pub(crate) address: Address,
    pub(crate) key: CancelKey,
    /// When the connection was opened.
    pub(crate) opened: Instant,
}

impl CancelTarget {
    /// Asks the server to cancel what the connection is running. A cancel is a wish: PostgreSQL itself never says
    /// whether it was heard.
    pub(crate) async fn send(&self, deadline: Duration) {
        let outcome = tokio::time::timeout(deadline, self.try_send()).await;
        tracing::debug!(?outcome, "cancel request sent");
    }

    async fn try_send(&self) -> std::io::Result<()> {
        let mut request = bytes::BytesMut::new();
        startup::cancel_request(&mut request, &self.key);
        match self.address.connect().await? {
            Stream::Tcp(mut stream) => finish(&mut stream, &request).await,
            Stream::Unix(mut stream) => finish(&mut stream, &request).await,
            Stream::Tls(mut stream) => finish(&mut *stream, &request).await,
            Stream::Closed => Ok(()),
        }
    }
}

/// The server closes the connection once the signal is sent.
async fn finish<S: AsyncReadExt + AsyncWriteExt + Unpin>(
    stream: &mut S,
    request: &[u8],
) -> std::io::Result<()> {
    stream.write_all(request).await?;
    stream.flush().await?;
    let mut end = [0; 1];
    stream.read(&mut end).await.map(|_| ())
}

/// What a session's key points to. Shared by the session and the registry.
#[derive(Debug, Default)]
pub(crate) struct CancelSlot {
    state: Mutex<SlotState>,
    /// The state's `under_way` is not 0. Read at every turn of the relay, so it is not behind the lock.
    busy: AtomicBool,
    delivered: Notify,
}

#[derive(Debug, Default)]
struct SlotState {
    target: Option<Arc<CancelTarget>>,
    sent: bool,
    under_way: u32,
}

impl CancelSlot {
    /// The session was lent a server connection.
    pub(crate) fn attach(&self, target: &Arc<CancelTarget>) {
        let mut state = self.state.lock();
        state.target = Some(Arc::clone(target));
        state.sent = false;
    }

    /// The session gives its server connection back. True when a cancel was sent to it meanwhile.
    pub(crate) fn detach(&self) -> bool {
        let mut state = self.state.lock();
        state.target = None;
        std::mem::take(&mut state.sent)
    }

    /// The server connection that the session is lent right now.
    pub(crate) fn target(&self) -> Option<Arc<CancelTarget>> {
        self.state.lock().target.clone()
    }

    /// Whether a cancel is on its way to the server.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Waits until no cancel is on its way any more. What is sent to the server before this could be hit by one that was
    /// meant for what came before. Bounded by the deadline of sending.
    pub(crate) async fn delivered(&self) {
        loop {
            let delivered = self.delivered.notified();
            if self.state.lock().under_way == 0 {
                return;
            }
            delivered.await;
        }
    }

    /// Sends a cancel to the server connection that the session has at this moment, if any.
    pub(crate) async fn cancel(&self, deadline: Duration) {
        let Some(under_way) = self.begin() else { return };
        under_way.target.send(deadline).await;
    }

    fn begin(&self) -> Option<UnderWay<'_>> {
        let mut state = self.state.lock();
        let target = state.target.clone()?;
        state.sent = true;
        state.under_way += 1;
        self.busy.store(true, Ordering::Relaxed);
        Some(UnderWay { slot: self, target })
    }
}

/// A cancel on its way, also if whoever asked for it goes away.
struct UnderWay<'a> {
    slot: &'a CancelSlot,
    target: Arc<CancelTarget>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.slot.state.lock();
        state.under_way -= 1;
        if state.under_way == 0 {
            self.slot.busy.store(false, Ordering::Relaxed);
        }
        drop(state);
        self.slot.delivered.notify_waiters();
    }
}

/// Cancels that one gateway passes on at the same moment; more are dropped, as PostgreSQL would when it can't fork.
const MAX_UNDER_WAY: usize = 256;

/// All keys that one gateway has given to its clients.
#[derive(Debug)]
pub(crate) struct CancelRegistry {
    /// By the key's process id, which names the gateway and is one session's alone.
    keys: Mutex<HashMap<i32, Known>>,
    maker: KeyMaker,
    peers: Peers,
    deadline: Duration,
    under_way: Semaphore,
}

#[derive(Debug, Clone)]
struct Known {
    secret: Secret4,
    /// Whether the client has a long key: then a short one is nobody's.
    long: bool,
    slot: Arc<CancelSlot>,
}

/// A registered key. Dropping it forgets the key.
#[derive(Debug)]
pub(crate) struct Registered {
    registry: Arc<CancelRegistry>,
    key: CancelKey,
    pub(crate) slot: Arc<CancelSlot>,
}

impl CancelRegistry {
    pub(crate) fn new(master_key: &MasterKey, peers: Peers, deadline: Duration) -> Arc<Self> {
        let maker = KeyMaker::new(master_key, peers.own_number());
        let under_way = Semaphore::new(MAX_UNDER_WAY);
        Arc::new(Self { keys: Mutex::default(), maker, peers, deadline, under_way })
    }

    /// A fresh key for a session that speaks protocol 3.`minor`.
    pub(crate) fn register(self: &Arc<Self>, minor: u16) -> Registered {
        let long = minor >= 2;
        let mut keys = self.keys.lock();
        loop {
            let (pid, secret) = self.maker.draw();
            if let std::collections::hash_map::Entry::Vacant(entry) = keys.entry(pid) {
                let slot = Arc::<CancelSlot>::default();
                entry.insert(Known { secret, long, slot: Arc::clone(&slot) });
                return Registered {
                    registry: Arc::clone(self),
                    key: self.maker.key(pid, secret, long),
                    slot,
                };
            }
        }
    }

    /// Passes a client's cancel request on: to the server connection that its session has at this moment, or to the gateway
    /// that gave the key.
    pub(crate) async fn cancel(&self, key: &CancelKey) {
        if !self.maker.is_plausible(key) {
            return;
        }
        let Ok(_permit) = self.under_way.try_acquire() else { return };
        if self.peers.is_own(key.pid) {
            if let Some((known, own)) = self.known(key.pid)
                && own.secret.ct_eq(&key.secret).into()
            {
                known.slot.cancel(self.deadline).await;
            }
        } else {
            self.peers.forward(key, self.deadline).await;
        }
    }

    /// A session's entry, and the key that its client was told.
    fn known(&self, pid: i32) -> Option<(Known, CancelKey)> {
        let known = self.keys.lock().get(&pid).cloned()?;
        let key = self.maker.key(pid, known.secret, known.long);
        Some((known, key))
    }

    /// Answers gateways that pass on what reached them, until shutdown. One worker does; for the others this returns at once.
    pub(crate) async fn serve_peers(self: Arc<Self>) {
        if let Some(listener) = self.peers.take_listener() {
            peer::serve(self, listener).await;
        }
    }
}

impl Registered {
    /// The key as the client is told.
    pub(crate) fn key(&self) -> &CancelKey {
        &self.key
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.keys.lock().remove(&self.key.pid);
    }
}

#[cfg(test)]
mod tests;
