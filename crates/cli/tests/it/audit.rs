//! `tenantry audit` from the command line: databases made by hand, the databases of the catalog, fixes, attacks, and what is
//! refused.

use crate::binary::{Place, Said};
use crate::deployment::Deployment;
use serde_json::Value;
use std::process::Stdio;
use tenantry_testkit::{Postgres, fresh_database, shared, versions_for_tests};

/// As many products begin. Roles belong to the whole server, so each database has its own.
const PRODUCT: &str = "
    CREATE ROLE {db}_owner NOLOGIN; CREATE ROLE {db}_user LOGIN PASSWORD 'hunter2';
    GRANT USAGE ON SCHEMA public TO {db}_user; GRANT USAGE, CREATE ON SCHEMA public TO {db}_owner;
    CREATE TABLE organizations (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE users (id bigint PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, email text NOT NULL UNIQUE);
    CREATE TABLE projects (id bigint PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations,
      lead_id bigint REFERENCES users ON DELETE CASCADE, name text);
    CREATE INDEX projects_name ON projects (name);
    CREATE TABLE currencies (code text PRIMARY KEY);
    ALTER TABLE users ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON users USING (organization_id = nullif(current_setting('app.org', true), '')::bigint);
    GRANT ALL ON ALL TABLES IN SCHEMA public TO {db}_user;
    INSERT INTO organizations VALUES (1, 'a'), (2, 'b');
    INSERT INTO users VALUES (1, 1, 'a@a'), (2, 2, 'b@b');
    INSERT INTO projects VALUES (1, 1, 1, 'p'), (2, 2, 2, 'q');";

/// A database that somebody made by hand, and a folder to audit it from.
struct ByHand {
    postgres: &'static Postgres,
    database: String,
    place: Place,
}

impl ByHand {
    async fn new(version: u32, config: &str) -> Self {
        let postgres = shared(version).await;
        let database = fresh_database(postgres, "test").await;
        let admin = postgres.connect(&database).await.unwrap();
        admin.batch_execute(&PRODUCT.replace("{db}", &database)).await.unwrap();
        let place = Place::new().with("tenantry.toml", config);
        Self { postgres, database, place }
    }

    fn url(&self) -> String {
        self.url_of(self.postgres.superuser(), &self.database)
    }

    fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@{}:{}/{database}", self.postgres.host(), self.postgres.port())
    }

    fn run_at(&self, url: &str, args: &[&str]) -> Said {
        let mut command = self.place.command();
        command.env("PGPASSWORD", self.postgres.password().expose());
        command.args(["-q", "audit", "--url", url]).args(args);
        let said = Said::from(command.output().unwrap());
        assert!(!said.to_string().contains(self.postgres.password().expose()), "no password is printed");
        said
    }

    fn audit(&self, args: &[&str]) -> Said {
        self.run_at(&self.url(), args)
    }

    fn json(&self, args: &[&str]) -> (Option<i32>, Value) {
        let said = self.audit(&[&["--format", "json"], args].concat());
        (said.code, serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said}")))
    }
}

fn rules(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_database_made_by_hand() {
    for version in versions_for_tests() {
        let it = ByHand::new(version, "").await;
        let said = it.audit(&[]);
        assert_eq!(said.code, Some(9), "{said}");
        for line in [
            "made by hand, 4 tables, 2 of them with tenants' rows",
            "tenant column: organization_id",
            "]: row-level security is off",
            "warning[row-security-not-forced]",
        ] {
            let line = line.strip_prefix("]").unwrap_or(line);
            assert!(said.out.contains(line), "{line}: {said}");
        }
        assert!(
            said.err.contains("findings as bad as --fail-on") && said.err.contains("--fix shows how"),
            "{said}"
        );

        let (code, whole) = it.json(&[]);
        assert_eq!((code, whole["format"].as_str()), (Some(9), Some("tenantry-audit/1")));
        assert!(
            rules(&whole).contains(&"foreign-key") && rules(&whole).contains(&"policy-no-floor"),
            "{whole:#}"
        );
        // Milder ones are left out of what is printed, and the code stays.
        let (code, errors) = it.json(&["--min-severity", "error"]);
        assert_eq!(code, Some(9));
        assert!(!rules(&errors).is_empty() && rules(&errors).len() < rules(&whole).len());
        assert!(errors["findings"].as_array().unwrap().iter().all(|finding| finding["severity"] == "error"));
        assert_eq!(it.json(&["--fail-on", "never"]).0, Some(0));
        // One rule alone, by what it finds and how bad that is.
        let (code, one) = it.json(&["--rule", "policy-no-floor"]);
        assert_eq!((code, rules(&one)), (Some(0), vec!["policy-no-floor"]));
        assert_eq!(it.json(&["--rule", "policy-no-floor", "--fail-on", "note"]).0, Some(9));
        // `--json` of the whole program is the same document.
        let mut command = it.place.command();
        command.env("PGPASSWORD", it.postgres.password().expose());
        let said = Said::from(command.args(["-q", "--json", "audit", "--url", &it.url()]).output().unwrap());
        let same: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(rules(&same), rules(&whole));

        let said = it.audit(&["--format", "sarif"]);
        let sarif: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!((said.code, sarif["version"].as_str()), (Some(9), Some("2.1.0")));
        assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), rules(&whole).len());
    }
}

