//! Diagrams of real schemas, as a server tells them.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod drawn;
