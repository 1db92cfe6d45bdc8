//! Telling a client no.

use super::Session;
use crate::error::ClientError;
use bytes::{Buf, BytesMut};
use tenantry_core::ErrorKind;
use tenantry_wire::backend::{self, ErrorMessage, Severity};
use tenantry_wire::frontend::tag;

fn message(error: &ClientError, severity: Severity) -> ErrorMessage<'_> {
    ErrorMessage {
        severity,
        sqlstate: error.sqlstate,
        message: &error.message,
        detail: None,
        hint: error.hint.as_deref(),
        position: error.position,
        routine: error.routine,
    }
}

/// An error after which the connection is closed.
pub(super) fn fatal(out: &mut BytesMut, error: &ClientError) {
    backend::error_response(out, &message(error, Severity::Fatal));
}

/// An error after which the client may go on.
pub(crate) fn error(out: &mut BytesMut, error: &ClientError) {
    backend::error_response(out, &message(error, Severity::Error));
}

impl Session {
    /// Refuses the message at the front of the buffer, which found no server connection: a simple Query or a function
    /// call as a whole, an extended pipeline up to its Sync.
    pub(super) fn refuse(&mut self, reason: &ClientError) {
        error(&mut self.client.outbuf, reason);
        if let Some(target) = &self.target {
            target.stats.error(reason.sqlstate.as_bytes());
            target.stats.limited.add(u64::from(reason.kind == ErrorKind::LimitReached));
        }
        self.fail_begun();
        let Ok(Some(header)) = self.peek_client() else { return };
        match header.tag {
            tag::QUERY | tag::FUNCTION_CALL => {
                let status = self.status();
                backend::ready_for_query(&mut self.client.outbuf, status);
            }
            _ => self.skip_to_sync = true,
        }
        self.client.inbuf.advance(header.len);
    }
}
