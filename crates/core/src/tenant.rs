//! Names and states of tenants.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Keys that mean something else where a tenant's key may stand (the `database` of a connection string).
pub const RESERVED_KEYS: &[&str] =
    &["admin", "schema", "postgres", "template0", "template1", "tenancy", "tenantry", "pgbouncer"];

/// A tenant's renameable name: 1 to 63 of `a-z`, `0-9` and `-`, starting and ending with a letter or digit.
/// It is a DNS label, so that it can be a subdomain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantKey(Box<str>);

/// A host name that belongs to one tenant, in lower case, with at least one dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(Box<str>);

/// Why a text can't name a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    #[error("tenant key {0:?} must be 1 to 63 of a-z, 0-9 and '-', and start and end with a letter or digit")]
    Key(String),
    #[error("tenant key {0:?} is reserved")]
    Reserved(String),
    #[error("{0:?} is not a domain (such as us.example.com)")]
    Domain(String),
    #[error("{0:?} is not a tenant state")]
    State(String),
}

fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

impl TenantKey {
    /// Checks a key. Nothing is folded or trimmed: two spellings must never mean one tenant by accident.
    pub fn new(key: impl Into<String>) -> Result<Self, NameError> {
        let key = key.into();
        if !is_dns_label(&key) {
            return Err(NameError::Key(key));
        }
        if RESERVED_KEYS.contains(&key.as_str()) {
            return Err(NameError::Reserved(key));
        }
        Ok(Self(key.into_boxed_str()))
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Domain {
    /// Checks a host name and folds it to lower case, as DNS does.
    pub fn new(domain: impl Into<String>) -> Result<Self, NameError> {
        let domain = domain.into().to_ascii_lowercase();
        let labels = domain.split('.').count();
        if domain.len() > 253 || labels < 2 || !domain.split('.').all(is_dns_label) {
            return Err(NameError::Domain(domain));
        }
        Ok(Self(domain.into_boxed_str()))
    }

    /// The host name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_type {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(value: String) -> Result<Self, Self::Error> {
                Self::new(value)
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0.into()
            }
        }
        impl FromStr for $name {
            type Err = NameError;
            fn from_str(value: &str) -> Result<Self, Self::Err> {
                Self::new(value)
            }
        }
        /// Lets a route table look a name up by the bytes of a startup packet, without an allocation.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}
text_type!(TenantKey);
text_type!(Domain);

/// Where a tenant is in its life. Only an active tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantState {
    /// Being made; `tenant create` with the same arguments finishes it.
    Provisioning,
    Active,
    Suspended,
    /// Being dropped; `tenant drop` finishes it.
    Dropping,
}

impl TenantState {
    /// The word in the catalog and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Dropping => "dropping",
        }
    }
}

impl fmt::Display for TenantState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TenantState {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Provisioning, Self::Active, Self::Suspended, Self::Dropping]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| NameError::State(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_dns_labels() {
        for good in ["a", "acme", "a-1", "0x", &"k".repeat(63)] {
            assert!(TenantKey::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "é", "a b", &"k".repeat(64)] {
            assert!(matches!(TenantKey::new(bad), Err(NameError::Key(_))), "{bad}");
        }
        assert_eq!(TenantKey::new("admin"), Err(NameError::Reserved("admin".into())));
    }

    #[test]
    fn domains_fold_case_and_need_a_dot() {
        assert_eq!(Domain::new("US.Example.com").unwrap().as_str(), "us.example.com");
        for bad in ["", "localhost", "a..b", ".a.b", "a.b.", "a_b.c"] {
            assert!(Domain::new(bad).is_err(), "{bad}");
        }
    }
}
