//! Pgpool-II as nothing but a pool of connections: no replication, no balancing, no checks. A process serves a client for as long
//! as it is connected, with a server connection of its own: there is no pooling by transaction.

use crate::peer::{Desk, Peer, Program, free_port};
use anyhow::Result;
use tenantry_core::Secret;
use tenantry_testkit::Postgres;

const HBA: &str = "host all all 127.0.0.1/32 scram-sha-256\n";

/// Starts it in front of `postgres`, for one user.
pub(crate) fn start(postgres: &Postgres, user: &str, password: &Secret, connections: u32) -> Result<Peer> {
    let program = Program::find("Pgpool-II", "pgpool", 2, "scripts/setup.sh --pgpool installs it")?;
    let desk = Desk::new()?;
    desk.write("pool_passwd", &format!("{user}:TEXT{}\n", password.expose()))?;
    let hba = desk.write("pool_hba.conf", HBA)?;
    let pcp = desk.write("pcp.conf", "")?;
    let text = include_str!("pgpool.conf")
        .replace("{server_port}", &postgres.port().to_string())
        .replace("{port}", &desk.port.to_string())
        .replace("{pcp_port}", &free_port()?.to_string())
        .replace("{dir}", &desk.path("").display().to_string())
        .replace("{connections}", &connections.to_string());
    let settings = desk.write("pgpool.conf", &text)?;
    let args = [
        "-n".as_ref(),
        "-f".as_ref(),
        settings.as_os_str(),
        "-a".as_ref(),
        hba.as_os_str(),
        "-F".as_ref(),
        pcp.as_os_str(),
    ];
    Peer::start(desk, postgres, &program, args)
}
