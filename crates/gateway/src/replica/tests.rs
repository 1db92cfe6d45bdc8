//! What follows from what servers say.

use super::*;
use tenantry_core::{ContextKind, DatabaseId, KeyId, ServerTls};

const MS: Duration = Duration::from_millis(1);

fn address(port: u16) -> ServerAddress {
    ServerAddress::new("db", port)
}

/// Two servers that may be the primary, the second of them a replica, and one that is only that.
fn topology() -> Topology {
    Topology::new(&Arc::new(DatabaseRoute {
        id: DatabaseId::new(1),
        cluster: ClusterId::new(1),
        stable_name: "main/app".into(),
        host: "db".into(),
        port: 1,
        more_hosts: [address(2)].into(),
        replicas: [address(2), address(3)].into(),
        name: "app".into(),
        login: "login".into(),
        context: ContextKind::Carrier,
        key: KeyId::new(1),
        max_connections: 1,
        cluster_connections: 0,
        tls: ServerTls::default(),
    }))
}

fn primary(timeline: u32, lsn: u64) -> Position {
    Position { recovering: false, timeline, lsn }
}

fn replica(lsn: u64) -> Position {
    Position { recovering: true, timeline: 0, lsn }
}

#[test]
fn a_replica_is_as_of_the_last_sample_that_it_has_replayed() {
    let topology = topology();
    let start = Instant::now();
    topology.note(1, start, replica(90));
    assert_eq!(topology.usable(start), None, "nothing is known of the primary");
    for (n, lsn) in [100, 200, 200, 300].into_iter().enumerate() {
        topology.note(0, start + MS * u32::try_from(n).unwrap(), primary(1, lsn));
    }
    assert_eq!(topology.usable(start), None, "it was before all of them");
    topology.note(1, start, replica(299));
    assert_eq!(topology.usable(start + MS * 2), Some(0));
    assert_eq!(topology.usable(start + MS * 3), None);
    topology.note(1, start, replica(300));
    assert_eq!(topology.usable(start + MS * 3), Some(0));
    let lag: Vec<_> = topology.servers().iter().map(|server| (server.role, server.behind)).collect();
    assert_eq!(lag, [(Role::Primary, 0), (Role::Replica, 0), (Role::Unknown, 0)]);
}

#[test]
fn reads_are_spread_over_the_replicas_and_leave_those_that_are_lost() {
    let topology = topology();
    let now = Instant::now();
    topology.note(0, now, primary(1, 100));
    topology.note(1, now, replica(100));
    topology.note(2, now, replica(100));
    let both: std::collections::HashSet<_> = (0..6).filter_map(|_| topology.usable(now)).collect();
    assert_eq!(both.len(), 2);
    topology.lost_replica(0);
    assert!((0..6).all(|_| topology.usable(now) == Some(1)));
    topology.lost_replica(1);
    assert_eq!(topology.usable(now), None);
    assert!(!topology.has_live_replica());
    topology.note(1, now, replica(100));
    assert_eq!(topology.usable(now), Some(0), "it is back");
}

#[test]
fn the_primary_of_the_newest_timeline_is_the_primary() {
    let topology = topology();
    let start = Instant::now();
    topology.note(0, start, primary(1, 100));
    topology.note(1, start, replica(100));
    assert_eq!(topology.primary_first(), [address(1), address(2)]);
    topology.lost(0);
    topology.note(1, start + MS, primary(2, 120));
    assert_eq!(topology.primary_first(), [address(2), address(1)]);
    assert_eq!(topology.generation(), 1);
    assert_eq!(topology.usable(start), None, "a replica no more");
    // What comes back as it was is not used, whatever it has written since.
    topology.note(0, start + MS * 2, primary(1, 900));
    assert_eq!(topology.primary_first(), [address(2)]);
    assert_eq!(topology.generation(), 1);
    topology.note(2, start + MS * 2, replica(119));
    assert_eq!(topology.usable(start), None, "as of when is not known on this timeline");
    topology.note(2, start + MS * 3, replica(120));
    assert_eq!(topology.usable(start + MS), Some(1));
    // Nor is a second one of the same timeline.
    topology.note(0, start + MS * 4, primary(2, 130));
    assert_eq!(topology.primary_first(), [address(2)]);
    // It follows now.
    topology.note(0, start + MS * 4, replica(130));
    assert_eq!(topology.primary_first(), [address(2), address(1)]);
}

#[test]
fn samples_are_bounded_and_reach_far_back() {
    let mut samples = Samples::default();
    let start = Instant::now();
    for n in 0..100_000_u32 {
        samples.add(start + MS * n, u64::from(n));
    }
    assert_eq!(samples.newest(), Some(99_999));
    assert_eq!(samples.reached(99_998), Some(start + MS * 99_998));
    let far = samples.reached(80_000).expect("the past is known");
    assert!(far <= start + MS * 80_000 && far > start + MS * 79_800);
    assert_eq!(samples.reached(10), None, "but not all of it");
}
