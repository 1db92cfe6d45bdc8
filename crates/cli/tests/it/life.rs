//! A deployment from the command line alone: from an empty PostgreSQL to a served tenant, and away again.

use crate::deployment::Deployment;
use insta::assert_snapshot;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use tenantry_testkit::{client_bin, versions_for_tests};

const CONFIG: &str = "max_connections = 5\n\
    [gateway]\nlisten = [\"127.0.0.1:0\"]\nworkers = 1\nlog_min_duration_ms = 200\n\
    [schema]\nfile = \"schema.sql\"\n[tables]\ncountries = \"global\"\n\
    [plans.starter]\nmodel = \"shared\"\nconnections = 3\n";

/// Longer than anything takes that is waited for here.
const DEADLINE: Duration = Duration::from_secs(20);

/// A gateway that does not outlive the test, however that ends.
struct Gateway {
    child: Child,
    port: String,
    /// What it has logged of slow statements.
    slow: Receiver<Value>,
    /// What it has told the service manager.
    told: Receiver<String>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It is gone already where all went well.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

impl Gateway {
    /// Starts it and waits until it listens.
    fn start(it: &Deployment) -> Self {
        let manager = it.place.path().join("manager");
        let socket = UnixDatagram::bind(&manager).unwrap();
        let mut child = it
            .command(&["serve", "--log-format", "json"])
            .env("NOTIFY_SOCKET", manager)
            .env("WATCHDOG_USEC", "2000000")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, told) = channel();
        std::thread::spawn(move || notifications(&socket, &tell));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut lines = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        let line = lines.find(|line| line["message"] == "gateway is listening").unwrap();
        let port = line["address"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        // Its log is read to the end, or it would block when the pipe is full.
        let (log, slow) = channel();
        std::thread::spawn(move || {
            // Nobody may want to know any more.
            lines.filter(|line| line["message"] == "slow statement").for_each(|line| drop(log.send(line)));
        });
        Self { child, port, slow, told }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until the service manager is told a state that begins so. What is told before it is passed over.
    fn until_told(&self, state: &str) {
        let deadline = Instant::now() + DEADLINE;
        while !self.told.recv_timeout(deadline - Instant::now()).unwrap().starts_with(state) {}
    }
}

/// Reads what a service manager is told, to the end.
fn notifications(socket: &UnixDatagram, tell: &Sender<String>) {
    let mut buffer = [0; 256];
    while let Ok(len) = socket.recv(&mut buffer) {
        let state = String::from_utf8_lossy(&buffer[..len]).into_owned();
        let last = state.starts_with("STOPPING=1");
        if tell.send(state).is_err() || last {
            return;
        }
    }
}

/// Statements that take long are logged with whose they were, and without their values. On a busy machine others may take long, too.
fn log(gateway: &Gateway) {
    let mut prints = Vec::new();
    for (tenant, sql) in [
        ("acme", "SELECT pg_sleep(0.3), 'a secret' AS \"Said\", 4711"),
        ("globex", "SELECT pg_sleep(0.3), 'another secret' AS \"Said\", 4712"),
        ("acme", "SELECT pg_sleep(0.3), 'a secret' AS \"Said too\""),
    ] {
        assert!(psql(&gateway.port, tenant, sql).0);
        let deadline = Instant::now() + DEADLINE;
        let line = loop {
            let line = gateway.slow.recv_timeout(deadline - Instant::now()).unwrap();
            if line["statement"].as_str().unwrap().contains("pg_sleep") {
                break line;
            }
        };
        assert_eq!([&line["tenant"], &line["login"], &line["pool"]], [tenant, "app", "main/app"]);
        assert!(line["duration_ms"].as_u64().unwrap() >= 200, "{line}");
        let told = line["statement"].as_str().unwrap();
        assert!(told.contains("Said") && !told.contains("471"), "{told}");
        assert!(!line.to_string().contains("secret"), "{line}");
        prints.push(line["fingerprint"].as_str().unwrap().to_owned());
    }
    assert!(prints[0] == prints[1] && prints[1] != prints[2], "{prints:?}");
}

/// The console over psql, for a login that was given it while connected to nothing; and the configuration read again.
fn operate(it: &Deployment, gateway: &Gateway, port: &str) {
    assert!(!psql(port, "admin", "SHOW VERSION").0);
    it.does(&["login", "set", "app", "--admin"]);
    let deadline = Instant::now() + DEADLINE;
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
    gateway.signal("-HUP");
    while !psql(port, "admin", "SHOW CONFIG").1.contains("max_clients|10000|10000|yes") {
        assert!(Instant::now() < deadline, "the configuration was never read again");
    }
    gateway.until_told("RELOADING=1\nMONOTONIC_USEC=");
    gateway.until_told("READY=1");
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
    let deadline = Instant::now() + DEADLINE;
    while !reports(WRITE).0 {
        assert!(Instant::now() < deadline, "the gateway never heard of the right");
    }
    let set = it.does(&["login", "set", "reports", "--read-only"]).out;
    assert_eq!(set.trim(), "login reports may act for all tenants, and only read");
    while reports(WRITE).0 {
        assert!(Instant::now() < deadline, "the gateway never heard of the loss");
    }
}

/// A tenant with a database of its own uses more connections at once as soon as its limit allows it.
async fn raise(it: &Deployment, port: &str) {
    it.does(&["plan", "create", "solo", "--model", "database", "--connections", "1"]);
    it.does(&["tenant", "create", "hooli", "--plan", "solo"]);
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port.parse().unwrap()).user("app").password("open sesame").dbname("hooli");
    let hold = async || {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN; SELECT 1").await.unwrap();
        client
    };
    let mut busy = vec![hold().await];
    it.does(&["tenant", "limits", "hooli", "--connections", "4"]);
    for _ in 0..3 {
        busy.push(hold().await);
    }
    drop(busy);
    it.does(&["tenant", "drop", "hooli", "--yes"]);
}

/// A row of nearly 1 GiB, which is the longest there is, passes through without being kept.
#[cfg(target_os = "linux")]
fn stream(gateway: &Gateway, port: &str) {
    const MOST_KIB: u64 = 64 << 10;
    let peak = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.child.id())).unwrap();
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
    let version = *versions_for_tests().last().unwrap();
    let it = Deployment::new(version, CONFIG).await.with_sample_schema();

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

    let mut gateway = Gateway::start(&it);
    let port = gateway.port.clone();
    gateway.until_told("READY=1");
    assert_eq!(
        psql(&port, "acme", "INSERT INTO labels (name) VALUES ('x') RETURNING name").1.lines().next(),
        Some("x")
    );
    assert_eq!(psql(&port, "globex", "SELECT count(*) FROM labels"), (true, "0".to_owned()));

    log(&gateway);
    stream(&gateway, &port);
    read(&it, &port);
    operate(&it, &gateway, &port);
    raise(&it, &port).await;
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
    let deadline = Instant::now() + DEADLINE;
    while !psql(&port, "globex.example.com", "SELECT count(*) FROM labels").0 {
        assert!(Instant::now() < deadline, "the gateway never heard of the domain");
    }

    // Both keys are good while the gateway hears of the new one; it serves all along.
    let rotated = it.does(&["cluster", "rotate-keys", "main", "--grace", "20"]);
    assert_eq!(rotated.out.trim(), "main/app signs with key 2");
    assert_eq!(psql(&port, "globex", "SELECT count(*) FROM labels"), (true, "0".to_owned()));
    assert_eq!(it.run(&["cluster", "rotate-keys", "main", "--database", "no"]).code, Some(2));

    gateway.until_told("WATCHDOG=1");
    gateway.signal("-TERM");
    gateway.until_told("STOPPING=1");
    assert!(gateway.child.wait().unwrap().success());
    it.does(&["cluster", "check"]);
}
