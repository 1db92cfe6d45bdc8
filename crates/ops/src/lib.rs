//! The operations: each does one thing to clusters, schemas, tenants or logins, and can be run again after a crash.
//!
//! Every step first observes whether its effect is already there, so recovery is running the same operation
//! again. Nothing here prints or reads configuration; progress is reported through [`Progress`].

mod brief;
pub mod cluster;
pub mod control;
pub mod convert;
mod database;
pub mod error;
pub mod fence;
mod gate;
pub mod isolation;
pub mod limits;
pub mod login;
pub mod partitions;
pub mod plan;
pub mod progress;
mod role_limit;
pub mod schema;
pub mod scope;
mod sql;
mod steps;
pub mod tenant;

pub use control::{ClusterAccess, Control};
pub use error::OpsError;
pub use progress::{Advance, Progress, Silent, Step};
