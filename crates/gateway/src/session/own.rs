//! Answers to statements that are the gateway's own, while no server connection is held: simple and extended protocol. Which
//! statements these are, and what they do, is `switch.rs`'s business.

use super::switch::{Choice, OwnPortal, aborted};
use super::{ClientStatement, Session, Step, refuse};
use crate::error::ClientError;
use crate::lex::{Own, Special, TenantStatement};
use bytes::{Buf, Bytes};
use tenantry_core::ErrorKind;
use tenantry_wire::backend::{self, TransactionStatus};
use tenantry_wire::frontend::{self, tag};
use tenantry_wire::{frame, frame::Header};

const COLUMN: &str = "tenantry.tenant";

impl Session {
    /// Deals with a message that is the gateway's own to answer, or that chooses its transaction's tenant. `None`: it goes its
    /// usual way.
    pub(super) fn own_step(&mut self, header: Header) -> Option<Step> {
        let special = self.special_in(header);
        self.is_front_plain = special.is_none();
        let outcome = match special {
            Some(special) => self.special_step(header, special),
            None => self.plain_step(header),
        };
        let step = match outcome {
            Ok(step) => step?,
            Err(error) => {
                self.refuse_own(header.tag, &error);
                Step::Done
            }
        };
        self.client.inbuf.advance(header.len);
        Some(step)
    }

    fn refuse_own(&mut self, tag: u8, error: &ClientError) {
        refuse(&mut self.client.outbuf, error);
        self.fail_begun();
        if tag == tag::QUERY || tag == tag::FUNCTION_CALL {
            let status = self.status();
            backend::ready_for_query(&mut self.client.outbuf, status);
        } else {
            self.skip_to_sync = true;
        }
    }

    fn special_step(&mut self, header: Header, special: Special) -> Result<Option<Step>, ClientError> {
        // Without a transaction that is only the gateway's, the server says what their end is.
        let ends = matches!(special.own, Some(Own::Commit | Own::Rollback));
        if ends && self.begun().is_none() {
            return Ok(None);
        }
        let Some(own) = &special.own else {
            if self.status() == TransactionStatus::Failed {
                return Err(aborted());
            }
            if let Some(hint) = &special.hint {
                self.follow_hint(hint)?;
            }
            return Ok(None);
        };
        // Who keeps a server connection begins there.
        if matches!(own, Own::Begin(_)) && self.choice != Choice::InTransactions {
            return Ok(None);
        }
        if header.tag != tag::QUERY && !ends && self.status() == TransactionStatus::Failed {
            return Err(aborted());
        }
        match header.tag {
            tag::QUERY => {
                // As at the server.
                self.unnamed_id = 0;
                let command = self.carry_out(&special, true)?;
                backend::command_complete(&mut self.client.outbuf, command);
                let status = self.status();
                backend::ready_for_query(&mut self.client.outbuf, status);
            }
            tag::PARSE => {
                let body = &self.client.inbuf[frame::HEADER..header.len];
                let Ok(parse) = frontend::Parse::decode(body) else { return Ok(None) };
                let definition = Bytes::copy_from_slice(&body[parse.name.len() + 1..]);
                let name: Box<[u8]> = parse.name.into();
                return self.keep_own(name, definition, special);
            }
            tag::BIND => {
                let body = &self.client.inbuf[frame::HEADER..header.len];
                let Ok(bind) = frontend::Bind::decode(body) else { return Ok(None) };
                without_values(&bind)?;
                let portal = OwnPortal { name: bind.portal.into(), special, done: false };
                self.switching.get_or_insert_default().portal = Some(portal);
                backend::bind_complete(&mut self.client.outbuf);
            }
            _ => {
                backend::parameter_description(&mut self.client.outbuf, &[]);
                self.describe_own(own);
            }
        }
        Ok(Some(Step::Done))
    }

    /// A statement is prepared that the gateway answers.
    fn keep_own(
        &mut self,
        name: Box<[u8]>,
        definition: Bytes,
        special: Special,
    ) -> Result<Option<Step>, ClientError> {
        if name.is_empty() {
            self.unnamed.clear();
            self.unnamed.extend_from_slice(&definition);
            self.unnamed_id = self.worker.next_unnamed_id();
            self.unnamed_is_residual = false;
            self.unnamed_passes = false;
            self.unnamed_copy = None;
            self.unnamed_promise = None;
            self.unnamed_special = Some(Box::new(special));
        } else {
            if self.statements.contains_key(&name) {
                let name = String::from_utf8_lossy(&name);
                let message = format!("prepared statement \"{name}\" already exists");
                return Err(ClientError::new(ErrorKind::InvalidInput, message).with_sqlstate("42P05"));
            }
            if !self.statements.have_room_for(&name, definition.len(), &self.worker.shared.config) {
                return Err(super::too_many_statements());
            }
            let special = Some(Box::new(special));
            self.statements
                .insert(name, ClientStatement { body: definition, known: None, promise: None, special });
        }
        self.statements.special = true;
        backend::parse_complete(&mut self.client.outbuf);
        Ok(Some(Step::Done))
    }

    fn describe_own(&mut self, own: &Own) {
        let out = &mut self.client.outbuf;
        if *own == Own::Tenant(TenantStatement::Show) {
            backend::row_description(out, &[COLUMN]);
        } else {
            backend::no_data(out);
        }
    }

