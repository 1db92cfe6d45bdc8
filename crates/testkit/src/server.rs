//! One running server process under its watchdog: starting, waiting until it is ready, stopping.
//!
//! It knows nothing of passwords and SQL, and needs no runtime: a thread of its own reads the server's log, so a
//! server may outlive the runtime it was started from (tests share one over many).

use crate::account::Account;
use crate::error::PostgresError;
use crate::template::write_private;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::VecDeque;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::watch;

/// What the watchdog does, and why.
const WATCHDOG: &str = include_str!("watchdog.sh");
/// How much of the server's log is remembered, for error messages.
const LOG_LINES: usize = 100;
const LOG_LINE_BYTES: u64 = 4_096;
/// Crash recovery or a base backup may take a while; more than this is a hang.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long a server may take to stop in good order before it is stopped at once.
const STOP_PATIENCE_SECONDS: u32 = 20;

/// How the data directory comes to be.
#[derive(Debug, Clone)]
pub(crate) enum Prepare {
    /// It is there.
    Nothing,
    /// By copying this one.
    Copy(PathBuf),
    /// By this `pg_basebackup`, from where the environment says.
    Backup { program: PathBuf, environment: Vec<(String, String)> },
}

/// How to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopSignal {
    /// Disconnects everybody and writes a checkpoint (PostgreSQL's "fast" shutdown).
    Fast,
    /// Drops everything, as a crash would: for data that is about to be removed.
    Immediate,
}

/// What a server process needs to start.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) bin_dir: &'a Path,
    pub(crate) data: &'a Path,
    /// Holds the Unix socket; removed when the server has stopped.
    pub(crate) run: &'a Path,
    pub(crate) port: u16,
    pub(crate) prepare: Prepare,
    pub(crate) stop: StopSignal,
}

/// Where a server is in its life. The log's reader is the only one who sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Ready(Pid),
    Ended,
}

/// A server process and the watchdog that holds it.
#[derive(Debug)]
pub(crate) struct Server {
    watchdog: Child,
    /// The watchdog's standard input. The standard library opens it close-on-exec, so no other child inherits it.
    leash: Option<ChildStdin>,
    /// The postmaster's process id, once ready.
    pid: u32,
    phase: watch::Receiver<Phase>,
    log: Arc<Mutex<VecDeque<String>>>,
}

/// A command that runs as `account` with an environment of its own: none of our secrets, and no `PG…` variable
/// that would redirect PostgreSQL's programs.
pub(crate) fn bare_command(program: &Path, account: &Account) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
    for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        command.envs(env::var_os(name).map(|value| (name, value)));
    }
    account.dress(&mut command);
    command
}

impl Server {
    /// Starts the watchdog, which prepares the data directory and starts the server; waits until that takes connections.
    pub(crate) async fn start(launch: &Launch<'_>, account: &Account) -> Result<Self, PostgresError> {
        let mut server = Self::spawn(launch, account)?;
        let is_decided = |phase: &Phase| *phase != Phase::Starting;
        let decided = match tokio::time::timeout(READY_WITHIN, server.phase.wait_for(is_decided)).await {
            Ok(phase) => phase.map_or(Phase::Ended, |phase| *phase),
            Err(_) => Phase::Starting,
        };
        let log = server.log_tail();
        match decided {
            Phase::Ready(pid) => {
                server.pid = pid.as_raw_nonzero().get().cast_unsigned();
                Ok(server)
            }
            Phase::Starting => {
                Err(PostgresError::TimedOut { what: "ready", seconds: READY_WITHIN.as_secs(), log })
            }
            Phase::Ended => {
                let known = PostgresError::from_output(
                    &log,
                    launch.data.parent().unwrap_or(launch.data),
                    Some(launch.port),
                );
                Err(known.unwrap_or(PostgresError::Startup { log }))
            }
        }
    }

