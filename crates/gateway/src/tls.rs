//! The gateway's own certificates: read at the start, read again when the files change.
//!
//! A file that can't be used never takes effect: what was in force stays, and the log says so. Handshakes under way keep the
//! certificates that they began with.

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tenantry_tls::{Acceptor, ServerFiles, Stamp, TlsError};

/// Whether clients may, or must, use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    #[default]
    Off,
    /// Clients that ask for it get it.
    Allow,
    /// Who does not use it is refused.
    Require,
}

/// TLS to clients.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    pub mode: TlsMode,
    pub files: ServerFiles,
    /// `db.example.com`: whoever asks for `acme.db.example.com` (SNI) means the tenant `acme`.
    pub tenant_suffix: Option<String>,
}

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The certificates in force.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: ServerFiles,
    current: ArcSwapOption<Acceptor>,
    /// The files as they were read last, whatever came of it.
    read: Mutex<Option<Stamp>>,
    followed: AtomicBool,
}

impl Certificates {
    /// Reads the files, unless TLS is off.
    pub(crate) fn load(config: &TlsConfig) -> Result<Self, TlsError> {
        let stamp = config.files.stamp();
        let acceptor = match config.mode {
            TlsMode::Off => None,
            TlsMode::Allow | TlsMode::Require => Some(Arc::new(Acceptor::load(&config.files)?)),
        };
        Ok(Self {
            files: config.files.clone(),
            followed: AtomicBool::new(acceptor.is_none()),
            current: ArcSwapOption::from(acceptor),
            read: Mutex::new(Some(stamp)),
        })
    }

    /// For one handshake. `None` when TLS is off.
    pub(crate) fn acceptor(&self) -> Option<Arc<Acceptor>> {
        self.current.load_full()
    }

    /// Reads the files now. On an error the certificates in force stay.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        if self.current.load().is_none() {
            return Ok(());
        }
        *self.read.lock() = Some(self.files.stamp());
        self.current.store(Some(Arc::new(Acceptor::load(&self.files)?)));
        Ok(())
    }

    fn reload_when_changed(&self) {
        let stamp = self.files.stamp();
        if self.read.lock().as_ref() == Some(&stamp) {
            return;
        }
        match self.reload() {
            Ok(()) => tracing::info!("the gateway's certificates were read again"),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "the gateway's new certificates can't be used; the old ones stay in force");
            }
        }
    }

    /// Follows the files. One worker does; for the others this returns at once.
    pub(crate) async fn follow(self: Arc<Self>) {
        if self.followed.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let this = Arc::clone(&self);
            // A file system may be slow; sessions do not wait for it. A look that panicked is only lost.
            drop(tokio::task::spawn_blocking(move || this.reload_when_changed()).await);
        }
    }
}
