//! Databases for the proof: a plain one, and two that are built in different ways. Roles and the tenant context are stand-ins (see
//! core.sql); `behaviour` uses the real isolation core.

use std::process::Stdio;
use tenantry_core::{ContextKind, SqlIdent, TenancyModel};
use tenantry_schema::{
    Compiled, Declaration, Model, Target, TenantType, introspection, introspection_settings, read,
};
use tenantry_testkit::{Postgres, client_bin, fresh_database, shared};
use tokio_postgres::{Client, Error};

pub(crate) const OWNER: &str = "tenantry_owner";
pub(crate) const APP: &str = "tenantry_app_proof";
pub(crate) const READER: &str = "tenantry_ro_proof";
const CORE: &str = include_str!("core.sql");

/// A database that is emptied for each case: that is quicker than making one.
pub(crate) struct Lab {
    postgres: &'static Postgres,
    database: String,
    pub(crate) client: Client,
}

impl Lab {
    pub(crate) async fn new(version: u32) -> Self {
        let postgres = shared(version).await;
        let database = fresh_database(postgres, "proof").await;
        let client = postgres.connect(&database).await.unwrap();
        client.batch_execute(CORE).await.unwrap();
        Self { postgres, database, client }
    }

    /// Removes everything from `public` and from tenants' schemas; `tenancy.tenant_id()` returns the declared type.
    pub(crate) async fn empty(&self, declaration: &Declaration) {
        let value_type = declaration.tenancy.value_type.as_sql();
        let sql = format!(
            "DROP SCHEMA IF EXISTS public CASCADE; DROP SCHEMA IF EXISTS t_5 CASCADE; CREATE SCHEMA public;
             DROP SCHEMA IF EXISTS extensions CASCADE; CREATE SCHEMA extensions;
             SET search_path TO public;
             DROP FUNCTION IF EXISTS tenancy.shared_tenant_id();
             DROP FUNCTION IF EXISTS tenancy.tenant_id();
             CREATE FUNCTION tenancy.tenant_id() RETURNS {value_type} LANGUAGE sql STABLE PARALLEL SAFE
                 RETURN nullif(current_setting('tenancy.lab', true), '')::{value_type};
             CREATE FUNCTION tenancy.shared_tenant_id() RETURNS {value_type} LANGUAGE sql STABLE PARALLEL SAFE
                 RETURN tenancy.tenant_id()"
        );
        self.client.batch_execute(&sql).await.unwrap();
    }

    /// Reads a schema in the transaction that is open, or in one of its own.
    pub(crate) async fn read(&self, schema: &SqlIdent) -> Model {
        let settings = introspection_settings(schema);
        let mut facts = Vec::new();
        self.client.batch_execute(&format!("SAVEPOINT reading; {settings}")).await.unwrap();
        for query in introspection() {
            let row = self.client.query_one(query.sql, &[]).await;
            let row = row.unwrap_or_else(|error| panic!("{}: {error:?}", query.name));
            facts.push((query.name.to_owned(), row.get(0)));
        }
        self.client.batch_execute("ROLLBACK TO SAVEPOINT reading").await.unwrap();
        read(&facts).unwrap()
    }

    pub(crate) async fn model(&self, schema: &str) -> Model {
        self.client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
        let model = self.read(&ident(schema)).await;
        self.client.batch_execute("COMMIT").await.unwrap();
        model
    }

    /// Runs what was compiled, in one transaction, as its caller is told to.
    pub(crate) async fn apply(&self, compiled: &Compiled, schema: &SqlIdent) -> Result<(), String> {
        self.client.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {schema}; BEGIN")).await.unwrap();
        for statement in &compiled.statements {
            if let Err(error) = self.client.batch_execute(statement).await {
                self.client.batch_execute("ROLLBACK").await.unwrap();
                return Err(format!("{statement}\n{}", said(&error)));
            }
        }
        self.client.batch_execute("COMMIT").await.unwrap();
        Ok(())
    }

    /// `pg_dump -s` of a schema, as its objects: sorted, and with the lines of each table sorted too, because a column that was
    /// added later stands behind the tenant column.
    pub(crate) async fn dump(&self, schema: &str) -> Vec<String> {
        let output = tokio::process::Command::new(client_bin("pg_dump").unwrap())
            .args(["-s", "-n", schema, "-h", self.postgres.host(), "-p", &self.postgres.port().to_string()])
            .args(["-U", self.postgres.superuser(), "-d", &self.database])
            .env("PGPASSWORD", self.postgres.password().expose())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        objects(&without_versions(&String::from_utf8(output.stdout).unwrap()))
    }
}

