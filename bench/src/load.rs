//! The load: `pgbench` processes, and what their logs say of each transaction.

use crate::copier;
use crate::variant::{Place, Run};
use crate::workload::{Script, Workload};
use crate::world::World;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tenantry_testkit::client_bin;
use tokio::process::{Child, Command};

/// Running `pgbench` processes. Dropping it kills them.
#[derive(Debug)]
pub(crate) struct Load {
    children: Vec<Child>,
    dir: TempDir,
    /// After this the load has stopped by itself.
    duration: Duration,
}

/// How long a `pgbench` may take for its end, over its time.
const GRACE: Duration = Duration::from_secs(30);

impl Load {
    /// Starts all processes of a run; each stops by itself after `duration` (in whole seconds, rounded up).
    pub(crate) fn start(world: &World, run: &Run, duration: Duration) -> Result<Self> {
        let dir = tempfile::tempdir().context("can't make a directory for the logs")?;
        let seconds = duration.as_secs() + 1;
        let mut children = Vec::new();
        for (index, place) in run.places().into_iter().enumerate() {
            let log = dir.path().join(format!("log-{index}"));
            let target = world.target(run.variant.via);
            let mut command = match run.script() {
                Script::Pgbench(text) => {
                    // Each its own: the one before may be reading its script while this is written.
                    let script = dir.path().join(format!("script-{index}.sql"));
                    fs::write(&script, text)?;
                    pgbench(run, &script, &log, seconds)?
                }
                Script::CopyOut(sql) => copier::command(run, copier::Way::Out, &sql, &log, seconds)?,
                Script::CopyIn(sql) => copier::command(run, copier::Way::In, &sql, &log, seconds)?,
            };
            command.args(["--host", "127.0.0.1", "--port", &target.port.to_string()]).args([
                "--username",
                target.user,
                &database(world, place),
            ]);
            let mut command = held_back(&command);
            command
                .env("PGPASSWORD", target.password.expose())
                .env("PGSSLMODE", "disable")
                .env("PGGSSENCMODE", "disable")
                .env_remove("PGOPTIONS")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .kill_on_drop(true);
            children.push(command.spawn().context("can't start the load")?);
        }
        for child in &mut children {
            drop(child.stdin.take());
        }
        Ok(Self { children, dir, duration: Duration::from_secs(seconds) })
    }

    /// Whether any of the processes is gone already.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        for child in &mut self.children {
            if child.try_wait()?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits for the end, and returns the latencies, in microseconds, of the transactions that ended between two
    /// moments (microseconds since 1970).
    pub(crate) async fn finish(self, from: u64, until: u64) -> Result<Vec<u32>> {
        let waiting = async {
            for child in self.children {
                check(&child.wait_with_output().await?)?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(self.duration + GRACE, waiting).await.context("pgbench did not end")??;
        let mut latencies = Vec::new();
        for entry in fs::read_dir(self.dir.path())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                continue;
            }
            let log = fs::read_to_string(&path)?;
            for line in log.lines() {
                let (at, latency) = transaction(line)
                    .with_context(|| format!("pgbench logged {line:?}, which is no transaction"))?;
                if (from..until).contains(&at) {
                    latencies.push(latency);
                }
            }
        }
        Ok(latencies)
    }
}

/// The same command, beginning when its standard input ends: once the first of a crowd floods the machine, starting the others would
/// take seconds.
fn held_back(command: &Command) -> Command {
    let command = command.as_std();
    let mut held = Command::new("/bin/sh");
    held.args(["-c", "read -r _; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    held
}

fn pgbench(run: &Run, script: &Path, log: &Path, seconds: u64) -> Result<Command> {
    let mut command = Command::new(client_bin("pgbench")?);
    let clients = run.clients().to_string();
    // pgbench prepares without letting its other clients go on, who may be in a transaction and have all connections: then
    // a thread each.
    let alone = run.task.workload == Workload::Tpcb;
    command
        .args(["--no-vacuum", "--log", "--protocol", run.task.mode.name()])
        .args(["--jobs", if alone { &clients } else { "1" }])
        .args(["--client", &clients, "--time", &seconds.to_string()])
        .arg(format!("--log-prefix={}", log.display()))
        .arg(format!("--file={}", script.display()));
    Ok(command)
}

fn database(world: &World, place: Place) -> String {
    match place {
        Place::Plain => world.plain.clone(),
        Place::Tenant(id) => crate::world::key(id),
    }
}

fn check(output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let first: Vec<&str> =
        errors.lines().filter(|line| line.contains("error") || line.contains("ERROR")).collect();
    bail!("the load ended with {}: {}", output.status, first.first().unwrap_or(&errors.trim()));
}

/// When a transaction ended and how long it took, from `client transaction latency script epoch microseconds`.
fn transaction(line: &str) -> Option<(u64, u32)> {
    let mut fields = line.split(' ').skip(2);
    let latency = fields.next()?.parse::<u32>().ok()?;
    let seconds = fields.nth(1)?.parse::<u64>().ok()?;
    let micros = fields.next()?.parse::<u64>().ok()?;
    Some((seconds * 1_000_000 + micros, latency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_pgbench_s_log() {
        assert_eq!(transaction("3 17 412 0 1700000000 42"), Some((1_700_000_000_000_042, 412)));
        assert_eq!(transaction("3 17 412 0 1700000000"), None);
        assert_eq!(transaction("3 17 skipped 0 1700000000 42"), None);
    }
}