    /// Messages about portals of such statements; and in a failed transaction, everything.
    fn plain_step(&mut self, header: Header) -> Result<Option<Step>, ClientError> {
        let failed = self.status() == TransactionStatus::Failed;
        let body = &self.client.inbuf[frame::HEADER..header.len];
        let portal = self.switching.as_ref().and_then(|switching| switching.portal.as_ref());
        let is_own = |name: &[u8]| portal.is_some_and(|portal| *portal.name == *name);
        match header.tag {
            tag::EXECUTE if frontend::Execute::decode(body).is_ok_and(|execute| is_own(execute.portal)) => {
                self.execute_own()?;
            }
            tag::DESCRIBE if frontend::Describe::decode(body).is_ok_and(|describe| is_own(describe.name)) => {
                if let Some(own) = portal.and_then(|portal| portal.special.own.clone()) {
                    self.describe_own(&own);
                }
            }
            tag::CLOSE
                if frontend::Close::decode(body)
                    .is_ok_and(|close| is_portal(&close) && is_own(close.name)) =>
            {
                self.forget_portal();
                backend::close_complete(&mut self.client.outbuf);
            }
            tag::BIND if frontend::Bind::decode(body).is_ok_and(|bind| is_own(bind.portal)) => {
                self.forget_portal();
                return if failed { Err(self.missing(header).unwrap_or_else(aborted)) } else { Ok(None) };
            }
            tag::QUERY
                if failed && body.iter().all(|byte| matches!(byte, 0 | b';' | b' ' | b'\t'..=b'\r')) =>
            {
                self.unnamed_id = 0;
                backend::empty_query(&mut self.client.outbuf);
                backend::ready_for_query(&mut self.client.outbuf, TransactionStatus::Failed);
            }
            tag::QUERY | tag::PARSE | tag::BIND | tag::DESCRIBE | tag::EXECUTE | tag::FUNCTION_CALL
                if failed =>
            {
                return Err(self.missing(header).unwrap_or_else(aborted));
            }
            _ => return Ok(None),
        }
        Ok(Some(Step::Done))
    }

    /// The error for a message about a statement or a portal that does not exist, in a transaction that no server knows of.
    fn missing(&self, header: Header) -> Option<ClientError> {
        let body = &self.client.inbuf[frame::HEADER..header.len];
        let (is_statement, name) = match header.tag {
            tag::BIND => (true, frontend::Bind::decode(body).ok()?.statement),
            tag::EXECUTE => (false, frontend::Execute::decode(body).ok()?.portal),
            tag::DESCRIBE => {
                let describe = frontend::Describe::decode(body).ok()?;
                (describe.kind == frontend::STATEMENT, describe.name)
            }
            _ => return None,
        };
        let shown = String::from_utf8_lossy(name);
        let (exists, message, sqlstate) = match (is_statement, name) {
            (false, _) => (false, format!("portal \"{shown}\" does not exist"), "34000"),
            (true, b"") => {
                (self.unnamed_id != 0, "unnamed prepared statement does not exist".to_owned(), "26000")
            }
            (true, name) => {
                let message = format!("prepared statement \"{shown}\" does not exist");
                (self.statements.contains_key(name), message, "26000")
            }
        };
        (!exists).then(|| ClientError::new(ErrorKind::InvalidInput, message).with_sqlstate(sqlstate))
    }

    pub(super) fn forget_portal(&mut self) {
        if let Some(switching) = &mut self.switching {
            switching.portal = None;
        }
    }

    /// Executes the portal of the gateway's.
    fn execute_own(&mut self) -> Result<(), ClientError> {
        let Some(portal) = self.switching.as_mut().and_then(|switching| switching.portal.as_mut()) else {
            return Ok(());
        };
        if std::mem::replace(&mut portal.done, true) {
            let name = String::from_utf8_lossy(&portal.name);
            let message = format!("portal \"{name}\" cannot be run");
            return Err(ClientError::new(ErrorKind::InvalidInput, message).with_sqlstate("55000"));
        }
        let special = portal.special.clone();
        let command = self.carry_out(&special, false)?;
        backend::command_complete(&mut self.client.outbuf, command);
        Ok(())
    }

    /// Carries a statement out, with the rows that it has.
    fn carry_out(&mut self, special: &Special, simple: bool) -> Result<&'static str, ClientError> {
        let Some(own) = &special.own else { return Ok("") };
        let command = self.run_own(own)?;
        if let Some(hint) = &special.hint {
            self.follow_hint(hint)?;
        }
        if *own == Own::Tenant(TenantStatement::Show) {
            let key = self.tenant_key();
            let out = &mut self.client.outbuf;
            if simple {
                backend::row_description(out, &[COLUMN]);
            }
            backend::data_row(out, &[Some(key.as_bytes())]);
        }
        Ok(command)
    }
}

/// Such a statement has no parameters.
fn without_values(bind: &frontend::Bind<'_>) -> Result<(), ClientError> {
    let values = bind.values().map_err(|_| ClientError::protocol("malformed Bind message"))?;
    match values.iter().count() {
        0 => Ok(()),
        count => {
            let name = String::from_utf8_lossy(bind.statement);
            let message = format!(
                "bind message supplies {count} parameters, but prepared statement \"{name}\" requires 0"
            );
            Err(ClientError::new(ErrorKind::InvalidInput, message).with_sqlstate("08P01"))
        }
    }
}

fn is_portal(close: &frontend::Close<'_>) -> bool {
    close.kind != frontend::STATEMENT
}
