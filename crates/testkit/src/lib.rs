//! Managed PostgreSQL: real servers, started in a fraction of a second, gone with the process that started them.
//!
//! `tenantry demo` uses [`Postgres`] as a library. What only tests need (one shared cluster per process, fresh
//! databases, the versions to test on) is in [`fixture`]. This crate never pretends to be PostgreSQL, and it is
//! not a way to run a production server.

mod account;
mod binaries;
mod cache;
mod error;
pub mod fixture;
mod home;
mod postgres;
pub mod proxy;
mod server;
mod template;
mod version;

pub use binaries::{Binaries, client_bin};
pub use error::PostgresError;
pub use fixture::{fresh_database, shared, versions_for_tests};
pub use postgres::{Durability, Postgres, PostgresOptions};
pub use version::ServerVersion;
