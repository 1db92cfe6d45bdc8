//! What a cluster can have: the privileged carrier or only the signed context, and known holes of its version.

use crate::OpsError;
use crate::sql::Doing;
use tokio_postgres::Client;

/// What a cluster can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub superuser: bool,
    /// `server_version_num`.
    pub version: u32,
    pub version_text: String,
    pub carrier_possible: bool,
    /// Why the carrier is not possible.
    pub reasons: Vec<String>,
    /// Known holes of this minor version.
    pub security_warning: Option<String>,
}

/// The oldest minor of each major in which row-level security has no published hole (CVE-2026-14666 was the last).
const SAFE_MINORS: &[(u32, u32)] = &[(15, 19), (16, 15), (17, 11), (18, 5)];
/// `GRANT … ON PARAMETER` came with it.
const OLDEST: u32 = 150_000;

const PROBE: &str = "SELECT current_setting('is_superuser') = 'on',
  current_setting('server_version_num')::int, current_setting('server_version'),
  coalesce((SELECT s.context = 'superuser' FROM pg_settings s WHERE s.name = 'backtrace_functions'), false)";
const MAY_GRANT: &str = "SELECT has_parameter_privilege('backtrace_functions', 'SET WITH GRANT OPTION')";

/// Looks at what a cluster can have. Changes nothing.
pub async fn probe(admin: &Client) -> Result<Probe, OpsError> {
    const WHAT: &str = "probing the cluster";
    let row = admin.query_one(PROBE, &[]).await.doing(WHAT)?;
    let (superuser, version, version_text): (bool, i32, String) = (row.get(0), row.get(1), row.get(2));
    let version = u32::try_from(version).unwrap_or(0);
    let mut reasons = Vec::new();
    if version < OLDEST {
        reasons.push(format!("PostgreSQL {version_text} is older than 15"));
    } else if !row.get::<_, bool>(3) {
        reasons.push("the setting backtrace_functions is not superuser-only here".to_owned());
    } else if !admin.query_one(MAY_GRANT, &[]).await.doing(WHAT)?.get::<_, bool>(0) {
        reasons.push(
            "the administrator is no superuser and may not grant SET on backtrace_functions".to_owned(),
        );
    }
    Ok(Probe {
        superuser,
        version,
        security_warning: security_warning(version, &version_text),
        version_text,
        carrier_possible: reasons.is_empty(),
        reasons,
    })
}

fn security_warning(version: u32, text: &str) -> Option<String> {
    let (major, minor) = (version / 10_000, version % 10_000);
    let (_, safe) = SAFE_MINORS.iter().find(|(known, _)| *known == major)?;
    (minor < *safe).then(|| {
        format!(
            "PostgreSQL {text} has published holes in row-level security; {major}.{safe} is the first without"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::security_warning;

    #[test]
    fn old_minors_are_warned_of() {
        assert!(security_warning(150_018, "15.18").is_some());
        assert!(security_warning(150_020, "15.20").is_none());
        assert!(security_warning(180_005, "18.5").is_none());
        assert!(security_warning(190_000, "19.0").is_none());
    }
}
