//! The configuration: found, read, checked, and turned into what each part of the program takes.
//!
//! Flags win over the environment, the environment over the file, the file over the defaults. What a command does
//! not use is not resolved: `tenantry tenant list` does not ask for a cluster's password.

mod access;
mod error;
mod file;
mod place;
pub(crate) mod reference;
mod secret;
mod suggest;

pub(crate) use error::ConfigError;
use file::TlsWord;
pub(crate) use file::{ContextChoice, GatewaySection};

use file::ConfigFile;
use place::Place;
use secret::SecretSource;
use std::collections::BTreeMap;
use std::fs;
use std::net::ToSocketAddrs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tenantry_core::MasterKey;
use tenantry_gateway::{CancelConfig, LoginLimits, TlsConfig, TlsMode};
use tenantry_ops::ClusterAccess;
use tenantry_ops::plan::Plan;
use tenantry_tls::{CertificateFiles, ClientCertificates, ServerFiles};

/// What is read when nothing else is said.
const DEFAULT_FILE: &str = "tenantry.toml";

/// A configuration that was read, with the text to point into.
#[derive(Debug)]
pub(crate) struct Config {
    path: PathBuf,
    text: String,
    file: ConfigFile,
}

impl Config {
    /// Reads the configuration that `--config` or `TENANTRY_CONFIG` names, or `tenantry.toml` of the working directory.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let path = match named {
            Some(path) => path.to_owned(),
            None if Path::new(DEFAULT_FILE).exists() => PathBuf::from(DEFAULT_FILE),
            None => return Err(ConfigError::NoFile),
        };
        let text =
            fs::read_to_string(&path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        Self::parse(path, text)
    }

    /// Reads a configuration's text; `path` is for messages and for relative paths.
    pub(crate) fn parse(path: PathBuf, text: String) -> Result<Self, ConfigError> {
        match toml::from_str(&text) {
            Ok(file) => Ok(Self { path, text, file }),
            Err(error) => {
                let explained = suggest::explain(error.message());
                let span = error.span().unwrap_or(0..0);
                let place = Box::new(Place::new(&path.display().to_string(), &text, span));
                Err(ConfigError::Invalid { message: explained.message, place, hint: explained.hint })
            }
        }
    }

    /// No configuration at all: every default.
    pub(crate) fn empty() -> Self {
        Self { path: PathBuf::from(DEFAULT_FILE), text: String::new(), file: ConfigFile::default() }
    }

    /// The clusters' names, in order.
    pub(crate) fn cluster_names(&self) -> impl Iterator<Item = &str> {
        self.file.clusters.keys().map(String::as_str)
    }

    /// Whether a command should bring the catalog to this version when it starts.
    pub(crate) fn auto_migrate(&self) -> bool {
        self.file.catalog.as_ref().is_none_or(|catalog| catalog.auto_migrate)
    }

    /// The catalog's database.
    pub(crate) fn catalog(&self) -> Result<ClusterAccess, ConfigError> {
        let Some(section) = &self.file.catalog else {
            return Err(ConfigError::Missing {
                key: "[catalog] url".into(),
                hint: "say where the catalog is: url = \"postgres://tenantry@db1:5432/tenantry\"".into(),
            });
        };
        let source =
            SecretSource::new("[catalog]", section.password_file.as_deref(), section.password_env.as_deref());
        let tls = (section.sslmode.as_ref(), section.ssl_root_cert.as_deref());
        let access = self.server(&section.url, &source, tls)?;
        if access.more_hosts.is_empty() {
            return Ok(access);
        }
        Err(self.invalid(
            section.url.span(),
            "the catalog's URL names several servers",
            "name one: gateways serve on while the catalog is away",
        ))
    }

    /// Admin access to every cluster of the configuration.
    pub(crate) fn clusters(&self) -> Result<BTreeMap<String, ClusterAccess>, ConfigError> {
        self.file.clusters.keys().map(|name| Ok((name.clone(), self.cluster(name)?.access))).collect()
    }

    /// One cluster, with what `cluster add` needs of it.
    pub(crate) fn cluster(&self, name: &str) -> Result<Cluster, ConfigError> {
        let Some(section) = self.file.clusters.get(name) else {
            let known = self.file.clusters.keys().cloned().collect();
            return Err(ConfigError::UnknownCluster { name: name.to_owned(), known });
        };
        let source = SecretSource::new(
            &format!("[clusters.{name}]"),
            section.password_file.as_deref(),
            section.password_env.as_deref(),
        );
        Ok(Cluster {
            access: ClusterAccess {
                replicas: self.replicas(&section.replicas)?,
                ..self.server(
                    &section.url,
                    &source,
                    (section.sslmode.as_ref(), section.ssl_root_cert.as_deref()),
                )?
            },
            pools: section.pools.clone(),
            max_connections: section.max_connections,
            total_connections: section.cluster_connections,
            context: section.context,
        })
    }

    /// The deployment's secret.
    pub(crate) fn master_key(&self) -> Result<MasterKey, ConfigError> {
        let secrets = &self.file.secrets;
        let keys = ["master_key_file", "master_key_env"];
        let (file, variable) = (secrets.master_key_file.as_deref(), secrets.master_key_env.as_deref());
        let source = SecretSource { section: "[secrets]".to_owned(), keys, file, variable };
        let Some(text) = source.read("the master key", self.folder())? else {
            return Err(ConfigError::Missing {
                key: "[secrets] master_key_file".into(),
                hint:
                    "make a key with `openssl rand -hex 32 > master.key` (mode 600) and name the file there"
                        .into(),
            });
        };
        MasterKey::from_hex(text.expose()).map_err(ConfigError::MasterKey)
    }

    /// The plans, by name.
    pub(crate) fn plans(&self) -> Vec<Plan> {
        let plan = |(name, section): (&String, &file::PlanSection)| Plan {
            name: name.clone(),
            model: section.model,
            limits: section.limits(),
        };
        self.file.plans.iter().map(plan).collect()
    }

    /// The gateway's own configuration.
    pub(crate) fn gateway(&self) -> Result<tenantry_gateway::Config, ConfigError> {
        let mut config = self.file.gateway.to_config();
        for address in &self.file.gateway.listen {
            config.listen.extend(self.addresses(address)?);
        }
        config.tls = self.gateway_tls()?;
        if let Some(address) = &self.file.gateway.metrics_listen {
            config.metrics_listen = self.addresses(address)?.next();
        }
        Ok(config)
    }

    /// What a name or an address with a port stands for.
    fn addresses(
        &self,
        address: &toml::Spanned<String>,
    ) -> Result<impl Iterator<Item = std::net::SocketAddr>, ConfigError> {
        address.get_ref().to_socket_addrs().map_err(|error| {
            self.invalid(
                address.span(),
                format!("this is not an address to listen on: {error}"),
                "write HOST:PORT, such as 127.0.0.1:6432",
            )
        })
    }

    /// TLS to clients, with its files where they are.
    fn gateway_tls(&self) -> Result<TlsConfig, ConfigError> {
        let section = &self.file.gateway.tls;
        let mode = match section.mode {
            TlsWord::Off => TlsMode::Off,
            TlsWord::Allow => TlsMode::Allow,
            TlsWord::Require => TlsMode::Require,
        };
        let pair = |cert: &Path, key: &Path| CertificateFiles {
            certificate: self.folder().join(cert),
            key: self.folder().join(key),
        };
        let own = match (&section.cert_file, &section.key_file) {
            (Some(cert), Some(key)) => Some(pair(cert, key)),
            (None, None) if mode == TlsMode::Off => None,
            _ => {
                return Err(ConfigError::Missing {
                    key: "[gateway.tls] cert_file and key_file".into(),
                    hint: "name the gateway's certificate and its key, or set mode = \"off\"".into(),
                });
            }
        };
        let more = section.more.iter().map(|more| pair(&more.cert_file, &more.key_file));
        let clients = section.client_ca_file.as_ref().map(|authorities| ClientCertificates {
            authorities: self.folder().join(authorities),
            revoked: section.client_crl_file.as_ref().map(|file| self.folder().join(file)),
            required: section.require_client_certificate,
        });
        if clients.is_none() && (section.require_client_certificate || section.client_crl_file.is_some()) {
            return Err(ConfigError::Missing {
                key: "[gateway.tls] client_ca_file".into(),
                hint: "say who signs clients' certificates".into(),
            });
        }
        let files = ServerFiles { certificates: own.into_iter().chain(more).collect(), clients };
        let tenant_suffix = section.tenant_suffix.as_ref().map(|suffix| suffix.to_ascii_lowercase());
        Ok(TlsConfig { mode, files, tenant_suffix })
    }

    /// Where other gateways pass cancel requests on to.
    pub(crate) fn peer_listen(&self) -> std::net::SocketAddr {
        self.file.gateway.peer_listen
    }

    /// The SQL file of `[schema] file`.
    pub(crate) fn schema_file(&self) -> Option<PathBuf> {
        self.file.schema.file.as_ref().map(|file| self.folder().join(file))
    }

    /// What the configuration says of tables. The schema engine checks it again, in its own words.
    pub(crate) fn declaration(&self) -> tenantry_schema::Declaration {
        self.file.declaration()
    }

    /// What a person should hear of before it hurts: secrets that others can read.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let clusters = self.file.clusters.values().map(|cluster| &cluster.password_file);
        let catalog = self.file.catalog.iter().map(|catalog| &catalog.password_file);
        let tls = &self.file.gateway.tls;
        let keys = tls.more.iter().map(|more| &more.key_file).chain(&tls.key_file);
        let files = clusters.chain(catalog).chain([&self.file.secrets.master_key_file]).flatten().chain(keys);
        files.filter_map(|file| secret::readable_by_others(&self.folder().join(file))).collect()
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    fn invalid(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> ConfigError {
        let place = Box::new(Place::new(&self.path.display().to_string(), &self.text, span));
        ConfigError::Invalid { message: message.into(), place, hint: Some(hint.into()) }
    }
}

