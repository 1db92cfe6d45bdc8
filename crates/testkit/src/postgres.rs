//! [`Postgres`]: one managed cluster.

use crate::account::Account;
use crate::binaries::{self, Binaries};
use crate::error::PostgresError;
use crate::home::{self, Home, Passwords};
use crate::server::{Launch, Prepare, Server, StopSignal};
use crate::template;
use crate::version::ServerVersion;
use parking_lot::Mutex;
use std::net::TcpListener;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tenantry_core::{Secret, quote_literal};
use tokio::task::spawn_blocking;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

const HOST: &str = "127.0.0.1";
const SUPERUSER: &str = "postgres";
/// Between finding a free port and PostgreSQL's taking it, somebody else may: then another one is tried.
const PORT_ATTEMPTS: u32 = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What every cluster is started with. Room for many pools, and for slots and senders of moves and replicas.
const SETTINGS: &[(&str, &str)] = &[
    ("wal_level", "logical"),
    ("max_connections", "200"),
    ("max_wal_senders", "20"),
    ("max_replication_slots", "20"),
    // Prepared transactions outlive a session and its tenant context.
    ("max_prepared_transactions", "0"),
    // A replica that is being made needs no slot, which would hold WAL for ever if the replica went away.
    ("wal_keep_size", "256MB"),
    // A replica whose primary was restarted follows again at once, not after 5 s.
    ("wal_retrieve_retry_interval", "100ms"),
    ("password_encryption", "scram-sha-256"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

/// How to start a cluster. `Default` is a throw-away cluster of the newest version on a free port.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    /// The folder that holds `postgres` and `initdb`; found if not given.
    pub bin_dir: Option<PathBuf>,
    /// The major version.
    pub version: Option<u32>,
    /// Where to keep the cluster: made if missing, started again if not. Without it everything is removed at the end.
    pub data_dir: Option<PathBuf>,
    /// The TCP port; a free one if not given.
    pub port: Option<u16>,
    /// Settings of `postgresql.conf`, over this crate's defaults. `ALTER SYSTEM` goes over both.
    pub settings: Vec<(String, String)>,
    /// Whether the data survives a crash of the machine.
    pub durability: Durability,
    /// Where templates are kept; else `TENANTRY_CACHE`, the workspace's `.cache`, or the user's cache directory.
    pub cache_dir: Option<PathBuf>,
    /// Whom the server runs as, if we are root: else `postgres`, else `nobody`.
    pub user: Option<String>,
}

/// Whether commits reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Kept clusters are durable, throw-away ones are not.
    #[default]
    WhenKept,
    /// `fsync = on`: also for measurements.
    Durable,
    /// `fsync = off`.
    Fast,
}

/// A running cluster. Dropping it stops the server and removes its files unless they are kept; so does the end of
/// this process, however it comes.
#[derive(Debug)]
pub struct Postgres {
    // Dropped in this order: the server must be gone before its files are.
    server: Mutex<Option<Server>>,
    home: Home,
    binaries: Binaries,
    account: Account,
    port: u16,
    password: Secret,
    settings: Vec<(String, String)>,
}

/// Everything decided before the server starts.
struct Plan {
    home: Home,
    binaries: Binaries,
    account: Account,
    passwords: Passwords,
    prepare: Prepare,
    settings: Vec<(String, String)>,
}

