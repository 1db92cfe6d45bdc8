//! Which transactions read on a replica.
//!
//! Who asks for a replica gets one that shows all that the tenant has committed through this gateway, and that is no further
//! behind than its limits say; else the primary, or an error. Nothing of the isolation rests on the choice: the replica's
//! database verifies the tenant as the primary's does, and refuses writes by itself.

use super::hold::Hold;
use super::{Session, Target};
use crate::error::ClientError;
use crate::lex;
use crate::replica::{Hope, Place, Topology};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tenantry_core::{ErrorKind, Limits, Rights};
use tenantry_wire::frontend::tag;
use tenantry_wire::{frame, frontend};

/// Where transactions read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Primary,
    Replica,
}

impl Read {
    /// What `tenantry.read` says.
    pub(super) fn parse(value: &str) -> Result<Self, ClientError> {
        match value {
            "primary" => Ok(Self::Primary),
            "replica" => Ok(Self::Replica),
            _ => {
                Err(ClientError::new(ErrorKind::InvalidInput, format!("{value:?} is no place to read from"))
                    .with_hint("tenantry.read is primary or replica"))
            }
        }
    }
}

impl Target {
    pub(super) fn is_on_replica(&self) -> bool {
        self.pool.place != Place::Primary
    }

    /// A transaction has ended: what it may have written must be seen by reads from now on. A read-only login's has written nothing.
    pub(super) fn note_end(&self) {
        if self.topology.is_some() && !self.is_on_replica() && self.pool.rights == Rights::Write {
            self.account.note_write();
        }
    }

    /// The same tenant on a replica.
    fn on_replica(&self, session: &Session, number: u16) -> Self {
        let worker = &session.worker;
        let pool =
            worker.pool(&self.pool.route, self.placement.model, Place::Replica(number), self.pool.rights);
        Self {
            tenant: self.tenant,
            placement: self.placement.clone(),
            pool_stats: Arc::clone(&pool.stats),
            pool,
            message_bytes: self.message_bytes,
            account: Arc::clone(&self.account),
            hold: self.hold,
            stats: Arc::clone(&self.stats),
            rewriter: self.rewriter.clone(),
            topology: self.topology.clone(),
        }
    }
}

impl Session {
    /// Where the transaction that begins goes: to the primary, or to a replica.
    pub(super) async fn choose_server(&mut self, primary: Arc<Target>) -> Result<Arc<Target>, ClientError> {
        let Some(topology) = primary.topology.clone().filter(|topology| topology.has_replicas()) else {
            return Ok(primary);
        };
        let limits = primary.account.limits();
        // A connection that is kept stays where it is opened: only the client can want that on a replica.
        let wanted = match primary.hold {
            Hold::Session => self.asked_read == Some(Read::Replica),
            _ => self.reads_on_replica(&limits),
        };
        if !wanted {
            return Ok(primary);
        }
        match self.find_replica(&topology, &primary, &limits).await {
            Some(number) => Ok(self.replica_target(&primary, number)),
            None if limits.replica_required => {
                primary.account.stats.limited.add(1);
                Err(no_replica())
            }
            None => Ok(primary),
        }
    }

    /// The replica that was chosen can't be used after all. What may go to the primary goes there at once.
    pub(super) async fn choose_another(&mut self, lost: &Target) -> Result<Arc<Target>, ClientError> {
        if let (Place::Replica(number), Some(topology)) = (lost.pool.place, &lost.topology) {
            topology.lost_replica(number);
        }
        let primary = self.target()?;
        if primary.account.limits().replica_required {
            self.choose_server(primary).await
        } else {
            Ok(primary)
        }
    }

    /// What the first statement's comment says, else the startup packet, else the plan.
    fn reads_on_replica(&self, limits: &Limits) -> bool {
        match self.said_read() {
            Some(read) => read == Read::Replica,
            None => self.begins_read_only(limits) || self.copies_out(limits),
        }
    }

    fn said_read(&self) -> Option<Read> {
        let hinted = self.first_text().and_then(lex::read_hint).and_then(|hint| Read::parse(&hint).ok());
        hinted.or(self.asked_read)
    }

    fn begins_read_only(&self, limits: &Limits) -> bool {
        let text = || self.begun().map(str::as_bytes).or_else(|| self.first_text());
        limits.replica_read_only && text().is_some_and(lex::begins_read_only)
    }

    /// Whether the plan sends the COPY that the client's next messages are, and nothing else in its transaction, to a replica.
    /// Serializable transactions are not to be had there.
    fn copies_out(&self, limits: &Limits) -> bool {
        let serializable = || {
            let isolation = self.settings.get("default_transaction_isolation");
            isolation.is_some_and(|level| level.eq_ignore_ascii_case("serializable"))
        };
        limits.replica_copy_to
            && self.begun().is_none()
            && self.first_text().is_some_and(lex::copies_out)
            && stands_alone(&self.client.inbuf)
            && !serializable()
    }

