//! What a server keeps instead of a password, in PostgreSQL's text form.

use super::{ClientKeys, Key, ROUNDS, ScramError, hmac, message, sha256};
use std::fmt;
use std::str::FromStr;

/// Bytes of a salt of our own; PostgreSQL's length.
const SALT: usize = 16;

/// A SCRAM-SHA-256 verifier: `SCRAM-SHA-256$<rounds>:<salt>$<stored key>:<server key>`.
///
/// It is no password, but who has it can pretend to be the server, and can guess passwords off line.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub(super) rounds: u32,
    pub(super) salt: Box<[u8]>,
    pub(super) stored: Key,
    pub(super) server: Key,
    /// Whether no password fits: made for a user who does not exist.
    pub(super) doomed: bool,
}

impl Verifier {
    /// A verifier of this password with a random salt. `rounds` is held to `ROUNDS`. Slow by design.
    pub fn generate(password: &str, rounds: u32) -> Self {
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).expect("the operating system gives random bytes");
        ClientKeys::derive(password, &salt, rounds).verifier()
    }

    /// What an unknown user is verified against, so that the exchange looks like a known one's: the same salt on each
    /// try, the same work, and a proof that never fits. `secret` must stay the same over restarts and gateways;
    /// `rounds` should be what real verifiers have.
    pub fn mock(secret: &[u8], user: &[u8], rounds: u32) -> Self {
        let part = |purpose: &[u8]| hmac(secret, &[b"scram mock ", purpose, b"\0", user]);
        Self {
            rounds: rounds.clamp(*ROUNDS.start(), *ROUNDS.end()),
            salt: part(b"salt")[..SALT].into(),
            stored: part(b"stored"),
            server: part(b"server"),
            doomed: true,
        }
    }

    /// Reads PostgreSQL's form, as in `pg_authid.rolpassword`.
    pub fn parse(text: &str) -> Result<Self, ScramError> {
        Self::from_parts(text).ok_or(ScramError::NotAVerifier)
    }

    fn from_parts(text: &str) -> Option<Self> {
        let (parameters, keys) = text.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
        let (rounds, salt) = parameters.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        Some(Self {
            rounds: rounds.parse().ok().filter(|rounds| ROUNDS.contains(rounds))?,
            salt: message::from_base64(salt).ok().filter(|salt| !salt.is_empty())?.into(),
            stored: message::key_from_base64(stored).ok()?,
            server: message::key_from_base64(server).ok()?,
            doomed: false,
        })
    }

    /// Whether this is the password's verifier. Slow by design.
    pub fn matches(&self, password: &str) -> bool {
        let (client, _) = super::derive(password, &self.salt, self.rounds);
        super::equal(&sha256(&*client), &self.stored) && !self.doomed
    }

    /// How many rounds of PBKDF2 a client must do.
    pub fn rounds(&self) -> u32 {
        self.rounds
    }
}

/// PostgreSQL's form, for `ALTER ROLE … PASSWORD '…'` and for the catalog.
impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored, server] = [&*self.salt, &self.stored, &self.server].map(message::base64);
        write!(f, "SCRAM-SHA-256${}:{salt}${stored}:{server}", self.rounds)
    }
}

impl FromStr for Verifier {
    type Err = ScramError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Never shows keys.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({} rounds, …)", self.rounds)
    }
}
