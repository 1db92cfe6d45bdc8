//! A configuration of PgBouncer, and what corresponds to it here.
//!
//! Every line gets a verdict and a reason. Passwords are read to see of what kind they are, and never shown.

mod ini;
mod settings;
mod users;

use ini::{Entry, Section};
use serde::Serialize;
use settings::Gateway;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use tenantry_core::TenantKey;

/// What came of a configuration.
#[derive(Debug, Serialize)]
pub(crate) struct Import {
    /// The text of a `tenantry.toml`.
    pub(crate) configuration: String,
    pub(crate) commands: Vec<String>,
    pub(crate) lines: Vec<Line>,
}

/// One line of the old configuration.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) file: String,
    #[serde(rename = "line")]
    pub(crate) number: usize,
    pub(crate) text: String,
    pub(crate) verdict: Verdict,
    pub(crate) why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Kept,
    /// There is something like it.
    Changed,
    /// What it is for is done anyway.
    Needless,
    Lost,
}

/// A server that databases were on.
#[derive(Debug)]
struct Cluster {
    name: String,
    pool_size: Option<u32>,
}

/// Reads a `pgbouncer.ini` with its includes and its list of users.
pub(crate) fn read(path: &Path) -> io::Result<Import> {
    let entries = ini::read(path)?;
    let mut lines = Vec::new();
    let mut gateway = Gateway::default();
    for entry in entries.iter().filter(|entry| entry.section == Section::PgBouncer) {
        lines.push(entry.judged(settings::judge(entry, &mut gateway)));
    }
    let mut clusters: BTreeMap<(String, u16), Cluster> = BTreeMap::new();
    let mut tenants = Vec::new();
    for entry in entries.iter().filter(|entry| entry.section == Section::Databases) {
        lines.push(entry.judged(database(entry, &mut clusters, &mut tenants)));
    }
    let logins = users::read(path, &entries, &gateway, &mut lines);
    for entry in entries.iter().filter(|entry| entry.section == Section::Other) {
        let why = "sections other than [databases], [users] and [pgbouncer] have no counterpart; cancel requests find any of several gateways by themselves";
        lines.push(entry.judged((Verdict::Lost, why.to_owned())));
    }
    let mut commands: Vec<String> =
        clusters.values().map(|cluster| format!("tenantry cluster add {}", cluster.name)).collect();
    commands.extend(tenants);
    commands.extend(logins);
    commands.push("tenantry serve".to_owned());
    let configuration = configuration(&gateway, &clusters);
    Ok(Import { configuration, commands, lines })
}

/// A database by its name becomes a tenant with a database of its own.
fn database(
    entry: &Entry,
    clusters: &mut BTreeMap<(String, u16), Cluster>,
    tenants: &mut Vec<String>,
) -> (Verdict, String) {
    if entry.key == "*" {
        let why = "clients name a tenant, never a database of the server: a name that no tenant has is refused (3D000)";
        return (Verdict::Lost, why.to_owned());
    }
    let Ok(params) = ini::parameters(&entry.value) else {
        return (Verdict::Lost, "this is no connection string".to_owned());
    };
    let get = |key: &str| params.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let hosts = get("host").unwrap_or("/var/run/postgresql");
    let host = hosts.split(',').next().unwrap_or(hosts).to_owned();
    let port = get("port").and_then(|port| port.parse().ok()).unwrap_or(5432);
    let count = clusters.len();
    let cluster = clusters.entry((host.clone(), port)).or_insert_with(|| Cluster {
        name: if count == 0 { "main".to_owned() } else { format!("cluster{}", count + 1) },
        pool_size: None,
    });
    let size = ["max_db_connections", "pool_size"].iter().find_map(|key| get(key)?.parse::<u32>().ok());
    cluster.pool_size = cluster.pool_size.max(size);
    let dbname = get("dbname").unwrap_or(&entry.key);
    let Ok(key) = TenantKey::new(entry.key.clone()) else {
        let why = format!(
            "{:?} can't be a tenant's key (lower-case letters, digits and hyphens): create it under another and let clients connect to that",
            entry.key
        );
        return (Verdict::Lost, why);
    };
    tenants.push(format!("tenantry tenant create {key} --model database --cluster {}", cluster.name));
    let mut why = format!(
        "tenant {key} on cluster {} ({host}:{port}) with a database of its own: clients connect as before; bring the data of {dbname} with pg_dump, or turn it into a pool of many tenants with `tenantry convert`",
        cluster.name
    );
    let mut lost = Vec::new();
    for (name, _) in &params {
        let said = match name.as_str() {
            "host" if hosts.contains(',') => "one host only: a list of hosts is not kept",
            "user" => "the gateway has a login role of its own for each database",
            "password" => "the password is derived from the master key, delete it from the old file",
            "auth_user" | "auth_query" | "auth_dbname" => {
                "logins are in the catalog, not asked from the database"
            }
            "connect_query" => "connect_query is not kept",
            "client_encoding" | "datestyle" | "timezone" | "application_name" => {
                "set it with ALTER DATABASE or in the client"
            }
            "reserve_pool" | "reserve_pool_size" | "min_pool_size" => {
                "pools have neither a minimum nor a reserve"
            }
            "pool_mode" => "the mode belongs to a login here (`--pool-mode`)",
            _ => continue,
        };
        lost.push(said);
    }
    for said in &lost {
        // Writing to a String can't fail.
        let _infallible = write!(why, "; {said}");
    }
    (Verdict::Changed, why)
}

fn configuration(gateway: &Gateway, clusters: &BTreeMap<(String, u16), Cluster>) -> String {
    let mut out = String::new();
    let (host, port) = clusters.keys().next().cloned().unwrap_or(("localhost".to_owned(), 5432));
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line("[catalog]");
    line(&format!("url = {}", quoted(&url(&host, port, "tenantry"))));
    line(
        "password_file = \"secrets/catalog.password\"\n\n[secrets]\nmaster_key_file = \"secrets/master.key\"",
    );
    for ((host, port), cluster) in clusters {
        line(&format!("\n[clusters.{}]", cluster.name));
        line(&format!("url = {}", quoted(&url(host, *port, "postgres"))));
        line(&format!("password_file = \"secrets/{}.password\"", cluster.name));
        if let Some(size) = cluster.pool_size.or(gateway.pool_size) {
            line(&format!("max_connections = {size}"));
        }
    }
    line("\n[gateway]");
    for (key, value) in &gateway.values {
        line(&format!("{key} = {value}"));
    }
    if !gateway.plan.is_empty() {
        line("\n# Give it to tenants with --plan imported.\n[plans.imported]\nmodel = \"database\"");
        for (key, value) in &gateway.plan {
            line(&format!("{key} = {value}"));
        }
    }
    out
}

/// The directory of a socket stands in the query, as libpq has it.
fn url(host: &str, port: u16, database: &str) -> String {
    if let Some(directory) = host.strip_prefix('/') {
        format!("postgres://postgres@%2F{}:{port}/{database}", directory.replace('/', "%2F"))
    } else {
        format!("postgres://postgres@{host}:{port}/{database}")
    }
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
