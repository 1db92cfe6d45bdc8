//! The door: who may try to log in now. It bounds those who have not proved who they are, and slows who guesses.
//!
//! Failures empty a bucket of the address and one of the login; both fill again with time. An address without tokens is
//! refused. A login without tokens is slow, never shut: else anybody could lock anybody out. Neither concerns an address
//! that has logged in as this login before. All maps are bounded; what is forgotten is in the guesser's favour only.

use crate::bucket::Buckets;
use crate::error::ClientError;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenantry_core::{ErrorKind, LoginId};
use tokio::sync::Notify;

/// Bounds of logging in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLimits {
    /// Connections that have not logged in yet, over all workers; one address may have half of them.
    pub max_unauthenticated: usize,
    /// Failed logins in a row that an address may have.
    pub failures_per_address: u32,
    /// Failed logins in a row that a login may have before others are slowed.
    pub failures_per_login: u32,
    /// How long until one of them is forgotten.
    pub failure_interval: Duration,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self {
            max_unauthenticated: 4_000,
            failures_per_address: 20,
            failures_per_login: 50,
            failure_interval: Duration::from_secs(3),
        }
    }
}

/// Addresses, and logins, that are remembered.
const MAX_REMEMBERED: usize = 10_000;
/// How long a try at a login that is being guessed at takes longer, and how many may be at that at once.
const PENALTY: Duration = Duration::from_secs(1);
const MAX_PENALISED: u32 = 10;

/// An address, or what one subscriber has of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl Source {
    pub(crate) fn of(address: Option<IpAddr>) -> Self {
        Self(match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V6(address)) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
            Some(address) => address,
            None => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        })
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug)]
pub(crate) struct Door {
    limits: LoginLimits,
    state: Mutex<State>,
    /// A try has ended.
    ended: Notify,
    hasher: RandomState,
}

#[derive(Debug)]
struct State {
    guests: usize,
    sources: HashMap<Source, Guests>,
    addresses: Buckets<Source>,
    logins: Buckets<u64>,
    penalised: HashMap<u64, u32>,
    /// Who has logged in as whom.
    known: HashMap<(Source, u64), Instant>,
    places: HashMap<LoginId, u32>,
}

/// What one address has under way.
#[derive(Debug, Default)]
struct Guests {
    connections: usize,
    /// Tries of somebody unknown.
    tries: u32,
}

/// A connection that has not logged in.
#[derive(Debug)]
pub(crate) struct Guest {
    door: Arc<Door>,
    pub(crate) source: Source,
}

/// One try to log in. Who leaves before any proof was shown (as psql does, to ask for a password) has not guessed.
#[derive(Debug)]
pub(crate) struct Try<'a> {
    guest: &'a Guest,
    login: u64,
    known: bool,
    ended: bool,
}

/// A login's connection, counted against its limit.
#[derive(Debug)]
pub(crate) struct LoginPlace {
    door: Arc<Door>,
    login: LoginId,
}

impl Door {
    pub(crate) fn new(limits: LoginLimits) -> Arc<Self> {
        let state = State {
            guests: 0,
            sources: HashMap::new(),
            addresses: Buckets::new(limits.failures_per_address, limits.failure_interval, MAX_REMEMBERED),
            logins: Buckets::new(limits.failures_per_login, limits.failure_interval, MAX_REMEMBERED),
            penalised: HashMap::new(),
            known: HashMap::new(),
            places: HashMap::new(),
        };
        Arc::new(Self { limits, state: Mutex::new(state), ended: Notify::new(), hasher: RandomState::new() })
    }

    /// Lets a connection in to say who it is.
    pub(crate) fn enter(self: &Arc<Self>, source: Source) -> Result<Guest, ClientError> {
        let mut state = self.state.lock();
        let of_source = state.sources.get(&source).map_or(0, |guests| guests.connections);
        let limit = self.limits.max_unauthenticated;
        if state.guests >= limit || of_source >= limit.div_ceil(2) {
            return Err(ClientError::new(ErrorKind::LimitReached, "too many clients are logging in")
                .with_sqlstate("53300")
                .with_hint("try again in a moment"));
        }
        state.guests += 1;
        state.sources.entry(source).or_default().connections += 1;
        Ok(Guest { door: Arc::clone(self), source })
    }

    /// Counts one more connection of a login, unless it has as many as it may.
    pub(crate) fn take_place(self: &Arc<Self>, login: LoginId, limit: Option<u32>) -> Option<LoginPlace> {
        let mut state = self.state.lock();
        let taken = state.places.entry(login).or_default();
        if limit.is_some_and(|limit| *taken >= limit) {
            return None;
        }
        *taken += 1;
        Some(LoginPlace { door: Arc::clone(self), login })
    }
}

