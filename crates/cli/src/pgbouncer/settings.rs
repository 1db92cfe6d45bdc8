//! The settings of [pgbouncer], one by one.

use super::ini::Entry;
use super::{Verdict, quoted};
use std::collections::BTreeMap;

/// What they come to.
#[derive(Debug, Default)]
pub(super) struct Gateway {
    /// Keys of [gateway], with their values as TOML.
    pub(super) values: BTreeMap<&'static str, String>,
    pub(super) plan: BTreeMap<&'static str, String>,
    pub(super) pool_size: Option<u32>,
    pub(super) addresses: Vec<String>,
    pub(super) port: Option<u16>,
    pub(super) session_pooling: bool,
    pub(super) admins: Vec<String>,
    pub(super) auth_file: Option<String>,
}

/// Judges one setting and takes over what it can.
pub(super) fn judge(entry: &Entry, gateway: &mut Gateway) -> (Verdict, String) {
    let key = entry.key.to_ascii_lowercase();
    let value = entry.value.trim_matches('\'');
    taken(&key, value, gateway).unwrap_or_else(|| {
        let (verdict, why) = left(&key, value);
        (verdict, why.to_owned())
    })
}

/// What has a counterpart.
fn taken(key: &str, value: &str, gateway: &mut Gateway) -> Option<(Verdict, String)> {
    let seconds = || value.parse::<f64>().ok().filter(|s| *s >= 0.0).map(|s| format!("{:.0}", s * 1_000.0));
    let on = || matches!(value, "1" | "true" | "on" | "yes");
    let (name, value) = match key {
        "listen_addr" => {
            gateway.addresses =
                value.split(',').map(|a| a.trim().to_owned()).filter(|a| !a.is_empty()).collect();
            return Some(listening(gateway));
        }
        "listen_port" => {
            gateway.port = value.parse().ok();
            return Some(listening(gateway));
        }
        "default_pool_size" | "max_db_connections" => {
            let size = value.parse().ok().filter(|size| *size > 0);
            gateway.pool_size = gateway.pool_size.max(size);
            return Some((
                Verdict::Changed,
                "max_connections of each cluster: for each of its databases, shared by all tenants in it"
                    .into(),
            ));
        }
        "auth_file" => {
            gateway.auth_file = Some(value.to_owned());
            return Some((Verdict::Changed, "its users become logins in the catalog, see there".into()));
        }
        "admin_users" => {
            gateway.admins =
                value.split(',').map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect();
            return Some((
                Verdict::Changed,
                "logins with --admin; the console is psql's database `admin`, and `pgbouncer` too".into(),
            ));
        }
        "pool_mode" => {
            gateway.session_pooling = value == "session";
            return Some(pool_mode(value));
        }
        "query_timeout" => return Some(plan(gateway, "statement_timeout_ms", seconds()?)),
        "transaction_timeout" => return Some(plan(gateway, "transaction_timeout_ms", seconds()?)),
        "idle_transaction_timeout" => return Some(plan(gateway, "idle_in_transaction_ms", seconds()?)),
        "max_client_conn" => ("max_clients", value.parse::<usize>().ok()?.to_string()),
        "client_login_timeout" => ("login_timeout_ms", seconds()?),
        "server_connect_timeout" => ("connect_timeout_ms", seconds()?),
        "server_idle_timeout" => ("server_idle_timeout_ms", seconds()?),
        "query_wait_timeout" => ("queue_timeout_ms", seconds()?),
        "max_prepared_statements" => {
            ("max_server_statements", value.parse::<usize>().ok()?.max(1).to_string())
        }
        "max_packet_size" => ("max_message_bytes", value.parse::<usize>().ok()?.to_string()),
        "log_connections" | "log_disconnections" => ("log_connections", on().to_string()),
        "so_reuseport" => ("share_port", on().to_string()),
        _ => return None,
    };
    let why = format!("[gateway] {name} = {value}");
    gateway.values.insert(name, value);
    Some((Verdict::Kept, why))
}

fn plan(gateway: &mut Gateway, name: &'static str, value: String) -> (Verdict, String) {
    let why = format!(
        "[plans.imported] {name} = {value}: a limit of each tenant; its statement is cancelled, the connection stays where it can"
    );
    gateway.plan.insert(name, value);
    (Verdict::Changed, why)
}

fn pool_mode(value: &str) -> (Verdict, String) {
    match value {
        "transaction" => (Verdict::Kept, "what the gateway does by default".into()),
        "session" => (
            Verdict::Kept,
            "--pool-mode session of each login; without it most applications need fewer connections".into(),
        ),
        _ => (Verdict::Lost, "statement pooling is not offered: transactions are kept together".into()),
    }
}