/// A cluster of the configuration.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) access: ClusterAccess,
    pub(crate) pools: Vec<String>,
    pub(crate) max_connections: u32,
    pub(crate) total_connections: Option<u32>,
    pub(crate) context: ContextChoice,
}

impl GatewaySection {
    /// Everything but the addresses, which have to be looked up.
    fn to_config(&self) -> tenantry_gateway::Config {
        let ms = Duration::from_millis;
        let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        tenantry_gateway::Config {
            listen: Vec::new(),
            share_port: self.share_port,
            workers: self.workers.unwrap_or_else(processors),
            io_uring: self.io_uring,
            max_clients: self.max_clients,
            login_timeout: ms(self.login_timeout_ms),
            connect_timeout: ms(self.connect_timeout_ms),
            handover_timeout: ms(self.handover_timeout_ms),
            queue_timeout: ms(self.queue_timeout_ms),
            max_queue: self.max_queue,
            linger: ms(self.linger_ms),
            pin_idle_timeout: ms(self.pin_idle_timeout_ms),
            session_idle_timeout: (self.session_idle_timeout_ms > 0)
                .then(|| ms(self.session_idle_timeout_ms)),
            server_idle_timeout: ms(self.server_idle_timeout_ms),
            // A question at every instant would be nothing but questions.
            replica_check_interval: ms(self.replica_check_interval_ms.max(10)),
            replica_max_lag: ms(self.replica_max_lag_ms),
            replica_wait: ms(self.replica_wait_ms),
            max_message_bytes: self.max_message_bytes,
            buffer_bytes: self.buffer_bytes,
            max_client_statements: self.max_client_statements,
            tls: TlsConfig::default(),
            cancel: CancelConfig::default(),
            logins: LoginLimits {
                max_unauthenticated: self.max_unauthenticated,
                failures_per_address: self.login_failures_per_address,
                failures_per_login: self.login_failures_per_login,
                failure_interval: ms(self.login_failure_interval_ms),
            },
            max_server_statements: self.max_server_statements,
            max_server_schemas: self.max_server_schemas.max(1),
            max_tenant_stats: self.max_tenant_stats,
            metrics_listen: None,
            metrics_labels: self.metrics_labels,
            log_min_duration: self.log_min_duration_ms.map(ms),
            log_connections: self.log_connections,
        }
    }
}

