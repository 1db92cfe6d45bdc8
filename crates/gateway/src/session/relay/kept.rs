//! Messages about statements on a connection that the client keeps (pool mode `session`): its names are the server's, so they go
//! on as they are, but for statements that shared tables need to be other.

use super::super::transaction::{Expected, Transaction};
use super::super::{KeptStatement, Session};
use super::named::malformed;
use crate::error::SessionEnd;
use crate::rewriting::CopyFrom;
use bytes::Bytes;
use std::sync::Arc;
use tenantry_wire::frame;
use tenantry_wire::frontend::{self, tag};

impl Session {
    pub(super) fn pass(
        &mut self,
        transaction: &mut Transaction,
        tag: u8,
        message: &[u8],
    ) -> Result<(), SessionEnd> {
        let body = &message[frame::HEADER..];
        let expected = match tag {
            tag::PARSE => {
                let parse = frontend::Parse::decode(body).map_err(|_| malformed("Parse"))?;
                let name = parse.name;
                let definition = &body[name.len() + 1..];
                let (sent, copy) = transaction.rewrite_body(definition);
                self.forget_kept(name);
                self.keep(transaction, name, definition, copy);
                if let Some(sent) = sent {
                    frontend::parse_raw(&mut transaction.server.io.outbuf, name, &sent);
                    transaction.expect(Expected::Parse { statement: None, name: Box::default() });
                    return Ok(());
                }
                Expected::Parse { statement: None, name: Box::default() }
            }
            tag::BIND => {
                let bind = frontend::Bind::decode(body).map_err(|_| malformed("Bind"))?;
                let kept = self.statements.kept.as_ref().and_then(|kept| kept.get(bind.statement));
                if let (Some(stopwatch), Some(kept)) = (&mut transaction.stopwatch, kept) {
                    stopwatch.bind(bind.portal, &kept.text);
                }
                if transaction.target.rewriter.is_some() {
                    transaction.replies.bound(bind.portal, kept.and_then(|kept| kept.copy.clone()));
                }
                Expected::Bind(0)
            }
            tag::DESCRIBE => Expected::Describe(0),
            _ => {
                let close = frontend::Close::decode(body).map_err(|_| malformed("Close"))?;
                if close.kind == frontend::STATEMENT {
                    self.forget_kept(close.name);
                }
                Expected::ClosePortal
            }
        };
        transaction.server.io.outbuf.extend_from_slice(message);
        transaction.expect(expected);
        Ok(())
    }

    /// Remembers what there is to be known of a statement when it is bound. Nothing, of most.
    fn keep(
        &mut self,
        transaction: &Transaction,
        name: &[u8],
        definition: &[u8],
        copy: Option<Arc<CopyFrom>>,
    ) {
        if copy.is_none() && transaction.stopwatch.is_none() {
            return;
        }
        let most = self.worker.shared.config.max_client_statements;
        let kept = self.statements.kept.get_or_insert_default();
        // A COPY that is not remembered is refused by the database, a slow statement has no text.
        if kept.len() < most {
            let text = match transaction.stopwatch {
                Some(_) => crate::slow::kept(definition),
                None => Bytes::new(),
            };
            kept.insert(name.into(), KeptStatement { text, copy });
        }
    }

    /// A name means another statement now, or none.
    fn forget_kept(&mut self, name: &[u8]) {
        if let Some(kept) = &mut self.statements.kept {
            kept.remove(name);
        }
        if self.statements.special && name.is_empty() {
            self.unnamed_special = None;
        } else if self.statements.special {
            self.statements.remove(name);
        }
    }
}
