//! The route table: everything a gateway knows of the catalog, as one immutable snapshot.
//!
//! A snapshot shares all but the changed paths with the one before (persistent maps), so that a change costs
//! O(changed) whatever the number of tenants, and a reader keeps its snapshot without a lock.

use crate::{
    ClusterId, DatabaseId, Domain, KeyId, Limits, LoginId, Placement, Rights, ServerAddress, ServerTls,
    TenantId, TenantKey, TenantState,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;
use thiserror::Error;

/// How a data database proves the tenant context (`tenancy.admit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContextKind {
    /// The tenant stands in a superuser-only setting that only `tenancy.admit` may write.
    Carrier,
    /// The tenant stands in a signed setting that every policy verifies (managed PostgreSQL).
    Signed,
}

impl ContextKind {
    /// The word in the catalog and in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Carrier => "carrier",
            Self::Signed => "signed",
        }
    }
}

/// A tenant as the gateway sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRoute {
    pub id: TenantId,
    pub key: TenantKey,
    pub state: TenantState,
    /// `None` until the first step of provisioning has chosen a place.
    pub placement: Option<Placement>,
    pub limits: Limits,
    pub domains: Box<[Domain]>,
}

/// A data database and how to connect to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseRoute {
    pub id: DatabaseId,
    pub cluster: ClusterId,
    /// `<cluster name>/<database name>`: what secrets are derived from (`MasterKey`).
    pub stable_name: Box<str>,
    /// A host name, an address, or the directory of a Unix socket (starts with `/`).
    pub host: Box<str>,
    pub port: u16,
    /// Other servers that may be the primary one day: after a failover.
    pub more_hosts: Box<[ServerAddress]>,
    /// Servers that follow the primary and take reads.
    pub replicas: Box<[ServerAddress]>,
    /// The database's name on its server.
    pub name: Box<str>,
    /// The application's login role.
    pub login: Box<str>,
    pub context: ContextKind,
    /// The key that new tokens are signed with.
    pub key: KeyId,
    /// Server connections that one gateway may open to it.
    pub max_connections: u32,
    /// Server connections that one gateway may open to all databases of the cluster; 0 is no limit.
    pub cluster_connections: u32,
    pub tls: ServerTls,
}

impl DatabaseRoute {
    /// The servers of which one is the primary.
    pub fn hosts(&self) -> impl Iterator<Item = ServerAddress> + '_ {
        let first = ServerAddress::new(self.host.clone(), self.port);
        std::iter::once(first).chain(self.more_hosts.iter().cloned())
    }

    /// Whether nothing differs but how many connections there may be, if that.
    pub fn differs_in_sizes_at_most(&self, other: &Self) -> bool {
        let (max_connections, cluster_connections) = (self.max_connections, self.cluster_connections);
        if (max_connections, cluster_connections) == (other.max_connections, other.cluster_connections) {
            return *self == *other;
        }
        *self == Self { max_connections, cluster_connections, ..other.clone() }
    }
}

/// Which tenants a gateway login may act for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginBinding {
    All,
    Only(BTreeSet<TenantId>),
}

impl LoginBinding {
    /// Whether the login may act for the tenant.
    pub fn allows(&self, tenant: TenantId) -> bool {
        match self {
            Self::All => true,
            Self::Only(tenants) => tenants.contains(&tenant),
        }
    }
}

/// How long the clients of a login keep a server connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PoolMode {
    /// For a transaction, or for as long as something of its session needs one.
    #[default]
    Transaction,
    /// Until they leave, or switch their tenant, unless they ask for `transaction`.
    Session,
    /// As in `Transaction`, unless they ask for `session`.
    Either,
}

/// A text that is not a pool mode.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a pool mode (transaction, session or either)")]
pub struct UnknownPoolMode(String);

impl PoolMode {
    /// The word in the catalog, in flags and in startup packets.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Session => "session",
            Self::Either => "either",
        }
    }
}

impl fmt::Display for PoolMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PoolMode {
    type Err = UnknownPoolMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "transaction" => Ok(Self::Transaction),
            "session" => Ok(Self::Session),
            "either" => Ok(Self::Either),
            other => Err(UnknownPoolMode(other.to_owned())),
        }
    }
}

/// When and how a gateway login may connect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoginAccess {
    pub disabled: bool,
    /// From then on it may not connect; who is connected stays, as in PostgreSQL.
    pub valid_until: Option<SystemTime>,
    /// Connections at once, at one gateway.
    pub max_connections: Option<u32>,
    /// Names of a client certificate (common name, DNS name, mail address or URI) that stand for the password.
    pub certificates: Box<[Box<str>]>,
}

impl LoginAccess {
    /// Whether the login may connect now.
    pub fn is_open(&self, now: SystemTime) -> bool {
        !self.disabled && self.valid_until.is_none_or(|end| now < end)
    }
}

/// A gateway login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRoute {
    pub id: LoginId,
    pub name: Box<str>,
    /// PostgreSQL's text form: `SCRAM-SHA-256$<rounds>:<salt>$<stored key>:<server key>`.
    pub verifier: Box<str>,
    pub binding: LoginBinding,
    pub pool_mode: PoolMode,
    /// Whether it may use the gateway's console (the database `admin`).
    pub admin: bool,
    /// As whom its transactions run: one that is read-only has no privilege to write.
    pub rights: Rights,
    pub access: LoginAccess,
}

