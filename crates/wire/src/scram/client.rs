//! The client's side of an exchange: what the gateway does with a server.

use super::message::{self, Attributes};
use super::{ChannelBinding, Key, ROUNDS, ScramError, Verifier, derive, equal, hmac, sha256, xor};
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// The keys that PBKDF2 gave, good for every exchange with a server whose verifier has the same salt and rounds.
/// As secret as the password. Cloning is cheap.
#[derive(Clone)]
pub struct ClientKeys(Arc<Keys>);

struct Keys {
    rounds: u32,
    salt: Box<[u8]>,
    client: Key,
    server: Key,
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.client.zeroize();
        self.server.zeroize();
    }
}

impl ClientKeys {
    /// Derives the keys. `rounds` is held to `ROUNDS`. Slow by design: milliseconds for the usual 4,096 rounds.
    pub fn derive(password: &str, salt: &[u8], rounds: u32) -> Self {
        let rounds = rounds.clamp(*ROUNDS.start(), *ROUNDS.end());
        let (client, server) = derive(password, salt, rounds);
        Self(Arc::new(Keys { rounds, salt: salt.into(), client: *client, server: *server }))
    }

    /// What the server keeps of these keys.
    pub fn verifier(&self) -> Verifier {
        let keys = &*self.0;
        let stored = sha256(&keys.client);
        Verifier { rounds: keys.rounds, salt: keys.salt.clone(), stored, server: keys.server, doomed: false }
    }

    fn fit(&self, salt: &[u8], rounds: u32) -> bool {
        *self.0.salt == *salt && self.0.rounds == rounds
    }
}

/// One exchange with one server, waiting for the message that `State` names.
#[derive(Debug)]
pub struct ClientExchange<State>(State);

/// The client-first-message is out.
pub struct AwaitsServerFirst {
    password: Zeroizing<String>,
    cached: Option<ClientKeys>,
    binding: ChannelBinding,
    nonce: String,
}

/// The client-final-message is out.
pub struct AwaitsServerFinal {
    keys: ClientKeys,
    /// What the server must answer.
    signature: Key,
}

impl ClientExchange<AwaitsServerFirst> {
    /// Begins an exchange and gives the client-first-message, for `frontend::sasl_initial`. With `cached` keys of an
    /// earlier exchange PBKDF2 is left out, if the server's salt and rounds are still the same. The user is named by
    /// the startup packet alone, so the message names none, as libpq's.
    pub fn new(password: &str, cached: Option<ClientKeys>, binding: ChannelBinding) -> (Self, Vec<u8>) {
        Self::with_nonce(password, cached, binding, super::nonce())
    }

    pub(super) fn with_nonce(
        password: &str,
        cached: Option<ClientKeys>,
        binding: ChannelBinding,
        nonce: String,
    ) -> (Self, Vec<u8>) {
        let first = format!("{}n=,r={nonce}", binding.gs2_header()).into_bytes();
        (
            Self(AwaitsServerFirst { password: Zeroizing::new(password.to_owned()), cached, binding, nonce }),
            first,
        )
    }

    /// Reads the server-first-message and gives the client-final-message, for `frontend::sasl_response`.
    pub fn respond(
        self,
        server_first: &[u8],
    ) -> Result<(ClientExchange<AwaitsServerFinal>, Vec<u8>), ScramError> {
        let bare = format!("n=,r={}", self.0.nonce);
        self.respond_as(&bare, server_first)
    }

    /// `bare` is the client-first-message without its GS2 header.
    pub(super) fn respond_as(
        self,
        bare: &str,
        server_first: &[u8],
    ) -> Result<(ClientExchange<AwaitsServerFinal>, Vec<u8>), ScramError> {
        let Self(AwaitsServerFirst { password, cached, binding, nonce: own_nonce }) = self;
        let mut attributes = Attributes::of(server_first)?;
        let whole = attributes.left();
        let nonce = message::checked_nonce(attributes.expect("r=")?)?;
        if nonce.strip_prefix(own_nonce.as_str()).is_none_or(str::is_empty) {
            return Err(ScramError::Malformed("the server's nonce does not continue ours"));
        }
        let salt = message::from_base64(attributes.expect("s=")?)?;
        let rounds = attributes.expect("i=")?.parse().ok().filter(|rounds| ROUNDS.contains(rounds));
        let rounds = rounds.ok_or(ScramError::Unsupported("the number of rounds is out of bounds"))?;

        let cached = cached.filter(|keys| keys.fit(&salt, rounds));
        let keys = cached.unwrap_or_else(|| ClientKeys::derive(&password, &salt, rounds));
        let without_proof = format!("c={},r={nonce}", binding.attribute(binding.gs2_header()));
        let authenticated = format!("{bare},{whole},{without_proof}");
        let signature = hmac(&sha256(&keys.0.client), &[authenticated.as_bytes()]);
        let proof = message::base64(&xor(signature, &keys.0.client));
        let signature = hmac(&keys.0.server, &[authenticated.as_bytes()]);
        let message = format!("{without_proof},p={proof}").into_bytes();
        Ok((ClientExchange(AwaitsServerFinal { keys, signature }), message))
    }
}

impl ClientExchange<AwaitsServerFinal> {
    /// Reads the server-final-message: only now is it known that the server is no impostor. Gives the keys, to be kept
    /// for the next connection with the same password.
    pub fn finish(self, server_final: &[u8]) -> Result<ClientKeys, ScramError> {
        let mut attributes = Attributes::of(server_final)?;
        let field = attributes.field().unwrap_or_default();
        if field.starts_with("e=") {
            return Err(ScramError::RefusedByServer);
        }
        let signature =
            field.strip_prefix("v=").ok_or(ScramError::Malformed("the server's signature is missing"))?;
        let signature = message::key_from_base64(signature)?;
        if equal(&signature, &self.0.signature) { Ok(self.0.keys) } else { Err(ScramError::FalseServer) }
    }
}

opaque!(ClientKeys, AwaitsServerFirst, AwaitsServerFinal);
