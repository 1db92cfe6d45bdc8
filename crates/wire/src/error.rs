//! What can be wrong with a message's body.

use tenantry_core::ErrorKind;
use thiserror::Error;

/// Why a message's body can't be read. The text names the message, never its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MessageError {
    #[error("a {0} message ends too early")]
    Truncated(&'static str),
    #[error("a {0} message has bytes after its end")]
    Trailing(&'static str),
    #[error("a {0} message has a field with an impossible value")]
    Invalid(&'static str),
}

impl MessageError {
    /// Always a broken protocol: the connection must be closed.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::ProtocolViolation
    }

    pub fn hint(&self) -> Option<String> {
        None
    }
}
