//! Versions of PostgreSQL servers.

use std::fmt;

/// The oldest major version that Tenantry works with (row filters in publications, `security_invoker` views).
pub(crate) const OLDEST_MAJOR: u32 = 15;

/// A server's version, such as 15.20.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    pub major: u32,
    pub minor: u32,
}

impl ServerVersion {
    /// Reads what `postgres --version` prints: `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`.
    /// Development versions (`19devel`, `19beta1`) count as minor 0.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let mut parts = number.split('.');
        Some(Self {
            major: leading_number(parts.next()?)?,
            minor: parts.next().and_then(leading_number).unwrap_or(0),
        })
    }

    /// What a user of this version should know before trusting it with tenants' data.
    pub fn security_warning(self) -> Option<String> {
        (self.major == 15 && self.minor < 19).then(|| {
            format!(
                "PostgreSQL {self} lacks the security fixes of 15.19 (CVE-2026-14666: plans cached before a role's \
                 rights changed ignore row-level security); upgrade the package and restart the server"
            )
        })
    }
}

fn leading_number(text: &str) -> Option<u32> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok()
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_servers_print() {
        let read = |text| ServerVersion::parse(text).map(|v| (v.major, v.minor));
        assert_eq!(read("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"), Some((15, 20)));
        assert_eq!(read("postgres (PostgreSQL) 18.6\n"), Some((18, 6)));
        assert_eq!(read("postgres (PostgreSQL) 19beta1"), Some((19, 0)));
        assert_eq!(read("no number here"), None);
    }

    #[test]
    fn warns_of_missing_security_fixes() {
        let warning = |major, minor| ServerVersion { major, minor }.security_warning();
        assert!(warning(15, 18).is_some_and(|text| text.contains("CVE-2026-14666")));
        assert_eq!(warning(15, 19), None);
        assert_eq!(warning(18, 4), None);
    }
}