#[tokio::test]
async fn what_is_accepted_is_told_with_its_reason() {
    let config = "[[ignore]]\nrule = \"row-security-off\"\nplace = \"proj*\"\nreason = \"the reports need it\"\n\
                  [[ignore]]\nrule = \"row-security-of\"\nplace = \"*\"\nreason = \"mistyped\"\n\
                  [[ignore]]\nrule = \"unique\"\nplace = \"*\"\nreason = \"\"\n";
    let it = ByHand::new(versions_for_tests()[0], config).await;
    let said = it.audit(&["--rule", "row-security-off"]);
    assert_eq!(said.code, Some(0), "{said}");
    assert!(
        said.out.contains("ignored[row-security-off]") && said.out.contains("(the reports need it)"),
        "{said}"
    );
    assert!(said.out.contains("1 are ignored") || said.out.contains("1 ignored"), "{said}");
    assert!(said.err.contains("did you mean \"row-security-off\"?"), "{said}");
    assert!(said.err.contains("it has no reason, so it ignores nothing"), "{said}");
    let (_, report) = it.json(&["--rule", "unique"]);
    assert!(report["findings"].as_array().unwrap().iter().all(|finding| finding["ignored"].is_null()));
    let (_, report) = it.json(&["--rule", "row-security-off"]);
    assert_eq!(report["findings"][0]["ignored"]["reason"], "the reports need it");
    // What is accepted is not mended.
    let said = it.audit(&["--rule", "row-security-off", "--fix"]);
    assert!(said.out.contains("nothing that a statement could mend"), "{said}");
}

/// What a person has to decide stays; all else is gone after one run, and the application goes on working.
#[tokio::test]
async fn what_is_found_is_mended() {
    for version in versions_for_tests() {
        let it = ByHand::new(version, "").await;
        let said = it.audit(&["--fix"]);
        assert_eq!(said.code, Some(0), "{said}");
        assert!(said.out.contains("SET lock_timeout = '3s';"), "{said}");
        assert!(said.out.contains("-- keeps out everybody on projects, for a moment\n"), "{said}");
        let before = it.json(&[]).1;
        assert!(rules(&before).contains(&"row-security-off"), "printing changed nothing");

        let refused = it.audit(&["--fix", "--apply"]);
        assert_eq!(refused.code, Some(10), "nobody was asked: {refused}");
        assert!(rules(&it.json(&[]).1).contains(&"row-security-off"), "refusing changed nothing");

        let said = it.audit(&["--fix", "--apply", "--yes"]);
        assert!(!said.err.contains("not done"), "{version}: {said}");
        let (_, after) = it.json(&[]);
        let left: Vec<_> = after["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| !finding["fix"].as_array().unwrap().is_empty())
            .map(|finding| format!("{} {}", finding["rule"], finding["place"]["object"]))
            .collect();
        assert!(left.is_empty(), "{version}: {left:#?}");
        let admin = it.postgres.connect(&it.database).await.unwrap();
        admin
            .batch_execute(&format!(
                "SET ROLE {}_user; SET app.org = '1'; INSERT INTO users VALUES (3, 1, 'b@b'); \
                 UPDATE projects SET lead_id = 3 WHERE id = 1; DELETE FROM users WHERE id = 3",
                it.database
            ))
            .await
            .unwrap_or_else(|error| panic!("{version}: {error:?}"));
        let refused = admin.batch_execute("INSERT INTO projects VALUES (9, 2, NULL, 'x')").await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "another tenant's row");
    }
}