fn listening(gateway: &mut Gateway) -> (Verdict, String) {
    let port = gateway.port.unwrap_or(6432);
    let hosts =
        if gateway.addresses.is_empty() { vec!["127.0.0.1".to_owned()] } else { gateway.addresses.clone() };
    let address = |host: &String| match host.as_str() {
        "*" => vec![format!("0.0.0.0:{port}"), format!("[::]:{port}")],
        host if host.contains(':') => vec![format!("[{host}]:{port}")],
        host => vec![format!("{host}:{port}")],
    };
    let all: Vec<String> = hosts.iter().flat_map(address).map(|address| quoted(&address)).collect();
    let value = format!("[{}]", all.join(", "));
    let why = format!("[gateway] listen = {value}");
    gateway.values.insert("listen", value);
    (Verdict::Kept, why)
}

/// What has none, and why.
fn left(key: &str, value: &str) -> (Verdict, &'static str) {
    use Verdict::{Changed, Lost, Needless};
    match key {
        "auth_type" if value == "scram-sha-256" => {
            (Verdict::Kept, "SCRAM-SHA-256 is what the gateway asks for")
        }
        "auth_type" if value == "cert" => {
            (Changed, "client certificates: see [gateway.tls] and `tenantry login create`, not carried over")
        }
        "auth_type" => (
            Lost,
            "the gateway asks for SCRAM-SHA-256 or a certificate: any, trust, plain, md5, hba, pam and ldap are not offered; current drivers speak SCRAM by themselves",
        ),
        "auth_query" | "auth_user" | "auth_dbname" => (
            Lost,
            "passwords are not looked up in databases: each user becomes a login (`tenantry login create`)",
        ),
        "auth_hba_file" | "auth_ident_file" => (
            Lost,
            "there is no HBA file: which tenants a login may act for is in the catalog, addresses belong to the firewall",
        ),
        "auth_ldap_options" => (Lost, "LDAP is not offered"),
        "stats_users" => {
            (Lost, "the console is for administrators (--admin); for watching there is metrics_listen")
        }
        _ if key.starts_with("client_tls_") => {
            (Lost, "not carried over: name the same files in [gateway.tls]")
        }
        _ if key.starts_with("server_tls_") => {
            (Lost, "not carried over: TLS to servers is a matter of each cluster (sslmode)")
        }
        "unix_socket_dir" | "unix_socket_mode" | "unix_socket_group" => {
            (Lost, "clients connect over TCP only")
        }
        "logfile" | "syslog" | "syslog_facility" | "syslog_ident" => {
            (Changed, "logs go to standard error, as text or JSON: the service manager keeps them")
        }
        "pidfile" | "user" | "service_name" | "job_name" | "conffile" => {
            (Needless, "the service manager knows; see packaging/tenantry.service")
        }
        "verbose" => (Changed, "tenantry serve --log debug"),
        "log_stats" | "stats_period" => {
            (Changed, "counts are in SHOW STATS and, with metrics_listen, in /metrics")
        }
        "log_pooler_errors" => (Needless, "errors that a person should see are logged"),
        "server_reset_query" | "server_reset_query_always" => {
            (Needless, "what a session leaves behind is cleaned up, always and more of it")
        }
        "server_check_query" | "server_check_delay" => {
            (Needless, "a connection that broke while idle is noticed and replaced")
        }
        "server_fast_close" => (Needless, "RECONNECT replaces connections as they come back"),
        "server_lifetime" => (Lost, "connections live as long as they are used; RECONNECT replaces them"),
        "server_login_retry" => {
            (Needless, "the next transaction tries again, with a bound on how long it waits")
        }
        "server_round_robin" => {
            (Lost, "a connection that is inside the tenant already is preferred, then the one used last")
        }
        "ignore_startup_parameters" => {
            (Changed, "harmless settings are taken over for the session, others are refused by name")
        }
        "track_extra_parameters" => {
            (Needless, "the settings that PostgreSQL reports follow the client by themselves")
        }
        "application_name_add_host" => (Lost, "SHOW CLIENTS has the addresses"),
        "min_pool_size" | "reserve_pool_size" | "reserve_pool_timeout" => (
            Lost,
            "pools have neither a minimum nor a reserve: tenants share by the server time that they used",
        ),
        "max_user_connections" | "max_user_client_connections" | "max_db_client_connections" => {
            (Lost, "limits belong to tenants here: [plans] connections")
        }
        "client_idle_timeout" => (Lost, "idle clients cost next to nothing and stay"),
        "cancel_wait_timeout" | "suspend_timeout" | "autodb_idle_timeout" | "query_wait_notify" => {
            (Needless, "nothing here waits for it")
        }
        "disable_pqexec" => {
            (Lost, "several statements in one query are passed on: isolation does not rest on reading them")
        }
        "listen_backlog" | "pkt_buf" | "sbuf_loopcnt" | "tcp_socket_buffer" | "tcp_defer_accept" => {
            (Needless, "tuned otherwise here")
        }
        _ if key.starts_with("tcp_") => {
            (Changed, "peers are asked after 30 s of silence, then three times every 10 s")
        }
        _ if key.starts_with("dns_") || key == "resolv_conf" => {
            (Needless, "names are looked up when a connection is opened")
        }
        "peer_id" => (Needless, "cancel requests find their gateway by themselves"),
        _ => (Lost, "not known to this version"),
    }
}
