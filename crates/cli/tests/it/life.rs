//! A deployment from the command line alone: from an empty PostgreSQL to a served tenant, and away again.

use crate::binary::{Place, Said};
use insta::assert_snapshot;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tenantry_testkit::{Postgres, PostgresOptions, client_bin, versions_for_tests};

/// A PostgreSQL of its own: `cluster add` makes roles that belong to the whole server.
async fn deployment() -> (Postgres, Place) {
    let version = versions_for_tests().last().copied();
    let postgres = Postgres::start(PostgresOptions { version, ..PostgresOptions::default() }).await.unwrap();
    postgres.connect("postgres").await.unwrap().batch_execute("CREATE DATABASE tenantry").await.unwrap();
    let url = format!("postgres://{}@{}:{}", postgres.superuser(), postgres.host(), postgres.port());
    let config = format!(
        "[catalog]\nurl = \"{url}/tenantry\"\npassword_env = \"SUPER\"\n\
         [secrets]\nmaster_key_env = \"MASTER\"\n\
         [clusters.main]\nurl = \"{url}/postgres\"\npassword_env = \"SUPER\"\nmax_connections = 5\n\
         [gateway]\nlisten = [\"127.0.0.1:0\"]\nworkers = 1\n\
         [schema]\nfile = \"schema.sql\"\n[tables]\ncountries = \"global\"\n\
         [plans.starter]\nmodel = \"shared\"\nconnections = 3\n"
    );
    let schema = include_str!("../../../../examples/sample/schema.sql");
    let place = Place::new()
        .with("tenantry.toml", &config)
        .with("schema.sql", schema)
        .with("password", "open sesame\n");
    (postgres, place)
}

/// A gateway that does not outlive the test, however that ends.
struct Gateway(Child);

impl Drop for Gateway {
    fn drop(&mut self) {
        // It is gone already where all went well.
        let _killed = self.0.kill();
        let _waited = self.0.wait();
    }
}

struct Deployment {
    postgres: Postgres,
    place: Place,
}

