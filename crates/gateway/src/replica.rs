//! The servers of a cluster: which of them is the primary, and as of when its replicas are.
//!
//! Each server is asked where it is in the write-ahead log (`replica/watch.rs`). A position of the primary is a *sample*: everything
//! that was committed before it was asked for lies before it. A replica that has replayed up to a sample therefore shows the
//! database as of that moment or later, and this moment is all that is kept of it. It answers both questions at once: does the
//! replica show what this tenant has written (it is as of later than that), and how far is it behind (how long ago it is).
//!
//! Deliberately not here: anything that promotes a server. Who is the primary is what the servers say.

mod samples;
mod watch;

use parking_lot::Mutex;
use samples::Samples;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tenantry_core::{ClusterId, DatabaseRoute, ServerAddress};
use tokio::sync::Notify;
pub(crate) use watch::run;

/// Which server of its cluster a pool is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Place {
    Primary,
    /// By its number among the replicas of the route.
    Replica(u16),
}

/// What a server was when it was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Role {
    /// Not asked yet.
    #[default]
    Unknown,
    Primary,
    Replica,
    /// It takes writes, and was replaced as the primary: it knows nothing of the newer timeline.
    Stale,
    /// It does not answer.
    Down,
}

impl Role {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Primary => "primary",
            Self::Replica => "replica",
            Self::Stale => "stale",
            Self::Down => "down",
        }
    }
}

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// It follows another one.
    pub(crate) recovering: bool,
    /// Of a primary; 0 of a replica.
    pub(crate) timeline: u32,
    /// How far it has written, or replayed, the write-ahead log.
    pub(crate) lsn: u64,
}

/// A server of the cluster.
#[derive(Debug)]
struct Member {
    address: ServerAddress,
    /// It may be the primary.
    is_host: bool,
    /// Its number among the route's replicas.
    replica: Option<u16>,
    /// Somebody wants to know where it is.
    wanted: Notify,
}

/// What is known of a member.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    role: Role,
    /// The replica shows the database as of then, or later.
    as_of: Option<Instant>,
    /// Bytes of the write-ahead log that it has not replayed, when it was last asked.
    behind: u64,
}

#[derive(Debug, Default)]
struct State {
    /// The highest that was seen.
    timeline: u32,
    primary: Option<usize>,
    samples: Samples,
    seen: Vec<Seen>,
}

impl State {
    /// Of two that take writes, the one of the newer timeline is the primary; else the one that was it before.
    fn is_replaced(&self, at: usize, timeline: u32) -> bool {
        let other = self.primary.filter(|primary| *primary != at);
        let lives = other.is_some_and(|other| self.seen[other].role == Role::Primary);
        timeline < self.timeline || (timeline == self.timeline && lives)
    }
}

/// A server, for the console and the metrics.
#[derive(Debug, Clone)]
pub(crate) struct ServerView {
    pub(crate) address: ServerAddress,
    pub(crate) replica: Option<u16>,
    pub(crate) role: Role,
    pub(crate) lag: Option<Duration>,
    pub(crate) behind: u64,
}

/// The servers of one cluster that has more than one.
#[derive(Debug)]
pub(crate) struct Topology {
    /// The cluster's name.
    name: Box<str>,
    members: Vec<Member>,
    state: Mutex<State>,
    /// Wakes who waits for a replica.
    changed: tokio::sync::watch::Sender<()>,
    /// How many do.
    waiting: AtomicUsize,
    /// Spreads reads over the replicas.
    turn: AtomicUsize,
    /// Counts failovers.
    generation: AtomicU64,
    /// The database through which the servers are asked.
    via: Mutex<Arc<DatabaseRoute>>,
    started: AtomicBool,
    closed: AtomicBool,
}

