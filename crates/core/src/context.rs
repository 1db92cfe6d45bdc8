//! The tenant context token: what the gateway sends so that a database can trust which tenant it acts for.
//!
//! The database issues a nonce (`tenancy.challenge()`), the gateway answers with an HMAC-SHA-256 over tenant,
//! epoch and nonce, and `tenancy.admit()` checks it. A token works once, on the backend that issued the nonce.

use crate::secret::hex;
use crate::{Epoch, KeyId, TenantId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// A database's signing key. HMAC's inner state is computed once, so a token costs two compressions.
#[derive(Clone)]
pub struct ContextKey {
    id: KeyId,
    bytes: Zeroizing<[u8; 32]>,
    keyed: Hmac<Sha256>,
}

/// What `tenancy.challenge()` returned on one server connection. It must come from there alone, never from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(Box<str>);

/// The arguments of `tenancy.admit(kid, tenant, epoch, mac)` and `tenancy.enter(…)`.
#[derive(Clone, PartialEq, Eq)]
pub struct ContextToken {
    pub key: KeyId,
    pub tenant: TenantId,
    pub epoch: Epoch,
    /// 64 lower-case hexadecimal digits.
    pub mac: String,
}

impl Nonce {
    /// Wraps a nonce that arrived on a server connection.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The nonce's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ContextKey {
    /// Wraps 32 secret bytes.
    pub fn new(id: KeyId, bytes: [u8; 32]) -> Self {
        let keyed = Hmac::<Sha256>::new_from_slice(&bytes).expect("HMAC takes keys of any length");
        Self { id, bytes: Zeroizing::new(bytes), keyed }
    }

    /// Which key this is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The secret bytes, for `tenancy.put_key`.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Signs the right to enter `tenant` at `epoch` on the backend that issued `nonce`.
    /// The signed message is `<tenant>|<epoch>|<nonce>`.
    pub fn sign(&self, tenant: TenantId, epoch: Epoch, nonce: &Nonce) -> ContextToken {
        let mut mac = self.keyed.clone();
        let [tenant_id, epoch_number] = [tenant.get(), epoch.get()].map(|number| number.to_string());
        for part in [&*tenant_id, "|", &*epoch_number, "|", nonce.as_str()] {
            mac.update(part.as_bytes());
        }
        ContextToken { key: self.id, tenant, epoch, mac: hex(&mac.finalize().into_bytes()) }
    }
}

impl fmt::Debug for ContextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContextKey({}, …)", self.id)
    }
}

impl fmt::Debug for ContextToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContextToken({}, {}, {}, …)", self.key, self.tenant, self.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_rfc_2104_hmac_sha256() {
        // python3 -c "import hmac;print(hmac.new(bytes([7]*32), b'5|1|abc', 'sha256').hexdigest())"
        let token =
            ContextKey::new(KeyId::new(1), [7; 32]).sign(TenantId::new(5), Epoch::FIRST, &Nonce::new("abc"));
        assert_eq!(token.mac, "d51d0566a625ade1bffbe2f0ff78678ab1d7eb4053fe0f7a47c8d2296e882c01");
        assert!(!format!("{token:?}").contains(&token.mac));
    }
}
