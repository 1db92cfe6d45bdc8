//! A tenant's own limits, over those of its plan.

use serde::{Deserialize, Serialize};
use tenantry_core::Limits;

macro_rules! overrides {
    ($($field:ident: $type:ty,)*) => {
        /// What differs from the plan. A field that is `None` follows the plan, also when the plan changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct LimitsOverride {
            $(#[serde(skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,)*
        }

        impl LimitsOverride {
            /// The limits in force for a tenant with these over `plan`.
            pub fn over(&self, plan: Limits) -> Limits {
                Limits { $($field: self.$field.unwrap_or(plan.$field)),* }
            }

            /// These, where `other` says nothing else.
            #[must_use]
            pub fn with(&self, other: &Self) -> Self {
                Self { $($field: other.$field.or(self.$field)),* }
            }

            /// These, without what is set in `other`.
            #[must_use]
            pub fn without(&self, other: &Self) -> Self {
                Self { $($field: if other.$field.is_some() { None } else { self.$field }),* }
            }
        }
    };
}

// Every field of `Limits`, or this does not compile.
overrides! {
    connections: u32,
    weight: u32,
    queue_length: u32,
    queue_wait_ms: u32,
    statement_timeout_ms: u32,
    transaction_timeout_ms: u32,
    idle_in_transaction_ms: u32,
    transactions_per_minute: u32,
    transaction_burst: u32,
    result_bytes: u64,
    message_bytes: u64,
    replica_lag_ms: u32,
    replica_required: bool,
    replica_read_only: bool,
    replica_copy_to: bool,
    explain: bool,
}