#[test]
fn rules_explain_themselves() {
    let place = Place::new();
    let said = place.run(&["audit", "--explain", "context-forgeable"]);
    assert_eq!(said.code, Some(0), "{said}");
    for part in ["context-forgeable\n", "\nWhy\n", "\nFound\n", "\nNot found\n", "The query", "pg_settings"] {
        assert!(said.out.contains(part), "{part}: {said}");
    }
    let said = place.run(&["--json", "audit", "--explain", "schema-drift"]);
    let known: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(known["rule"], "schema-drift");
    let said = place.run(&["audit", "--explain", "context-forgable"]);
    assert_eq!(said.code, Some(2), "{said}");
    assert_eq!(
        said.err,
        "error: there is no rule \"context-forgable\"\nhint: did you mean \"context-forgeable\"?\n"
    );
    let said = place.run(&["audit", "--explain", "nothing-of-the-kind"]);
    assert_eq!(
        said.err,
        "error: there is no rule \"nothing-of-the-kind\"\nhint: `tenantry rules` lists them\n"
    );
}

#[tokio::test]
async fn bad_input_is_told() {
    let it = ByHand::new(*versions_for_tests().last().unwrap(), "").await;
    let (url, user) = (it.url(), format!("{}_user", it.database));
    for (at, args, code, wanted) in [
        (
            "postgres://me@127.0.0.1:1/shop",
            &[][..],
            8,
            "can't connect to database \"shop\" at 127.0.0.1:1 as me",
        ),
        (&it.url_of(it.postgres.superuser(), "nowhere"), &[], 2, "database \"nowhere\" does not exist"),
        (&it.url_of("nobody_of_that_name", &it.database), &[], 5, "nobody_of_that_name"),
        (&it.url_of(&user, &it.database), &[], 5, "password authentication failed"),
        ("postgres://me:hunter2@127.0.0.1:1/shop", &[], 2, "password"),
        ("mysql://me@127.0.0.1/shop", &[], 2, "--url"),
        (&url, &["--rule", "row-security-of"], 2, "did you mean \"row-security-off\"?"),
        (&url, &["--schema", "nowhere"], 2, "has no schema \"nowhere\""),
        (&url, &["--cluster", "main"], 2, "cannot be used with"),
        (&url, &["--apply"], 2, "--fix"),
        (&url, &["--min-severity", "fatal"], 2, "error, warning, note"),
        (&url, &["--password-file", "nowhere"], 2, "nowhere"),
        (&url, &["--attack", "--as-role", "app"], 2, "--as-role needs --enter and --tenants"),
    ] {
        let said = it.run_at(at, args);
        assert_eq!(said.code, Some(code), "{at} {args:?}: {said}");
        assert!(said.err.contains(wanted), "{at} {args:?}: {said}");
        assert!(!said.to_string().contains("hunter2"), "{at}: {said}");
        assert!(!said.to_string().contains("panicked"), "{at}: {said}");
    }
    let said = Place::new().run(&["audit"]);
    assert_eq!(said.code, Some(2), "{said}");
}

/// A deployment with a tenant of each model.
struct Fleet(Deployment);

impl Fleet {
    async fn new(version: u32) -> Self {
        let config = "[schema]\nfile = \"schema.sql\"\n[tables]\ncountries = \"global\"\n";
        let fleet = Deployment::new(version, config).await.with_sample_schema();
        for args in [
            &["cluster", "add", "main"][..],
            &["schema", "apply"],
            &["tenant", "create", "acme"],
            &["tenant", "create", "globex", "--model", "schema"],
            &["tenant", "create", "initech", "--model", "database"],
        ] {
            fleet.does(args);
        }
        Self(fleet)
    }

    fn run(&self, args: &[&str]) -> Said {
        self.0.run(args)
    }

    fn tenants(&self) -> Vec<String> {
        let said = self.run(&["--json", "tenant", "list"]);
        let listed: Value = serde_json::from_str(&said.out).unwrap();
        let listed =
            listed.as_array().cloned().unwrap_or_else(|| listed["tenants"].as_array().unwrap().clone());
        listed.iter().map(|tenant| tenant["key"].as_str().unwrap().to_owned()).collect()
    }

    async fn count(&self, sql: &str) -> i64 {
        self.0.postgres.connect("tenantry").await.unwrap().query_one(sql, &[]).await.unwrap().get(0)
    }
}