/// One change of the catalog, to be applied to a snapshot.
#[derive(Debug, Clone)]
pub enum RouteChange {
    Tenant(Arc<TenantRoute>),
    TenantGone(TenantId),
    Database(Arc<DatabaseRoute>),
    DatabaseGone(DatabaseId),
    Login(Arc<LoginRoute>),
    LoginGone(LoginId),
}

/// An immutable snapshot of the catalog. Cloning is O(1).
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    revision: i64,
    tenants: imbl::HashMap<TenantId, Arc<TenantRoute>>,
    by_key: imbl::HashMap<TenantKey, TenantId>,
    by_domain: imbl::HashMap<Domain, TenantId>,
    databases: imbl::HashMap<DatabaseId, Arc<DatabaseRoute>>,
    logins: imbl::HashMap<LoginId, Arc<LoginRoute>>,
    by_login: imbl::HashMap<Box<str>, LoginId>,
    /// Other gateways, by number: where they take what belongs to them.
    peers: Arc<BTreeMap<u16, SocketAddr>>,
}

impl RouteTable {
    /// A table with nothing in it: every connection is refused.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The catalog's revision that this snapshot shows. It only grows.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// How many tenants there are.
    pub fn tenant_count(&self) -> usize {
        self.tenants.len()
    }

    pub fn tenant(&self, id: TenantId) -> Option<&Arc<TenantRoute>> {
        self.tenants.get(&id)
    }

    pub fn tenant_by_key(&self, key: &str) -> Option<&Arc<TenantRoute>> {
        self.by_key.get(key).and_then(|id| self.tenants.get(id))
    }

    /// `domain` must be in lower case, as `Domain` holds it.
    pub fn tenant_by_domain(&self, domain: &str) -> Option<&Arc<TenantRoute>> {
        self.by_domain.get(domain).and_then(|id| self.tenants.get(id))
    }

    pub fn database(&self, id: DatabaseId) -> Option<&Arc<DatabaseRoute>> {
        self.databases.get(&id)
    }

    pub fn databases(&self) -> impl Iterator<Item = &Arc<DatabaseRoute>> {
        self.databases.values()
    }

    /// All tenants, in no order.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<TenantRoute>> {
        self.tenants.values()
    }

    /// All logins, in no order.
    pub fn logins(&self) -> impl Iterator<Item = &Arc<LoginRoute>> {
        self.logins.values()
    }

    pub fn login(&self, name: &str) -> Option<&Arc<LoginRoute>> {
        self.by_login.get(name).and_then(|id| self.logins.get(id))
    }

    /// Where the gateway of that number takes cancel requests that reached another one.
    pub fn peer(&self, number: u16) -> Option<SocketAddr> {
        self.peers.get(&number).copied()
    }

    pub fn peers(&self) -> &BTreeMap<u16, SocketAddr> {
        &self.peers
    }

    /// The same snapshot with these gateways.
    #[must_use]
    pub fn with_peers(&self, peers: BTreeMap<u16, SocketAddr>) -> Self {
        Self { peers: Arc::new(peers), ..self.clone() }
    }

    /// The snapshot after `changes`, at `revision`. The old snapshot stays as it is.
    #[must_use]
    pub fn with_changes(&self, revision: i64, changes: impl IntoIterator<Item = RouteChange>) -> Self {
        let mut next = self.clone();
        next.revision = revision;
        for change in changes {
            next.apply(change);
        }
        next
    }

    fn apply(&mut self, change: RouteChange) {
        match change {
            RouteChange::Tenant(tenant) => {
                self.forget_tenant(tenant.id);
                self.by_key.insert(tenant.key.clone(), tenant.id);
                for domain in &tenant.domains {
                    self.by_domain.insert(domain.clone(), tenant.id);
                }
                self.tenants.insert(tenant.id, tenant);
            }
            RouteChange::TenantGone(id) => self.forget_tenant(id),
            RouteChange::Database(database) => {
                self.databases.insert(database.id, database);
            }
            RouteChange::DatabaseGone(id) => {
                self.databases.remove(&id);
            }
            RouteChange::Login(login) => {
                self.forget_login(login.id);
                self.by_login.insert(login.name.clone(), login.id);
                self.logins.insert(login.id, login);
            }
            RouteChange::LoginGone(id) => self.forget_login(id),
        }
    }

    /// Names are removed only while they still mean this tenant: in one batch of changes a key may have passed to
    /// another tenant already.
    fn forget_tenant(&mut self, id: TenantId) {
        let Some(old) = self.tenants.remove(&id) else { return };
        if self.by_key.get(&old.key) == Some(&id) {
            self.by_key.remove(&old.key);
        }
        for domain in &old.domains {
            if self.by_domain.get(domain) == Some(&id) {
                self.by_domain.remove(domain);
            }
        }
    }

    fn forget_login(&mut self, id: LoginId) {
        let Some(old) = self.logins.remove(&id) else { return };
        if self.by_login.get(&old.name) == Some(&id) {
            self.by_login.remove(&old.name);
        }
    }
}

#[cfg(test)]
mod tests;
