//! PgBouncer in transaction mode, with one server connection, in front of tables that are isolated by hand: what the vectors do
//! without Tenantry.

use super::play::Caller;
use super::stage::{Door, Stage, Words, seeded};
use crate::raw::Raw;
use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tenantry_testkit::Postgres;
use tenantry_wire::startup;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

const PASSWORD: &str = "by hand";
/// Ends PgBouncer when the pipe to this process closes, however it ends.
const WATCHDOG: &str = r#""$@" </dev/null & pid=$!; echo; read -r _; kill "$pid"; wait "$pid""#;

/// How the application says whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// `SET`, as each request begins.
    Set,
    /// `SET LOCAL`, in a transaction around each request.
    SetLocal,
}

pub(super) struct Bouncer {
    watchdog: Child,
    port: u16,
    role: String,
    database: String,
    says: Says,
    _dir: TempDir,
}

/// Debian keeps it where users without rights do not look.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    places.map(|dir| dir.join("pgbouncer")).find(|program| program.is_file())
}

/// Its version, where it is installed.
pub(super) fn version() -> Option<String> {
    let output = Command::new(program()?).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().and_then(|line| line.rsplit(' ').next()).map(ToOwned::to_owned)
}

impl Bouncer {
    /// In front of a database of its own.
    pub(super) async fn start(postgres: &Postgres, says: Says) -> Self {
        let database = tenantry_testkit::fresh_database(postgres, "by_hand").await;
        let role = format!("app_{database}");
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let users = dir.path().join("users.txt");
        fs::write(&users, format!("\"{role}\" \"{PASSWORD}\"\n")).unwrap();
        let settings = dir.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n\
             default_pool_size = 1\nserver_login_retry = 1\nquery_wait_timeout = 10\n",
            server = postgres.port(),
            users = users.display()
        );
        fs::write(&settings, text).unwrap();
        fs::set_permissions(&users, Permissions::from_mode(0o600)).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "sh"]).arg(program().unwrap()).arg("--quiet").arg(&settings);
        // It refuses to be root, as PostgreSQL does.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            let owner = fs::metadata(postgres.socket_dir()).unwrap();
            for path in [dir.path(), &users, &settings] {
                chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
            }
            command.uid(owner.uid()).gid(owner.gid());
        }
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(dir.path().join("log")).unwrap());
        let mut watchdog = command.spawn().unwrap();
        BufReader::new(watchdog.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        // It says nothing when it listens.
        let listens = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), listens).await.expect("PgBouncer listens");
        Self { watchdog, port, role, database, says, _dir: dir }
    }

    /// A client of the application, for one tenant's requests.
    pub(super) async fn open(&self, tenant: &str, options: &str) -> Result<Caller, String> {
        let mut raw = Raw::to(self.port).await;
        let who = [("user", &*self.role), ("database", &*self.database), ("options", options)];
        let who = who.into_iter().filter(|(name, value)| *name != "options" || !value.is_empty());
        startup::startup(&mut raw.out, 0, who);
        let raw = raw.proves_itself(PASSWORD).await?;
        let id = if tenant == "one" { 1 } else { 2 };
        Ok(match self.says {
            Says::Set => Caller { raw, before: vec![format!("SET app.tenant = '{id}'")], after: None },
            Says::SetLocal => {
                let before = vec!["BEGIN".into(), format!("SET LOCAL app.tenant = '{id}'")];
                Caller { raw, before, after: Some("COMMIT") }
            }
        })
    }

    /// A new server connection, and everything as it was made.
    pub(super) async fn begin_again(&self, admin: &Client) {
        const ATTEMPTS: usize = 20;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
        let gone = format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = '{}'", self.role);
        for _ in 0..ATTEMPTS {
            admin.query(end, &[&self.role]).await.unwrap();
            crate::protocol::until(admin, &gone).await;
            match admin.batch_execute(&self.fill(include_str!("by_hand_again.sql"))).await {
                Ok(()) => return,
                // A statement that PgBouncer still had for somebody came in between, and PostgreSQL chose whom to end.
                Err(error) if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        panic!("a deadlock {ATTEMPTS} times");
    }

    fn fill(&self, sql: &str) -> String {
        sql.replace("{role}", &self.role).replace("{password}", PASSWORD)
    }

    pub(super) async fn stage<'a>(&'a self, postgres: &Postgres) -> Stage<'a> {
        let admin = postgres.connect(&self.database).await.unwrap();
        admin.batch_execute(&self.fill(include_str!("by_hand.sql"))).await.unwrap();
        let theirs = "WHERE tenant_id = 2";
        let pairs = vec![
            ("own", "1".into()),
            ("other", "2".into()),
            ("setting", "app.tenant".into()),
            ("forged", "2".into()),
            ("theirs", format!("notes {theirs}")),
            ("update", "notes".into()),
            ("where", theirs.into()),
            ("plant", "notes (tenant_id, id, body) VALUES (2, 7, 'planted')".into()),
            ("key", "(tenant_id, id)".into()),
            ("role", self.role.clone()),
            ("database", self.database.clone()),
            ("seeded", seeded(&admin).await),
            ("locks", "count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()".into()),
        ];
        let words = Words { pairs, secret: "secret of two".into() };
        Stage {
            door: Door::Bouncer(self),
            attacker: "one",
            victim: "two",
            admin,
            role: self.role.clone(),
            words,
        }
    }

    pub(super) async fn close(self, postgres: &Postgres) {
        let admin = postgres.connect("postgres").await.unwrap();
        admin.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.database)).await.unwrap();
        admin.batch_execute(&format!("DROP ROLE {}", self.role)).await.unwrap();
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        drop(self.watchdog.wait());
    }
}
