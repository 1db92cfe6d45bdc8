//! The session settings that follow a client from one server connection to the next.
//!
//! They come from the client's startup packet (an allow-list) and from the server's ParameterStatus reports. What a
//! client sets otherwise lives until its transaction ends: the connection is then reset.

/// Settings that a client may choose in its startup packet. Nothing here concerns isolation, limits, or how the
/// server treats other tenants; everything else is refused with a hint. Where names are looked up (JDBC's `currentSchema`) is
/// the client's own affair: SQL may change it at any time.
const STARTUP: &[&str] = &[
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "extra_float_digits",
    "geqo",
    "intervalstyle",
    "jit",
    "lc_time",
    "lc_monetary",
    "lc_numeric",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "plan_cache_mode",
    "search_path",
    "standard_conforming_strings",
    "statement_timeout",
    "synchronous_commit",
    "timezone",
    "work_mem",
    "xmloption",
];

/// Settings that the server reports by itself, and that a client may change by SQL: a change follows it.
const FOLLOWED: &[&str] = &[
    "application_name",
    "client_encoding",
    "datestyle",
    "default_transaction_read_only",
    "intervalstyle",
    "standard_conforming_strings",
    "timezone",
];

/// A client's settings, in the order of their lower-case names. Usually a handful, kept by every client; compared at every
/// handover.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings(Vec<(Box<str>, Box<str>)>);

impl Settings {
    /// Whether a startup packet may carry the setting: one of the list, or the application's own, which has a dot.
    pub(crate) fn allowed_at_startup(name: &str) -> bool {
        STARTUP.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
            || (name.contains('.') && Self::may_follow(name))
    }

    /// Whether a reported value of the setting follows the client.
    pub(crate) fn is_followed(name: &str) -> bool {
        FOLLOWED.iter().any(|followed| followed.eq_ignore_ascii_case(name))
    }

    /// Whether a setting that a client has changed by SQL may follow it: all but those that say who somebody is, or
    /// whether policies apply. That is no part of the guarantee; SQL can set them on any connection, to no effect.
    pub(crate) fn may_follow(name: &str) -> bool {
        const NEVER: &[&str] = &["role", "session_authorization", "row_security", "session_replication_role"];
        const OURS: &[&str] = &["tenancy.", "tenantry."];
        let name = name.to_ascii_lowercase();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$');
        name.bytes().all(plain)
            && !NEVER.contains(&name.as_str())
            && !OURS.iter().any(|prefix| name.starts_with(prefix))
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if let Ok(at) = self.find(name) {
            self.0.remove(at);
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        match self.find(&name) {
            Ok(at) => self.0[at].1 = value.into(),
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (name.into(), value.into()));
            }
        }
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.find(name).ok().map(|at| &*self.0[at].1)
    }

    /// The names of those that no server lists, because the application made them up.
    pub(crate) fn own(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name).filter(|name| name.contains('.'))
    }

    /// Whether text on a connection with these settings is UTF-8, as it is by default.
    pub(crate) fn is_utf8(&self) -> bool {
        let encoding = self.get("client_encoding").unwrap_or("UTF8");
        ["utf8", "utf-8", "unicode"].iter().any(|name| name.eq_ignore_ascii_case(encoding))
    }

    /// All of them, as a server connection that has none yet is to get them: the encoding, under which it reads the rest of
    /// what it is sent, last.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        const ENCODING: &str = "client_encoding";
        let others = self.0.iter().filter(|(name, _)| &**name != ENCODING);
        others
            .chain(self.0.iter().filter(|(name, _)| &**name == ENCODING))
            .map(|(name, value)| (&**name, &**value))
    }

    /// Whether a server under these settings has reported something else than under `other`. The application's name does not
    /// count: it differs from client to client, and nothing depends on it.
    pub(crate) fn is_reported_like(&self, other: &Self) -> bool {
        let reported = |settings: &Self| -> Vec<(Box<str>, Box<str>)> {
            let counts = |name: &str| Self::is_followed(name) && name != "application_name";
            settings.0.iter().filter(|(name, _)| counts(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
        };
        self.0 == other.0 || reported(self) == reported(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in pairs {
            settings.set(name, value);
        }
        settings
    }

    #[test]
    fn only_what_the_server_reports_makes_a_difference() {
        let here = settings(&[("TimeZone", "UTC"), ("application_name", "a"), ("work_mem", "1MB")]);
        assert!(here.is_reported_like(&settings(&[("TimeZone", "UTC"), ("application_name", "b")])));
        assert!(!here.is_reported_like(&settings(&[("application_name", "a"), ("work_mem", "1MB")])));
        assert!(!here.is_reported_like(&settings(&[("TimeZone", "Asia/Tokyo")])));
    }

    #[test]
    fn nothing_of_the_guarantee_can_be_chosen_at_startup() {
        for name in
            ["role", "session_authorization", "row_security", "backtrace_functions", "Tenancy.context"]
        {
            assert!(!Settings::allowed_at_startup(name), "{name}");
        }
        for name in ["TimeZone", "search_path", "app.user_id"] {
            assert!(Settings::allowed_at_startup(name), "{name}");
        }
    }
}
