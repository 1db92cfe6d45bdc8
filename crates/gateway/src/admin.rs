//! The console: the database `admin` (or `pgbouncer`), for logins that may use it.
//!
//! It speaks the dialect of PgBouncer's console, with the same columns so that tools made for it work, and knows tenants
//! besides. Simple and extended protocol; parameters have no place in its commands. Every answer is bounded.

mod act;
mod answer;
mod averages;
mod command;
mod config;
mod show;

pub(crate) use averages::Averages;
pub use config::Reloaded;
pub(crate) use config::reload;

use crate::clients::Activity;
use crate::error::{ClientError, SessionEnd};
use crate::stream::Buffered;
use crate::worker::{Phase, Worker};
use answer::{Format, Table};
use bytes::{Buf, Bytes};
use command::Command;
use std::collections::HashMap;
use std::sync::Arc;
use tenantry_core::ErrorKind;
use tenantry_wire::backend::{self, TransactionStatus};
use tenantry_wire::frontend::{self, tag};
use tenantry_wire::{frame, startup::CancelKey};

/// The names of the console.
const DATABASES: [&str; 2] = ["admin", "pgbouncer"];
/// Commands are short.
const MAX_MESSAGE: usize = 64 << 10;
/// Prepared statements and portals of one session.
const MAX_NAMES: usize = 64;

/// Whether a connection to that database is for the console, if the login may use it.
pub(crate) fn is_console(database: &str) -> bool {
    DATABASES.contains(&database)
}

/// What the owner of a gateway is asked by its console.
#[derive(Debug)]
pub enum Request {
    /// Read the configuration again, and say what came of it.
    Reload(tokio::sync::oneshot::Sender<Result<Reloaded, String>>),
    Shutdown(Shutdown),
}

/// How to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    Now,
    /// When open transactions are done.
    WaitForTransactions,
    /// When all clients have left.
    WaitForClients,
}

/// One administrator's session.
pub(crate) struct Console {
    worker: Arc<Worker>,
    client: Buffered,
    statements: HashMap<Bytes, Bytes>,
    portals: HashMap<Bytes, Portal>,
    skip_to_sync: bool,
}

struct Portal {
    text: Bytes,
    format: Format,
    /// What is left to be fetched.
    rows: Option<Table>,
}

/// What one command comes to.
enum Outcome {
    Table(Table),
    Done(&'static str),
    /// Nothing but a semicolon.
    Empty,
}

impl Console {
    pub(crate) fn new(worker: Arc<Worker>, client: Buffered) -> Self {
        Self { worker, client, statements: HashMap::new(), portals: HashMap::new(), skip_to_sync: false }
    }

    /// Gives the connection back, for the last words.
    pub(crate) fn into_client(self) -> Buffered {
        self.client
    }

    /// Greets, and answers until the client leaves.
    pub(crate) async fn serve(&mut self, listed: &crate::clients::Client) -> Result<(), SessionEnd> {
        let out = &mut self.client.outbuf;
        backend::authentication_ok(out);
        for (name, value) in PARAMETERS {
            backend::parameter_status(out, name, value);
        }
        // There is nothing to cancel here: a key that means nothing.
        backend::backend_key_data(out, &CancelKey::generate(1, 4));
        backend::ready_for_query(out, TransactionStatus::Idle);
        loop {
            listed.set(Activity::Idle);
            self.client.flush().await.map_err(|_| SessionEnd::ClientGone)?;
            let Some((tag, message)) = self.next().await? else { return Ok(()) };
            listed.set(Activity::Active);
            self.message(tag, message).await?;
        }
    }

    /// The next whole message; `None` when the client says goodbye.
    async fn next(&mut self) -> Result<Option<(u8, Bytes)>, SessionEnd> {
        let mut phase = self.worker.phase.clone();
        loop {
            let header =
                frame::peek(&self.client.inbuf).map_err(|error| ClientError::protocol(error.to_string()))?;
            if let Some(header) = header {
                if header.len > MAX_MESSAGE {
                    return Err(ClientError::protocol("a command of the console is not that long").into());
                }
                if self.client.inbuf.len() >= header.len {
                    let mut message = self.client.inbuf.split_to(header.len).freeze();
                    message.advance(frame::HEADER);
                    return Ok((header.tag != tag::TERMINATE).then_some((header.tag, message)));
                }
            }
            self.client.release_buffers();
            // Cancel-safe: a fill that is dropped has read nothing. The console stays while clients are waited for.
            tokio::select! {
                biased;
                filled = self.client.fill() => filled.map_err(|_| SessionEnd::ClientGone)?,
                _ = phase.wait_for(|phase| matches!(phase, Phase::Draining | Phase::Closed)) => {
                    return Err(ClientError::shutting_down().into());
                }
            }
        }
    }

