//! What cancel keys are made of.
//!
//! The process id names the gateway and the session: ten bits of number, 21 random ones. The secret is four random bytes,
//! which is all that protocol 3.0 has room for; in 3.2 a MAC of the deployment follows them, so that any gateway knows a key
//! that was made up from one that another gateway gave.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tenantry_core::{MasterKey, Secret};
use tenantry_wire::startup::CancelKey;

/// Bits of a process id that tell the sessions of one gateway apart. One more is the sign, which some drivers print.
pub(super) const SESSION_BITS: u32 = 21;
/// The largest number of a gateway. 0 is one that has none: it knows its own keys only.
pub const MAX_NUMBER: u16 = (1 << (31 - SESSION_BITS)) - 1;

/// The random part of a secret.
pub(super) type Secret4 = [u8; 4];
/// Bytes of the MAC in a long key.
const MAC: usize = 28;

#[derive(Debug)]
pub(super) struct KeyMaker {
    number: u16,
    secret: Secret,
}

/// Which gateway gave a key.
pub(super) fn number_of(pid: i32) -> u16 {
    u16::try_from(pid >> SESSION_BITS).unwrap_or(0)
}

impl KeyMaker {
    pub(super) fn new(master_key: &MasterKey, number: u16) -> Self {
        Self { number: number.min(MAX_NUMBER), secret: master_key.login_password("gateway", "cancel") }
    }

    /// A process id and a secret. Whether somebody has that process id already is for the caller to see.
    pub(super) fn draw(&self) -> (i32, Secret4) {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the operating system gives random bytes");
        let [a, b, c, d, secret @ ..] = random;
        let session = i32::from_be_bytes([a, b, c, d]) & ((1 << SESSION_BITS) - 1);
        let pid = i32::from(self.number) << SESSION_BITS | session;
        (pid.max(1), secret)
    }

    pub(super) fn key(&self, pid: i32, secret: Secret4, long: bool) -> CancelKey {
        let mut whole = secret.to_vec();
        if long {
            whole.extend_from_slice(&self.mac(pid, secret));
        }
        CancelKey { pid, secret: whole.into() }
    }

    /// Whether the key has the form of one of ours. Of a long one also that a gateway of this deployment made it.
    pub(super) fn is_plausible(&self, key: &CancelKey) -> bool {
        match key.secret.split_first_chunk() {
            Some((_, [])) => true,
            Some((secret, mac)) => self.mac(key.pid, *secret).ct_eq(mac).into(),
            None => false,
        }
    }

    fn mac(&self, pid: i32, secret: Secret4) -> [u8; MAC] {
        let mac = sign(&self.secret, b"key", &[&pid.to_be_bytes(), &secret]);
        let mut cut = [0; MAC];
        cut.copy_from_slice(&mac[..MAC]);
        cut
    }
}

/// An HMAC under the deployment's secret; `purpose` keeps its uses apart.
pub(super) fn sign(secret: &Secret, purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(purpose);
    mac.update(&[0]);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
