//! Secrets, and how all of a deployment's secrets come from one.
//!
//! The catalog stores no secret. Server passwords and context keys are derived (HMAC-SHA-256) from the
//! deployment's master key, which the gateway and the control plane get from a file or the environment.

use crate::{ContextKey, KeyId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// A text that never shows itself: `Debug` is redacted and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Hands the text to the one place that needs it (a protocol exchange). Never log what this returns.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The deployment's one secret: 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// Why a text can't be a master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a master key is 64 hexadecimal digits (make one with `openssl rand -hex 32`)")]
pub struct MasterKeyError;

impl MasterKey {
    /// A new random key.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).expect("the operating system gives random bytes");
        Self(bytes)
    }

    /// Reads a key from its text; white space around it (a file's last newline) is ignored.
    pub fn from_hex(text: &str) -> Result<Self, MasterKeyError> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(MasterKeyError);
        }
        let mut bytes = Zeroizing::new([0; 32]);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let nibble = |b: u8| (b as char).to_digit(16).ok_or(MasterKeyError);
            // Two digits are at most 255.
            *byte = u8::try_from(nibble(pair[0])? * 16 + nibble(pair[1])?).map_err(|_| MasterKeyError)?;
        }
        Ok(Self(bytes))
    }

    /// The key's text, for the file it is kept in.
    pub fn to_hex(&self) -> Secret {
        Secret::new(hex(&*self.0))
    }

    /// The password of a server login role. `database` is the data database's stable name in the catalog
    /// (`<cluster>/<database>`), so that one leaked password opens one database.
    pub fn login_password(&self, database: &str, role: &str) -> Secret {
        Secret::new(hex(&self.derive(&["login", database, role])))
    }

    /// The key that signs context tokens for one data database.
    pub fn context_key(&self, database: &str, id: KeyId) -> ContextKey {
        ContextKey::new(id, self.derive(&["context", database, &id.to_string()]))
    }

    fn derive(&self, parts: &[&str]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes keys of any length");
        for part in parts {
            // Lengths first: ("ab", "c") and ("a", "bc") must not be the same message.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = vec![0; bytes.len() * 2];
    for (digits, byte) in out.chunks_exact_mut(2).zip(bytes) {
        digits.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    String::from_utf8(out).expect("digits are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_and_nothing_shows_it() {
        let key = MasterKey::generate();
        let again = MasterKey::from_hex(&format!(" {}\n", key.to_hex().expose())).unwrap();
        assert_eq!(*key.0, *again.0);
        assert_eq!(format!("{key:?} {:?}", key.to_hex()), "MasterKey(…) Secret(…)");
        assert!(MasterKey::from_hex("abc").is_err());
        assert!(MasterKey::from_hex(&"g".repeat(64)).is_err());
    }

    #[test]
    fn each_purpose_database_and_key_id_has_its_own_secret() {
        let key = MasterKey::from_hex(&"07".repeat(32)).unwrap();
        let password = key.login_password("main/app", "r");
        assert_eq!(password, key.login_password("main/app", "r"));
        assert_ne!(password, key.login_password("main/ap", "pr"));
        assert_ne!(
            key.context_key("main/app", KeyId::new(1)).bytes(),
            key.context_key("main/app", KeyId::new(2)).bytes()
        );
    }
}