    async fn message(&mut self, tag: u8, body: Bytes) -> Result<(), SessionEnd> {
        if tag == tag::QUERY {
            let text = frontend::Query::decode(&body).map_err(|_| malformed("Query"))?;
            if let Err(error) = self.query(text.text).await {
                self.refuse(&error);
            }
            backend::ready_for_query(&mut self.client.outbuf, TransactionStatus::Idle);
            return Ok(());
        }
        if tag == tag::SYNC {
            self.skip_to_sync = false;
            backend::ready_for_query(&mut self.client.outbuf, TransactionStatus::Idle);
            return Ok(());
        }
        if self.skip_to_sync || tag == tag::FLUSH {
            return Ok(());
        }
        let answered = match tag {
            tag::PARSE => self.parse(&body)?,
            tag::BIND => self.bind(&body)?,
            tag::DESCRIBE => self.describe(&body)?,
            tag::EXECUTE => self.execute(&body).await?,
            tag::CLOSE => self.close(&body)?,
            other => {
                let error = format!("unexpected message type {:?}", char::from(other));
                return Err(ClientError::protocol(error).into());
            }
        };
        if let Err(error) = answered {
            self.refuse(&error);
            self.skip_to_sync = true;
        }
        Ok(())
    }

    async fn query(&mut self, text: &[u8]) -> Result<(), ClientError> {
        let outcome = self.run(text).await?;
        let out = &mut self.client.outbuf;
        match outcome {
            Outcome::Table(table) => {
                table.describe(out, Format::Text);
                let rows = table.rows.len();
                table.rows.iter().for_each(|row| answer::data_row(out, row, Format::Text));
                backend::command_complete(out, &format!("SHOW {rows}"));
            }
            Outcome::Done(tag) => backend::command_complete(out, tag),
            Outcome::Empty => backend::empty_query(out),
        }
        Ok(())
    }

    async fn run(&mut self, text: &[u8]) -> Result<Outcome, ClientError> {
        match Command::parse(&String::from_utf8_lossy(text))? {
            Command::Empty => Ok(Outcome::Empty),
            Command::Show(what) => show::table(&self.worker, &what).await.map(Outcome::Table),
            Command::Nothing(tag) => Ok(Outcome::Done(tag)),
            action => act::run(&self.worker, action).await.map(Outcome::Done),
        }
    }

    fn refuse(&mut self, error: &ClientError) {
        crate::session::refuse(&mut self.client.outbuf, error);
    }

    fn parse(&mut self, body: &Bytes) -> Result<Result<(), ClientError>, SessionEnd> {
        let parse = frontend::Parse::decode(body).map_err(|_| malformed("Parse"))?;
        if let Err(error) = Command::parse(&String::from_utf8_lossy(parse.query)) {
            return Ok(Err(error));
        }
        if self.statements.len() >= MAX_NAMES && !self.statements.contains_key(parse.name) {
            return Ok(Err(too_many()));
        }
        self.statements.insert(body.slice_ref(parse.name), body.slice_ref(parse.query));
        backend::parse_complete(&mut self.client.outbuf);
        Ok(Ok(()))
    }

    fn bind(&mut self, body: &Bytes) -> Result<Result<(), ClientError>, SessionEnd> {
        let bind = frontend::Bind::decode(body).map_err(|_| malformed("Bind"))?;
        let values = bind.values().map_err(|_| malformed("Bind"))?;
        let Some(text) = self.statements.get(bind.statement) else { return Ok(Err(no_statement())) };
        if self.portals.len() >= MAX_NAMES && !self.portals.contains_key(bind.portal) {
            return Ok(Err(too_many()));
        }
        let mut formats = values.result_formats();
        let format = if formats.len() == 1 && formats.next() == Some(1) {
            Format::Binary
        } else if formats.len() == 0 || formats.all(|code| code == 0) {
            Format::Text
        } else {
            // The console has few kinds of columns: a mixture is nobody's driver.
            let error =
                ClientError::new(ErrorKind::NotSupported, "the console answers in one format at a time");
            return Ok(Err(error));
        };
        let portal = Portal { text: text.clone(), format, rows: None };
        self.portals.insert(body.slice_ref(bind.portal), portal);
        backend::bind_complete(&mut self.client.outbuf);
        Ok(Ok(()))
    }