impl Postgres {
    /// Starts a cluster and waits until it takes connections.
    pub async fn start(options: PostgresOptions) -> Result<Self, PostgresError> {
        let asked = options.port;
        let mut attempt = 1;
        loop {
            let options = options.clone();
            let plan = blocking(move || Plan::make(&options)).await?;
            match Self::launch(plan, asked).await {
                Err(PostgresError::PortTaken { .. }) if asked.is_none() && attempt < PORT_ATTEMPTS => {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// Makes a streaming replica: a throw-away cluster that follows this one. It takes reads when this returns.
    pub async fn replica(&self) -> Result<Self, PostgresError> {
        // Newer ones work with older servers, so this may come from another version's folder.
        let program = blocking(|| binaries::client_bin("pg_basebackup")).await?;
        let socket_dir = self.socket_dir().display().to_string();
        let (port, password) = (self.port.to_string(), self.password.expose());
        let environment =
            [("PGHOST", &*socket_dir), ("PGPORT", &*port), ("PGUSER", SUPERUSER), ("PGPASSWORD", password)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let primary = format!("host='{socket_dir}' port={port} user={SUPERUSER} password={password}");
        let mut settings = self.settings.clone();
        settings.push(("primary_conninfo".to_owned(), primary));
        let plan = Plan {
            home: Home::make(None, &self.account)?,
            binaries: self.binaries.clone(),
            account: self.account.clone(),
            passwords: Passwords { own: self.password.clone(), initial: None },
            prepare: Prepare::Backup { program, environment: environment.into() },
            settings,
        };
        plan.home.write_settings(&plan.settings, &plan.account)?;
        Self::launch(plan, None).await
    }

    async fn launch(plan: Plan, port: Option<u16>) -> Result<Self, PostgresError> {
        let port = port.map_or_else(free_port, Ok)?;
        let Plan { home, binaries, account, passwords, prepare, settings } = plan;
        let Passwords { own, initial } = passwords;
        let postgres =
            Self { server: Mutex::new(None), home, binaries, account, port, password: own, settings };
        postgres.run(prepare).await?;
        if let Some(initial) = initial {
            postgres.replace_password(&initial).await?;
            postgres.home.forget_initial_password()?;
        }
        Ok(postgres)
    }

    async fn run(&self, prepare: Prepare) -> Result<(), PostgresError> {
        let data = self.home.data();
        let stop = if self.home.is_kept() { StopSignal::Fast } else { StopSignal::Immediate };
        let (bin_dir, run) = (self.bin_dir(), self.socket_dir());
        let launch = Launch { bin_dir, data: &data, run, port: self.port, prepare, stop };
        let server = Server::start(&launch, &self.account).await?;
        *self.server.lock() = Some(server);
        Ok(())
    }

    /// Gives the superuser a password of its own instead of the template's. The server gets a SCRAM verifier, so
    /// the password itself can't get into its log.
    async fn replace_password(&self, initial: &Secret) -> Result<(), PostgresError> {
        let mut config = self.config("postgres");
        config.password(initial.expose());
        let client = match connect(&config).await {
            // It was replaced before, by somebody who did not live to remember that.
            Err(error) if error.code() == Some(&SqlState::INVALID_PASSWORD) => return Ok(()),
            result => result?,
        };
        let verifier = postgres_protocol::password::scram_sha_256(self.password.expose().as_bytes());
        let sql = format!("ALTER ROLE {SUPERUSER} PASSWORD {}", quote_literal(&verifier));
        Ok(client.batch_execute(&sql).await?)
    }

    /// The address that the server listens on.
    pub fn host(&self) -> &str {
        HOST
    }

    /// The TCP port; also part of the socket's name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of the Unix socket.
    pub fn socket_dir(&self) -> &Path {
        self.home.run.path()
    }

    /// The name of the superuser.
    pub fn superuser(&self) -> &str {
        SUPERUSER
    }

    /// The superuser's password: random, this cluster's own (a replica has its primary's).
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// The folder of the server's programs. Client programs: see [`crate::client_bin`].
    pub fn bin_dir(&self) -> &Path {
        &self.binaries.dir
    }

    /// The server's version.
    pub fn version(&self) -> ServerVersion {
        self.binaries.version
    }

    /// The process id of the server (the postmaster); 0 while it is not running.
    pub fn pid(&self) -> u32 {
        self.server.lock().as_ref().map_or(0, Server::pid)
    }

    /// The last lines of the server's log.
    pub fn log_tail(&self) -> String {
        self.server.lock().as_ref().map(Server::log_tail).unwrap_or_default()
    }

    /// How to connect as the superuser.
    pub fn config(&self, database: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .host(HOST)
            .port(self.port)
            .user(SUPERUSER)
            .password(self.password.expose())
            .dbname(database)
            .connect_timeout(CONNECT_TIMEOUT);
        config
    }

    /// Connects as the superuser; a task of the current runtime drives the connection until the client is dropped.
    pub async fn connect(&self, database: &str) -> Result<Client, PostgresError> {
        Ok(connect(&self.config(database)).await?)
    }

    /// Makes a primary of a replica, and waits until it takes writes.
    pub async fn promote(&self) -> Result<(), PostgresError> {
        let client = self.connect("postgres").await?;
        let row = client.query_one("SELECT pg_promote(true, 60)", &[]).await?;
        if row.get(0) {
            return Ok(());
        }
        Err(PostgresError::TimedOut { what: "promoted", seconds: 60, log: self.log_tail() })
    }

    /// Stops the server as a crash would: every connection breaks, nothing is flushed. Its files stay as they are;
    /// see [`Self::restart`].
    pub async fn crash(&self) {
        let crashed = self.server.lock().as_ref().map(Server::crash);
        if let Some(crashed) = crashed {
            crashed.await;
        }
    }

    /// Starts the server again on the same port with the same data, after a crash or from running.
    pub async fn restart(&self) -> Result<(), PostgresError> {
        let old = self.server.lock().take();
        blocking(move || {
            if let Some(mut server) = old {
                server.keep_run_directory();
                server.stop();
            }
            Ok(())
        })
        .await?;
        self.run(Prepare::Nothing).await
    }

    /// Stops the server in good order and removes its files unless they are kept. Dropping does the same, but blocks.
    pub async fn stop(self) {
        // It can't fail: dropping does not panic.
        drop(spawn_blocking(move || drop(self)).await);
    }
}

impl Plan {
    fn make(options: &PostgresOptions) -> Result<Self, PostgresError> {
        let account = Account::choose(options.user.as_deref())?;
        let kept = options.data_dir.as_deref();
        let existing = kept.map(home::major_of).transpose()?.flatten();
        let binaries = find_binaries(options, existing, &account)?;
        let home = Home::make(kept, &account)?;
        let (passwords, prepare) = if existing.is_some() {
            (home.passwords()?, Prepare::Nothing)
        } else {
            let template = template::ensure(&binaries, options.cache_dir.as_deref(), &account)?;
            (home.new_passwords(&template, &account)?, Prepare::Copy(template.data))
        };
        let settings = settings(options);
        home.write_settings(&settings, &account)?;
        Ok(Self { home, binaries, account, passwords, prepare, settings })
    }
}

/// The binaries asked for; for a cluster that exists, those of its version.
fn find_binaries(
    options: &PostgresOptions,
    existing: Option<u32>,
    account: &Account,
) -> Result<Binaries, PostgresError> {
    let asked = options.bin_dir.as_deref();
    let binaries = binaries::find(asked, options.version.or(existing.filter(|_| asked.is_none())), account)?;
    match (existing, options.data_dir.as_ref()) {
        (Some(found), Some(dir)) if found != binaries.version.major => {
            Err(PostgresError::OtherDataVersion { dir: dir.clone(), found, server: binaries.version })
        }
        _ => Ok(binaries),
    }
}

fn settings(options: &PostgresOptions) -> Vec<(String, String)> {
    let fsync = match options.durability {
        Durability::WhenKept => options.data_dir.is_some(),
        Durability::Durable => true,
        Durability::Fast => false,
    };
    let own = SETTINGS.iter().copied().chain([("fsync", if fsync { "on" } else { "off" })]);
    own.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(options.settings.iter().cloned())
        .collect()
}

async fn connect(config: &tokio_postgres::Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    // It ends with its client, or with the connection, of which the client then tells.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

fn free_port() -> Result<u16, PostgresError> {
    TcpListener::bind((HOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(PostgresError::io("find a free port on", Path::new(HOST)))
}

/// Runs what blocks (files, `initdb`) off the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PostgresError> + Send + 'static,
) -> Result<T, PostgresError> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(PostgresError::Startup { log: "the runtime is shutting down".into() }),
        },
    }
}
