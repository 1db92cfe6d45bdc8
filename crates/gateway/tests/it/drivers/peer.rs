//! Running another program as a client of the gateway, within a deadline.

use crate::world::{PASSWORD, TENANTS, World};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tenantry_core::TenancyModel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Far more than any of them needs on a busy machine.
const DEADLINE: Duration = Duration::from_mins(5);

/// Two tenants of one model, by id and key: the peer's own, and the one beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) model: TenancyModel,
    pub(super) tenants: [(i64, &'static str); 2],
}

impl Pair {
    pub(super) fn of(model: TenancyModel) -> Self {
        let mut tenants = TENANTS.iter().filter(|(_, _, of)| *of == model).map(|(id, key, _)| (*id, *key));
        Self { model, tenants: [tenants.next().unwrap(), tenants.next().unwrap()] }
    }

    pub(super) fn tenant(&self) -> &'static str {
        self.tenants[0].1
    }

    pub(super) fn other(&self) -> &'static str {
        self.tenants[1].1
    }
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What it printed, if it succeeded.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// A program of PostgreSQL's.
pub(crate) fn postgres_client(name: &str) -> PathBuf {
    tenantry_testkit::client_bin(name)
        .unwrap_or_else(|error| panic!("{error}\nhint: {}", error.hint().unwrap_or_default()))
}

/// The program as a client of the gateway that connects to `tenant` unless told otherwise. It sees nothing of the
/// surroundings of whoever runs the tests.
pub(crate) fn command(world: &World, tenant: &str, program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C.UTF-8")
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", world.port().to_string())
        .env("PGUSER", "app")
        .env("PGPASSWORD", PASSWORD)
        .env("PGDATABASE", tenant)
        .env("PGCONNECT_TIMEOUT", "20");
    command
}

/// Runs it to its end with `input` on its standard input.
pub(crate) async fn run(mut command: Command, input: &str) -> Ended {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}\nhint: run scripts/setup.sh, which installs it"));
    let (mut stdin, mut stdout, mut stderr) =
        (child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let whole = async {
        let feed = async move {
            // It may end without having read all of it.
            let _fed = stdin.write_all(input.as_bytes()).await;
        };
        let ((), read_out, read_err) =
            tokio::join!(feed, stdout.read_to_end(&mut out), stderr.read_to_end(&mut err));
        read_out.and(read_err).unwrap();
        child.wait().await.unwrap()
    };
    let status = tokio::time::timeout(DEADLINE, whole).await;
    let [stdout, stderr] = [out, err].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let Ok(status) = status else {
        panic!("{program} did not end within {} s:\n{stdout}\n{stderr}", DEADLINE.as_secs());
    };
    Ended { code: status.code(), stdout, stderr }
}
