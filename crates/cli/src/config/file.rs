//! The shape of `tenantry.toml`: what may stand in it, and what each key means.
//!
//! The doc comments are the documentation: `tenantry generate docs` makes the reference page and the JSON schema
//! from them. Reading, checking and resolving is next door.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tenantry_core::{Limits, TenancyModel};
use tenantry_schema::{Declaration, Suppression, TableEntry, Tenancy, UniqueScope};
use toml::Spanned;

/// A Tenantry deployment. Passwords and keys never stand here: each is named by the file or the environment
/// variable that holds it. Relative paths start at the folder of this file.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConfigFile {
    pub(crate) catalog: Option<CatalogSection>,
    pub(crate) secrets: SecretsSection,
    pub(crate) clusters: BTreeMap<String, ClusterSection>,
    pub(crate) gateway: GatewaySection,
    pub(crate) tenancy: Tenancy,
    pub(crate) tables: BTreeMap<String, TableEntry>,
    #[expect(clippy::zero_sized_map_values, reason = "a word of the user's, of which there is one yet")]
    pub(crate) unique: BTreeMap<String, UniqueScope>,
    /// Findings of checks and audits that were looked at and are accepted.
    pub(crate) ignore: Vec<Suppression>,
    pub(crate) schema: SchemaSection,
    pub(crate) plans: BTreeMap<String, PlanSection>,
}

/// Where the registry of clusters, tenants and placements is kept: a PostgreSQL database, by default on the first cluster.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogSection {
    /// The catalog's database, as `postgres://USER@HOST:PORT/DATABASE`. A password in it is refused.
    #[schemars(with = "String")]
    pub(crate) url: Spanned<String>,
    /// A file that holds the password of the user in `url`, and nothing else.
    #[serde(default)]
    pub(crate) password_file: Option<PathBuf>,
    /// The environment variable that holds the password, instead of `password_file`.
    #[serde(default)]
    pub(crate) password_env: Option<String>,
    /// How connections to it are protected: `disable`, `prefer` (TLS where the server offers it), `require` (TLS, whoever the
    /// server is), `verify-ca` (its certificate is signed by the root) or `verify-full` (and is for this host).
    #[serde(default)]
    #[schemars(with = "Option<SslModeWord>")]
    pub(crate) sslmode: Option<Spanned<String>>,
    /// A PEM file with the certificates of those whom to trust, for `verify-ca` and `verify-full`.
    #[serde(default)]
    pub(crate) ssl_root_cert: Option<PathBuf>,
    /// Create the catalog's tables, and bring them to this version, whenever a command starts. Several processes may do so at
    /// once. When false, `tenantry serve --migrate` does it.
    #[serde(default = "yes")]
    pub(crate) auto_migrate: bool,
}

fn yes() -> bool {
    true
}

/// The deployment's one secret: every server password and context key is derived from it.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretsSection {
    /// A file that holds the master key: 64 hexadecimal digits (`openssl rand -hex 32`). Keep a copy: without
    /// it, every login role and context key has to be made anew.
    pub(crate) master_key_file: Option<PathBuf>,
    /// The environment variable that holds the master key, instead of `master_key_file`.
    pub(crate) master_key_env: Option<String>,
}

/// One PostgreSQL server (15 or newer), by the name that the catalog and the command line know it by.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusterSection {
    /// The server and an administrator, as `postgres://USER@HOST:PORT/DATABASE`. Several with commas between
    /// (`USER@HOST:PORT,HOST:PORT`) are those that may be the primary: whichever takes writes is used, also after a failover. The
    /// database is where administration starts from (`postgres`). A superuser gets the stronger of the two ways to carry the tenant context. A password in it is refused.
    #[schemars(with = "String")]
    pub(crate) url: Spanned<String>,
    /// A file that holds the administrator's password, and nothing else.
    #[serde(default)]
    pub(crate) password_file: Option<PathBuf>,
    /// The environment variable that holds the password, instead of `password_file`.
    #[serde(default)]
    pub(crate) password_env: Option<String>,
    /// How connections to it are protected: `disable`, `prefer` (TLS where the server offers it), `require` (TLS, whoever the
    /// server is), `verify-ca` (its certificate is signed by the root) or `verify-full` (and is for this host).
    #[serde(default)]
    #[schemars(with = "Option<SslModeWord>")]
    pub(crate) sslmode: Option<Spanned<String>>,
    /// A PEM file with the certificates of those whom to trust, for `verify-ca` and `verify-full`.
    #[serde(default)]
    pub(crate) ssl_root_cert: Option<PathBuf>,
    /// Servers that follow this one by streaming replication and take reads, as `HOST:PORT` each. They have its roles and passwords.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(crate) replicas: Vec<Spanned<String>>,
    /// The databases for tenants of the shared and schema models. `tenantry cluster add` makes those that are missing.
    #[serde(default = "default_pools")]
    pub(crate) pools: Vec<String>,
    /// Server connections that one gateway may open to each pool; as many again for read-only logins, where there are any. An eighth of
    /// them (rounded down) is kept for tenants that use none at the moment.
    #[serde(default = "default_max_connections")]
    pub(crate) max_connections: u32,
    /// Server connections that one gateway may open to all databases of the cluster together. When not set: as many as its pools and
    /// tenants' databases may have.
    #[serde(default)]
    pub(crate) cluster_connections: Option<u32>,
    /// How the databases prove the tenant: `carrier` (needs a superuser once), `signed`, or the strongest one that the cluster can have.
    #[serde(default)]
    pub(crate) context: ContextChoice,
}

