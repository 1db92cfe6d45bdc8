//! `tenantry convert` from the command line, killed without warning again and again, and served through the gateway afterwards.

use crate::binary::Said;
use crate::deployment::Deployment;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use tenantry_testkit::{client_bin, versions_for_tests};

const PRODUCT: &str = "
    CREATE TABLE countries (code text PRIMARY KEY);
    CREATE TABLE accounts (id bigint PRIMARY KEY, slug text NOT NULL UNIQUE);
    CREATE TABLE projects (id bigint PRIMARY KEY, account bigint NOT NULL REFERENCES accounts, name text NOT NULL);
    CREATE TABLE tasks (id bigint PRIMARY KEY, project bigint NOT NULL REFERENCES projects, title text NOT NULL);
    INSERT INTO accounts VALUES (1, 'acme'), (2, 'globex');
    INSERT INTO projects SELECT n, 1 + n % 2, 'P' || n FROM generate_series(1, 100) n;
    INSERT INTO tasks SELECT n, 1 + n % 100, 'T' || n FROM generate_series(1, 30000) n;";

struct It(Deployment);

impl It {
    async fn new() -> Self {
        let config = "[gateway]\nlisten = [\"127.0.0.1:0\"]\nworkers = 1\n[tables]\ncountries = \"global\"\n";
        let it = Deployment::new(*versions_for_tests().last().unwrap(), config).await;
        let admin = it.postgres.connect("postgres").await.unwrap();
        admin.batch_execute("CREATE DATABASE product").await.unwrap();
        it.postgres.connect("product").await.unwrap().batch_execute(PRODUCT).await.unwrap();
        Self(it)
    }

    fn command(&self, args: &[&str]) -> Command {
        self.0.command(args)
    }

    fn does(&self, args: &[&str]) -> Said {
        self.0.does(args)
    }

    /// Runs until so many steps were told, and kills it there. Says whether it ended by itself before that.
    fn killed_after(&self, args: &[&str], lines: usize) -> bool {
        let mut child = self.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let done = told.filter(|line| line.starts_with('+')).take(lines).count();
        if done < lines {
            assert!(child.wait().unwrap().success());
            return true;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        false
    }
}

fn psql(port: &str, database: &str, sql: &str) -> String {
    let output = Command::new(client_bin("psql").unwrap())
        .env("PGPASSWORD", "open sesame")
        .args(["-X", "-A", "-t", "-h", "127.0.0.1", "-p", port, "-U", "app", "-d", database, "-c", sql])
        .output()
        .unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    String::from_utf8(said).unwrap().trim().to_owned()
}

#[tokio::test]
async fn killed_without_warning_it_goes_on_and_the_gateway_serves_what_it_made() {
    let it = It::new().await;
    let of = ["--cluster", "main", "--database", "product", "--tenants", "accounts", "--tenant-key", "slug"];
    let with = |command: &[&'static str]| [command, &of[..]].concat();

    let plan = it.does(&with(&["convert", "plan"])).out;
    assert!(plan.contains("VALIDATE CONSTRAINT") || plan.contains("SET NOT NULL"), "{plan}");
    assert!(plan.contains("none keeps the application out for longer than a moment"), "{plan}");
    assert!(
        it.does(&["convert", "status", "--cluster", "main", "--database", "product"])
            .out
            .contains("no conversion")
    );

    // Each run may do a few steps more; what was done stays done.
    let run = with(&["convert", "run", "--enforce"]);
    let mut kills = 0;
    while !it.killed_after(&run, 5) {
        kills += 1;
        assert!(kills < 60, "it comes to an end");
    }
    assert!(kills > 4, "{kills}");
    let status = it.does(&["--json", "convert", "status", "--cluster", "main", "--database", "product"]).out;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["phase"], "enforced");

    it.does(&["login", "create", "app", "--all-tenants", "--password-file", "password"]);
    let mut gateway = it
        .command(&["serve", "--log-format", "json"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(gateway.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut told = lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok());
    let line = told.find(|line| line["message"] == "gateway is listening").unwrap();
    let port = line["address"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    std::thread::spawn(move || told.for_each(drop));
    let each = "SELECT count(*), count(DISTINCT tenant_id), min(tenant_id) FROM tasks";
    assert_eq!(psql(&port, "acme", each), "15000|1|1");
    assert_eq!(psql(&port, "globex", each), "15000|1|2");
    psql(
        &port,
        "acme",
        "INSERT INTO projects (id, account, name) VALUES (1, 1, 'the same id as globex has')",
    );
    assert_eq!(psql(&port, "globex", "SELECT name FROM projects WHERE id = 1"), "P1");
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    it.does(&["cluster", "check"]);
    let refused = it.0.run(&with(&["convert", "abort"]));
    assert!(refused.err.contains("can't be taken back any more"), "{refused}");
}
