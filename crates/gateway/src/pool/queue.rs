//! Who waits for a connection of one pool, and who is served next.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng 1996) over the time that tenants hold connections: each tenant has a virtual time at
//! which its next transaction is due, and the earliest is served. A flood moves its own tenant's time ahead, and so waits behind
//! itself. In front of all others come those tenants that use no connection at all: everybody gets at least one in turn.
//! Tenants that have all they may have are not ranked until they give something back. Nothing here knows connections.

use crate::account::{Account, HeldBack};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tenantry_core::TenantId;

/// The order in which waiting tenants are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// Whether it uses a connection already.
    pub(super) busy: bool,
    /// When its next transaction is due, in virtual time.
    pub(super) due: u64,
    /// Of two tenants with equal rights, the one that came first.
    arrival: u64,
}

/// Somebody who waits, and may have gone away meanwhile.
pub(super) trait Waits {
    fn is_waiting(&self) -> bool;
}

#[derive(Debug)]
pub(super) struct Queue<W> {
    tenants: FxHashMap<TenantId, Waiting<W>>,
    ranked: BTreeMap<Rank, TenantId>,
    waiters: usize,
    arrivals: u64,
}

#[derive(Debug)]
struct Waiting<W> {
    account: Arc<Account>,
    rank: Option<Rank>,
    /// While the tenant has all that it may have.
    held_back: Option<HeldBack>,
    arrival: u64,
    waiters: VecDeque<W>,
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        Self { tenants: FxHashMap::default(), ranked: BTreeMap::new(), waiters: 0, arrivals: 0 }
    }
}

impl<W: Waits> Queue<W> {
    /// How many wait, those included that have gone away unnoticed.
    pub(super) fn len(&self) -> usize {
        self.waiters
    }

    /// Whether anybody waits who may be served as soon as there is a connection.
    pub(super) fn is_anybody_ranked(&self) -> bool {
        !self.ranked.is_empty()
    }

    /// Puts somebody at the end of its tenant's line.
    pub(super) fn push(&mut self, account: &Arc<Account>, waiter: W, clock: u64) {
        let waiting = match self.tenants.entry(account.tenant) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.arrivals += 1;
                let account = Arc::clone(account);
                entry.insert(Waiting {
                    account,
                    rank: None,
                    held_back: None,
                    arrival: self.arrivals,
                    waiters: VecDeque::new(),
                })
            }
        };
        waiting.waiters.push_back(waiter);
        self.waiters += 1;
        self.rank(account.tenant, clock);
    }

    /// The tenant to be served next.
    pub(super) fn first(&self) -> Option<(Rank, TenantId)> {
        self.ranked.first_key_value().map(|(rank, tenant)| (*rank, *tenant))
    }

    /// Who has waited longest of a tenant.
    pub(super) fn front(&self, tenant: TenantId) -> Option<&W> {
        self.tenants.get(&tenant)?.waiters.front()
    }

    /// Where a tenant stands, if it may be served.
    pub(super) fn rank_of(&self, tenant: TenantId) -> Option<Rank> {
        self.tenants.get(&tenant)?.rank
    }

    /// Takes the tenant's longest waiter that is still there. Its rank must be looked at anew (`rank`) once it is served.
    pub(super) fn pop(&mut self, tenant: TenantId) -> Option<(Arc<Account>, W)> {
        let waiting = self.tenants.get_mut(&tenant)?;
        while let Some(waiter) = waiting.waiters.pop_front() {
            self.waiters -= 1;
            if waiter.is_waiting() {
                return Some((Arc::clone(&waiting.account), waiter));
            }
        }
        None
    }

    /// Puts back who was popped and could not be served.
    pub(super) fn unpop(&mut self, tenant: TenantId, waiter: W) {
        if let Some(waiting) = self.tenants.get_mut(&tenant) {
            waiting.waiters.push_front(waiter);
            self.waiters += 1;
        }
    }

    /// Ranks a tenant no more, until it is looked at anew.
    pub(super) fn hold_back(&mut self, tenant: TenantId) {
        let Some(waiting) = self.tenants.get_mut(&tenant) else { return };
        waiting.held_back.get_or_insert_with(|| waiting.account.hold_back());
        if let Some(rank) = waiting.rank.take() {
            self.ranked.remove(&rank);
        }
    }

    /// Looks anew at where a tenant stands: something of its account has changed.
    pub(super) fn rank(&mut self, tenant: TenantId, clock: u64) {
        let Entry::Occupied(mut entry) = self.tenants.entry(tenant) else { return };
        if let Some(rank) = entry.get_mut().rank.take() {
            self.ranked.remove(&rank);
        }
        if entry.get().waiters.is_empty() {
            entry.remove();
            return;
        }
        let waiting = entry.get_mut();
        let account = &waiting.account;
        if !account.has_room() {
            waiting.held_back.get_or_insert_with(|| account.hold_back());
            if !account.has_room() {
                return;
            }
        }
        waiting.held_back = None;
        let rank = Rank { busy: account.in_use() > 0, due: account.due(clock), arrival: waiting.arrival };
        waiting.rank = Some(rank);
        self.ranked.insert(rank, tenant);
    }

    /// Looks anew at those that are held back: limits may have changed.
    pub(super) fn rank_held_back(&mut self, clock: u64) {
        if self.ranked.len() == self.tenants.len() {
            return;
        }
        let held_back = self.tenants.iter().filter(|(_, waiting)| waiting.rank.is_none());
        let tenants: Vec<TenantId> = held_back.map(|(tenant, _)| *tenant).collect();
        for tenant in tenants {
            self.rank(tenant, clock);
        }
    }

    /// The accounts of those that wait.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.tenants.values().map(|waiting| &waiting.account)
    }

    /// Forgets who has gone away.
    pub(super) fn forget_gone(&mut self, clock: u64) {
        let tenants: Vec<TenantId> = self.tenants.keys().copied().collect();
        for tenant in tenants {
            if let Some(waiting) = self.tenants.get_mut(&tenant) {
                let before = waiting.waiters.len();
                waiting.waiters.retain(Waits::is_waiting);
                self.waiters -= before - waiting.waiters.len();
                self.rank(tenant, clock);
            }
        }
    }
}

#[cfg(test)]
mod tests;