    fn describe(&mut self, body: &Bytes) -> Result<Result<(), ClientError>, SessionEnd> {
        let describe = frontend::Describe::decode(body).map_err(|_| malformed("Describe"))?;
        let (text, format) = if describe.kind == frontend::STATEMENT {
            let Some(text) = self.statements.get(describe.name) else { return Ok(Err(no_statement())) };
            backend::parameter_description(&mut self.client.outbuf, &[]);
            (text, Format::Text)
        } else {
            let Some(portal) = self.portals.get(describe.name) else { return Ok(Err(no_portal())) };
            (&portal.text, portal.format)
        };
        let out = &mut self.client.outbuf;
        match Command::parse(&String::from_utf8_lossy(text)) {
            Ok(Command::Show(what)) => answer::describe(out, what.columns(), format),
            _ => backend::no_data(out),
        }
        Ok(Ok(()))
    }

    async fn execute(&mut self, body: &Bytes) -> Result<Result<(), ClientError>, SessionEnd> {
        let execute = frontend::Execute::decode(body).map_err(|_| malformed("Execute"))?;
        let Some(portal) = self.portals.get(execute.portal) else { return Ok(Err(no_portal())) };
        let (text, format) = (portal.text.clone(), portal.format);
        let name = Bytes::copy_from_slice(execute.portal);
        let begun = self.portals.get_mut(&name).and_then(|portal| portal.rows.take());
        let outcome = match begun {
            Some(table) => Ok(Outcome::Table(table)),
            None => self.run(&text).await,
        };
        let out = &mut self.client.outbuf;
        match outcome {
            Err(error) => return Ok(Err(error)),
            Ok(Outcome::Done(tag)) => backend::command_complete(out, tag),
            Ok(Outcome::Empty) => backend::empty_query(out),
            Ok(Outcome::Table(mut table)) => {
                let most = usize::try_from(execute.max_rows).ok().filter(|most| *most > 0);
                let now = most.map_or(table.rows.len(), |most| most.min(table.rows.len()));
                table.rows.drain(..now).for_each(|row| answer::data_row(out, &row, format));
                if most.is_some_and(|most| now == most) && !table.rows.is_empty() {
                    backend::portal_suspended(out);
                    if let Some(portal) = self.portals.get_mut(&name) {
                        portal.rows = Some(table);
                    }
                } else {
                    backend::command_complete(out, &format!("SHOW {now}"));
                }
            }
        }
        Ok(Ok(()))
    }

    fn close(&mut self, body: &Bytes) -> Result<Result<(), ClientError>, SessionEnd> {
        let close = frontend::Close::decode(body).map_err(|_| malformed("Close"))?;
        if close.kind == frontend::STATEMENT {
            self.statements.remove(close.name);
        } else {
            self.portals.remove(close.name);
        }
        backend::close_complete(&mut self.client.outbuf);
        Ok(Ok(()))
    }
}

/// What drivers want to know of a server.
const PARAMETERS: [(&str, &str); 8] = [
    ("server_version", concat!("15.0 (Tenantry ", env!("CARGO_PKG_VERSION"), " console)")),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("integer_datetimes", "on"),
    ("standard_conforming_strings", "on"),
];

fn malformed(message: &'static str) -> ClientError {
    ClientError::protocol(format!("malformed {message} message"))
}

fn too_many() -> ClientError {
    ClientError::new(ErrorKind::LimitReached, "too many prepared statements for a console")
        .with_hint("close those that are not used any more")
}

fn no_statement() -> ClientError {
    ClientError::new(ErrorKind::InvalidInput, "no such prepared statement").with_sqlstate("26000")
}

fn no_portal() -> ClientError {
    ClientError::new(ErrorKind::InvalidInput, "no such portal").with_sqlstate("34000")
}

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing {
    use super::command::Command;

    /// What is no command is refused with a hint that says what is.
    pub(crate) fn command(text: &str) {
        if let Err(error) = Command::parse(text) {
            assert!(error.hint.is_some(), "{error}");
        }
    }
}
