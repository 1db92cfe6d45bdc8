//! What systemd is told of the service (`sd_notify`), where it started it: a datagram to the socket that it named.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to the service manager; none where nobody asked to be told.
#[derive(Debug, Default)]
pub(crate) struct Notify(Option<(UnixDatagram, SocketAddr)>);

impl Notify {
    /// From `NOTIFY_SOCKET`: a path, or a name in the abstract space after an `@`.
    pub(crate) fn from_environment() -> Self {
        let socket = env::var("NOTIFY_SOCKET").ok().filter(|name| !name.is_empty());
        Self(socket.and_then(|name| open(&name).ok()))
    }

    pub(crate) fn ready(&self) {
        self.say("READY=1\nSTATUS=serving");
    }

    pub(crate) fn reloading(&self) {
        // `Type=notify-reload` wants to know since when.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let us = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={us}"));
    }

    pub(crate) fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=finishing open transactions");
    }

    pub(crate) fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// How often systemd wants to hear that the service is alive: half of what it grants.
    pub(crate) fn watchdog_period(&self) -> Option<Duration> {
        self.0.as_ref()?;
        let us: u64 = env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
        Some(Duration::from_micros(us / 2).max(Duration::from_millis(100)))
    }

    fn say(&self, state: &str) {
        if let Some((socket, address)) = &self.0
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::warn!(%error, "the service manager can't be told");
        }
    }
}

fn open(name: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    Ok((UnixDatagram::unbound()?, address))
}
