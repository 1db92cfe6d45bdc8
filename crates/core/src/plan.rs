//! What a plan (tier) allows a tenant.

use serde::{Deserialize, Serialize};

/// Limits of one tenant. The defaults are what most products want for their smallest tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Server connections in use at once.
    pub connections: u32,
    /// Longest run of one statement.
    pub statement_timeout_ms: u32,
    /// Transactions started in a minute.
    pub transactions_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 10, statement_timeout_ms: 5_000, transactions_per_minute: 1_000 }
    }
}
