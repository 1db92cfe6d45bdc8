//! The gateway: the data plane of Tenantry.
//!
//! A client speaks PostgreSQL's protocol to one address; the gateway resolves the tenant once, at connect, and
//! lends the session a server connection for each transaction, proving the tenant to the database in the same
//! packet as the transaction's first statement. It sees route snapshots (`tenantry_core::RouteTable`) and nothing
//! else of the catalog, so it keeps serving when the catalog is down.
//!
//! Nothing here is process-wide: two gateways run in one process.

mod account;
mod admin;
mod backend;
mod beyond;
mod bucket;
mod cancel;
mod clients;
mod config;
mod door;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod http;
mod lex;
mod limit;
mod metrics;
mod pause;
mod pool;
mod port;
mod replica;
mod report;
mod rewriting;
mod server;
mod session;
mod settings;
mod slow;
mod statement;
mod stats;
mod stream;
mod tls;
mod weak;
mod worker;

pub use admin::{Reloaded, Request, Shutdown};
pub use cancel::{CancelConfig, MAX_NUMBER as MAX_GATEWAYS};
pub use config::Config;
pub use door::LoginLimits;
pub use error::{ClientError, GatewayError};
pub use metrics::{METRICS, Metric};
pub use rewriting::Rewriters;
pub use server::{Gateway, Leaving};
pub use tls::{TlsConfig, TlsMode};
