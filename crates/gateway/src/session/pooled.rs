//! What can't be had in a database that tenants share: refused where PostgreSQL would refuse it, with the reason and the
//! choices. Nothing of the isolation rests on it.

use super::Session;
use super::transaction::Transaction;
use crate::error::ClientError;
use crate::lex::{self, Reach};
use bytes::BytesMut;
use tenantry_core::{ErrorKind, TenancyModel};
use tenantry_wire::backend::{self, ErrorMessage, Severity};
use tenantry_wire::frame;
use tenantry_wire::frontend::{self, tag};

impl Session {
    /// Why the client's next message is refused in its tenant's database.
    pub(super) fn beyond(&self, transaction: &Transaction, header: frame::Header) -> Option<ClientError> {
        let model = transaction.target.placement.model;
        if !model.is_pooled() {
            return None;
        }
        let body = &self.client.inbuf[frame::HEADER..header.len];
        let reach = match header.tag {
            tag::QUERY => lex::reach(body)?,
            tag::PARSE => lex::reach(frontend::Parse::decode(body).ok()?.query)?,
            _ => return None,
        };
        refusal(reach, model)
    }
}

/// Whether a statement that has been executed reached beyond its tenant: hidden in a longer text it is seen too late to be
/// refused. A lock on everybody's table is given up by ending the session, of the others the client is warned.
pub(super) fn reached(transaction: &Transaction, command: &[u8]) -> Result<Option<BytesMut>, ClientError> {
    let model = transaction.target.placement.model;
    if !model.is_pooled() {
        return Ok(None);
    }
    let Some((reach, error)) = lex::reached(command).and_then(|reach| Some((reach, refusal(reach, model)?)))
    else {
        return Ok(None);
    };
    if reach == Reach::LockTable {
        return Err(error);
    }
    let warning = ErrorMessage {
        severity: Severity::Warning,
        sqlstate: "01000",
        message: &error.message,
        detail: None,
        hint: error.hint.as_deref(),
        position: None,
    };
    let mut notice = BytesMut::new();
    backend::notice_response(&mut notice, &warning);
    Ok(Some(notice))
}

fn refusal(reach: Reach, model: TenancyModel) -> Option<ClientError> {
    let (message, hint) = match reach {
        Reach::Listen => (
            "LISTEN is not possible in a database that tenants share",
            "a channel belongs to the whole database, so a notification could be another tenant's: poll a table, or give the tenant a database of its own",
        ),
        Reach::Notify => (
            "NOTIFY is not possible in a database that tenants share",
            "a channel belongs to the whole database, and nobody can listen to it here: write to a table, or give the tenant a database of its own",
        ),
        // A tenant's own schema has tables of its own.
        Reach::LockTable if model == TenancyModel::Shared => (
            "LOCK TABLE is not possible on tables that tenants share",
            "it would stop every tenant: lock rows with SELECT ... FOR UPDATE, or give the tenant a schema or a database of its own",
        ),
        Reach::LockTable => return None,
        Reach::TwoPhase => (
            "two-phase commit is not possible in a database that tenants share",
            "a prepared transaction outlives its connection and can be ended by any tenant of the database: give the tenant a database of its own",
        ),
    };
    Some(ClientError::new(ErrorKind::NotSupported, message).with_hint(hint))
}
