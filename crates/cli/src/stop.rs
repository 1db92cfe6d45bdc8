//! SIGINT and SIGTERM, as one event to wait for.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears both signals from the moment it is made: they no longer end the process by themselves.
#[derive(Debug)]
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next signal. Cancel-safe: a signal that came meanwhile is heard by the next call.
    pub(crate) async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Sets `flag` at the first signal; a second one ends the process at once.
    pub(crate) fn flag_on_signal(mut self, flag: Arc<AtomicBool>) {
        tokio::spawn(async move {
            self.requested().await;
            flag.store(true, Ordering::Relaxed);
            self.requested().await;
            // 128 + SIGINT: what a shell expects of an interrupted program.
            end_process(130);
        });
    }
}

#[expect(
    clippy::exit,
    reason = "a person who interrupts twice wants the process gone, whatever it waits for"
)]
fn end_process(code: i32) -> ! {
    std::process::exit(code)
}
