//! The gateway's port: 6432, or the next one that is free.

use crate::failure::Refusal;
use std::net::{SocketAddr, TcpListener};
use tenantry_core::ErrorKind;

const FIRST: u16 = 6432;
const TRIES: u16 = 100;

/// An address that can be listened on. Another gateway's port counts as taken, though it could be shared.
pub(super) fn choose(asked: Option<u16>) -> Result<SocketAddr, Refusal> {
    let (first, tries) = asked.map_or((FIRST, TRIES), |port| (port, 1));
    let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    (first..).take(usize::from(tries)).map(address).find(free).ok_or_else(|| Refusal {
        kind: ErrorKind::Conflict,
        message: match asked {
            Some(port) => format!("port {port} is taken"),
            None => format!("all ports from {FIRST} to {} are taken", FIRST + TRIES - 1),
        },
        hint: Some("choose one with --port; 0 takes any that is free".into()),
    })
}
