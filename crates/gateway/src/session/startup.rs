//! The first packet: TLS and GSS requests, cancel requests, and the startup packet itself.

use crate::error::{ClientError, SessionEnd};
use crate::stream::{Buffered, Stream};
use crate::tls::TlsMode;
use crate::worker::Worker;
use bytes::Buf;
use tenantry_core::ErrorKind;
use tenantry_tls::{Acceptor, Facts};
use tenantry_wire::backend;
use tenantry_wire::frontend::tag;
use tenantry_wire::startup::{Initial, NEWEST_MINOR, Startup, parse_initial};

/// Answers to an SSL request and a GSS request in a row; more is nobody's driver.
const MAX_NEGOTIATIONS: usize = 4;
/// The first byte of TLS (a handshake record); PostgreSQL's first packets begin with a zero.
const TLS_RECORD: u8 = 0x16;

/// A client that has said what it wants.
pub(super) struct Opened {
    pub(super) startup: Startup,
    /// Of the TLS connection, if it is one.
    pub(super) tls: Option<Facts>,
    /// The protocol is 3.`minor` from here on.
    pub(super) minor: u16,
}

/// Reads up to the startup packet. `None` when the connection was for a cancel request.
pub(super) async fn read(worker: &Worker, client: &mut Buffered) -> Result<Option<Opened>, SessionEnd> {
    let mut tls = None;
    // Looked at and left where it is: TLS reads it again.
    match client.peek().await {
        Ok(Some(TLS_RECORD)) => tls = Some(begin_directly(worker, client).await?),
        Ok(_) => {}
        Err(_) => return Err(SessionEnd::ClientGone),
    }
    for _ in 0..MAX_NEGOTIATIONS {
        match next(client).await? {
            Initial::Ssl if tls.is_some() => {
                return Err(ClientError::protocol("TLS was asked for within TLS").into());
            }
            Initial::Ssl => {
                let acceptor = worker.shared.certificates.acceptor();
                answer(client, if acceptor.is_some() { b"S" } else { b"N" }).await?;
                if let Some(acceptor) = acceptor {
                    tls = Some(encrypt(&acceptor, client).await?);
                }
            }
            Initial::GssEnc => answer(client, b"N").await?,
            // libpq before 17 sends these in the clear, whatever its connection is.
            Initial::Cancel(key) => {
                worker.shared.cancels.cancel(&key).await;
                return Ok(None);
            }
            Initial::Startup(startup) => return accept(worker, client, startup, tls).map(Some),
        }
    }
    Err(ClientError::protocol("too many encryption requests").into())
}

async fn next(client: &mut Buffered) -> Result<Initial, SessionEnd> {
    loop {
        // Drivers that are stopped at once say goodbye before anything else. Who leaves is owed no answer.
        if client.inbuf.first() == Some(&tag::TERMINATE) {
            return Err(SessionEnd::ClientGone);
        }
        match parse_initial(&client.inbuf) {
            Ok(Some((initial, len))) => {
                client.inbuf.advance(len);
                return Ok(initial);
            }
            Ok(None) => client.fill().await.map_err(|_| SessionEnd::ClientGone)?,
            Err(error) => {
                let hint = error.hint();
                let refused = ClientError::protocol(error.to_string());
                return Err(match hint {
                    Some(hint) => refused.with_hint(hint),
                    None => refused,
                }
                .into());
            }
        }
    }
}

/// Answers a request for encryption.
async fn answer(client: &mut Buffered, answer: &[u8; 1]) -> Result<(), SessionEnd> {
    // What arrived behind the request was sent before our answer: somebody stuffs plain text into what the client will
    // take for an encrypted stream (CVE-2021-23214).
    if !client.inbuf.is_empty() {
        return Err(ClientError::protocol("unencrypted data after an encryption request").into());
    }
    client.outbuf.extend_from_slice(answer);
    client.flush().await.map_err(|_| SessionEnd::ClientGone)
}

/// A client that begins with TLS instead of asking for it. It must say by ALPN that it means PostgreSQL: a browser that
/// somebody led here must not get an answer.
async fn begin_directly(worker: &Worker, client: &mut Buffered) -> Result<Facts, SessionEnd> {
    let Some(acceptor) = worker.shared.certificates.acceptor() else {
        return Err(ClientError::protocol("TLS is not offered here").into());
    };
    let facts = encrypt(&acceptor, client).await?;
    if !facts.alpn {
        return Err(ClientError::protocol("direct TLS takes the ALPN protocol \"postgresql\"").into());
    }
    Ok(facts)
}

async fn encrypt(acceptor: &Acceptor, client: &mut Buffered) -> Result<Facts, SessionEnd> {
    let socket = client.take_socket().ok_or(SessionEnd::ClientGone)?;
    let (stream, facts) = acceptor.accept(socket).await.map_err(|error| {
        // The client was told by TLS's own alert.
        tracing::debug!(%error, "a client's TLS handshake failed");
        SessionEnd::ClientGone
    })?;
    client.set_stream(Stream::Tls(Box::new(stream.into())));
    Ok(facts)
}

fn accept(
    worker: &Worker,
    client: &mut Buffered,
    startup: Startup,
    tls: Option<Facts>,
) -> Result<Opened, SessionEnd> {
    if tls.is_none() && worker.shared.config.tls.mode == TlsMode::Require {
        return Err(ClientError::new(
            ErrorKind::AuthenticationFailed,
            "this gateway takes TLS connections only",
        )
        .with_sqlstate("28000")
        .with_hint("connect with sslmode=require, or better verify-full")
        .into());
    }
    if startup.get("replication").is_some_and(|value| !matches!(value, "false" | "off" | "no" | "0")) {
        return Err(ClientError::new(ErrorKind::NotSupported, "replication connections are not offered")
            .with_hint("connect to the cluster itself as its administrator")
            .into());
    }
    if startup.needs_negotiation(NEWEST_MINOR) {
        backend::negotiate_protocol_version(&mut client.outbuf, NEWEST_MINOR, &startup.unsupported_options);
    }
    Ok(Opened { minor: startup.minor.min(NEWEST_MINOR), startup, tls })
}
