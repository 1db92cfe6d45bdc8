//! A client that is told what to say, and survives whatever happens to its connection.

use crate::raw::Raw;
use crate::world::PASSWORD;
use bytes::BytesMut;
use tenantry_testkit::proxy::{Fault, Proxy};
use tenantry_wire::backend::{Authentication, BackendKeyData, DataRow, tag};
use tenantry_wire::frontend;
use tenantry_wire::scram::{ChannelBinding, ClientExchange, ClientKeys};
use tenantry_wire::startup;
use tokio::sync::watch;

pub(super) type Message = (u8, BytesMut);

/// Stands for the slug of the row that a conversation inserts; replaced by another of the same length in each case.
pub(super) const SLUG: &str = "case-000000";

/// A client, and what it has heard.
pub(super) struct Talk {
    raw: Option<Raw>,
    pub(super) heard: Vec<Message>,
    /// Faults that make a connection silent: a client does not wait when one has struck.
    silence: Option<watch::Receiver<u64>>,
}

impl Talk {
    pub(super) async fn to(port: u16) -> Self {
        Self { raw: Some(Raw::to(port).await), heard: Vec::new(), silence: None }
    }

    /// It leaves when this fault is a stall and strikes.
    pub(super) fn mind(&mut self, fault: Fault, proxy: &Proxy) {
        let mut struck = proxy.struck();
        struck.mark_unchanged();
        self.silence = (fault == Fault::Stall).then_some(struck);
    }

    pub(super) fn mind_nothing(&mut self) {
        self.silence = None;
    }

    pub(super) fn is_open(&self) -> bool {
        self.raw.is_some()
    }

    /// Goes away without a word.
    pub(super) fn leave(&mut self) {
        self.raw = None;
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let Some(raw) = &mut self.raw else { return };
        raw.out.extend_from_slice(bytes);
        // What was answered before it broke is still to be read.
        let _broken = raw.try_flush().await;
    }

    /// The next message. `None` when there will be none.
    pub(super) async fn hear(&mut self) -> Option<&Message> {
        let raw = self.raw.as_mut()?;
        let silence = &mut self.silence;
        let silent = async {
            match silence {
                // A proxy that is gone is silent, too.
                Some(struck) => drop(struck.changed().await),
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            biased;
            message = raw.message() => message,
            () = silent => None,
        };
        let Some(message) = message else {
            self.raw = None;
            return None;
        };
        self.heard.push(message);
        self.heard.last()
    }

    /// Reads up to a message of this type. A ReadyForQuery ends it too. False when the connection ended before.
    pub(super) async fn until(&mut self, wanted: u8) -> bool {
        while let Some((tag, _)) = self.hear().await {
            if *tag == wanted || *tag == tag::READY_FOR_QUERY {
                return true;
            }
        }
        false
    }

    /// Logs in. False when that did not succeed.
    pub(super) async fn login(&mut self, user: &str, database: &str, keys: &mut Option<ClientKeys>) -> bool {
        self.try_login(user, database, keys).await.is_some()
    }

    async fn try_login(&mut self, user: &str, database: &str, keys: &mut Option<ClientKeys>) -> Option<()> {
        let mut out = BytesMut::new();
        startup::startup(&mut out, 0, [("user", user), ("database", database)]);
        self.send(&out).await;
        self.hear().await.filter(|(tag, _)| *tag == tag::AUTHENTICATION)?;
        let (exchange, first) = ClientExchange::new(PASSWORD, keys.clone(), ChannelBinding::Unsupported);
        out.clear();
        frontend::sasl_initial(&mut out, "SCRAM-SHA-256", &first);
        self.send(&out).await;
        let (_, body) = self.hear().await.filter(|(tag, _)| *tag == tag::AUTHENTICATION)?;
        let Ok(Authentication::SaslContinue(challenge)) = Authentication::decode(body) else {
            panic!("{body:?}")
        };
        let (exchange, answer) = exchange.respond(challenge).unwrap();
        out.clear();
        frontend::sasl_response(&mut out, &answer);
        self.send(&out).await;
        let (_, body) = self.hear().await.filter(|(tag, _)| *tag == tag::AUTHENTICATION)?;
        let Ok(Authentication::SaslFinal(signature)) = Authentication::decode(body) else {
            panic!("{body:?}")
        };
        *keys = Some(exchange.finish(signature).unwrap());
        while self.hear().await?.0 != tag::READY_FOR_QUERY {}
        Some(())
    }

    /// Asks over a connection of its own for the cancellation of what runs, and waits for that connection's end.
    pub(super) async fn cancel(&mut self, port: u16) {
        let key = self.heard.iter().rfind(|(tag, _)| *tag == tag::BACKEND_KEY_DATA);
        let key = BackendKeyData::decode(&key.expect("it has logged in").1).unwrap().to_key();
        let mut other = Self::to(port).await;
        other.silence.clone_from(&self.silence);
        let mut out = BytesMut::new();
        startup::cancel_request(&mut out, &key);
        other.send(&out).await;
        assert!(other.hear().await.is_none(), "a cancel request has no answer");
    }

    /// What it has heard that is of no interest any more.
    pub(super) fn forget(&mut self) {
        self.heard.retain(|(tag, _)| *tag == tag::BACKEND_KEY_DATA);
    }
}

/// The rows among the messages.
pub(super) fn rows(messages: &[Message]) -> Vec<Vec<String>> {
    let rows = messages.iter().filter(|(tag, _)| *tag == tag::DATA_ROW);
    let cells = |body: &BytesMut| {
        let row = DataRow::decode(body).unwrap();
        row.iter().map(|cell| String::from_utf8_lossy(cell.unwrap_or(b"NULL")).into_owned()).collect()
    };
    rows.map(|(_, body)| cells(body)).collect()
}