impl Guest {
    /// Begins to log in as `name`. Waits while as many tries of this address are under way as may fail.
    pub(crate) async fn begin(&self, name: &str) -> Result<Try<'_>, ClientError> {
        let login = self.door.hasher.hash_one(name);
        let penalty = loop {
            // Asked for before the look, so that an end in between is not missed.
            let ended = self.door.ended.notified();
            match self.door.state.lock().begin(self.source, login)? {
                Begin::Wait => {}
                Begin::Known => return Ok(self.attempt(login, true)),
                Begin::Now => return Ok(self.attempt(login, false)),
                Begin::Later => break self.attempt(login, false),
            }
            ended.await;
        };
        let slow = Penalised { guest: self, login };
        tokio::time::sleep(PENALTY).await;
        drop(slow);
        Ok(penalty)
    }

    fn attempt(&self, login: u64, known: bool) -> Try<'_> {
        Try { guest: self, login, known, ended: false }
    }
}

enum Begin {
    /// Nothing is held against who has been here before.
    Known,
    Now,
    /// After a penalty.
    Later,
    /// Until another try has ended.
    Wait,
}

impl State {
    fn begin(&mut self, source: Source, login: u64) -> Result<Begin, ClientError> {
        if self.known.contains_key(&(source, login)) {
            return Ok(Begin::Known);
        }
        let now = Instant::now();
        let left = self.addresses.level(&source, now);
        if left == 0 {
            return Err(too_many("too many failed logins from this address", self.addresses.interval));
        }
        let slow = self.logins.level(&login, now) == 0;
        let tries = &mut self.sources.entry(source).or_default().tries;
        if *tries >= left {
            return Ok(Begin::Wait);
        }
        if slow {
            let penalised = self.penalised.entry(login).or_default();
            if *penalised >= MAX_PENALISED {
                return Err(too_many("too many failed logins as this login", PENALTY));
            }
            *penalised += 1;
        }
        *tries += 1;
        Ok(if slow { Begin::Later } else { Begin::Now })
    }

    fn know(&mut self, source: Source, login: u64) {
        if self.known.len() >= MAX_REMEMBERED && !self.known.contains_key(&(source, login)) {
            let mut times: Vec<Instant> = self.known.values().copied().collect();
            let middle = times.len() / 2;
            let (_, median, _) = times.select_nth_unstable(middle);
            let median = *median;
            self.known.retain(|_, at| *at > median);
        }
        self.known.insert((source, login), Instant::now());
    }

    fn forget_source_if_idle(&mut self, source: Source) {
        if self.sources.get(&source).is_some_and(|guests| guests.connections == 0 && guests.tries == 0) {
            self.sources.remove(&source);
        }
    }
}

fn too_many(message: &'static str, wait: Duration) -> ClientError {
    ClientError::new(ErrorKind::LimitReached, message)
        .with_hint(format!("try again in {} s", wait.as_secs().max(1)))
}

impl Try<'_> {
    /// The client has proved who it is.
    pub(crate) fn succeeded(mut self) {
        self.ended = true;
        self.end(Some(true));
    }

    /// The client has shown a wrong proof. Says whether that is worth a line in the log: not once its tokens are gone.
    pub(crate) fn failed(mut self) -> bool {
        self.ended = true;
        self.end(Some(false))
    }

    fn end(&self, success: Option<bool>) -> bool {
        let source = self.guest.source;
        let mut state = self.guest.door.state.lock();
        if !self.known
            && let Some(guests) = state.sources.get_mut(&source)
        {
            guests.tries = guests.tries.saturating_sub(1);
        }
        let mut told = false;
        match success {
            Some(true) => state.know(source, self.login),
            Some(false) => {
                let now = Instant::now();
                told = state.addresses.take(source, now);
                state.logins.take(self.login, now);
            }
            None => {}
        }
        drop(state);
        self.guest.door.ended.notify_waiters();
        told
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.end(None);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut state = self.door.state.lock();
        state.guests -= 1;
        if let Some(guests) = state.sources.get_mut(&self.source) {
            guests.connections -= 1;
        }
        state.forget_source_if_idle(self.source);
    }
}

impl Drop for LoginPlace {
    fn drop(&mut self) {
        let mut state = self.door.state.lock();
        if let Some(taken) = state.places.get_mut(&self.login) {
            *taken -= 1;
            if *taken == 0 {
                state.places.remove(&self.login);
            }
        }
    }
}

/// Somebody who waits for a login that is being guessed at.
struct Penalised<'a> {
    guest: &'a Guest,
    login: u64,
}

impl Drop for Penalised<'_> {
    fn drop(&mut self) {
        let mut state = self.guest.door.state.lock();
        if let Some(penalised) = state.penalised.get_mut(&self.login) {
            *penalised -= 1;
            if *penalised == 0 {
                state.penalised.remove(&self.login);
            }
        }
    }
}

#[cfg(test)]
mod tests;
