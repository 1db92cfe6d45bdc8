//! PgBouncer in transaction mode, as the unprivileged user that runs PostgreSQL too: it refuses to be root.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tenantry_core::Secret;
use tenantry_testkit::Postgres;

const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Since then it can keep prepared statements in transaction mode.
const FIRST_WITH_PREPARED: (u32, u32) = (1, 21);

/// Ends PgBouncer, and removes the file that holds a password, when the pipe to this process closes, however it ends.
const WATCHDOG: &str = r#"dir=$1; shift; "$@" </dev/null & pid=$!; echo "$pid"; read -r _; kill "$pid"; wait "$pid"; rm -rf "$dir""#;

/// A running PgBouncer. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Bouncer {
    watchdog: Child,
    pid: u32,
    pub(crate) port: u16,
    pub(crate) version: String,
    _dir: TempDir,
}

impl Bouncer {
    /// Starts it in front of `postgres`, for one user.
    pub(crate) fn start(
        postgres: &Postgres,
        user: &str,
        password: &Secret,
        connections: u32,
        clients: u32,
    ) -> Result<Self> {
        let program = find()?;
        let version = version(&program)?;
        let owner = fs::metadata(postgres.socket_dir())?;
        let dir = tempfile::Builder::new().prefix("tenantry-bench-").tempdir()?;
        let users = dir.path().join("users.txt");
        private_file(&users)?;
        fs::write(&users, format!("\"{user}\" \"{}\"\n", password.expose()))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let prepared =
            if at_least(&version, FIRST_WITH_PREPARED) { "max_prepared_statements = 200" } else { "" };
        let settings = dir.path().join("pgbouncer.ini");
        let text = include_str!("pgbouncer.ini")
            .replace("{server}", &format!("host=127.0.0.1 port={}", postgres.port()))
            .replace("{port}", &port.to_string())
            .replace("{users}", &users.display().to_string())
            .replace("{connections}", &connections.to_string())
            .replace("{clients}", &clients.to_string())
            .replace("{prepared}", prepared);
        fs::write(&settings, text)?;
        let log = dir.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "sh"]).arg(dir.path()).arg(&program).arg("--quiet").arg(&settings);
        if fs::metadata("/proc/self")?.uid() == 0 {
            for path in [dir.path(), &users, &settings] {
                chown(path, Some(owner.uid()), Some(owner.gid()))?;
            }
            command.uid(owner.uid()).gid(owner.gid());
        }
        // A group of its own: Ctrl-C is for the bench, which then ends the others.
        command.process_group(0).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(&log)?);
        let mut watchdog = command.spawn().context("can't start PgBouncer")?;
        let mut line = String::new();
        BufReader::new(watchdog.stdout.take().context("no pipe")?).read_line(&mut line)?;
        let pid = line.trim().parse().context("PgBouncer did not start")?;
        let bouncer = Self { watchdog, pid, port, version, _dir: dir };
        bouncer.wait_until_ready(&log)?;
        Ok(bouncer)
    }

    fn wait_until_ready(&self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let gone = !Path::new(&format!("/proc/{}", self.pid)).exists();
            if gone || Instant::now() > deadline {
                bail!("PgBouncer did not start: {}", fs::read_to_string(log).unwrap_or_default().trim());
            }
            // There is no event to wait for: it says nothing when it listens.
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it can do `pgbench`'s prepared mode in transaction mode.
    pub(crate) fn knows_prepared(&self) -> bool {
        at_least(&self.version, FIRST_WITH_PREPARED)
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        drop(self.watchdog.wait());
    }
}

fn private_file(path: &Path) -> Result<()> {
    File::options().write(true).create_new(true).mode(0o600).open(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// Debian keeps it where users without rights do not look.
fn find() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|dir| dir.join("pgbouncer"))
        .find(|program| program.is_file())
        .context("PgBouncer is not installed (scripts/setup.sh installs it)")
}

/// `PgBouncer 1.18.0` and more lines.
fn version(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap_or_default();
    Ok(version.to_owned())
}

fn at_least(version: &str, wanted: (u32, u32)) -> bool {
    let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
    let found = numbers.next().zip(numbers.next());
    found.is_some_and(|found| found >= wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(!at_least("1.18.0", FIRST_WITH_PREPARED));
        assert!(!at_least("1.9.0", FIRST_WITH_PREPARED));
        assert!(at_least("1.21.0", FIRST_WITH_PREPARED) && at_least("2.0.0", FIRST_WITH_PREPARED));
        assert!(!at_least("", FIRST_WITH_PREPARED));
    }
}
