//! SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it: verifiers, and both sides of the exchange.
//!
//! An exchange is a typestate: each step takes the state before and gives the one after, so that no step can be left
//! out or done twice. SCRAM-SHA-256-PLUS needs only `ChannelBinding::TlsServerEndPoint` from whoever has the
//! certificate. Deliberately not here: passwords in clear text and MD5, which are neither asked for nor answered.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::ops::RangeInclusive;
use subtle::ConstantTimeEq;
use tenantry_core::ErrorKind;
use thiserror::Error;
use zeroize::Zeroizing;

/// `Debug` that shows a type's name and nothing of what it holds.
macro_rules! opaque {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

mod client;
mod message;
mod server;
mod verifier;

pub use client::{AwaitsServerFinal, AwaitsServerFirst, ClientExchange, ClientKeys};
pub use server::{Accepted, AwaitsClientFinal, AwaitsClientFirst, ServerExchange};
pub use verifier::Verifier;

/// The mechanism's name in `AuthenticationSASL`.
pub const MECHANISM: &str = "SCRAM-SHA-256";
/// The mechanism with channel binding.
pub const MECHANISM_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// PostgreSQL's default number of rounds.
pub const DEFAULT_ROUNDS: u32 = 4096;

/// Rounds that are accepted from a server or a verifier. A hostile server could otherwise keep a core busy for minutes.
pub const ROUNDS: RangeInclusive<u32> = 1..=1_000_000;

/// The longest message of the other side; PostgreSQL's own bound for a server.
pub const MAX_MESSAGE: usize = 1024;

/// Bytes of a key, a signature and a proof.
const KEY: usize = 32;
type Key = [u8; KEY];

/// What ties an exchange to the TLS connection under it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ChannelBinding {
    /// Our side can't (no TLS, or not built in): a client says `n`; a server has offered no PLUS.
    #[default]
    Unsupported,
    /// Our side can, but the mechanism without it is in use: a client says `y`, for the server offered no PLUS; a server
    /// did offer PLUS, so it refuses `y` as the mark of somebody in the middle who hid the offer.
    Unused,
    /// The PLUS mechanism is in use; this is the hash of the server's certificate (RFC 5929).
    TlsServerEndPoint(Box<[u8]>),
}

/// Why an exchange failed. No text holds anything of a message or of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScramError {
    #[error("SCRAM: {0}")]
    Malformed(&'static str),
    #[error("SCRAM: {0}")]
    Unsupported(&'static str),
    /// Also what an unknown user gets.
    #[error("SCRAM: the proof does not match")]
    WrongProof,
    #[error("SCRAM: the server refused the password")]
    RefusedByServer,
    #[error("SCRAM: the server does not know the password's verifier")]
    FalseServer,
    #[error("not a SCRAM-SHA-256 verifier")]
    NotAVerifier,
}

impl ScramError {
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed(_) => ErrorKind::ProtocolViolation,
            Self::Unsupported(_) => ErrorKind::NotSupported,
            Self::WrongProof | Self::RefusedByServer | Self::FalseServer => ErrorKind::AuthenticationFailed,
            Self::NotAVerifier => ErrorKind::InvalidInput,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::FalseServer => {
                Some("something between here and the server may be pretending to be it".into())
            }
            Self::NotAVerifier => {
                Some("it looks like SCRAM-SHA-256$<rounds>:<salt>$<stored key>:<server key>".into())
            }
            _ => None,
        }
    }
}

/// A password as SCRAM takes it. Like PostgreSQL, what SASLprep can't prepare is taken as it is.
fn prepared(password: &str) -> Zeroizing<Vec<u8>> {
    let prepared = match stringprep::saslprep(password) {
        Ok(text) if !text.is_empty() => text,
        _ => Cow::Borrowed(password),
    };
    match prepared {
        Cow::Borrowed(text) => Zeroizing::new(text.as_bytes().to_vec()),
        Cow::Owned(text) => Zeroizing::new(text.into_bytes()),
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn sha256(bytes: &[u8]) -> Key {
    Sha256::digest(bytes).into()
}

/// The slow part: PBKDF2, then the client key and the server key of RFC 5802.
fn derive(password: &str, salt: &[u8], rounds: u32) -> (Zeroizing<Key>, Zeroizing<Key>) {
    let mut salted = Zeroizing::new([0; KEY]);
    pbkdf2::pbkdf2::<Hmac<Sha256>>(&prepared(password), salt, rounds, &mut *salted)
        .expect("HMAC takes keys of any length");
    (Zeroizing::new(hmac(&*salted, &[b"Client Key"])), Zeroizing::new(hmac(&*salted, &[b"Server Key"])))
}

fn xor(mut left: Key, right: &Key) -> Key {
    for (a, b) in left.iter_mut().zip(right) {
        *a ^= b;
    }
    left
}

fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// 18 random bytes, as PostgreSQL takes; Base64 keeps them printable and free of commas.
fn nonce() -> String {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    message::base64(&bytes)
}

#[cfg(test)]
mod tests;
