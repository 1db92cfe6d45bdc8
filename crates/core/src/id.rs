//! Numbers that name things, each a type of its own so that they can't be mixed up.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// Wraps a number read from the catalog or from a data database.
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            /// The bare number, as it stands in the catalog.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A tenant, for ever. Never shown where the tenant's key is meant.
    TenantId(i64)
}
id! {
    /// A PostgreSQL server (a primary and its replicas).
    ClusterId(i32)
}
id! {
    /// A data database: a pool, or the database of one tenant.
    DatabaseId(i32)
}
id! {
    /// A gateway login.
    LoginId(i32)
}
id! {
    /// A plan (tier).
    PlanId(i32)
}
id! {
    /// Which of a database's context keys signed a token. Two are valid at a time, so that keys can be rotated.
    KeyId(i32)
}
id! {
    /// The version of a placement. It only grows; the database refuses a writer with an older one.
    Epoch(i64)
}

impl Epoch {
    /// The epoch of a placement that was just made.
    pub const FIRST: Self = Self(1);

    /// The epoch that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
