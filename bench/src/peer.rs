//! Another pooler as a process: started as the unprivileged user that runs PostgreSQL too, because it refuses to be root,
//! and ended with this program, however that ends. How each is configured is in `bouncer.rs` and `pgpool.rs`.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tenantry_testkit::Postgres;

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Ends the pooler, and removes the files that hold a password, when the pipe to this process closes, however it ends.
const WATCHDOG: &str = r#"dir=$1; shift; "$@" </dev/null & pid=$!; echo "$pid"; read -r _; kill "$pid"; wait "$pid"; rm -rf "$dir""#;

/// Its files, before it is started.
#[derive(Debug)]
pub(crate) struct Desk {
    dir: TempDir,
    /// Where it is to listen.
    pub(crate) port: u16,
}

/// A running pooler. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Peer {
    watchdog: Child,
    pid: u32,
    pub(crate) port: u16,
    pub(crate) version: String,
    _dir: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("tenantry-bench-").tempdir()?;
        Ok(Self { dir, port: free_port()? })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file that only the pooler can read: it may hold a password.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path(name);
        File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        fs::write(&path, text)?;
        Ok(path)
    }
}

impl Peer {
    /// Starts `program` as the user that runs `postgres`, and waits until it listens.
    pub(crate) fn start<A: AsRef<OsStr>>(
        desk: Desk,
        postgres: &Postgres,
        program: &Program,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Self> {
        let dir = desk.dir.path();
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "sh"]).arg(dir).arg(&program.path).args(args);
        if fs::metadata("/proc/self")?.uid() == 0 {
            let owner = fs::metadata(postgres.socket_dir())?;
            let (uid, gid) = (owner.uid(), owner.gid());
            chown(dir, Some(uid), Some(gid))?;
            for file in fs::read_dir(dir)? {
                chown(file?.path(), Some(uid), Some(gid))?;
            }
            command.uid(uid).gid(gid);
        }
        let log = desk.path("log");
        // A group of its own: Ctrl-C is for the bench, which then ends the others.
        command.process_group(0).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(&log)?);
        let name = program.name;
        let mut watchdog = command.spawn().with_context(|| format!("can't start {name}"))?;
        let mut line = String::new();
        BufReader::new(watchdog.stdout.take().context("no pipe")?).read_line(&mut line)?;
        let pid = line.trim().parse().with_context(|| format!("{name} did not start"))?;
        let version = program.version.clone();
        let peer = Self { watchdog, pid, port: desk.port, version, _dir: desk.dir };
        peer.wait_until_ready(name, &log)?;
        Ok(peer)
    }

    fn wait_until_ready(&self, name: &str, log: &Path) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let gone = !Path::new(&format!("/proc/{}", self.pid)).exists();
            if gone || Instant::now() > deadline {
                bail!("{name} did not start: {}", fs::read_to_string(log).unwrap_or_default().trim());
            }
            // There is no event to wait for: it says nothing when it listens.
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        drop(self.watchdog.wait());
    }
}

/// A pooler's program that is installed.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    path: PathBuf,
    pub(crate) version: String,
}

impl Program {
    /// Debian keeps it where users without rights do not look. `word` is which one of the first line's words the version is.
    pub(crate) fn find(name: &'static str, file: &str, word: usize, hint: &str) -> Result<Self> {
        let dirs = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::split_paths(&dirs)
            .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
            .map(|dir| dir.join(file))
            .find(|program| program.is_file())
            .with_context(|| format!("{name} is not installed ({hint})"))?;
        let output = Command::new(&path).arg("--version").output()?;
        // One of them writes it where errors go.
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let version = text.split_whitespace().nth(word).unwrap_or_default().to_owned();
        Ok(Self { name, path, version })
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
