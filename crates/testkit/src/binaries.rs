//! Finding PostgreSQL's programs: servers for [`crate::Postgres`], clients for people and tests.

use crate::account::Account;
use crate::cache;
use crate::error::PostgresError;
use crate::version::{OLDEST_MAJOR, ServerVersion};
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One server's folder of programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// Holds `postgres` and `initdb`; client programs may be missing.
    pub dir: PathBuf,
    pub version: ServerVersion,
}

/// The path of a client program (`psql`, `pgbench`, `pg_dump`, …) of the newest version that has it: new clients
/// work with old servers, not the other way round. It may lie in another folder than the server.
pub fn client_bin(name: &str) -> Result<PathBuf, PostgresError> {
    candidates()
        .into_iter()
        .map(|dir| dir.join(name))
        .filter(|program| program.is_file())
        .filter_map(|program| Some((version_of(&program)?, program)))
        // `max_by_key` takes the last of equals; the earlier folder is the preferred one.
        .rev()
        .max_by_key(|(version, _)| *version)
        .map(|(_, program)| program)
        .ok_or_else(|| PostgresError::NoClient { name: name.to_owned() })
}

/// Finds a server that `account` can run. `explicit` is the only folder looked at when given; `major` restricts the
/// version; otherwise `PG_BIN` wins, then the newest.
pub(crate) fn find(
    explicit: Option<&Path>,
    major: Option<u32>,
    account: &Account,
) -> Result<Binaries, PostgresError> {
    if let Some(dir) = explicit {
        return explicitly(dir, major, account);
    }
    let looked_in = candidates();
    let mut found = Vec::new();
    for dir in &looked_in {
        if dir.join("postgres").is_file() && account.can_reach(dir) {
            found.extend(inspect(dir).ok());
        }
    }
    let preferred = named_by_environment();
    let fits = |binaries: &&Binaries| match major {
        Some(major) => binaries.version.major == major,
        None => binaries.version.major >= OLDEST_MAJOR,
    };
    let rank = |binaries: &&Binaries| (preferred.contains(&binaries.dir), binaries.version);
    if let Some(best) = found.iter().rev().filter(fits).max_by_key(rank) {
        return check(best.clone(), major);
    }
    match found.into_iter().max_by_key(|binaries| binaries.version) {
        Some(old) if major.is_none() => Err(PostgresError::TooOld { found: old.version, bin_dir: old.dir }),
        _ => Err(PostgresError::NotFound { version: major, looked_in }),
    }
}

fn explicitly(dir: &Path, major: Option<u32>, account: &Account) -> Result<Binaries, PostgresError> {
    let dir = fs::canonicalize(dir).map_err(PostgresError::io("open", dir))?;
    let binaries = inspect(&dir)?;
    if !account.can_reach(&dir) {
        return Err(PostgresError::NotReachable { user: account.name.clone(), path: dir });
    }
    check(binaries, major)
}

fn check(binaries: Binaries, major: Option<u32>) -> Result<Binaries, PostgresError> {
    let Binaries { dir: bin_dir, version: found } = binaries;
    if found.major < OLDEST_MAJOR {
        return Err(PostgresError::TooOld { found, bin_dir });
    }
    if let Some(asked) = major.filter(|asked| *asked != found.major) {
        return Err(PostgresError::OtherVersion { found, asked, bin_dir });
    }
    Ok(Binaries { dir: bin_dir, version: found })
}

fn inspect(dir: &Path) -> Result<Binaries, PostgresError> {
    let bad =
        |reason: &str| PostgresError::NotBinaries { bin_dir: dir.to_owned(), reason: reason.to_owned() };
    if let Some(missing) = ["postgres", "initdb"].into_iter().find(|name| !dir.join(name).is_file()) {
        return Err(bad(&format!("it has no `{missing}`")));
    }
    let version =
        version_of(&dir.join("postgres")).ok_or_else(|| bad("`postgres --version` printed no version"))?;
    Ok(Binaries { dir: dir.to_owned(), version })
}

fn version_of(program: &Path) -> Option<ServerVersion> {
    let output =
        Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| ServerVersion::parse(&String::from_utf8_lossy(&output.stdout))).flatten()
}

/// `PG_BIN`: one folder, or several as in `PATH`.
fn named_by_environment() -> Vec<PathBuf> {
    let value = env::var_os("PG_BIN").unwrap_or_default();
    env::split_paths(&value).filter_map(|dir| fs::canonicalize(dir).ok()).collect()
}

/// Every folder that may hold PostgreSQL's programs, each once, preferred ones first.
fn candidates() -> Vec<PathBuf> {
    let mut dirs = named_by_environment();
    dirs.extend(pg_config_bindir());
    for parent in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"] {
        dirs.extend(subfolders(Path::new(parent), |name| {
            name.starts_with("postgresql@")
                || name.starts_with("pgsql-")
                || name.bytes().all(|b| b.is_ascii_digit())
        }));
    }
    for cache in cache::directories() {
        dirs.extend(subfolders(&cache.join("postgres"), |_| true));
    }
    dirs.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut seen = BTreeSet::new();
    dirs.into_iter()
        .filter_map(|dir| fs::canonicalize(dir).ok())
        .filter(|dir| dir.join("postgres").is_file() || dir.join("psql").is_file())
        .filter(|dir| seen.insert(dir.clone()))
        .collect()
}

fn subfolders(parent: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut dirs: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(&wanted))
        .map(|entry| entry.path().join("bin"))
        .collect();
    dirs.sort();
    dirs
}

fn pg_config_bindir() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(path.trim_end()))
}
