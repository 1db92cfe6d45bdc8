//! A client that sends exactly the bytes it is told, for conversations that no driver has.

use crate::world::{PASSWORD, World};
use bytes::BytesMut;
use std::collections::HashMap;
use std::time::Duration;
use tenantry_wire::backend::{Authentication, BackendKeyData, ErrorFields, ParameterStatus, tag};
use tenantry_wire::scram::{ChannelBinding, ClientExchange};
use tenantry_wire::startup::CancelKey;
use tenantry_wire::{frame, frontend, startup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Raw {
    stream: TcpStream,
    inbuf: BytesMut,
    pub(crate) out: BytesMut,
    pub(crate) key: CancelKey,
}

/// What a session of the gateway's begins with, and returns to at a reset.
const GATEWAY_DEFAULTS: &[(&str, &str)] =
    &[("application_name", "tenantry"), ("client_encoding", "UTF8"), ("search_path", "public")];

/// Nothing in these tests takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(20);

impl Raw {
    pub(crate) async fn open(world: &World) -> Self {
        Self::to(world.port()).await
    }

    pub(crate) async fn to(port: u16) -> Self {
        Self::over(TcpStream::connect(("127.0.0.1", port)).await.unwrap())
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        let key = CancelKey { pid: 0, secret: Box::new([]) };
        Self { stream, inbuf: BytesMut::new(), out: BytesMut::new(), key }
    }

    pub(crate) async fn login(world: &World, tenant: &str) -> Self {
        Self::try_login(world, tenant).await.expect("the login succeeds")
    }

    /// Logs in with protocol 3.`minor`.
    pub(crate) async fn login_speaking(world: &World, tenant: &str, minor: u16) -> Self {
        let raw = Self::open(world).await.introduced("app", tenant, PASSWORD, minor).await;
        raw.welcomed().await.expect("the login succeeds")
    }

    /// `None` when the tenant can't be entered right now.
    pub(crate) async fn try_login(world: &World, tenant: &str) -> Option<Self> {
        Self::open(world).await.introduced("app", tenant, PASSWORD, 0).await.welcomed().await
    }

    /// The pool's database itself, as its superuser: what the gateway's answers are compared with.
    pub(crate) async fn direct(world: &World) -> Self {
        let server = world.postgres;
        let raw = Self::to(server.port()).await;
        raw.introduced(server.superuser(), &world.pool, server.password().expose(), 0)
            .await
            .welcomed()
            .await
            .unwrap()
    }

    /// The database of `initech` itself, as the gateway's role and with the settings that the gateway begins with.
    pub(crate) async fn direct_to_own(world: &World) -> Self {
        let (role, database, password) = world.own_login();
        let mut raw = Self::to(world.postgres.port()).await;
        let who = [("user", &*role), ("database", &*database)];
        startup::startup(&mut raw.out, 0, who.into_iter().chain(GATEWAY_DEFAULTS.iter().copied()));
        raw.proves_itself(&password).await.unwrap()
    }

    /// The administrator's console.
    pub(crate) async fn console(world: &World) -> Self {
        let raw = Self::open(world).await.introduced("operator", "admin", PASSWORD, 0).await;
        raw.welcomed().await.expect("the login succeeds")
    }

    /// The SQLSTATE where such a session is not wanted.
    pub(crate) async fn try_login_with(
        world: &World,
        tenant: &str,
        more: &[(&str, &str)],
    ) -> Result<Self, String> {
        Self::try_login_as(world, "app", tenant, more).await
    }

    pub(crate) async fn try_login_as(
        world: &World,
        user: &str,
        tenant: &str,
        more: &[(&str, &str)],
    ) -> Result<Self, String> {
        let mut raw = Self::open(world).await;
        let who = [("user", user), ("database", tenant)];
        startup::startup(&mut raw.out, 0, who.into_iter().chain(more.iter().copied()));
        raw.proves_itself(PASSWORD).await
    }

    /// SCRAM, and what comes up to the first ReadyForQuery.
    pub(crate) async fn proves_itself(mut self, password: &str) -> Result<Self, String> {
        self.flush().await;
        let first = self.message().await.expect("an answer");
        if first.0 == tag::ERROR {
            return Err(sqlstate(&[first]).unwrap());
        }
        let mut raw = self.authenticated(password).await;
        loop {
            match raw.message().await.expect("a word of welcome or an error") {
                (tag::BACKEND_KEY_DATA, body) => raw.key = BackendKeyData::decode(&body).unwrap().to_key(),
                (tag::READY_FOR_QUERY, _) => return Ok(raw),
                (tag::ERROR, body) => return Err(sqlstate(&[(tag::ERROR, body)]).unwrap()),
                _ => {}
            }
        }
    }

    /// The server's parameters, as they are told up to the first ReadyForQuery.
    pub(crate) async fn told_at_login(mut self, password: &str) -> HashMap<String, String> {
        self.flush().await;
        assert_eq!(self.message().await.unwrap().0, tag::AUTHENTICATION);
        let mut raw = self.authenticated(password).await;
        let mut told = HashMap::new();
        loop {
            match raw.message().await.expect("a word of welcome") {
                (tag::PARAMETER_STATUS, body) => {
                    let status = ParameterStatus::decode(&body).unwrap();
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    told.insert(text(status.name), text(status.value));
                }
                (tag::READY_FOR_QUERY, _) => return told,
                (tag::ERROR, body) => panic!("{body:?}"),
                _ => {}
            }
        }
    }

    async fn introduced(self, user: &str, database: &str, password: &str, minor: u16) -> Self {
        let mut raw = self;
        startup::startup(&mut raw.out, minor, [("user", user), ("database", database)]);
        raw.flush().await;
        assert_eq!(raw.message().await.unwrap().0, tag::AUTHENTICATION);
        raw.authenticated(password).await
    }

    /// Behind the server's request to authenticate by SCRAM.
    async fn authenticated(self, password: &str) -> Self {
        let mut raw = self;
        let (exchange, first) = ClientExchange::new(password, None, ChannelBinding::Unsupported);
        frontend::sasl_initial(&mut raw.out, "SCRAM-SHA-256", &first);
        raw.flush().await;
        let (_, body) = raw.message().await.unwrap();
        let Ok(Authentication::SaslContinue(challenge)) = Authentication::decode(&body) else {
            panic!("{body:?}")
        };
        let (exchange, answer) = exchange.respond(challenge).unwrap();
        frontend::sasl_response(&mut raw.out, &answer);
        raw.flush().await;
        let (_, body) = raw.message().await.unwrap();
        let Ok(Authentication::SaslFinal(signature)) = Authentication::decode(&body) else {
            panic!("{body:?}")
        };
        exchange.finish(signature).unwrap();
        raw
    }

    /// Reads up to the first ReadyForQuery. `None` when the gateway says goodbye instead.
    async fn welcomed(mut self) -> Option<Self> {
        loop {
            match self.message().await? {
                (tag::BACKEND_KEY_DATA, body) => self.key = BackendKeyData::decode(&body).unwrap().to_key(),
                (tag::READY_FOR_QUERY, _) => return Some(self),
                _ => {}
            }
        }
    }

    /// Asks for a cancel of what runs, and waits until the gateway has taken note.
    pub(crate) async fn cancel(&self, world: &World) {
        let mut other = Self::open(world).await;
        startup::cancel_request(&mut other.out, &self.key);
        other.flush().await;
        assert!(other.message().await.is_none(), "a cancel request has no answer");
    }

    pub(crate) async fn flush(&mut self) {
        self.stream.write_all(&self.out).await.unwrap();
        self.out.clear();
    }

    /// The same where the connection may be broken. False when it is.
    pub(crate) async fn try_flush(&mut self) -> bool {
        let sent = self.stream.write_all(&self.out).await.is_ok();
        self.out.clear();
        sent
    }

    /// The next message, or `None` at the end of the stream. Cancel-safe.
    pub(crate) async fn message(&mut self) -> Option<(u8, BytesMut)> {
        tokio::time::timeout(DEADLINE, async {
            loop {
                if let Some(header) = frame::peek(&self.inbuf).unwrap()
                    && self.inbuf.len() >= header.len
                {
                    let mut frame = self.inbuf.split_to(header.len);
                    return Some((header.tag, frame.split_off(frame::HEADER)));
                }
                match self.stream.read_buf(&mut self.inbuf).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        })
        .await
        .expect("the gateway answers")
    }

    /// The type of the next message, of which nothing else is read.
    pub(crate) async fn next_tag(&mut self) -> u8 {
        while self.inbuf.is_empty() {
            self.stream.read_buf(&mut self.inbuf).await.unwrap();
        }
        self.inbuf[0]
    }

    /// All bytes up to the end of the stream, however that comes.
    pub(crate) async fn rest(&mut self) -> BytesMut {
        self.end().await;
        self.inbuf.split()
    }

    /// Reads to the end of the stream.
    pub(crate) async fn end(&mut self) {
        let reading = async { while matches!(self.stream.read_buf(&mut self.inbuf).await, Ok(1..)) {} };
        tokio::time::timeout(DEADLINE, reading).await.expect("the gateway closes the connection");
    }

    /// Everything up to ReadyForQuery.
    pub(crate) async fn until_ready(&mut self) -> Vec<(u8, BytesMut)> {
        self.flush().await;
        let mut messages = Vec::new();
        loop {
            let message = self.message().await.expect("the connection stays open");
            messages.push(message);
            if messages.last().unwrap().0 == tag::READY_FOR_QUERY {
                return messages;
            }
        }
    }

    /// The tags up to ReadyForQuery, as a text: `12DCZ`.
    pub(crate) async fn tags(&mut self) -> String {
        self.until_ready().await.iter().map(|(tag, _)| char::from(*tag)).collect()
    }

    pub(crate) async fn byte(&mut self) -> u8 {
        self.stream.read_u8().await.unwrap()
    }
}

/// The SQLSTATE of the first error among the messages.
pub(crate) fn sqlstate(messages: &[(u8, BytesMut)]) -> Option<String> {
    let (_, body) = messages.iter().find(|(tag, _)| *tag == tag::ERROR)?;
    Some(ErrorFields::decode(body).unwrap().text(b'C').into_owned())
}