impl Topology {
    fn new(route: &Arc<DatabaseRoute>) -> Self {
        let mut members: Vec<Member> = Vec::new();
        for address in route.hosts() {
            if !members.iter().any(|known| known.address == address) {
                members.push(Member { address, is_host: true, replica: None, wanted: Notify::new() });
            }
        }
        for (number, address) in route.replicas.iter().enumerate() {
            let number = u16::try_from(number).ok();
            match members.iter_mut().find(|known| known.address == *address) {
                Some(known) => known.replica = known.replica.or(number),
                None => members.push(Member {
                    address: address.clone(),
                    is_host: false,
                    replica: number,
                    wanted: Notify::new(),
                }),
            }
        }
        let seen = vec![Seen::default(); members.len()];
        Self {
            name: route.stable_name.split('/').next().unwrap_or_default().into(),
            members,
            state: Mutex::new(State { seen, ..State::default() }),
            changed: tokio::sync::watch::Sender::new(()),
            waiting: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            generation: AtomicU64::new(0),
            via: Mutex::new(Arc::clone(route)),
            started: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// Whether the route's servers are these.
    fn fits(&self, route: &DatabaseRoute) -> bool {
        let via = self.via.lock();
        (&via.host, via.port, &via.more_hosts, &via.replicas, &via.tls)
            == (&route.host, route.port, &route.more_hosts, &route.replicas, &route.tls)
    }

    pub(crate) fn has_replicas(&self) -> bool {
        self.members.iter().any(|member| member.replica.is_some())
    }

    /// Changes when another server has become the primary.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Servers that may be the primary, the likeliest first. Never one that was replaced.
    pub(crate) fn primary_first(&self) -> Vec<ServerAddress> {
        let state = self.state.lock();
        let hosts = self.members.iter().enumerate().filter(|(_, member)| member.is_host);
        let mut hosts: Vec<_> = hosts.filter(|(at, _)| state.seen[*at].role != Role::Stale).collect();
        hosts.sort_by_key(|(at, _)| state.primary != Some(*at));
        hosts.into_iter().map(|(_, member)| member.address.clone()).collect()
    }

    /// A replica that shows the database as of `since`, or later.
    fn usable(&self, since: Instant) -> Option<u16> {
        let state = self.state.lock();
        let usable = |at: usize, member: &Member| {
            let seen = state.seen[at];
            let fresh = seen.role == Role::Replica && seen.as_of.is_some_and(|as_of| as_of >= since);
            member.replica.filter(|_| fresh)
        };
        let start = self.turn.fetch_add(1, Ordering::Relaxed);
        let len = self.members.len();
        (0..len).map(|n| (start % len + n) % len).find_map(|at| usable(at, &self.members[at]))
    }

    fn has_live_replica(&self) -> bool {
        let state = self.state.lock();
        let live = |seen: &Seen| matches!(seen.role, Role::Replica | Role::Unknown);
        self.members.iter().zip(&state.seen).any(|(member, seen)| member.replica.is_some() && live(seen))
    }

    /// Waits for a replica that shows the database as of what `since` makes of the present. `None` when there is none in time;
    /// with `Hope::InLiveOnes`, at once when none answers.
    pub(crate) async fn replica(
        &self,
        since: impl Fn(Instant) -> Instant,
        patience: Duration,
        hope: Hope,
    ) -> Option<u16> {
        if let Some(found) = self.usable(since(Instant::now())) {
            return Some(found);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        let mut changed = self.changed.subscribe();
        let found = async {
            loop {
                if let Some(found) = self.usable(since(Instant::now())) {
                    return Some(found);
                }
                if hope == Hope::InLiveOnes && !self.has_live_replica() {
                    return None;
                }
                self.ask_primary();
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, found).await.ok().flatten()
    }

    fn ask_primary(&self) {
        let primary = self.state.lock().primary;
        if let Some(member) = primary.and_then(|at| self.members.get(at)) {
            member.wanted.notify_one();
        }
    }

    /// Notes what a server has answered to a question asked at `asked`.
    fn note(&self, at: usize, asked: Instant, position: Position) {
        let mut state = self.state.lock();
        let before = state.seen[at];
        if position.recovering {
            let newest = state.samples.newest();
            let as_of = state.samples.reached(position.lsn).max(before.as_of);
            let behind = newest.map_or(0, |lsn| lsn.saturating_sub(position.lsn));
            state.seen[at] = Seen { role: Role::Replica, as_of, behind };
            if state.primary == Some(at) {
                state.primary = None;
            }
        } else if state.is_replaced(at, position.timeline) {
            state.seen[at] = Seen { role: Role::Stale, ..Seen::default() };
        } else {
            self.note_primary(&mut state, at, asked, position);
        }
        let changed = before.role != state.seen[at].role || before.as_of != state.seen[at].as_of;
        drop(state);
        if changed {
            self.changed.send_replace(());
        }
    }

    fn note_primary(&self, state: &mut State, at: usize, asked: Instant, position: Position) {
        if position.timeline > state.timeline {
            // What was written on the old timeline behind the fork is not on this one.
            let known = state.timeline != 0;
            state.timeline = position.timeline;
            state.samples = Samples::default();
            state.seen.iter_mut().for_each(|seen| seen.as_of = None);
            if known {
                self.generation.fetch_add(1, Ordering::Release);
            }
            tracing::info!(
                server = %self.members[at].address, timeline = position.timeline, "this server is the primary"
            );
        } else if state.primary != Some(at) {
            self.generation.fetch_add(1, Ordering::Release);
        }
        state.primary = Some(at);
        state.seen[at] = Seen { role: Role::Primary, ..Seen::default() };
        state.samples.add(asked, position.lsn);
        for member in self.members.iter().filter(|member| member.replica.is_some()) {
            member.wanted.notify_one();
        }
    }

    /// Notes that a server does not answer. True when it did before.
    fn lost(&self, at: usize) -> bool {
        let before = std::mem::replace(&mut self.state.lock().seen[at].role, Role::Down);
        if before != Role::Down {
            self.changed.send_replace(());
        }
        before != Role::Down
    }

    /// A session could not use a replica: nobody else tries it until it answers again.
    pub(crate) fn lost_replica(&self, number: u16) {
        if let Some(at) = self.members.iter().position(|member| member.replica == Some(number)) {
            self.lost(at);
            self.members[at].wanted.notify_one();
        }
    }

    /// Whether somebody waits for what this replica has not replayed yet.
    fn is_awaited(&self, at: usize) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0 && self.state.lock().seen[at].behind > 0
    }

    pub(crate) fn servers(&self) -> Vec<ServerView> {
        let state = self.state.lock();
        let view = |(member, seen): (&Member, &Seen)| ServerView {
            address: member.address.clone(),
            replica: member.replica,
            role: seen.role,
            lag: seen.as_of.map(|as_of| as_of.elapsed()),
            behind: seen.behind,
        };
        self.members.iter().zip(&state.seen).map(view).collect()
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.members.iter().for_each(|member| member.wanted.notify_one());
    }
}

/// Whether a replica that does not answer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hope {
    InLiveOnes,
    InAll,
}

/// Counts one who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The clusters with more than one server that somebody is connected for.
#[derive(Debug, Default)]
pub(crate) struct Topologies {
    by_cluster: Mutex<HashMap<ClusterId, Arc<Topology>>>,
    added: Notify,
    watched: AtomicBool,
}

impl Topologies {
    /// The servers of the route's cluster, if there is more than one. They are watched from the first time on.
    pub(crate) fn of(&self, route: &Arc<DatabaseRoute>) -> Option<Arc<Topology>> {
        if route.replicas.is_empty() && route.more_hosts.is_empty() {
            return None;
        }
        let mut topologies = self.by_cluster.lock();
        if let Some(known) = topologies.get(&route.cluster).filter(|known| known.fits(route)) {
            let mut via = known.via.lock();
            if via.id == route.id {
                *via = Arc::clone(route);
            }
            return Some(Arc::clone(known));
        }
        let topology = Arc::new(Topology::new(route));
        if let Some(old) = topologies.insert(route.cluster, Arc::clone(&topology)) {
            old.close();
        }
        drop(topologies);
        self.added.notify_one();
        Some(topology)
    }

    /// What is known of the servers of each cluster, by its name.
    pub(crate) fn servers(&self) -> Vec<(Box<str>, Vec<ServerView>)> {
        let topologies: Vec<_> = self.by_cluster.lock().values().map(Arc::clone).collect();
        let mut all: Vec<_> =
            topologies.iter().map(|topology| (topology.name.clone(), topology.servers())).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }
}

#[cfg(test)]
mod tests;
