//! What can go wrong with a managed PostgreSQL, and what to do about it.

use crate::version::{OLDEST_MAJOR, ServerVersion};
use std::io;
use std::path::{Path, PathBuf};
use tenantry_core::ErrorKind;
use thiserror::Error;

/// Why a managed PostgreSQL could not be started or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PostgresError {
    #[error("no PostgreSQL{} server was found", wanted(*.version))]
    NotFound { version: Option<u32>, looked_in: Vec<PathBuf> },
    #[error("PostgreSQL {found} in {bin_dir:?} is too old: {OLDEST_MAJOR} or newer is needed")]
    TooOld { found: ServerVersion, bin_dir: PathBuf },
    #[error("{bin_dir:?} holds PostgreSQL {found}, but {asked} was asked for")]
    OtherVersion { found: ServerVersion, asked: u32, bin_dir: PathBuf },
    #[error("{bin_dir:?} is not a folder of PostgreSQL server binaries: {reason}")]
    NotBinaries { bin_dir: PathBuf, reason: String },
    #[error("no PostgreSQL client program {name:?} was found")]
    NoClient { name: String },
    #[error("PostgreSQL refuses to run as root, and there is no user {user:?} to run it as")]
    NoAccount { user: String },
    #[error("user {user:?}, who runs PostgreSQL here, can't reach {path:?}")]
    NotReachable { user: String, path: PathBuf },
    #[error("port {port} is taken")]
    PortTaken { port: u16 },
    #[error("no space is left on the disk of {path:?}")]
    DiskFull { path: PathBuf },
    #[error("{dir:?} holds a cluster of PostgreSQL {found}, which PostgreSQL {server} can't open")]
    OtherDataVersion { dir: PathBuf, found: u32, server: ServerVersion },
    #[error("{dir:?} is not empty and holds no cluster of Tenantry's")]
    NotACluster { dir: PathBuf },
    #[error("the cluster in {dir:?} is in use, or was not stopped properly")]
    Locked { dir: PathBuf },
    #[error("{program} failed: {output}")]
    Program { program: String, output: String },
    #[error("PostgreSQL did not start: {log}")]
    Startup { log: String },
    #[error("PostgreSQL was not {what} within {seconds} s: {log}")]
    TimedOut { what: &'static str, seconds: u64, log: String },
    #[error("could not {action} {path:?}")]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("PostgreSQL refused a connection or statement of its own superuser")]
    Sql(#[from] tokio_postgres::Error),
}

fn wanted(version: Option<u32>) -> String {
    version.map(|major| format!(" {major}")).unwrap_or_default()
}

impl PostgresError {
    /// Wraps an I/O error; a full disk becomes its own kind.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull => Self::DiskFull { path },
            _ => Self::Io { action, path, source },
        }
    }

    /// Finds the cause in what `initdb`, `cp`, `pg_basebackup` or the server wrote to its standard error.
    pub(crate) fn from_output(output: &str, dir: &Path, port: Option<u16>) -> Option<Self> {
        if output.contains("No space left on device") {
            return Some(Self::DiskFull { path: dir.to_owned() });
        }
        if let Some(port) = port
            && output.contains("could not bind")
            && output.contains("Address already in use")
        {
            return Some(Self::PortTaken { port });
        }
        if output.contains("lock file") || output.contains("pre-existing shared memory block") {
            return Some(Self::Locked { dir: dir.to_owned() });
        }
        None
    }

    /// What this means to whoever asked.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. }
            | Self::TooOld { .. }
            | Self::OtherVersion { .. }
            | Self::NotBinaries { .. }
            | Self::NoClient { .. }
            | Self::NoAccount { .. } => ErrorKind::InvalidInput,
            Self::NotReachable { .. } => ErrorKind::NotAllowed,
            Self::PortTaken { .. } | Self::Locked { .. } => ErrorKind::Conflict,
            Self::OtherDataVersion { .. } | Self::NotACluster { .. } => ErrorKind::WouldLoseData,
            Self::DiskFull { .. } => ErrorKind::LimitReached,
            Self::Program { .. }
            | Self::Startup { .. }
            | Self::TimedOut { .. }
            | Self::Io { .. }
            | Self::Sql(_) => ErrorKind::ServerUnavailable,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { version, looked_in } => not_found_hint(*version, looked_in),
            Self::TooOld { .. } | Self::OtherVersion { .. } => {
                "run scripts/setup.sh, or point PG_BIN at the folder that holds another version's `postgres`"
                    .into()
            }
            Self::NotBinaries { .. } => "the folder must hold `postgres` and `initdb`".into(),
            Self::NoClient { name } => {
                format!(
                    "run scripts/setup.sh, or install PostgreSQL's client package so that `{name}` is in PATH"
                )
            }
            Self::NoAccount { .. } => "create the user `postgres`, or run this as an ordinary user".into(),
            Self::NotReachable { user, .. } => format!(
                "let {user} pass through every folder above it (chmod o+x), choose another place, or run this as an \
                 ordinary user"
            ),
            Self::PortTaken { .. } => "choose another port, or leave the port out to get a free one".into(),
            Self::DiskFull { .. } => {
                "free some space (a cluster needs about 100 MB), or set TMPDIR to a roomier disk".into()
            }
            Self::OtherDataVersion { found, .. } => {
                format!("install PostgreSQL {found} to open it again, or choose another directory")
            }
            Self::NotACluster { .. } => "choose an empty or a new directory".into(),
            Self::Locked { dir } => format!(
                "another process may be running it: stop that first; if none is, remove {}",
                dir.join("data/postmaster.pid").display()
            ),
            Self::Startup { .. }
            | Self::Program { .. }
            | Self::TimedOut { .. }
            | Self::Io { .. }
            | Self::Sql(_) => {
                return None;
            }
        })
    }
}

fn not_found_hint(version: Option<u32>, looked_in: &[PathBuf]) -> String {
    let install = match version {
        Some(major) => format!("run scripts/setup.sh, which installs PostgreSQL {major}"),
        None => format!("run scripts/setup.sh, or install PostgreSQL {OLDEST_MAJOR} or newer"),
    };
    let looked_in: Vec<_> = looked_in.iter().map(|dir| dir.display().to_string()).collect();
    let looked_in = if looked_in.is_empty() { "PATH".to_owned() } else { looked_in.join(", ") };
    format!("{install}; PG_BIN may name the folder that holds `postgres` (looked in {looked_in})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_write_tells_the_cause() {
        let cause = |output| PostgresError::from_output(output, Path::new("/d"), Some(5432));
        let full = cause("cp: error writing '/d/data.new/base': No space left on device");
        assert!(matches!(full, Some(PostgresError::DiskFull { .. })));
        let taken =
            cause("LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use\nHINT:  ...");
        assert!(matches!(taken, Some(PostgresError::PortTaken { port: 5432 })));
        let locked = cause("FATAL:  lock file \"postmaster.pid\" already exists");
        assert!(matches!(locked, Some(PostgresError::Locked { .. })));
        assert!(cause("FATAL:  invalid value for parameter \"x\"").is_none());
    }

    #[test]
    fn a_missing_server_says_how_to_get_one() {
        let error = PostgresError::NotFound { version: Some(18), looked_in: vec!["/a".into(), "/b".into()] };
        assert_eq!(error.to_string(), "no PostgreSQL 18 server was found");
        assert_eq!(
            error.hint().unwrap(),
            "run scripts/setup.sh, which installs PostgreSQL 18; PG_BIN may name the folder that holds `postgres` \
             (looked in /a, /b)"
        );
    }
}
