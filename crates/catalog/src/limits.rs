//! A tenant's own limits, over those of its plan.

use serde::{Deserialize, Serialize};
use tenantry_core::Limits;

/// What differs from the plan. A field that is `None` follows the plan, also when the plan changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsOverride {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_timeout_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transactions_per_minute: Option<u32>,
}

impl LimitsOverride {
    /// The limits in force for a tenant with these over `plan`.
    pub fn over(&self, plan: Limits) -> Limits {
        Limits {
            connections: self.connections.unwrap_or(plan.connections),
            statement_timeout_ms: self.statement_timeout_ms.unwrap_or(plan.statement_timeout_ms),
            transactions_per_minute: self.transactions_per_minute.unwrap_or(plan.transactions_per_minute),
        }
    }
}
