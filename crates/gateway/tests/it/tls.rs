//! TLS between clients and the gateway, and between the gateway and servers, with libpq, tokio-postgres and rustls.

mod authority;
mod clients;
mod servers;