    fn spawn(launch: &Launch<'_>, account: &Account) -> Result<Self, PostgresError> {
        let (prepare, source, environment) = match &launch.prepare {
            Prepare::Nothing => ("nothing", Path::new(""), &[][..]),
            Prepare::Copy(template) => ("copy", template.as_path(), &[][..]),
            Prepare::Backup { program, environment } => ("backup", program.as_path(), environment.as_slice()),
        };
        let shell = Path::new("/bin/sh");
        let script = launch.run.join("watchdog.sh");
        write_private(&script, WATCHDOG, account)?;
        let mut command = bare_command(shell, account);
        command
            .arg(script)
            .arg(prepare)
            .arg(source)
            .args([launch.data, launch.run])
            .arg(if launch.stop == StopSignal::Fast { "INT" } else { "QUIT" })
            .arg(STOP_PATIENCE_SECONDS.to_string())
            .arg(launch.bin_dir.join("postgres"))
            .arg("-D")
            .arg(launch.data)
            .args(forced_settings(launch))
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut watchdog = command.spawn().map_err(PostgresError::io("run", shell))?;
        let leash = watchdog.stdin.take();
        let (sender, phase) = watch::channel(Phase::Starting);
        let log = Arc::new(Mutex::new(VecDeque::with_capacity(LOG_LINES)));
        if let Some(stderr) = watchdog.stderr.take() {
            let log = Arc::clone(&log);
            thread::Builder::new()
                .name(format!("postgres-log-{}", launch.port))
                .spawn(move || read_log(stderr, &log, &sender))
                .map_err(PostgresError::io("start a thread for", shell))?;
        }
        Ok(Self { watchdog, leash, pid: 0, phase, log })
    }

    /// The postmaster's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The last lines of the server's log.
    pub(crate) fn log_tail(&self) -> String {
        self.log.lock().iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Stops the server as a crash would, and waits until all its processes are gone. The watchdog stays.
    pub(crate) fn crash(&self) -> impl Future<Output = ()> + Send + use<> {
        if let Phase::Ready(pid) = *self.phase.borrow() {
            // The watchdog is its parent and has not waited for it: the id can't belong to anybody else.
            // An error means that it has ended already.
            kill_process(pid, Signal::QUIT).ok();
        }
        let mut phase = self.phase.clone();
        async move {
            // The reader ends by setting `Ended`, or by dropping the sender: either is the end.
            drop(phase.wait_for(|phase| *phase == Phase::Ended).await);
        }
    }

    /// Tells the watchdog to leave the run directory in place.
    pub(crate) fn keep_run_directory(&mut self) {
        if let Some(leash) = &mut self.leash {
            // If this fails the watchdog is gone, and nobody removes anything.
            drop(leash.write_all(b"keep\n"));
        }
    }

    /// Stops the server and waits for the watchdog's last act. Blocks; bounded by the watchdog's patience.
    pub(crate) fn stop(&mut self) {
        self.leash = None;
        drop(self.watchdog.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the rest of this crate rests upon, whatever the configuration files say.
fn forced_settings(launch: &Launch<'_>) -> Vec<String> {
    let settings = [
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", launch.port.to_string()),
        ("unix_socket_directories", launch.run.display().to_string()),
        ("logging_collector", "off".to_owned()),
        ("log_destination", "stderr".to_owned()),
        ("lc_messages", "C".to_owned()),
    ];
    settings.into_iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]).collect()
}

/// Follows the log until nobody can write to it any more.
fn read_log(stderr: impl Read, log: &Mutex<VecDeque<String>>, phase: &watch::Sender<Phase>) {
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    let mut pid = None;
    loop {
        line.clear();
        match reader.by_ref().take(LOG_LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if let Some(number) = text.strip_prefix("tenantry-server-pid ") {
            pid = pid.or_else(|| Pid::from_raw(number.parse().ok()?));
            continue;
        }
        // "... ready to accept connections", on a replica "... ready to accept read-only connections".
        if let Some(pid) = pid
            && *phase.borrow() == Phase::Starting
            && text.contains("database system is ready to accept ")
        {
            phase.send_replace(Phase::Ready(pid));
        }
        let mut log = log.lock();
        if log.len() == LOG_LINES {
            log.pop_front();
        }
        log.push_back(text.to_owned());
    }
    phase.send_replace(Phase::Ended);
}
