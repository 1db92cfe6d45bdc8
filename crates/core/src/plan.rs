//! What a plan (tier) allows a tenant.

use serde::{Deserialize, Serialize};

/// Limits of one tenant. The defaults are what most products want for their smallest tier.
///
/// Of everything but `connections` and `weight`, 0 means that there is no limit of the plan's; the gateway's own bounds
/// hold in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a limit of its own, by its own name")]
pub struct Limits {
    /// Server connections in use at once. At least one.
    pub connections: u32,
    /// The tenant's part of the server's time when tenants wait for it, in proportion to the others' weights.
    pub weight: u32,
    /// Transactions that may wait for a server connection at once.
    pub queue_length: u32,
    /// Longest wait of one transaction for a server connection, or for its turn under `transactions_per_minute`.
    pub queue_wait_ms: u32,
    /// Longest run of one statement. A client can set a shorter one, never a longer one.
    pub statement_timeout_ms: u32,
    /// Longest transaction.
    pub transaction_timeout_ms: u32,
    /// Longest time that an open transaction may wait for its client.
    pub idle_in_transaction_ms: u32,
    /// Transactions started in a minute.
    pub transactions_per_minute: u32,
    /// How many of them may come at once, after a pause. 0 is a minute's worth.
    pub transaction_burst: u32,
    /// Bytes that one statement may return.
    pub result_bytes: u64,
    /// The largest message that a client may send. COPY data is streamed and not counted.
    pub message_bytes: u64,
    /// How far a replica may be behind that reads go to.
    pub replica_lag_ms: u32,
    /// Whether reads that are to go to a replica are refused while none can take them, instead of going to the primary.
    pub replica_required: bool,
    /// Whether transactions that begin with `BEGIN READ ONLY` go to a replica without being asked to.
    pub replica_read_only: bool,
    /// Whether a COPY … TO STDOUT that is a transaction's only statement goes to a replica without being asked to.
    pub replica_copy_to: bool,
    /// Whether EXPLAIN is let through in a pool, where its estimates tell of values that other tenants have.
    pub explain: bool,
}

impl Limits {
    /// Nothing is limited but by the gateway itself.
    pub const UNLIMITED: Self = Self {
        connections: u32::MAX,
        weight: 1,
        queue_length: 0,
        queue_wait_ms: 0,
        statement_timeout_ms: 0,
        transaction_timeout_ms: 0,
        idle_in_transaction_ms: 0,
        transactions_per_minute: 0,
        transaction_burst: 0,
        result_bytes: 0,
        message_bytes: 0,
        replica_lag_ms: 0,
        replica_required: false,
        replica_read_only: false,
        replica_copy_to: false,
        explain: false,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10,
            weight: 1,
            queue_length: 100,
            queue_wait_ms: 10_000,
            statement_timeout_ms: 5_000,
            transaction_timeout_ms: 60_000,
            idle_in_transaction_ms: 30_000,
            transactions_per_minute: 1_000,
            transaction_burst: 0,
            result_bytes: 0,
            message_bytes: 0,
            replica_lag_ms: 0,
            replica_required: false,
            replica_read_only: false,
            replica_copy_to: false,
            explain: false,
        }
    }
}
