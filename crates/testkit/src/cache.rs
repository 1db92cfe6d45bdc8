//! The cache directory: where `scripts/setup.sh` puts PostgreSQL binaries, and where templates are kept.

use crate::account::Account;
use crate::error::PostgresError;
use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where root's cache is when the project lies in a folder that only root can enter. `scripts/setup.sh` knows it too.
const SYSTEM_CACHE: &str = "/var/cache/tenantry";

/// Cache directories in the order of preference; they need not exist.
pub(crate) fn directories() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = env::var_os("TENANTRY_CACHE").map(PathBuf::from).into_iter().collect();
    // The workspace that this was built in; an installed binary outlives it.
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    if let Ok(workspace) = workspace.canonicalize() {
        found.push(workspace.join(".cache"));
    }
    found.push(PathBuf::from(SYSTEM_CACHE));
    let home_cache = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    if let Some(cache) = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home_cache) {
        found.push(cache.join("tenantry"));
    }
    found.push(env::temp_dir().join("tenantry-cache"));
    found
}

/// A directory for templates that belongs to `account`, and that nobody else can write to.
/// `explicit` is the only cache tried when given.
pub(crate) fn template_root(explicit: Option<&Path>, account: &Account) -> Result<PathBuf, PostgresError> {
    let mut last = None;
    for cache in explicit.map_or_else(directories, |dir| vec![dir.to_owned()]) {
        match usable(&cache, account) {
            Ok(dir) => return Ok(dir),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or(PostgresError::NotReachable { user: account.name.clone(), path: env::temp_dir() }))
}

fn usable(cache: &Path, account: &Account) -> Result<PathBuf, PostgresError> {
    let unreachable =
        |path: &Path| PostgresError::NotReachable { user: account.name.clone(), path: path.to_owned() };
    fs::create_dir_all(cache).map_err(PostgresError::io("create", cache))?;
    if !account.can_reach(cache) {
        return Err(unreachable(cache));
    }
    let root = cache.join(format!("templates-{}", account.uid));
    if !root.exists() {
        // Made aside and renamed, so that another process never sees it before it has its owner.
        let made = tempfile::Builder::new()
            .prefix(".templates-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(cache)
            .map_err(PostgresError::io("create", &root))?;
        account.give(made.path())?;
        match fs::rename(made.path(), &root) {
            // Somebody else was faster, and has begun to use theirs.
            Err(error) if !root.is_dir() => return Err(PostgresError::io("create", &root)(error)),
            _ => {}
        }
    }
    // Under a shared folder anybody may have made it first: a template decides who may log in, so trust none of that.
    let meta = fs::symlink_metadata(&root).map_err(PostgresError::io("read", &root))?;
    // Six trailing zeros: no right for the group or for others.
    let private = meta.is_dir() && meta.uid() == account.uid && meta.mode().trailing_zeros() >= 6;
    if private { Ok(root) } else { Err(unreachable(&root)) }
}
