//! Cancel requests: which client key stands for which server connection right now.
//!
//! A cancel may only hit the statement it was meant for. While a session is lent a server connection, its key maps
//! to it; a connection that was sent a cancel is closed after the transaction instead of being lent again, so that
//! a late signal can't reach the next tenant's statement.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenantry_wire::startup::{self, CancelKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::backend::Address;
use crate::stream::Stream;

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
            Stream::Closed => Ok(()),
        }
    }
}

/// What a session's key points to. Shared by the session and the registry.
#[derive(Debug, Default)]
pub(crate) struct CancelSlot(Mutex<SlotState>);

#[derive(Debug, Default)]
struct SlotState {
    target: Option<Arc<CancelTarget>>,
    sent: bool,
}

impl CancelSlot {
    /// The session was lent a server connection.
    pub(crate) fn attach(&self, target: &Arc<CancelTarget>) {
        *self.0.lock() = SlotState { target: Some(Arc::clone(target)), sent: false };
    }

    /// The session gives its server connection back. True when a cancel was sent to it meanwhile.
    pub(crate) fn detach(&self) -> bool {
        let mut state = self.0.lock();
        state.target = None;
        std::mem::take(&mut state.sent)
    }

    /// The server connection that the session is lent right now.
    pub(crate) fn target(&self) -> Option<Arc<CancelTarget>> {
        self.0.lock().target.clone()
    }

    pub(crate) fn take_target(&self) -> Option<Arc<CancelTarget>> {
        let mut state = self.0.lock();
        state.sent = state.target.is_some();
        state.target.clone()
    }
}

/// All keys that one gateway has given to its clients.
#[derive(Debug, Default)]
pub(crate) struct CancelRegistry(Mutex<HashMap<ClientKey, Arc<CancelSlot>>>);

/// A client's process id and secret.
type ClientKey = (i32, [u8; 4]);

/// A registered key. Dropping it forgets the key.
#[derive(Debug)]
pub(crate) struct Registered {
    registry: Arc<CancelRegistry>,
    pid: i32,
    secret: [u8; 4],
    pub(crate) slot: Arc<CancelSlot>,
}

impl CancelRegistry {
    /// A fresh random key for a session.
    pub(crate) fn register(self: &Arc<Self>) -> Registered {
        let mut keys = self.0.lock();
        loop {
            let mut random = [0; 8];
            getrandom::fill(&mut random).expect("the operating system gives random bytes");
            let [a, b, c, d, secret @ ..] = random;
            // Some drivers take the process id for a positive number.
            let pid = i32::from_be_bytes([a & 0x7f, b, c, d]).max(1);
            if let std::collections::hash_map::Entry::Vacant(entry) = keys.entry((pid, secret)) {
                let slot = Arc::clone(entry.insert(Arc::default()));
                return Registered { registry: Arc::clone(self), pid, secret, slot };
            }
        }
    }

    /// Passes a client's cancel request on, if its session is lent a server connection at this moment.
    pub(crate) async fn cancel(&self, key: &CancelKey, deadline: Duration) {
        let Ok(secret) = <[u8; 4]>::try_from(&*key.secret) else { return };
        let target = self.0.lock().get(&(key.pid, secret)).and_then(|slot| slot.take_target());
        if let Some(target) = target {
            target.send(deadline).await;
        }
    }
}

impl Registered {
    /// The key as the client is told.
    pub(crate) fn key(&self) -> CancelKey {
        CancelKey { pid: self.pid, secret: Box::new(self.secret) }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.0.lock().remove(&(self.pid, self.secret));
    }
}

/// The server closes the connection once the signal is sent.
async fn finish<S: AsyncReadExt + AsyncWriteExt + Unpin>(
    stream: &mut S,
    request: &[u8],
) -> std::io::Result<()> {
    stream.write_all(request).await?;
    let mut end = [0; 1];
    stream.read(&mut end).await.map(|_| ())
}
