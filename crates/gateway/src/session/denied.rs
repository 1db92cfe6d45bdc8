//! What a client is told with a denial of the server's that PostgreSQL leaves without a hint: because tenants share the database, or
//! because its login is read-only, or because it runs on a replica.

use super::relay::Verdict;
use super::transaction::Transaction;
use bytes::BytesMut;
use std::borrow::Cow;
use tenantry_core::Rights;
use tenantry_wire::backend::{ErrorFields, tag};
use tenantry_wire::frame;

const POOLED: &str = "where tenants share a database, what reaches beyond a tenant's own rows is not granted (DO, PL/pgSQL, advisory locks, notifications, large objects, other sessions): see docs/sessions.md, or give the tenant a database of its own";
const ON_A_REPLICA: &str = "this ran on a replica, which takes no writes: the comment /*tenantry.read='primary'*/ on a transaction's first statement keeps it on the primary";
/// What a pool has taken from everybody is denied in these words.
const BEYOND: [&str; 2] = ["permission denied for language", "permission denied for function"];

/// The hint to an error that has none.
pub(super) fn hint(
    transaction: &Transaction,
    fields: &ErrorFields<'_>,
    login: &str,
) -> Option<Cow<'static, str>> {
    let denied = match fields.get(b'C')? {
        b"42501" => true,
        // A write in a read-only transaction: a reader's are, unless it says otherwise.
        b"25006" => false,
        _ => return None,
    };
    if fields.get(b'H').is_some() {
        return None;
    }
    let target = &transaction.target;
    if target.pool.rights == Rights::Read {
        return Some(format!("login {login:?} is read-only: it may read its tenants' rows, write nothing, and run no function that has its owner's rights").into());
    }
    if !denied && target.is_on_replica() {
        return Some(ON_A_REPLICA.into());
    }
    let said = fields.text(b'M');
    let beyond = BEYOND.iter().any(|start| said.starts_with(start));
    (denied && beyond && target.placement.model.is_pooled()).then_some(POOLED.into())
}

/// The error with the hint, whether it is the server's own or what was made of it.
pub(super) fn explained(told: Option<Verdict>, body: &[u8], hint: Option<&str>) -> Option<Verdict> {
    let Some(hint) = hint else { return told };
    match told {
        Some(Verdict::Replaced(message)) => {
            let longer = message.get(frame::HEADER..).and_then(|body| with_hint(body, hint));
            Some(Verdict::Replaced(longer.unwrap_or(message)))
        }
        None => with_hint(body, hint).map(Verdict::Replaced),
        told => told,
    }
}

fn with_hint(body: &[u8], hint: &str) -> Option<BytesMut> {
    let fields = body.strip_suffix(b"\0")?;
    let mut message = BytesMut::with_capacity(frame::HEADER + body.len() + hint.len() + 2);
    let len = u32::try_from(frame::HEADER - 1 + body.len() + hint.len() + 2).ok()?;
    message.extend_from_slice(&[tag::ERROR]);
    message.extend_from_slice(&len.to_be_bytes());
    for part in [fields, b"H", hint.as_bytes(), b"\0\0"] {
        message.extend_from_slice(part);
    }
    Some(message)
}
