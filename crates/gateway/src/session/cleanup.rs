//! Statements that only clear what a session keeps, which the gateway answers where it can; and what a command tag tells about
//! the session that the command ran in.

use super::Session;
use crate::backend::Residue;
use crate::lex::{self, Cleanup};
use crate::settings::Settings;
use std::sync::Arc;
use tenantry_wire::backend::{self, TransactionStatus};

impl Session {
    /// Returns to the settings of the startup packet, and tells the client of those that it is told of.
    pub(super) fn restore_settings(&mut self) {
        for (name, value) in self.greeting.iter().filter(|(name, _)| Settings::is_followed(name)) {
            let key = name.to_ascii_lowercase();
            if self.settings.get(&key) != self.startup_settings.get(&key) {
                backend::parameter_status(&mut self.client.outbuf, &**name, &**value);
            }
        }
        self.settings = Arc::clone(&self.startup_settings);
    }

    /// Answers statements that only clear session state. False when the server must see them after all.
    pub(super) fn answer_cleanup(
        &mut self,
        statements: &[(Cleanup, &'static str)],
        status: TransactionStatus,
    ) -> bool {
        let ours = |cleanup: &Cleanup| match cleanup {
            // Unknown names may be SQL-level statements; the server answers for those.
            Cleanup::Deallocate(name) => self.statements.contains_key(name.as_bytes()),
            _ => true,
        };
        if !statements.iter().all(|(cleanup, _)| ours(cleanup)) {
            return false;
        }
        self.unnamed_id = 0;
        for (cleanup, command) in statements {
            match cleanup {
                Cleanup::DiscardAll | Cleanup::DeallocateAll => self.statements.clear(),
                Cleanup::Deallocate(name) => {
                    self.statements.remove(name.as_bytes());
                }
                Cleanup::UnlockAll => {
                    let out = &mut self.client.outbuf;
                    backend::row_description(out, &["pg_advisory_unlock_all"]);
                    backend::data_row(out, &[Some(b"")]);
                }
                Cleanup::ResetAll | Cleanup::Nothing => {}
            }
            backend::command_complete(&mut self.client.outbuf, command);
        }
        if statements.iter().any(|(cleanup, _)| matches!(cleanup, Cleanup::ResetAll | Cleanup::DiscardAll)) {
            // PostgreSQL reports parameters when it is ready.
            self.restore_settings();
        }
        backend::ready_for_query(&mut self.client.outbuf, status);
        true
    }
}

/// The clean-up statements of a simple Query, if it holds nothing else.
pub(super) fn cleanup_of(body: &[u8]) -> Option<Vec<(Cleanup, &'static str)>> {
    lex::cleanup(body.strip_suffix(b"\0")?)
}

/// Note of what a command tag tells about the session it ran in.
pub(super) fn residue_of(command: &[u8]) -> Residue {
    const SESSION: &[&[u8]] = &[b"SET", b"DECLARE", b"LISTEN", b"LOAD", b"CREATE", b"ALTER", b"DO", b"CALL"];
    if command.starts_with(b"PREPARE") && !command.starts_with(b"PREPARE TRANSACTION") {
        Residue::Statements
    } else if command.starts_with(b"DEALLOCATE") {
        // It may have been one of ours, by its name on the server: nobody can say any more what is prepared.
        Residue::Statements
    } else if command.starts_with(b"RESET") || command.starts_with(b"DISCARD") {
        Residue::Context
    } else if SESSION.iter().any(|prefix| command.starts_with(prefix)) {
        Residue::Session
    } else {
        Residue::None
    }
}