impl Deployment {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.command();
        command.env("SUPER", self.postgres.password().expose()).env("MASTER", "5a".repeat(32)).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        Said::from(self.command(args).output().unwrap())
    }

    /// Runs what must succeed.
    fn does(&self, args: &[&str]) -> Said {
        let said = self.run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {said}");
        said
    }

    /// Starts the gateway and waits until it listens; returns its port.
    fn serve(&self) -> (Gateway, String) {
        let mut child = self
            .command(&["serve", "--log-format", "json"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut listening = lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok());
        let line = listening.find(|line| line["message"] == "gateway is listening").unwrap();
        let port = line["address"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        // Its log is read to the end, or it would block when the pipe is full.
        std::thread::spawn(move || listening.for_each(drop));
        (Gateway(child), port)
    }
}

/// The console over psql, for a login that was given it while connected to nothing; and the configuration read again.
fn operate(it: &Deployment, gateway: &Gateway, port: &str) {
    assert!(!psql(port, "admin", "SHOW VERSION").0);
    it.does(&["login", "set", "app", "--admin"]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !psql(port, "admin", "SHOW VERSION").0 {
        assert!(Instant::now() < deadline, "the gateway never heard of the right");
    }
    assert!(psql(port, "admin", "SHOW TENANTS acme").1.starts_with("acme|"));
    let config = std::fs::read_to_string(it.place.path().join("tenantry.toml")).unwrap();
    let changed = config.replace("workers = 1", "workers = 1\nmax_clients = 77");
    std::fs::write(it.place.path().join("tenantry.toml"), &changed).unwrap();
    assert_eq!(psql(port, "admin", "RELOAD"), (true, "RELOAD".to_owned()));
    assert!(psql(port, "admin", "SHOW CONFIG").1.contains("max_clients|77|10000|yes"));
    std::fs::write(it.place.path().join("tenantry.toml"), changed.replace("workers = 1", "workers = 2"))
        .unwrap();
    let (reloaded, said) = psql(port, "admin", "RELOAD");
    assert!(!reloaded && said.contains("workers waits for a restart"), "{said}");
    std::fs::write(it.place.path().join("tenantry.toml"), config).unwrap();
    let hung_up = Command::new("kill").args(["-HUP", &gateway.0.id().to_string()]).status().unwrap();
    assert!(hung_up.success());
    while !psql(port, "admin", "SHOW CONFIG").1.contains("max_clients|10000|10000|yes") {
        assert!(Instant::now() < deadline, "the configuration was never read again");
    }
}

/// A login that may only read, until it may write.
fn read(it: &Deployment, port: &str) {
    const WRITE: &str = "BEGIN READ WRITE; INSERT INTO labels (name) VALUES ('y'); ROLLBACK";
    let reports = |sql: &str| psql_as("reports", port, "acme", sql);
    assert_eq!(reports("SELECT name FROM labels"), (true, "x".to_owned()));
    let (written, said) = reports(WRITE);
    assert!(!written && said.contains("permission denied for table labels"), "{said}");
    assert!(said.contains("HINT:  login \"reports\" is read-only"), "{said}");
    assert!(it.does(&["login", "set", "reports", "--read-write"]).out.contains("may act for all tenants\n"));
    let deadline = Instant::now() + Duration::from_secs(20);
    while !reports(WRITE).0 {
        assert!(Instant::now() < deadline, "the gateway never heard of the right");
    }
    let set = it.does(&["login", "set", "reports", "--read-only"]).out;
    assert_eq!(set.trim(), "login reports may act for all tenants, and only read");
    while reports(WRITE).0 {
        assert!(Instant::now() < deadline, "the gateway never heard of the loss");
    }
}

/// A row of nearly 1 GiB, which is the longest there is, passes through without being kept.
#[cfg(target_os = "linux")]
fn stream(gateway: &Gateway, port: &str) {
    const MOST_KIB: u64 = 64 << 10;
    let peak = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let before = peak();
    let mut child = psql_command("app", port, "globex", "SELECT repeat('x', 1000000000)")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let length = std::io::copy(&mut child.stdout.take().unwrap(), &mut std::io::sink()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(length, 1_000_000_001, "the row and the end of its line");
    let grown = peak() - before;
    assert!(grown < MOST_KIB, "the gateway took {grown} KiB for it");
}

#[cfg(not(target_os = "linux"))]
fn stream(_gateway: &Gateway, _port: &str) {}

fn psql(port: &str, database: &str, sql: &str) -> (bool, String) {
    psql_as("app", port, database, sql)
}

fn psql_command(user: &str, port: &str, database: &str, sql: &str) -> Command {
    let mut command = Command::new(client_bin("psql").unwrap());
    command.env("PGPASSWORD", "open sesame").args([
        "-X",
        "-A",
        "-t",
        "-h",
        "127.0.0.1",
        "-p",
        port,
        "-U",
        user,
        "-d",
        database,
        "-c",
        sql,
    ]);
    command
}

fn psql_as(user: &str, port: &str, database: &str, sql: &str) -> (bool, String) {
    let output = psql_command(user, port, database, sql).output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).unwrap().trim().to_owned())
}

#[tokio::test]
async fn from_an_empty_server_to_a_served_tenant_and_back() {
    let (postgres, place) = deployment().await;
    let it = Deployment { postgres, place };

    assert!(it.does(&["cluster", "add", "main", "--dry-run"]).out.contains("would be made ready"));
    it.does(&["cluster", "add", "main"]);
    assert_snapshot!("schema_check", it.does(&["schema", "check"]).out);
    it.does(&["schema", "apply"]);
    assert!(it.does(&["schema", "apply"]).out.contains("main/app: there already"));
    it.does(&["tenant", "create", "acme", "--plan", "starter", "--domain", "acme.example.com"]);
    it.does(&["tenant", "create", "globex", "--model", "schema"]);
    // It takes its time with a very long row.
    it.does(&["tenant", "limits", "globex", "--statement-timeout", "0"]);
    assert_snapshot!("tenant_list", it.does(&["tenant", "list"]).out);
    assert_snapshot!("tenant_show", it.does(&["--json", "tenant", "show", "acme"]).out);
    it.does(&["login", "create", "app", "--all-tenants", "--password-file", "password"]);
    it.does(&["login", "create", "reports", "--all-tenants", "--read-only", "--password-file", "password"]);
    assert_snapshot!("login_list", it.does(&["login", "list"]).out);
    assert_snapshot!("unknown_tenant", it.run(&["tenant", "show", "acmee"]));

    let (mut gateway, port) = it.serve();
    assert_eq!(
        psql(&port, "acme", "INSERT INTO labels (name) VALUES ('x') RETURNING name").1.lines().next(),
        Some("x")
    );
    assert_eq!(psql(&port, "globex", "SELECT count(*) FROM labels"), (true, "0".to_owned()));

    stream(&gateway, &port);
    read(&it, &port);
    operate(&it, &gateway, &port);
    it.does(&["tenant", "suspend", "acme"]);
    assert!(!psql(&port, "acme", "SELECT 1").0);
    it.does(&["tenant", "resume", "acme"]);
    it.does(&["tenant", "domain", "add", "globex", "globex.example.com"]);
    let refused = it.run(&["tenant", "drop", "acme"]);
    assert_eq!(refused.code, Some(10), "{refused}");
    assert!(refused.err.contains("hint: give --yes"), "{refused}");
    assert!(it.does(&["tenant", "drop", "acme", "--dry-run"]).out.contains("would destroy"));
    it.does(&["tenant", "drop", "acme", "--yes"]);
    assert_eq!(it.run(&["tenant", "show", "acme"]).code, Some(3));
    // The gateway hears of a new domain a moment later.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !psql(&port, "globex.example.com", "SELECT count(*) FROM labels").0 {
        assert!(Instant::now() < deadline, "the gateway never heard of the domain");
    }

    // Both keys are good while the gateway hears of the new one; it serves all along.
    let rotated = it.does(&["cluster", "rotate-keys", "main", "--grace", "20"]);
    assert_eq!(rotated.out.trim(), "main/app signs with key 2");
    assert_eq!(psql(&port, "globex", "SELECT count(*) FROM labels"), (true, "0".to_owned()));
    assert_eq!(it.run(&["cluster", "rotate-keys", "main", "--database", "no"]).code, Some(2));

    let stopped = Command::new("kill").args(["-TERM", &gateway.0.id().to_string()]).status().unwrap();
    assert!(stopped.success() && gateway.0.wait().unwrap().success());
    it.does(&["cluster", "check"]);
}