fn default_pools() -> Vec<String> {
    vec!["app".to_owned()]
}

fn default_max_connections() -> u32 {
    50
}

/// The words of `SslMode`, for the JSON schema.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its JSON schema is used")]
enum SslModeWord {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Whether clients may, or must, use TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TlsWord {
    #[default]
    Off,
    Allow,
    Require,
}

/// TLS to clients, also where they begin with it (`sslnegotiation=direct`). The files are read again when they change; one that
/// can't be used never takes effect.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsSection {
    /// `off`, `allow`, or `require`: who does not use it is refused.
    pub(crate) mode: TlsWord,
    /// The gateway's certificate, a PEM file with those that lead to the root behind it.
    pub(crate) cert_file: Option<PathBuf>,
    /// Its private key, a PEM file that nobody else may read.
    pub(crate) key_file: Option<PathBuf>,
    /// Certificates for other names that clients ask for (SNI), each with `cert_file` and `key_file`.
    pub(crate) more: Vec<CertificateSection>,
    /// A PEM file with the certificates of those who sign clients' certificates. Such a certificate stands for the password of
    /// the logins that name it (`tenantry login set NAME --certificate NAME`).
    pub(crate) client_ca_file: Option<PathBuf>,
    /// A PEM file with what they have revoked.
    pub(crate) client_crl_file: Option<PathBuf>,
    /// Refuse clients that show no certificate.
    pub(crate) require_client_certificate: bool,
    /// With `db.example.com`, whoever connects to `acme.db.example.com` means the tenant `acme`.
    pub(crate) tenant_suffix: Option<String>,
}

/// A certificate and its key.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateSection {
    /// The certificate, a PEM file with those that lead to the root behind it.
    pub(crate) cert_file: PathBuf,
    /// Its private key, a PEM file that nobody else may read.
    pub(crate) key_file: PathBuf,
}

/// How a cluster's databases prove the tenant context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ContextChoice {
    #[default]
    Strongest,
    Carrier,
    Signed,
}

