//! The session settings that follow a client from one server connection to the next.
//!
//! They come from the client's startup packet (an allow-list) and from the server's ParameterStatus reports. What a
//! client sets otherwise lives until its transaction ends: the connection is then reset.

use std::collections::BTreeMap;
use tenantry_core::quote_literal;

/// Settings that a client may choose in its startup packet. Nothing here concerns isolation, limits, or how the
/// server treats other tenants; everything else is refused with a hint.
const STARTUP: &[&str] = &[
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
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
    "standard_conforming_strings",
    "statement_timeout",
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

/// A client's settings, by lower-case name. Usually a handful; compared at every handover.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings(BTreeMap<Box<str>, Box<str>>);

impl Settings {
    /// Whether a startup packet may carry the setting.
    pub(crate) fn allowed_at_startup(name: &str) -> bool {
        STARTUP.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }

    /// Whether a reported value of the setting follows the client.
    pub(crate) fn is_followed(name: &str) -> bool {
        FOLLOWED.iter().any(|followed| followed.eq_ignore_ascii_case(name))
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_ascii_lowercase().into(), value.into());
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref)
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
        let others = self.0.iter().filter(|(name, _)| &***name != ENCODING);
        others
            .chain(self.0.iter().filter(|(name, _)| &***name == ENCODING))
            .map(|(name, value)| (&**name, &**value))
    }

    /// Writes the SQL that turns a connection with settings `from` into one with `self`.
    /// Values are what a client or a server gave as text, so they are always quoted.
    pub(crate) fn write_changes(&self, from: &Self, sql: &mut String) {
        for name in from.0.keys().filter(|name| !self.0.contains_key(*name)) {
            sql.extend(["RESET ", name, ";"]);
        }
        for (name, value) in self.0.iter().filter(|(name, value)| from.0.get(*name) != Some(value)) {
            sql.extend(["SET ", name, " TO ", &quote_literal(value), ";"]);
        }
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
    fn only_differences_are_sent() {
        let from = settings(&[("TimeZone", "UTC"), ("DateStyle", "ISO")]);
        let to = settings(&[("timezone", "UTC"), ("application_name", "it's")]);
        let mut sql = String::new();
        to.write_changes(&from, &mut sql);
        assert_eq!(sql, "RESET datestyle;SET application_name TO 'it''s';");
        let mut none = String::new();
        to.write_changes(&to, &mut none);
        assert_eq!(none, "");
    }

    #[test]
    fn nothing_of_the_guarantee_can_be_chosen_at_startup() {
        for name in ["role", "session_authorization", "search_path", "row_security", "backtrace_functions"] {
            assert!(!Settings::allowed_at_startup(name), "{name}");
        }
        assert!(Settings::allowed_at_startup("TimeZone"));
    }
}
