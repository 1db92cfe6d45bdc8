//! The settings: what they are, and which of them can change while the gateway runs.

use super::answer::Cell;
use crate::config::Config;
use crate::error::ClientError;
use crate::worker::Shared;
use std::sync::Arc;
use std::time::Duration;
use tenantry_core::ErrorKind;

/// A setting as the console knows it: named as in the configuration file.
struct Setting {
    key: &'static str,
    get: fn(&Config) -> String,
    /// `None` where only a restart can change it.
    set: Option<fn(&mut Config, &str) -> Option<()>>,
}

/// What a new configuration changed, and what of it has to wait for a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    pub changed: Vec<&'static str>,
    pub needs_restart: Vec<&'static str>,
}

macro_rules! fixed {
    ($key:literal, $get:expr) => {
        Setting { key: $key, get: $get, set: None }
    };
}

const SETTINGS: &[Setting] = &[
    fixed!("listen", |c| c.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    fixed!("share_port", |c| c.share_port.to_string()),
    fixed!("workers", |c| c.workers.to_string()),
    fixed!("io_uring", |c| c.io_uring.to_string()),
    Setting {
        key: "max_clients",
        get: |c| c.max_clients.to_string(),
        set: Some(|c, v| put(&mut c.max_clients, v)),
    },
    Setting {
        key: "login_timeout_ms",
        get: |c| ms(c.login_timeout),
        set: Some(|c, v| v.parse().ok().map(|v| c.login_timeout = Duration::from_millis(v))),
    },
    fixed!("connect_timeout_ms", |c| ms(c.connect_timeout)),
    fixed!("handover_timeout_ms", |c| ms(c.handover_timeout)),
    fixed!("queue_timeout_ms", |c| ms(c.queue_timeout)),
    fixed!("max_queue", |c| c.max_queue.to_string()),
    fixed!("linger_ms", |c| ms(c.linger)),
    fixed!("server_idle_timeout_ms", |c| ms(c.server_idle_timeout)),
    fixed!("replica_check_interval_ms", |c| ms(c.replica_check_interval)),
    fixed!("replica_max_lag_ms", |c| ms(c.replica_max_lag)),
    fixed!("replica_wait_ms", |c| ms(c.replica_wait)),
    fixed!("max_message_bytes", |c| c.max_message_bytes.to_string()),
    fixed!("buffer_bytes", |c| c.buffer_bytes.to_string()),
    fixed!("max_client_statements", |c| c.max_client_statements.to_string()),
    fixed!("max_server_statements", |c| c.max_server_statements.to_string()),
    fixed!("max_server_schemas", |c| c.max_server_schemas.to_string()),
    fixed!("max_tenant_stats", |c| c.max_tenant_stats.to_string()),
    fixed!("metrics_listen", |c| c.metrics_listen.map(|a| a.to_string()).unwrap_or_default()),
    Setting {
        key: "metrics_labels",
        get: |c| c.metrics_labels.to_string(),
        set: Some(|c, v| put(&mut c.metrics_labels, v)),
    },
    Setting {
        key: "log_min_duration_ms",
        get: |c| c.log_min_duration.map(ms).unwrap_or_default(),
        set: Some(|c, v| match v {
            "" | "-1" | "off" => {
                c.log_min_duration = None;
                Some(())
            }
            _ => v.parse().ok().map(|v| c.log_min_duration = Some(Duration::from_millis(v))),
        }),
    },
    Setting {
        key: "log_connections",
        get: |c| c.log_connections.to_string(),
        set: Some(|c, v| switch(v).map(|on| c.log_connections = on)),
    },
];

/// PgBouncer's names for some of them, which scripts and exporters use.
const ALIASES: &[(&str, &str)] = &[("max_client_conn", "max_clients")];

fn ms(duration: Duration) -> String {
    duration.as_millis().to_string()
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "1" | "true" | "on" | "yes" => Some(true),
        "0" | "false" | "off" | "no" => Some(false),
        _ => None,
    }
}

fn put<T: std::str::FromStr>(place: &mut T, value: &str) -> Option<()> {
    value.parse().ok().map(|value| *place = value)
}

/// The rows of `SHOW CONFIG`.
pub(super) fn rows(shared: &Shared) -> Vec<Vec<Cell>> {
    let (now, default) = (shared.live.load(), Config::default());
    let row = |key: &str, setting: &Setting| -> Vec<Cell> {
        let changeable = if setting.set.is_some() { "yes" } else { "no" };
        vec![key.into(), (setting.get)(&now).into(), (setting.get)(&default).into(), changeable.into()]
    };
    let own = SETTINGS.iter().map(|setting| row(setting.key, setting));
    let aliases = ALIASES.iter().filter_map(|(alias, key)| find(key).map(|setting| row(alias, setting)));
    own.chain(aliases).collect()
}

fn find(key: &str) -> Option<&'static Setting> {
    let key = ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, key)| key);
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// `SET key = value`.
pub(super) fn set(shared: &Shared, key: &str, value: &str) -> Result<(), ClientError> {
    let Some(setting) = find(key) else {
        return Err(ClientError::new(ErrorKind::InvalidInput, format!("there is no setting {key:?}"))
            .with_sqlstate("42704")
            .with_hint("SHOW CONFIG lists them"));
    };
    let Some(set) = setting.set else {
        return Err(ClientError::new(
            ErrorKind::InvalidInput,
            format!("{key} can't be changed while the gateway runs"),
        )
        .with_sqlstate("55P02")
        .with_hint("change it in the configuration and restart"));
    };
    let mut config = Config::clone(&shared.live.load());
    if set(&mut config, value).is_none() {
        return Err(ClientError::new(ErrorKind::InvalidInput, format!("{value:?} is no value for {key}")));
    }
    shared.live.store(Arc::new(config));
    Ok(())
}

/// Takes over what can change, and says what did and what could not.
pub(crate) fn reload(shared: &Shared, new: &Config) -> Reloaded {
    let mut config = Config::clone(&shared.live.load());
    let mut reloaded = Reloaded::default();
    for setting in SETTINGS {
        let value = (setting.get)(new);
        if value == (setting.get)(&config) {
            continue;
        }
        match setting.set {
            // What `get` wrote, `set` reads.
            Some(set) if set(&mut config, &value).is_some() => reloaded.changed.push(setting.key),
            _ => reloaded.needs_restart.push(setting.key),
        }
    }
    shared.live.store(Arc::new(config));
    reloaded
}