/// The address that applications connect to, and what bounds it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GatewaySection {
    /// Addresses to listen on, as `HOST:PORT`.
    #[schemars(with = "Vec<String>")]
    pub(crate) listen: Vec<Spanned<String>>,
    /// Let other gateways of the same user listen on the same addresses (`SO_REUSEPORT`): so one can replace another without a
    /// refused connection.
    pub(crate) share_port: bool,
    /// Worker threads, each with its own event loop and clients; limits are the gateway's, over all of them. When not set: one for each
    /// processor.
    pub(crate) workers: Option<usize>,
    /// Send what many clients and servers are sent at the same time in one system call, through Linux's io_uring: up to a fifth less CPU
    /// where the gateway shares its processors with the database or the application. Where the kernel or a container's rules forbid it, the
    /// gateway says so in its log and makes a system call for each.
    pub(crate) io_uring: bool,
    /// Client connections at once, over all workers. One more is refused with SQLSTATE `53300`.
    pub(crate) max_clients: usize,
    /// How long a client may take from connecting to being authenticated, in milliseconds.
    pub(crate) login_timeout_ms: u64,
    /// How long opening and authenticating a server connection may take, in milliseconds.
    pub(crate) connect_timeout_ms: u64,
    /// How long the handover of a server connection from one session to the next may take, in milliseconds.
    pub(crate) handover_timeout_ms: u64,
    /// How long a transaction waits for a server connection, in milliseconds.
    pub(crate) queue_timeout_ms: u64,
    /// Transactions that wait for a server connection of one pool. One more is refused with SQLSTATE `53400`.
    pub(crate) max_queue: usize,
    /// How long an idle server connection stays entered for its tenant before it is reset, in milliseconds.
    pub(crate) linger_ms: u64,
    /// How long a client may keep a server connection idle because something of its session needs it (a cursor WITH HOLD, a
    /// statement that SQL prepared, a temporary table, LISTEN), in milliseconds. Then its session ends.
    pub(crate) pin_idle_timeout_ms: u64,
    /// The same for clients of logins with pool mode `session`, in milliseconds; 0 is without a bound.
    pub(crate) session_idle_timeout_ms: u64,
    /// How long an idle server connection is kept, in milliseconds.
    pub(crate) server_idle_timeout_ms: u64,
    /// How often the servers of a cluster that has more than one are asked where they are, in milliseconds.
    pub(crate) replica_check_interval_ms: u64,
    /// How far a replica may be behind that reads go to, in milliseconds, where a tenant's plan says nothing.
    pub(crate) replica_max_lag_ms: u64,
    /// How long a read waits for a replica to have what its tenant wrote, in milliseconds, before it goes to the primary.
    pub(crate) replica_wait_ms: u64,
    /// The largest message a client may send, in bytes. COPY data is streamed and not counted.
    pub(crate) max_message_bytes: usize,
    /// Bytes buffered in one direction of one session before reading from the other side stops.
    pub(crate) buffer_bytes: usize,
    /// Named prepared statements of one client.
    pub(crate) max_client_statements: usize,
    /// Prepared statements kept on one server connection; the least recently used go first.
    pub(crate) max_server_statements: usize,
    /// Tenants of the schema model that one server connection serves before it is replaced by a fresh one: a backend keeps what it
    /// has read of each tenant's tables for as long as it lives.
    pub(crate) max_server_schemas: usize,
    /// Tenants that each worker keeps numbers of. Beyond it, those that nobody is connected for are counted as one.
    pub(crate) max_tenant_stats: usize,
    /// Where `/metrics`, `/healthz` and `/readyz` are served over HTTP, as `HOST:PORT`. Off when not set. Nobody is asked who they are,
    /// and tenants' keys are told: an address that only monitoring reaches.
    #[schemars(with = "Option<String>")]
    pub(crate) metrics_listen: Option<Spanned<String>>,
    /// Tenants, and pools, that get labels of their own in metrics: those with the most server time. The rest is counted as `other`.
    pub(crate) metrics_labels: usize,
    /// Statements that took at least this many milliseconds are logged, without the values in them. Off when not set.
    pub(crate) log_min_duration_ms: Option<u64>,
    /// Log when clients come and go.
    pub(crate) log_connections: bool,
    /// TLS to clients.
    pub(crate) tls: TlsSection,
    /// Connections that have not logged in yet, over all workers; one address may have half of them.
    pub(crate) max_unauthenticated: usize,
    /// Failed logins in a row that one address may have. Then it is refused, except as logins that it has been before.
    pub(crate) login_failures_per_address: u32,
    /// Failed logins in a row as one login, from anywhere. Then addresses that have not been this login before wait a second.
    pub(crate) login_failures_per_login: u32,
    /// How long until a failed login is forgotten, in milliseconds.
    pub(crate) login_failure_interval_ms: u64,
    /// Where other gateways pass on cancel requests that are for clients of this one, as `IP:PORT`; port 0 takes a free one, which
    /// the catalog tells them. Name an address that they reach where gateways run on several hosts. Not for clients.
    pub(crate) peer_listen: std::net::SocketAddr,
}

/// The product's plain schema.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SchemaSection {
    /// The SQL file with the schema, as a single-tenant application would have it.
    pub(crate) file: Option<PathBuf>,
}

