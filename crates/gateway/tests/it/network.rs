//! The network fails at every message, on both sides of the gateway, in the middle of every kind of conversation.
//!
//! Each conversation is held once over two proxies that only look, which tells its messages; then once for each message of
//! each direction and each fault. After every fault it must hold, within a bounded time, that
//!
//! - the client that it hit has heard a beginning of what it hears without a fault, and then an error or the end;
//! - another tenant and the same one see exactly their own rows, by their own replies, over the same server connection;
//! - a transaction that was reported committed is, and one whose end was not sent is not;
//! - nothing is left: no client, no server connection in use, nobody waiting, no backend that is not idle.
//!
//! `TENANTRY_FAULTS=all` tries every fault at every message in every model and version, which takes minutes. Otherwise the faults
//! take turns, from message to message, model to model and version to version, so that all of it takes well under a minute.

mod conversation;
mod judge;
mod stage;
mod talk;

use crate::world::PAIRS;
use conversation::Conversation;
use stage::Stage;
use tenantry_testkit::proxy::{Fault, Place, Plan};
use tenantry_testkit::versions_for_tests;

/// The two tenants of a model that meet.
type Pair = (&'static str, &'static str);

/// On which side of the gateway the network fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Between the client and the gateway.
    Near,
    /// Between the gateway and the server.
    Far,
}

/// One fault in one conversation.
#[derive(Debug, Clone, Copy)]
struct Case {
    side: Side,
    plan: Plan,
}

/// Which faults are tried in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Faults {
    /// All that somebody notices by themselves.
    Noticed,
    /// A server that says nothing any more. What waits for it has a deadline, which is short here.
    SilentServers,
}

impl Faults {
    /// On which side a server may be too slow, by which who asks is patient.
    fn side(self) -> Side {
        match self {
            Self::Noticed => Side::Near,
            Self::SilentServers => Side::Far,
        }
    }

    fn of(self, side: Side) -> &'static [Fault] {
        match (self, side) {
            (Self::Noticed, Side::Near) => &[Fault::Cut, Fault::Truncate, Fault::Reset, Fault::Stall],
            (Self::Noticed, Side::Far) => &[Fault::Cut, Fault::Truncate, Fault::Reset],
            (Self::SilentServers, Side::Near) => &[],
            (Self::SilentServers, Side::Far) => &[Fault::Stall],
        }
    }
}

/// Tries a conversation with each of these faults at each of its messages.
async fn try_all(stage: &mut Stage, conversation: &Conversation, faults: Faults, everything: bool) -> usize {
    let baseline = stage.baseline(conversation, faults).await;
    let mut tried = 0;
    for (side, sender, messages) in baseline.messages() {
        let kinds = faults.of(side);
        for nth in 0..messages {
            for (kind, fault) in kinds.iter().enumerate() {
                if !everything && !is_due(side, nth + kind, kinds.len(), stage.turn) {
                    continue;
                }
                let plan = Plan { sender, place: Place::Nth(nth), fault: *fault };
                stage.try_one(conversation, &baseline, Case { side, plan }).await;
                tried += 1;
            }
        }
    }
    tried
}

/// Whether it is a fault's turn: at each message of the client's side one is tried. On the server's side, which has many times as
/// many messages and where each fault costs a backend, all models and versions together try one at each, or a few.
fn is_due(side: Side, at: usize, kinds: usize, turn: usize) -> bool {
    match side {
        Side::Near => (at + turn).is_multiple_of(kinds),
        Side::Far => {
            let period = if kinds == 1 { TURNS } else { 2 * TURNS };
            at % period == turn * period / TURNS
        }
    }
}

/// Models and versions.
const TURNS: usize = 6;

async fn in_model(pair: Pair, faults: Faults) {
    let versions = versions_for_tests();
    let model = PAIRS.iter().position(|other| *other == pair).unwrap();
    let all = std::env::var("TENANTRY_FAULTS").is_ok_and(|value| value == "all");
    for (turn, version) in versions.iter().enumerate() {
        let mut stage = Stage::new(*version, pair, faults, (2 * model + turn) % TURNS).await;
        for conversation in conversation::all(pair.0) {
            let tried = try_all(&mut stage, &conversation, faults, all).await;
            assert!(tried > 0 || faults == Faults::SilentServers, "{}: nothing was tried", conversation.name);
        }
        stage.close().await;
    }
}

#[tokio::test]
async fn a_network_that_breaks_at_any_message_harms_nobody_in_shared_tables() {
    in_model(("acme", "umbrella"), Faults::Noticed).await;
}

#[tokio::test]
async fn a_network_that_breaks_at_any_message_harms_nobody_in_schemas() {
    in_model(("globex", "hooli"), Faults::Noticed).await;
}

#[tokio::test]
async fn a_network_that_breaks_at_any_message_harms_nobody_in_databases() {
    in_model(("initech", "tyrell"), Faults::Noticed).await;
}

#[tokio::test]
async fn a_server_that_falls_silent_at_any_message_holds_nobody_in_shared_tables() {
    in_model(("acme", "umbrella"), Faults::SilentServers).await;
}

#[tokio::test]
async fn a_server_that_falls_silent_at_any_message_holds_nobody_in_schemas() {
    in_model(("globex", "hooli"), Faults::SilentServers).await;
}

#[tokio::test]
async fn a_server_that_falls_silent_at_any_message_holds_nobody_in_databases() {
    in_model(("initech", "tyrell"), Faults::SilentServers).await;
}