/// The gateway's own defaults, so that they are written in one place.
impl Default for GatewaySection {
    fn default() -> Self {
        let config = tenantry_gateway::Config::default();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            listen: config
                .listen
                .iter()
                .map(|address| toml::Spanned::new(0..0, address.to_string()))
                .collect(),
            share_port: config.share_port,
            workers: None,
            io_uring: config.io_uring,
            max_clients: config.max_clients,
            login_timeout_ms: ms(config.login_timeout),
            connect_timeout_ms: ms(config.connect_timeout),
            handover_timeout_ms: ms(config.handover_timeout),
            queue_timeout_ms: ms(config.queue_timeout),
            max_queue: config.max_queue,
            linger_ms: ms(config.linger),
            pin_idle_timeout_ms: ms(config.pin_idle_timeout),
            session_idle_timeout_ms: config.session_idle_timeout.map_or(0, ms),
            server_idle_timeout_ms: ms(config.server_idle_timeout),
            replica_check_interval_ms: ms(config.replica_check_interval),
            replica_max_lag_ms: ms(config.replica_max_lag),
            replica_wait_ms: ms(config.replica_wait),
            max_message_bytes: config.max_message_bytes,
            buffer_bytes: config.buffer_bytes,
            max_client_statements: config.max_client_statements,
            tls: file::TlsSection::default(),
            max_unauthenticated: config.logins.max_unauthenticated,
            login_failures_per_address: config.logins.failures_per_address,
            login_failures_per_login: config.logins.failures_per_login,
            login_failure_interval_ms: ms(config.logins.failure_interval),
            // Gateways of one host, which share its port, need no more.
            peer_listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
            max_server_statements: config.max_server_statements,
            max_server_schemas: config.max_server_schemas,
            max_tenant_stats: config.max_tenant_stats,
            metrics_listen: None,
            metrics_labels: config.metrics_labels,
            log_min_duration_ms: config.log_min_duration.map(ms),
            log_connections: config.log_connections,
        }
    }
}

#[cfg(test)]
mod tests;