#[tokio::test]
async fn the_fleet_of_the_catalog() {
    for version in versions_for_tests() {
        let fleet = Fleet::new(version).await;
        let said = fleet.run(&["--json", "audit", "--fail-on", "warning"]);
        let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert_eq!(report["audited"].as_array().unwrap().len(), 2, "the pool and the tenant's own: {said}");
        let bad: Vec<_> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["severity"] == "error" || finding["severity"] == "warning")
            // The test server's own.
            .filter(|finding| {
                !["host-authentication", "role-password", "server-binary-replaced", "minor-version"]
                    .contains(&finding["rule"].as_str().unwrap())
            })
            .collect();
        assert!(bad.is_empty(), "{version}: {bad:#?}");

        let admin = fleet.0.postgres.connect("app").await.unwrap();
        admin.batch_execute("ALTER TABLE public.projects DISABLE ROW LEVEL SECURITY").await.unwrap();
        let said =
            fleet.run(&["-q", "audit", "--cluster", "main", "--database", "app", "--min-severity", "error"]);
        assert_eq!(said.code, Some(9), "{said}");
        assert!(said.out.contains("error[row-security]: main/app/public: projects"), "{said}");

        // One that can't be reached does not keep the others from being audited.
        let elsewhere = fleet.0.postgres.connect("postgres").await.unwrap();
        elsewhere.batch_execute("ALTER DATABASE app ALLOW_CONNECTIONS false").await.unwrap();
        let said = fleet.run(&["-q", "audit"]);
        assert!(said.out.contains("not checked[database]: main/app: can't connect"), "{said}");
        assert!(said.out.contains("made by Tenantry"), "the other one was audited: {said}");
        assert!(![Some(0), Some(9)].contains(&said.code), "{said}");
    }
}

#[tokio::test]
async fn attacks_leave_nothing_behind() {
    let fleet = Fleet::new(*versions_for_tests().last().unwrap()).await;
    let before = fleet.tenants();
    let refused = fleet.run(&["audit", "--attack"]);
    assert_eq!(refused.code, Some(10), "{refused}");
    assert!(refused.err.contains("nothing says that main/app is for testing"), "{refused}");

    let said = fleet.run(&["-q", "audit", "--attack", "--this-is-not-production"]);
    assert_eq!(said.code, Some(0), "{said}");
    for model in ["(shared)", "(schema)", "(database)"] {
        assert!(said.out.contains(model), "{model}: {said}");
    }
    assert!(said.out.contains(" 0 leaked") && !said.out.contains("LEAKED"), "{said}");
    assert_eq!(fleet.tenants(), before);
    let databases = "SELECT count(*) FROM pg_database WHERE datname ~ '^(t|tenantry_t)_?[0-9]+$'";
    let own = fleet.count(databases).await;

    // Killed while its tenants are there: the next run drops them.
    let mut child = fleet
        .0
        .command(&["-q", "audit", "--attack", "--this-is-not-production"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while fleet.tenants().len() < before.len() + 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(fleet.tenants().len() > before.len());
    // Its locks go when the server notices that its connections are gone.
    while fleet.count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").await > 0 {
        tokio::task::yield_now().await;
    }
    let said = fleet.run(&["-q", "audit", "--attack", "--this-is-not-production", "--model", "shared"]);
    assert_eq!(said.code, Some(0), "{said}");
    assert_eq!(fleet.tenants(), before);
    assert_eq!(fleet.count(databases).await, own);
}

/// A careless database, attacked as its application works with it.
#[tokio::test]
async fn a_careless_database_is_attacked_by_hand() {
    let it = ByHand::new(versions_for_tests()[0], "").await;
    let user = format!("{}_user", it.database);
    let args = ["--attack", "--as-role", &user, "--enter", "SET app.org = '{tenant}'", "--tenants", "1,2"];
    let said = it.audit(&[&args[..], &["--table", "projects", "--this-is-not-production"]].concat());
    assert_eq!(said.code, Some(9), "{said}");
    assert!(said.out.contains("LEAKED"), "{said}");
    let admin = it.postgres.connect(&it.database).await.unwrap();
    let rows: i64 = admin.query_one("SELECT count(*) FROM projects", &[]).await.unwrap().get(0);
    assert_eq!(rows, 2, "all was rolled back");
}