    /// Whether a transaction is where it is for its only statement: what the client has sent behind it goes its own way.
    pub(super) fn is_there_for_a_copy(&self, target: &Target) -> bool {
        target.is_on_replica()
            && target.hold == Hold::Transaction
            && self.said_read().is_none()
            && self.copies_out(&target.account.limits())
    }

    /// The text of the statement that the client's next message is about.
    fn first_text(&self) -> Option<&[u8]> {
        let header = frame::peek(&self.client.inbuf).ok().flatten()?;
        let body = self.client.inbuf.get(frame::HEADER..header.len)?;
        let named = |name: &[u8]| {
            let text: &[u8] = if name.is_empty() { &self.unnamed } else { &self.statements.get(name)?.body };
            text.split(|byte| *byte == 0).next()
        };
        match header.tag {
            tag::QUERY => body.strip_suffix(b"\0"),
            tag::PARSE => Some(frontend::Parse::decode(body).ok()?.query),
            tag::BIND => named(frontend::Bind::decode(body).ok()?.statement),
            _ => None,
        }
    }

    async fn find_replica(&self, topology: &Topology, primary: &Target, limits: &Limits) -> Option<u16> {
        let config = &self.worker.shared.config;
        let lag = match limits.replica_lag_ms {
            0 => config.replica_max_lag,
            ms => Duration::from_millis(ms.into()),
        };
        // What others of the tenant write while this waits is not this one's own.
        let wrote = primary.account.wrote();
        let since = |now: Instant| now.checked_sub(lag).map_or(wrote, |bound| bound.max(wrote));
        let (patience, hope) = if limits.replica_required {
            (self.worker.shared.live.load().queue_timeout, Hope::InAll)
        } else {
            (config.replica_wait, Hope::InLiveOnes)
        };
        let patience = match limits.queue_wait_ms {
            0 => patience,
            ms => patience.min(Duration::from_millis(ms.into())),
        };
        topology.replica(since, patience, hope).await
    }

    /// Made again only when the routes change, or another replica's turn comes.
    fn replica_target(&mut self, primary: &Arc<Target>, number: u16) -> Arc<Target> {
        if let Some((known, of)) = &self.replica
            && known.pool.place == Place::Replica(number)
            && Arc::ptr_eq(of, primary)
        {
            return Arc::clone(known);
        }
        let target = Arc::new(primary.on_replica(self, number));
        self.replica = Some((Arc::clone(&target), Arc::clone(primary)));
        target
    }
}

/// Whether the first of these messages, or of these in a pipeline that has its Sync already, executes one statement and no more.
fn stands_alone(unread: &[u8]) -> bool {
    let (mut parsed, mut bound, mut executed) = (None, false, false);
    for (at, message) in frame::frames(unread).enumerate() {
        let Ok(message) = message else { return false };
        let body = &message.bytes[frame::HEADER..];
        match message.tag {
            tag::QUERY => return at == 0,
            tag::PARSE if at == 0 => parsed = frontend::Parse::decode(body).ok().map(|parse| parse.name),
            tag::BIND if !bound => {
                let Ok(bind) = frontend::Bind::decode(body) else { return false };
                if parsed.is_some_and(|name| name != bind.statement) {
                    return false;
                }
                bound = true;
            }
            tag::EXECUTE if bound && !executed => executed = true,
            tag::DESCRIBE | tag::FLUSH => {}
            tag::SYNC => return executed,
            _ => return false,
        }
    }
    false
}

fn no_replica() -> ClientError {
    ClientError::new(ErrorKind::ServerUnavailable, "no replica of this tenant's server can take reads now")
        .with_hint(
            "try again in a moment; the tenant's plan does not let its reads go to the primary instead",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;

    /// The messages of a conversation, one letter each.
    fn alone(messages: &str) -> bool {
        let mut out = BytesMut::new();
        for message in messages.chars() {
            match message {
                'Q' => frontend::query(&mut out, "COPY t TO STDOUT"),
                'P' => frontend::parse(&mut out, b"a", "COPY t TO STDOUT", &[]),
                'B' => frontend::bind_text(&mut out, b"", b"a", &[]),
                'b' => frontend::bind_text(&mut out, b"", b"other", &[]),
                'D' => frontend::describe(&mut out, frontend::STATEMENT, b"a"),
                'E' => frontend::execute(&mut out, b"", 0),
                'H' => frontend::flush(&mut out),
                'S' => frontend::sync(&mut out),
                other => panic!("{other}"),
            }
        }
        stands_alone(&out)
    }

    #[test]
    fn a_statement_that_stands_alone_is_told_from_others() {
        for messages in ["Q", "QQ", "PBES", "PBDES", "BES", "BHESPBES", "BESQ"] {
            assert!(alone(messages), "{messages}");
        }
        for messages in
            ["", "PS", "PDS", "PBE", "PBEH", "PBEBES", "PBEPBES", "PbES", "PBEES", "PBEQ", "PPBES", "BS"]
        {
            assert!(!alone(messages), "{messages}");
        }
    }
}
