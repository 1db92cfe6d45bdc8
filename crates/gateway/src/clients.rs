//! Who is connected to a worker: what the console lists, and how it ends a session.
//!
//! A session writes its own entry with plain stores; readers look at it from other threads.

use crate::cancel::CancelSlot;
use crate::session::Target;
use crate::stats::micros;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};
use tenantry_core::TenantId;

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Activity {
    Login,
    Idle,
    Waiting,
    Active,
}

impl Activity {
    /// The word in `SHOW CLIENTS`, as PgBouncer has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Active => "active",
        }
    }

    fn read(byte: u8) -> Self {
        [Self::Login, Self::Idle, Self::Waiting]
            .into_iter()
            .find(|a| *a as u8 == byte)
            .unwrap_or(Self::Active)
    }
}

/// One connected client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) connected: SystemTime,
    started: Instant,
    activity: AtomicU8,
    /// The tenant that it acts for; 0 is none yet.
    tenant: AtomicI64,
    /// Microseconds since `started` when its last transaction was asked for.
    asked_us: AtomicU64,
    killed: AtomicBool,
    known: OnceLock<Known>,
    waker: OnceLock<Waker>,
}

/// What is known once the client has proved who it is.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: Box<str>,
    pub(crate) application: Box<str>,
    pub(crate) cancel: Option<Arc<CancelSlot>>,
}

impl Client {
    pub(crate) fn known(&self) -> Option<&Known> {
        self.known.get()
    }

    /// Notes who the client is.
    pub(crate) fn know(&self, known: Known) {
        // Said once in a session.
        let _again = self.known.set(known);
        self.set(Activity::Idle);
    }

    pub(crate) fn tenant(&self) -> Option<TenantId> {
        Some(self.tenant.load(Ordering::Relaxed)).filter(|id| *id != 0).map(TenantId::new)
    }

    pub(crate) fn set_tenant(&self, tenant: Option<TenantId>) {
        self.tenant.store(tenant.map_or(0, TenantId::get), Ordering::Relaxed);
    }

    pub(crate) fn activity(&self) -> Activity {
        Activity::read(self.activity.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn set(&self, activity: Activity) {
        self.activity.store(activity as u8, Ordering::Relaxed);
    }

    /// A transaction waits for a server connection, from `now` on.
    #[inline]
    pub(crate) fn asks(&self, now: Instant, tenant: TenantId) {
        self.tenant.store(tenant.get(), Ordering::Relaxed);
        self.asked_us.store(micros(now.duration_since(self.started)), Ordering::Relaxed);
        self.set(Activity::Waiting);
    }

    /// When the last transaction was asked for, after `connected`.
    pub(crate) fn asked_after(&self) -> Duration {
        Duration::from_micros(self.asked_us.load(Ordering::Relaxed))
    }

    /// How long the transaction under way has waited.
    pub(crate) fn waiting_for(&self) -> Option<Duration> {
        (self.activity() == Activity::Waiting)
            .then(|| self.started.elapsed().saturating_sub(self.asked_after()))
    }

    /// Ends the session: at once, whatever it is doing.
    pub(crate) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Waits until the session is to end. Polled with everything the session does, so it costs one load: the task's waker
    /// is kept once, because a task keeps its waker for life.
    pub(crate) async fn killed(&self) {
        std::future::poll_fn(|context| {
            self.waker.get_or_init(|| context.waker().clone());
            if self.killed.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// The clients of one worker.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    connected: Mutex<HashMap<u64, Arc<Client>>>,
}

/// A client's place in the list. Dropping it takes the client out.
#[derive(Debug)]
pub(crate) struct Listed {
    list: Arc<Clients>,
    pub(crate) client: Arc<Client>,
}

impl Clients {
    /// Lists a client that has just connected.
    #[expect(clippy::disallowed_methods, reason = "shown to people, measures nothing")]
    pub(crate) fn enter(self: &Arc<Self>, id: u64, address: Option<SocketAddr>) -> Listed {
        let client = Arc::new(Client {
            id,
            address,
            connected: SystemTime::now(),
            started: Instant::now(),
            activity: AtomicU8::new(Activity::Login as u8),
            tenant: AtomicI64::new(0),
            asked_us: AtomicU64::new(0),
            killed: AtomicBool::new(false),
            known: OnceLock::new(),
            waker: OnceLock::new(),
        });
        self.connected.lock().insert(id, Arc::clone(&client));
        Listed { list: Arc::clone(self), client }
    }

    /// Wakes all of them: something has changed that each looks at by itself.
    pub(crate) fn wake_all(&self) {
        for client in self.connected.lock().values() {
            client.wake();
        }
    }

    /// All of them at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.connected.lock().values().map(Arc::clone).collect()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.list.connected.lock().remove(&self.client.id);
    }
}

/// Measures one loan of a server connection, from the moment it is lent to the moment it is given back or lost.
#[derive(Debug)]
pub(crate) struct Meter {
    target: Arc<Target>,
    client: Arc<Client>,
    lent: Instant,
    ended: Option<Instant>,
    pub(crate) statements: u64,
    counts: bool,
}

impl Meter {
    /// Begins a loan that was asked for at `asked` and had at `lent`.
    pub(crate) fn start(target: &Arc<Target>, client: &Arc<Client>, asked: Instant, lent: Instant) -> Self {
        let waited = lent.duration_since(asked);
        target.stats.queue_us.add(micros(waited));
        target.pool_stats.queue.record(waited);
        client.set(Activity::Active);
        Self {
            target: Arc::clone(target),
            client: Arc::clone(client),
            lent,
            ended: None,
            statements: 0,
            counts: true,
        }
    }

    /// Ends the loan, for a caller that knows the time.
    pub(crate) fn end(mut self, now: Instant) {
        self.ended = Some(now);
    }

    /// The loan was the gateway's own: it is no transaction of the client's.
    pub(crate) fn ignore(&mut self) {
        self.counts = false;
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.client.set(Activity::Idle);
        if !self.counts {
            return;
        }
        let held = self.ended.unwrap_or_else(Instant::now).duration_since(self.lent);
        let (tenant, pool) = (&self.target.stats, &self.target.pool_stats);
        tenant.transactions.add(1);
        tenant.statements.add(self.statements);
        tenant.server_us.add(micros(held));
        pool.transactions.add(1);
        pool.statements.add(self.statements);
        pool.server.record(held);
    }
}