/// A plan (tier) that tenants can be on: where they go, and their limits. `cluster add`, `schema apply` and
/// `tenant create` write the plans to the catalog; from there a changed limit reaches the gateways.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a limit of its own, by its own name")]
pub(crate) struct PlanSection {
    /// The tenancy model of new tenants of this plan.
    #[schemars(with = "ModelWord")]
    pub(crate) model: TenancyModel,
    /// Server connections that one tenant may use at once, at each gateway. A tenant's own database has as many.
    pub(crate) connections: u32,
    /// A tenant's part of the server's time when tenants wait for it, in proportion to the others' weights.
    pub(crate) weight: u32,
    /// Transactions of one tenant that may wait for a server connection. One more is refused with SQLSTATE `53400`.
    pub(crate) queue_length: u32,
    /// Longest wait of a transaction for a server connection, or for its turn under `transactions_per_minute`, in milliseconds.
    pub(crate) queue_wait_ms: u32,
    /// Longest run of one statement, in milliseconds; then it is cancelled (`57014`). A client can only set a shorter one. 0 is no
    /// limit, here and below.
    pub(crate) statement_timeout_ms: u32,
    /// Longest transaction, in milliseconds; then its statement is cancelled, or its connection ended (`25P04`).
    pub(crate) transaction_timeout_ms: u32,
    /// Longest time that an open transaction may wait for its client, in milliseconds; then its connection is ended (`25P03`).
    pub(crate) idle_in_transaction_ms: u32,
    /// Transactions started in a minute. One over the limit waits for its turn, up to `queue_wait_ms`, or is refused with `53400`.
    pub(crate) transactions_per_minute: u32,
    /// How many of them may come at once, after a pause. 0 is a minute's worth.
    pub(crate) transaction_burst: u32,
    /// Bytes that one statement may return; then its connection is ended (`54000`).
    pub(crate) result_bytes: u64,
    /// The largest message that a client may send, in bytes, if less than the gateway's own limit.
    pub(crate) message_bytes: u64,
    /// How far a replica may be behind that reads go to, in milliseconds. 0 leaves it to the gateway.
    pub(crate) replica_lag_ms: u32,
    /// Refuse reads that are to go to a replica while none can take them (`08006`), instead of sending them to the primary.
    pub(crate) replica_required: bool,
    /// Send transactions that begin with `BEGIN READ ONLY` to a replica without being asked to.
    pub(crate) replica_read_only: bool,
    /// Send a `COPY … TO STDOUT` that is a transaction's only statement to a replica without being asked to, where its words tell that
    /// it only reads.
    pub(crate) replica_copy_to: bool,
    /// Let EXPLAIN through in pools. Its estimates tell a tenant which values are common among all of them.
    pub(crate) explain: bool,
}

/// The words of `TenancyModel`, for the JSON schema.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its JSON schema is used")]
enum ModelWord {
    Shared,
    Schema,
    Database,
}

impl Default for PlanSection {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            model: TenancyModel::Shared,
            connections: limits.connections,
            weight: limits.weight,
            queue_length: limits.queue_length,
            queue_wait_ms: limits.queue_wait_ms,
            statement_timeout_ms: limits.statement_timeout_ms,
            transaction_timeout_ms: limits.transaction_timeout_ms,
            idle_in_transaction_ms: limits.idle_in_transaction_ms,
            transactions_per_minute: limits.transactions_per_minute,
            transaction_burst: limits.transaction_burst,
            result_bytes: limits.result_bytes,
            message_bytes: limits.message_bytes,
            replica_lag_ms: limits.replica_lag_ms,
            replica_required: limits.replica_required,
            replica_read_only: limits.replica_read_only,
            replica_copy_to: limits.replica_copy_to,
            explain: limits.explain,
        }
    }
}

impl PlanSection {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            connections: self.connections,
            weight: self.weight,
            queue_length: self.queue_length,
            queue_wait_ms: self.queue_wait_ms,
            statement_timeout_ms: self.statement_timeout_ms,
            transaction_timeout_ms: self.transaction_timeout_ms,
            idle_in_transaction_ms: self.idle_in_transaction_ms,
            transactions_per_minute: self.transactions_per_minute,
            transaction_burst: self.transaction_burst,
            result_bytes: self.result_bytes,
            message_bytes: self.message_bytes,
            replica_lag_ms: self.replica_lag_ms,
            replica_required: self.replica_required,
            replica_read_only: self.replica_read_only,
            replica_copy_to: self.replica_copy_to,
            explain: self.explain,
        }
    }
}

impl ConfigFile {
    /// The sections about tables, as the schema engine takes them.
    pub(super) fn declaration(&self) -> Declaration {
        Declaration {
            tenancy: self.tenancy.clone(),
            tables: self.tables.clone(),
            unique: self.unique.clone(),
            ignore: self.ignore.clone(),
        }
    }
}
