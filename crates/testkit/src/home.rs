//! Where a cluster's files lie: a throw-away directory, or a home that is kept and found again.
//!
//! A kept home holds `data/`, `tenantry.conf` (written at each start) and `password`. While `password.initial` is
//! there the server may still have its template's password; see [`Home::passwords`].

use crate::account::Account;
use crate::error::PostgresError;
use crate::template::{Template, write_private};
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tenantry_core::{MasterKey, Secret};

/// `sun_path` has 104 bytes on macOS, 108 on Linux; the longest name in the directory is `/.s.PGSQL.65535`.
const SOCKET_DIR_BYTES: usize = 103 - 15;

/// A cluster's directories. Dropping it removes the run directory, if the watchdog has not yet.
#[derive(Debug)]
pub(crate) struct Home {
    /// Holds the Unix socket, and all the rest of a throw-away cluster.
    pub(crate) run: TempDir,
    kept: Option<PathBuf>,
}

/// The password to use, and the one that the server may still have from its template.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    pub(crate) own: Secret,
    pub(crate) initial: Option<Secret>,
}

impl Home {
    /// Makes the directories. `kept` may exist if it is empty or holds a cluster of ours.
    pub(crate) fn make(kept: Option<&Path>, account: &Account) -> Result<Self, PostgresError> {
        let kept = kept.map(|dir| open_kept(dir, account)).transpose()?;
        Ok(Self { run: run_directory(account)?, kept })
    }

    fn root(&self) -> &Path {
        self.kept.as_deref().unwrap_or(self.run.path())
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Writes the settings that hold unless `ALTER SYSTEM` says otherwise; the last of equal names wins.
    pub(crate) fn write_settings(
        &self,
        settings: &[(String, String)],
        account: &Account,
    ) -> Result<(), PostgresError> {
        let line = |(name, value): &(String, String)| {
            // Backslashes are an escape in this file, whatever `standard_conforming_strings` says.
            let value = value.replace('\\', "\\\\").replace('\'', "''");
            format!("{name} = '{value}'\n")
        };
        let text: String = settings.iter().map(line).collect();
        write_private(&self.root().join("tenantry.conf"), &text, account)
    }

    /// A new random password, remembered if the home is kept. It is on disk before the server exists and
    /// `password.initial` goes last, so a process may die anywhere in between and the next one can log in.
    pub(crate) fn new_passwords(
        &self,
        template: &Template,
        account: &Account,
    ) -> Result<Passwords, PostgresError> {
        let own = MasterKey::generate().to_hex();
        if self.is_kept() {
            write_private(&self.password_file(), own.expose(), account)?;
            write_private(&self.initial_file(), template.password.expose(), account)?;
        }
        Ok(Passwords { own, initial: Some(template.password.clone()) })
    }

    /// The passwords of a kept home that was used before.
    pub(crate) fn passwords(&self) -> Result<Passwords, PostgresError> {
        let file = self.password_file();
        let own = fs::read_to_string(&file).map_err(PostgresError::io("read", &file))?;
        Ok(Passwords {
            own: Secret::new(own),
            initial: fs::read_to_string(self.initial_file()).ok().map(Secret::new),
        })
    }

    /// The server has its own password now.
    pub(crate) fn forget_initial_password(&self) -> Result<(), PostgresError> {
        let file = self.initial_file();
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(PostgresError::io("remove", &file)(error))
            }
            _ => Ok(()),
        }
    }

    fn password_file(&self) -> PathBuf {
        self.root().join("password")
    }

    fn initial_file(&self) -> PathBuf {
        self.root().join("password.initial")
    }
}

/// The major version of the cluster in `home`, if there is one.
pub(crate) fn major_of(home: &Path) -> Result<Option<u32>, PostgresError> {
    let file = home.join("data/PG_VERSION");
    match fs::read_to_string(&file) {
        Ok(text) => {
            Ok(Some(text.trim().parse().map_err(|_| PostgresError::NotACluster { dir: home.to_owned() })?))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PostgresError::io("read", &file)(error)),
    }
}

fn open_kept(dir: &Path, account: &Account) -> Result<PathBuf, PostgresError> {
    fs::create_dir_all(dir).map_err(PostgresError::io("create", dir))?;
    let dir = fs::canonicalize(dir).map_err(PostgresError::io("open", dir))?;
    let mut entries = fs::read_dir(&dir).map_err(PostgresError::io("read", &dir))?;
    if entries.next().is_some() {
        // It was made by us if our password is in it; only then may it be handed to another user.
        if !dir.join("password").is_file() {
            return Err(PostgresError::NotACluster { dir });
        }
    }
    account.give(&dir)?;
    if !account.can_reach(&dir) {
        return Err(PostgresError::NotReachable { user: account.name.clone(), path: dir });
    }
    Ok(dir)
}

/// A short, empty directory that the server's user owns and everybody may pass through (the socket asks for a password).
fn run_directory(account: &Account) -> Result<TempDir, PostgresError> {
    let fits = |root: &PathBuf| {
        root.as_os_str().len() + "/tenantry-123456".len() <= SOCKET_DIR_BYTES && account.can_reach(root)
    };
    let preferred = env::temp_dir();
    let root = [preferred.clone(), PathBuf::from("/tmp")]
        .into_iter()
        .find(fits)
        .ok_or_else(|| PostgresError::NotReachable { user: account.name.clone(), path: preferred })?;
    let run = tempfile::Builder::new()
        .prefix("tenantry-")
        .permissions(fs::Permissions::from_mode(0o711))
        .tempdir_in(&root)
        .map_err(PostgresError::io("create a folder in", &root))?;
    account.give(run.path())?;
    Ok(run)
}
