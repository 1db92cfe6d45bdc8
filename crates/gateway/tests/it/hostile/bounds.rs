//! Floods that the gateway must not keep in memory.
//!
//! The gateway runs in this process, so the process's memory is what is looked at, and the tests beside these count
//! too: hence the wide margin. A gateway that keeps what it is sent grows by at least the 200 MiB of a flood, and by a
//! multiple where every short message leaves an entry in a queue; one that does not grows by its buffers, well under
//! 1 MiB.

use super::newest;
use crate::raw::Raw;
use crate::world::World;
use std::time::Duration;
use tenantry_wire::frontend;

const CHUNK_BYTES: usize = 1 << 20;
const CHUNKS: usize = 200;
pub(super) const GROWTH_LIMIT_BYTES: usize = 100 << 20;

/// That a gateway has stopped reading shows only in that a write makes no progress for so long.
const STALLED: Duration = Duration::from_secs(2);

/// The process's memory. Linux tells it; the tests run nowhere else.
pub(super) fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_ascii_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The gateway read it all.
    Read,
    /// The gateway stopped reading: the client waits.
    Stalled,
}

/// Sends 200 MiB of the same message or part of one, or as much as the gateway takes.
async fn flood(raw: &mut Raw, with: &[u8]) -> Outcome {
    raw.flush().await;
    let before = resident_bytes();
    let chunk = with.repeat(CHUNK_BYTES / with.len());
    for sent in 0..CHUNKS {
        raw.out.extend_from_slice(&chunk);
        if tokio::time::timeout(STALLED, raw.flush()).await.is_err() {
            return Outcome::Stalled;
        }
        let growth = resident_bytes().saturating_sub(before);
        assert!(growth < GROWTH_LIMIT_BYTES, "{growth} bytes more after {sent} MiB");
    }
    Outcome::Read
}

#[tokio::test]
async fn messages_behind_a_waiting_clean_up_stop_being_read() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "acme").await;
    frontend::query(&mut raw.out, "SELECT pg_sleep(60)");
    frontend::query(&mut raw.out, "DISCARD ALL");
    assert_eq!(flood(&mut raw, b"S\0\0\0\x04").await, Outcome::Stalled);
    drop(raw);
    world.close().await;
}

#[tokio::test]
async fn messages_that_only_the_gateway_answers_stop_being_read_behind_a_statement() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "acme").await;
    frontend::query(&mut raw.out, "SELECT pg_sleep(60)");
    assert_eq!(flood(&mut raw, b"C\0\0\0\x07Sx\0").await, Outcome::Stalled);
    drop(raw);
    world.close().await;
}

#[tokio::test]
async fn copy_data_that_nobody_asked_for_is_dropped_as_it_comes() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "acme").await;
    // One message of almost 1 GiB.
    raw.out.extend_from_slice(b"d\x3f\xff\xff\xff");
    assert_eq!(flood(&mut raw, b"x").await, Outcome::Read);
    world.close().await;
}
