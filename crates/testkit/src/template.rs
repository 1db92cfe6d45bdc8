//! Templates: `initdb` takes seconds, so its result is kept and each new cluster is a copy of it.
//!
//! A template has a random superuser password of its own, in a file that only the server's user can read. A new
//! cluster starts with it and gets another one before anybody learns its port (see `home.rs`). That costs some
//! 10 ms; `initdb` per cluster would cost 3 s, and single-user mode a second start of the server.

use crate::account::Account;
use crate::binaries::Binaries;
use crate::cache;
use crate::error::PostgresError;
use crate::server::bare_command;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tenantry_core::{MasterKey, Secret};

/// Grows when what `initdb` is told, or what is written beside its result, changes.
const FORMAT: u32 = 1;
/// A half-made template is somebody's work in progress for this long; `initdb` takes seconds.
const ABANDONED_AFTER: Duration = Duration::from_hours(1);
/// Written last: a template without it is not one.
const COMPLETE: &str = "complete";

/// A cluster that `initdb` made and no server ever ran.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) data: PathBuf,
    pub(crate) password: Secret,
}

/// Finds the template of these binaries, or makes it. Two processes may do so at once: both build aside, the first
/// to rename wins, the other takes the winner's.
pub(crate) fn ensure(
    binaries: &Binaries,
    cache_dir: Option<&Path>,
    account: &Account,
) -> Result<Template, PostgresError> {
    let root = cache::template_root(cache_dir, account)?;
    let place = root.join(name(binaries));
    if let Some(template) = open(&place) {
        return Ok(template);
    }
    sweep(&root);
    let building = tempfile::Builder::new()
        .prefix("new-")
        .tempdir_in(&root)
        .map_err(PostgresError::io("create a folder in", &root))?;
    account.give(building.path())?;
    build(building.path(), binaries, account)?;
    // A broken one in the way (its marker is missing) is set aside; `sweep` removes it some day.
    if place.exists() && open(&place).is_none() {
        let aside = tempfile::Builder::new()
            .prefix("new-")
            .tempdir_in(&root)
            .map_err(PostgresError::io("create a folder in", &root))?;
        drop(fs::rename(&place, aside.path().join("broken")));
    }
    match fs::rename(building.path(), &place) {
        Ok(()) => drop(building.keep()),
        Err(error) if open(&place).is_none() => return Err(PostgresError::io("create", &place)(error)),
        Err(_) => {}
    }
    open(&place).ok_or_else(|| PostgresError::Program {
        program: "initdb".into(),
        output: "its result vanished".into(),
    })
}

/// One per version and folder of binaries: two builds of one version may differ in locales and page layout.
fn name(binaries: &Binaries) -> String {
    let mut hasher = DefaultHasher::new();
    (FORMAT, &binaries.dir).hash(&mut hasher);
    format!("{}-{:016x}", binaries.version, hasher.finish())
}

fn open(place: &Path) -> Option<Template> {
    if !place.join(COMPLETE).is_file() || !place.join("data/PG_VERSION").is_file() {
        return None;
    }
    let password = Secret::new(fs::read_to_string(place.join("password")).ok()?);
    Some(Template { data: place.join("data"), password })
}

fn build(dir: &Path, binaries: &Binaries, account: &Account) -> Result<(), PostgresError> {
    let data = dir.join("data");
    let password = dir.join("password");
    write_private(&password, MasterKey::generate().to_hex().expose(), account)?;
    let mut initdb = bare_command(&binaries.dir.join("initdb"), account);
    initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password).args([
        "--username=postgres",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        // The same order of text on every machine; macOS has no C.UTF-8.
        if cfg!(target_os = "linux") { "--locale=C.UTF-8" } else { "--locale=C" },
        "--lc-messages=C",
        "--no-sync",
        "--no-instructions",
    ]);
    let output = initdb.output().map_err(PostgresError::io("run", &binaries.dir.join("initdb")))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let known = PostgresError::from_output(&text, dir, None);
        return Err(known.unwrap_or(PostgresError::Program { program: "initdb".into(), output: text }));
    }
    let conf = data.join("postgresql.conf");
    fs::OpenOptions::new()
        .append(true)
        .open(&conf)
        .and_then(|mut file| {
            file.write_all(b"\n# Written at each start.\ninclude_if_exists = '../tenantry.conf'\n")
        })
        .map_err(PostgresError::io("write", &conf))?;
    write_private(&dir.join(COMPLETE), "", account)
}

/// Writes a file that only `account` (and root) can read.
pub(crate) fn write_private(path: &Path, text: &str, account: &Account) -> Result<(), PostgresError> {
    let write = || {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(PostgresError::io("write", path))?;
    account.give(path)
}

/// Removes what processes that were killed while building left behind.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("new-")) {
        let age = entry
            .metadata()
            .and_then(|meta| meta.modified())
            .ok()
            .and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age > ABANDONED_AFTER) {
            // Somebody else may sweep the same folder: whoever fails has nothing to do.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}
