//! TLS as PostgreSQL uses it, on both sides: certificates from files, `sslmode`, channel binding, names in a certificate.
//!
//! Between here and the wire stands rustls. This crate decides whom to trust and what to show; it opens no socket, knows no
//! login and no tenant, and reads the files that it is told to read when it is told to.

mod certificate;
mod client;
#[cfg(feature = "driver")]
mod driver;
mod error;
mod server;
mod verify;

pub use certificate::{Names, end_point_hash};
pub use client::{Connector, Negotiated};
#[cfg(feature = "driver")]
pub use driver::{Driver, DriverStream};
pub use error::TlsError;
pub use server::{Acceptor, CertificateFiles, ClientCertificates, Facts, ServerFiles, Stamp};

pub use tokio_rustls::TlsStream;

use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// What a client that begins with TLS must ask for (ALPN), and what both sides say to each other otherwise.
pub const ALPN: &[u8] = b"postgresql";

/// `ring`, as this build's only one; asked for by name, so that nothing is process-wide.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
