//! Cancel requests between gateways: one that reaches a gateway which did not give its key is passed on to the one that did.
//!
//! A client's request goes to any gateway behind the address, and its key must not cross the network in the clear: four
//! bytes of it are all there is. So the answering side sends a nonce, and what comes back is the session's number and an HMAC
//! over nonce and key under a secret of the deployment. It works once, and only for who knows both. A request that was
//! passed on is not passed on again.

use super::CancelRegistry;
use super::key::{number_of, sign};
use crate::bucket::Buckets;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use tenantry_core::{MasterKey, RouteTable, Secret};
use tenantry_wire::startup::CancelKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How this gateway and others find each other for cancel requests.
#[derive(Debug, Clone, Default)]
pub struct CancelConfig {
    /// This gateway's number, 1 to 1023, different from all others of the deployment. 0: it is alone.
    pub number: u16,
    /// Where the others pass requests on to. Not for clients.
    pub listener: Option<Arc<std::net::TcpListener>>,
    /// Others that the catalog does not know of.
    pub peers: BTreeMap<u16, SocketAddr>,
}

/// Requests passed on or answered at once.
const MAX_AT_ONCE: usize = 32;
/// Requests passed on to one gateway: so many in a row, and one more each interval. Anybody can make up short keys.
const BURST: u32 = 100;
const INTERVAL: Duration = Duration::from_millis(20);
const NONCE: usize = 16;

#[derive(Debug)]
pub(crate) struct Peers {
    number: u16,
    secret: Secret,
    listener: Mutex<Option<Arc<std::net::TcpListener>>>,
    configured: BTreeMap<u16, SocketAddr>,
    routes: watch::Receiver<Arc<RouteTable>>,
    forwarding: Semaphore,
    rate: Mutex<Buckets<u16>>,
}

impl Peers {
    pub(crate) fn new(
        config: &CancelConfig,
        master_key: &MasterKey,
        routes: watch::Receiver<Arc<RouteTable>>,
    ) -> Self {
        Self {
            number: config.number,
            secret: master_key.login_password("gateway", "peer"),
            listener: Mutex::new(config.listener.clone()),
            configured: config.peers.clone(),
            routes,
            forwarding: Semaphore::new(MAX_AT_ONCE),
            rate: Mutex::new(Buckets::new(BURST, INTERVAL, usize::from(super::key::MAX_NUMBER))),
        }
    }

    pub(super) fn own_number(&self) -> u16 {
        self.number
    }

    pub(super) fn is_own(&self, pid: i32) -> bool {
        number_of(pid) == self.number
    }

    pub(super) fn take_listener(&self) -> Option<std::net::TcpListener> {
        self.listener.lock().take()?.try_clone().ok()
    }

    fn address(&self, number: u16) -> Option<SocketAddr> {
        self.configured.get(&number).copied().or_else(|| self.routes.borrow().peer(number))
    }

    /// Passes a request on, and waits until it was delivered.
    pub(super) async fn forward(&self, key: &CancelKey, deadline: Duration) {
        let number = number_of(key.pid);
        let Some(address) = self.address(number) else { return };
        let Ok(_permit) = self.forwarding.try_acquire() else { return };
        if !self.rate.lock().take(number, Instant::now()) {
            return;
        }
        let outcome = tokio::time::timeout(deadline, self.try_forward(address, key)).await;
        tracing::debug!(?outcome, number, "cancel request passed on");
    }

    async fn try_forward(&self, address: SocketAddr, key: &CancelKey) -> io::Result<()> {
        let mut stream = TcpStream::connect(address).await?;
        let mut nonce = [0; NONCE];
        stream.read_exact(&mut nonce).await?;
        let mut request = key.pid.to_be_bytes().to_vec();
        request.extend_from_slice(&self.proof(&nonce, key));
        stream.write_all(&request).await?;
        // It is closed when the server has been told.
        stream.read(&mut nonce).await.map(drop)
    }

    fn proof(&self, nonce: &[u8; NONCE], key: &CancelKey) -> [u8; 32] {
        sign(&self.secret, b"forward", &[nonce, &key.pid.to_be_bytes(), &key.secret])
    }
}

/// Answers other gateways. Each connection is short and its time bounded; those beyond the bound are closed.
pub(super) async fn serve(registry: Arc<CancelRegistry>, listener: std::net::TcpListener) {
    let listener = match listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener)) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "can't listen for other gateways' cancel requests");
            return;
        }
    };
    let mut answering = JoinSet::new();
    loop {
        // Cancel-safe: `accept` and `join_next` lose nothing when dropped.
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if answering.len() < MAX_AT_ONCE => {
                    let registry = Arc::clone(&registry);
                    answering.spawn(async move {
                        let deadline = registry.deadline;
                        tokio::time::timeout(deadline, answer(&registry, stream)).await.is_ok()
                    });
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "can't accept another gateway");
                    tokio::time::sleep(INTERVAL).await;
                }
            },
            Some(_) = answering.join_next(), if !answering.is_empty() => {}
        }
    }
}

async fn answer(registry: &CancelRegistry, mut stream: TcpStream) -> io::Result<()> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).expect("the operating system gives random bytes");
    stream.write_all(&nonce).await?;
    let (mut pid, mut proof) = ([0; 4], [0; 32]);
    stream.read_exact(&mut pid).await?;
    stream.read_exact(&mut proof).await?;
    if let Some((known, key)) = registry.known(i32::from_be_bytes(pid))
        && registry.peers.proof(&nonce, &key).ct_eq(&proof).into()
    {
        known.slot.cancel(registry.deadline).await;
    }
    Ok(())
}
