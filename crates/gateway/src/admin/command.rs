//! The commands of the console, from their text.

use super::show::Show;
use crate::error::ClientError;
use tenantry_core::ErrorKind;

/// One command. Names of tenants and databases are looked up later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Empty,
    Show(Show),
    /// What drivers send without being asked; answered with this tag and nothing else.
    Nothing(&'static str),
    Pause(Option<String>),
    Resume(Option<String>),
    Kill(String),
    KillClient(u64),
    Reconnect(Option<String>),
    Reload,
    Shutdown(super::Shutdown),
    Set(String, String),
}

/// Settings that drivers set at their start, which mean nothing here.
const OF_DRIVERS: &[&str] = &[
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "extra_float_digits",
    "intervalstyle",
    "standard_conforming_strings",
    "timezone",
];

impl Command {
    pub(super) fn parse(text: &str) -> Result<Self, ClientError> {
        let text = text.trim().trim_end_matches(';').trim();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let name = |at: usize| words.get(at).map(|word| unquoted(word));
        Ok(match lower.as_slice() {
            [] => Self::Empty,
            ["show", rest @ ..] => Self::Show(Show::parse(rest, name(2))?),
            ["begin" | "start", ..] => Self::Nothing("BEGIN"),
            ["commit" | "end"] => Self::Nothing("COMMIT"),
            ["rollback" | "abort"] => Self::Nothing("ROLLBACK"),
            ["discard", "all"] => Self::Nothing("DISCARD ALL"),
            ["deallocate", ..] => Self::Nothing("DEALLOCATE"),
            ["reset", ..] => Self::Nothing("RESET"),
            ["pause"] => Self::Pause(None),
            ["pause", _] => Self::Pause(name(1)),
            ["resume"] => Self::Resume(None),
            ["resume", _] => Self::Resume(name(1)),
            ["kill", _] => Self::Kill(name(1).unwrap_or_default()),
            ["kill"] => {
                let error =
                    ClientError::new(ErrorKind::InvalidInput, "KILL ends everybody's connections of one");
                return Err(error.with_hint("KILL tenant, or KILL database; for all of them use SHUTDOWN"));
            }
            ["kill_client", id] => Self::KillClient(client(id)?),
            ["reconnect"] => Self::Reconnect(None),
            ["reconnect", _] => Self::Reconnect(name(1)),
            ["reload"] => Self::Reload,
            ["shutdown"] => Self::Shutdown(super::Shutdown::Now),
            ["shutdown", "wait_for_servers"] => Self::Shutdown(super::Shutdown::WaitForTransactions),
            ["shutdown", "wait_for_clients"] => Self::Shutdown(super::Shutdown::WaitForClients),
            ["set", ..] => setting(text)?,
            ["suspend" | "disable" | "enable" | "wait_close", ..] => return Err(not_offered(lower[0])),
            _ => return Err(unknown(text)),
        })
    }
}

/// `SET key = value`, or `TO`.
fn setting(text: &str) -> Result<Command, ClientError> {
    let rest = text[3..].trim_start();
    let end = rest.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(rest.len());
    let key = rest[..end].to_ascii_lowercase();
    let value = rest[end..].trim_start();
    let value = value
        .strip_prefix('=')
        .or_else(|| value.get(..3).filter(|to| to.eq_ignore_ascii_case("to ")).map(|_| &value[3..]));
    let value = value.map(str::trim).filter(|value| !value.is_empty() && !key.is_empty());
    let Some(value) = value else {
        let error = ClientError::new(ErrorKind::InvalidInput, "SET wants a key and a value");
        return Err(error.with_sqlstate("42601").with_hint("SET key = value; SHOW CONFIG lists the keys"));
    };
    if OF_DRIVERS.contains(&key.as_str()) {
        return Ok(Command::Nothing("SET"));
    }
    let value = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap_or(value);
    Ok(Command::Set(key, value.to_owned()))
}

/// A name may stand in double quotes.
fn unquoted(word: &str) -> String {
    word.strip_prefix('"').and_then(|w| w.strip_suffix('"')).unwrap_or(word).to_owned()
}

fn client(id: &str) -> Result<u64, ClientError> {
    id.trim_matches('\'').parse().map_err(|_| {
        ClientError::new(ErrorKind::InvalidInput, format!("{id:?} is no client's id"))
            .with_hint("SHOW CLIENTS has the ids in its column `id`")
    })
}

fn not_offered(command: &str) -> ClientError {
    let hint = match command {
        "suspend" => {
            "PAUSE holds transactions back; to replace this gateway start another on its port and SHUTDOWN this one"
        }
        "wait_close" => "PAUSE waits until nothing is open; SHOW SERVERS tells what is left of a RECONNECT",
        _ => {
            "suspend a tenant with `tenantry tenant suspend`, which every gateway and the database obey, or PAUSE it here"
        }
    };
    ClientError::new(ErrorKind::NotSupported, format!("{} is not offered", command.to_ascii_uppercase()))
        .with_hint(hint)
}

pub(super) fn unknown(text: &str) -> ClientError {
    let shown: String = text.chars().take(60).collect();
    ClientError::new(ErrorKind::InvalidInput, format!("unknown command {shown:?}"))
        .with_sqlstate("42601")
        .with_hint("SHOW HELP lists the commands; this is the gateway's console, no database")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_people_write_them() {
        assert_eq!(Command::parse(" show  POOLS ; ").unwrap(), Command::Show(Show::Pools));
        assert_eq!(Command::parse("PAUSE \"acme\"").unwrap(), Command::Pause(Some("acme".into())));
        assert_eq!(Command::parse("kill_client 12").unwrap(), Command::KillClient(12));
        for text in ["SET max_clients=7", "set MAX_CLIENTS to '7';", "SET max_clients = 7"] {
            assert_eq!(
                Command::parse(text).unwrap(),
                Command::Set("max_clients".into(), "7".into()),
                "{text}"
            );
        }
        assert_eq!(Command::parse("SET extra_float_digits = 3").unwrap(), Command::Nothing("SET"));
        assert_eq!(Command::parse(";").unwrap(), Command::Empty);
    }

    #[test]
    fn what_is_no_command_is_refused_with_a_hint() {
        for text in
            ["SELECT 1", "SHOW NOTHING", "SET x", "SET", "SET é", "KILL", "KILL_CLIENT x", "SUSPEND", "é"]
        {
            let error = Command::parse(text).unwrap_err();
            assert!(error.hint.is_some(), "{text}: {error}");
        }
    }
}
