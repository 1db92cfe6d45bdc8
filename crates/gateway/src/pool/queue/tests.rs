//! Fairness by count and order: a server of a few connections is simulated, with time as a number.

use super::*;
use crate::account::{Accounts, AllTotals, Charge};
use proptest::prelude::*;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;
use tenantry_core::{ClusterId, Limits};

struct Ticket;

impl Waits for Ticket {
    fn is_waiting(&self) -> bool {
        true
    }
}

struct Gone(bool);

impl Waits for Gone {
    fn is_waiting(&self) -> bool {
        !self.0
    }
}

fn account(id: i64, connections: u32, weight: u32) -> Arc<Account> {
    let limits = Limits { connections, weight, ..Limits::UNLIMITED };
    let (accounts, totals) = (Accounts::default(), AllTotals::default());
    accounts.of(&totals, TenantId::new(id), ClusterId::new(1), limits, &Arc::default())
}

/// A tenant that always has transactions waiting, each of so many microseconds.
struct Load {
    account: Arc<Account>,
    micros: u64,
    served: u64,
    most_at_once: u32,
}

fn load(id: i64, connections: u32, weight: u32, micros: u64) -> Load {
    Load { account: account(id, connections, weight), micros, served: 0, most_at_once: 0 }
}

/// Lets them compete for `connections` until `until` (microseconds).
fn compete(loads: &mut [Load], connections: usize, until: u64) {
    let mut queue = Queue::default();
    let (mut clock, mut now) = (0, 0);
    // By end, the earliest first.
    let mut running: BinaryHeap<(std::cmp::Reverse<u64>, usize)> = BinaryHeap::new();
    let mut charges: HashMap<usize, VecDeque<Charge>> = HashMap::new();
    for load in &*loads {
        for _ in 0..connections + 2 {
            queue.push(&load.account, Ticket, clock);
        }
    }
    while now < until {
        while running.len() < connections
            && let Some((rank, tenant)) = queue.first()
        {
            let at = loads.iter().position(|load| load.account.tenant == tenant).unwrap();
            let (account, Ticket) = queue.pop(tenant).unwrap();
            charges.entry(at).or_default().push_back(account.begin(clock).unwrap());
            clock = clock.max(rank.due);
            running.push((std::cmp::Reverse(now + loads[at].micros), at));
            loads[at].served += 1;
            loads[at].most_at_once = loads[at].most_at_once.max(account.in_use());
            queue.push(&account, Ticket, clock);
        }
        let (std::cmp::Reverse(end), at) = running.pop().unwrap();
        now = end;
        let charge = charges.get_mut(&at).unwrap().pop_front().unwrap();
        loads[at].account.end(charge, Some(Duration::from_micros(loads[at].micros)));
        queue.rank(loads[at].account.tenant, clock);
    }
}

#[test]
fn a_flood_waits_behind_itself() {
    let (flood, quiet) = (account(1, 10, 1), account(2, 10, 1));
    let mut queue = Queue::default();
    for _ in 0..100 {
        queue.push(&flood, Ticket, 0);
    }
    for _ in 0..5 {
        let (_, tenant) = queue.first().unwrap();
        assert_eq!(tenant, flood.tenant);
        queue.pop(tenant).unwrap();
        flood.begin(0).unwrap();
        queue.rank(tenant, 0);
    }
    queue.push(&quiet, Ticket, 0);
    assert_eq!(queue.first().unwrap().1, quiet.tenant, "the next one free is the quiet tenant's");
    assert_eq!(queue.len(), 96);
}

#[test]
fn server_time_is_shared_and_not_the_number_of_transactions() {
    let mut loads = [load(1, 100, 1, 10_000), load(2, 100, 1, 1_000)];
    compete(&mut loads, 6, 10_000_000);
    let [heavy, light] = loads.map(|load| load.served * load.micros);
    assert!(heavy.abs_diff(light) * 20 < heavy, "{heavy} and {light} µs of the server's time");
}

#[test]
fn a_weight_is_a_part_of_the_time() {
    let mut loads = [load(1, 100, 3, 2_000), load(2, 100, 1, 2_000)];
    compete(&mut loads, 8, 10_000_000);
    let [three, one] = loads.map(|load| load.served);
    assert!((3 * one).abs_diff(three) * 20 < three, "{three} and {one} transactions");
}

#[test]
fn nobody_has_more_at_once_than_it_may() {
    let mut loads = [load(1, 2, 1, 1_000), load(2, 100, 1, 1_000)];
    compete(&mut loads, 8, 1_000_000);
    assert_eq!(loads[0].most_at_once, 2);
    assert!(loads[1].most_at_once >= 6, "what is left over is the other's");
}

#[test]
fn a_tenant_that_has_all_it_may_have_holds_up_nobody() {
    let (full, other) = (account(1, 1, 1), account(2, 1, 1));
    let charge = full.begin(0).unwrap();
    let mut queue = Queue::default();
    queue.push(&full, Ticket, 0);
    assert!(!queue.is_anybody_ranked());
    queue.push(&other, Ticket, 0);
    assert_eq!(queue.first().unwrap().1, other.tenant);
    assert!(full.is_held_back());
    full.end(charge, None);
    queue.rank(full.tenant, 0);
    assert_eq!(queue.first().unwrap().1, full.tenant, "it came first");
    assert!(!full.is_held_back());
}

#[test]
fn no_credit_is_saved_up() {
    let (busy, idle) = (account(1, 10, 1), account(2, 10, 1));
    let clock = 1_000_000;
    let charge = busy.begin(clock).unwrap();
    busy.end(charge, Some(Duration::from_millis(1)));
    assert_eq!(idle.due(clock), clock, "an hour of silence is no hour in front");
    assert!(busy.due(clock) > clock);
}

#[test]
fn who_has_gone_takes_no_place() {
    let tenant = account(1, 10, 1);
    let mut queue = Queue::default();
    for gone in [true, false, true] {
        queue.push(&tenant, Gone(gone), 0);
    }
    queue.forget_gone(0);
    assert_eq!(queue.len(), 1);
    assert!(queue.pop(tenant.tenant).is_some());
    queue.rank(tenant.tenant, 0);
    assert!(!queue.is_anybody_ranked());
    assert_eq!(queue.len(), 0);
}

proptest! {
    /// Whatever their transactions take, tenants of one weight that all want more get the same time, to within what a few of the
    /// longest transactions take.
    #[test]
    fn all_get_the_same(micros in prop::collection::vec(1_000_u64..20_000, 2..6)) {
        let mut loads: Vec<Load> =
            (1..).zip(&micros).map(|(id, micros)| load(id, 100, 1, *micros)).collect();
        let connections = 2 * micros.len() + 3;
        compete(&mut loads, connections, 2_000_000);
        let had: Vec<u64> = loads.iter().map(|load| load.served * load.micros).collect();
        let (least, most) = (had.iter().min().unwrap(), had.iter().max().unwrap());
        let slack = 4 * connections as u64 * micros.iter().max().unwrap();
        prop_assert!(most - least <= slack + most / 20, "{had:?} µs");
    }
}