/// 15.20 keeps a number of its own among the options of every column.
fn without_versions(dump: &str) -> String {
    let kept = |line: &str| {
        let Some((before, after)) = line.split_once("pg_attver=") else { return Some(line.to_owned()) };
        let after = after.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches([',', ' ']);
        let before = before.trim_end_matches([',', ' ']);
        (!(before.ends_with('(') && after.starts_with(')'))).then(|| format!("{before}{after}"))
    };
    dump.lines().filter_map(kept).collect::<Vec<_>>().join("\n")
}

/// Options of a view are a set, which PostgreSQL keeps in the order in which they were set.
fn sorted_options(line: &str) -> String {
    let options = line.strip_prefix("CREATE VIEW ").and_then(|view| {
        let (name, rest) = view.split_once(" WITH (")?;
        let (options, query) = rest.split_once(") AS")?;
        let mut options: Vec<&str> = options.split(", ").collect();
        options.sort_unstable();
        Some(format!("CREATE VIEW {name} WITH ({}) AS{query}", options.join(", ")))
    });
    options.unwrap_or_else(|| line.to_owned())
}

fn objects(dump: &str) -> Vec<String> {
    let mut objects: Vec<String> = dump
        .split("\n--\n-- ")
        .filter(|object| object.starts_with("Name: "))
        .map(|object| {
            let object = object.split("\n\n\n").next().unwrap_or(object).trim_end();
            let lines: Vec<&str> = object.lines().filter(|line| !line.starts_with('\\')).collect();
            if lines
                .iter()
                .any(|line| line.starts_with("CREATE TABLE") || line.starts_with("CREATE UNLOGGED"))
            {
                sorted_table(&lines)
            } else {
                lines.iter().map(|line| sorted_options(line)).collect::<Vec<_>>().join("\n")
            }
        })
        .collect();
    objects.sort();
    objects
}

/// From 18 on a NOT NULL has a name. A partition that gets a column through its parent has the parent's name for it, one that is
/// created with it has its own; the model compares those that are a table's own.
fn without_name(line: &str) -> String {
    match (line.split_once(" CONSTRAINT "), line.strip_suffix("_not_null NOT NULL")) {
        (Some((column, _)), Some(_)) => format!("{column} NOT NULL"),
        _ => line.to_owned(),
    }
}

fn sorted_table(lines: &[&str]) -> String {
    let mut lines: Vec<String> = lines
        .iter()
        .map(|line| {
            if line.starts_with("    ") {
                without_name(line.trim_end_matches(','))
            } else {
                (*line).to_owned()
            }
        })
        .collect();
    let mut start = 0;
    while let Some(first) = lines[start..].iter().position(|line| line.starts_with("    ")) {
        let first = start + first;
        let length = lines[first..].iter().take_while(|line| line.starts_with("    ")).count();
        lines[first..first + length].sort();
        start = first + length;
    }
    lines.join("\n")
}

/// An error with what the server said about it.
pub(crate) fn said(error: &Error) -> String {
    match error.as_db_error() {
        Some(error) => {
            let detail = error.detail().map_or_else(String::new, |detail| format!(" ({detail})"));
            format!("{}: {}{detail}", error.code().code(), error.message())
        }
        None => error.to_string(),
    }
}

pub(crate) fn ident(name: &str) -> SqlIdent {
    SqlIdent::new(name).unwrap()
}

/// The declaration's sections from their text.
pub(crate) fn declared(text: &str) -> Declaration {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The placement of a model, for the declared type of tenant.
pub(crate) fn target(model: TenancyModel, declaration: &Declaration) -> Target {
    let is_schema = model == TenancyModel::Schema;
    let value = match declaration.tenancy.value_type {
        TenantType::Uuid => "00000000-0000-0000-0000-000000000005",
        TenantType::Bigint | TenantType::Text => "5",
    };
    Target {
        model,
        schema: ident(if is_schema { "t_5" } else { "public" }),
        owner: ident(OWNER),
        app: ident(APP),
        reader: Some(ident(READER)),
        context: ContextKind::Carrier,
        tenant_value: is_schema.then(|| value.to_owned()),
    }
}
