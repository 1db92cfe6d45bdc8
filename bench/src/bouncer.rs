//! PgBouncer in transaction mode.

use crate::peer::{Desk, Peer, Program};
use anyhow::Result;
use tenantry_core::Secret;
use tenantry_testkit::Postgres;

/// Since then it can keep prepared statements in transaction mode.
const FIRST_WITH_PREPARED: (u32, u32) = (1, 21);

/// Starts it in front of `postgres`, for one user.
pub(crate) fn start(
    postgres: &Postgres,
    user: &str,
    password: &Secret,
    connections: u32,
    clients: u32,
) -> Result<Peer> {
    let program = Program::find("PgBouncer", "pgbouncer", 1, "scripts/setup.sh installs it")?;
    let desk = Desk::new()?;
    let users = desk.write("users.txt", &format!("\"{user}\" \"{}\"\n", password.expose()))?;
    let prepared = if knows_prepared(&program.version) { "max_prepared_statements = 200" } else { "" };
    let text = include_str!("pgbouncer.ini")
        .replace("{server}", &format!("host=127.0.0.1 port={}", postgres.port()))
        .replace("{port}", &desk.port.to_string())
        .replace("{users}", &users.display().to_string())
        .replace("{connections}", &connections.to_string())
        .replace("{clients}", &clients.to_string())
        .replace("{prepared}", prepared);
    let settings = desk.write("pgbouncer.ini", &text)?;
    Peer::start(desk, postgres, &program, ["--quiet".as_ref(), settings.as_os_str()])
}

/// Whether this release can do `pgbench`'s prepared mode in transaction mode.
pub(crate) fn knows_prepared(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
    let found = numbers.next().zip(numbers.next());
    found.is_some_and(|found| found >= FIRST_WITH_PREPARED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(!knows_prepared("1.18.0") && !knows_prepared("1.9.0") && !knows_prepared(""));
        assert!(knows_prepared("1.21.0") && knows_prepared("2.0.0"));
    }
}
