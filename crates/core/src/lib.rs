//! The vocabulary of Tenantry: ids, keys, placements, plans, routes, context tokens, error kinds.
//!
//! Everything here is data and pure functions. Nothing here opens a socket, reads a clock, a file or the
//! environment; that is what lets every other crate depend on it.

pub mod context;
pub mod error;
pub mod id;
pub mod ident;
pub mod placement;
pub mod plan;
pub mod rewrite;
pub mod rights;
pub mod route;
pub mod secret;
pub mod server;
pub mod tenant;
pub mod tls;

pub use context::{ContextKey, ContextToken, Nonce};
pub use error::ErrorKind;
pub use id::{ClusterId, DatabaseId, Epoch, KeyId, LoginId, PlanId, TenantId};
pub use ident::{SqlIdent, quote_literal};
pub use placement::{Placement, TenancyModel};
pub use plan::Limits;
pub use rights::{Rights, reader_of};
pub use route::{
    ContextKind, DatabaseRoute, LoginAccess, LoginBinding, LoginRoute, PoolMode, RouteChange, RouteTable,
    TenantRoute,
};
pub use secret::{MasterKey, Secret};
pub use server::ServerAddress;
pub use tenant::{Domain, TenantKey, TenantState};
pub use tls::{ServerTls, SslMode};
