//! How a client proves that it is a login: by a certificate that TLS has verified, or by SCRAM-SHA-256.
//!
//! An unknown login goes through the same exchange and fails at its end.

use crate::door::Guest;
use crate::error::{ClientError, SessionEnd};
use crate::stream::Buffered;
use crate::worker::Worker;
use bytes::BytesMut;
use std::sync::Arc;
use tenantry_core::{ErrorKind, LoginRoute};
use tenantry_tls::Facts;
use tenantry_wire::frontend::{SaslInitial, tag};
use tenantry_wire::scram::{ChannelBinding, MECHANISM, MECHANISM_PLUS, ServerExchange, Verifier};
use tenantry_wire::{backend, frame};

/// Messages of an authentication exchange are short.
const MAX_AUTH_BYTES: usize = 4 << 10;
/// The same for real and for unknown logins, so that they can't be told apart.
const SCRAM_ROUNDS: u32 = 4_096;
/// How much of a name that somebody made up gets into the log.
const LOGGED_CHARS: usize = 64;

/// Lets the client prove that it is the login of that name, within what its address may try.
pub(super) async fn prove<'r>(
    worker: &Worker,
    client: &mut Buffered,
    guest: &Guest,
    name: &str,
    login: Option<&'r Arc<LoginRoute>>,
    tls: Option<&Facts>,
) -> Result<&'r Arc<LoginRoute>, SessionEnd> {
    let attempt = guest.begin(name).await?;
    let proved = match login.filter(|login| holds_certificate(login, tls)) {
        Some(_) => Ok(()),
        None => exchange(worker, client, name, login, tls).await,
    };
    match (proved, login) {
        (Ok(()), Some(login)) => {
            attempt.succeeded();
            Ok(login)
        }
        (proved, _) => {
            let end = proved.err().unwrap_or_else(|| wrong_password().into());
            let guessed =
                matches!(&end, SessionEnd::Fatal(error) if error.kind == ErrorKind::AuthenticationFailed);
            if guessed && attempt.failed() {
                let shown: String = name.chars().take(LOGGED_CHARS).collect();
                tracing::info!(login = ?shown, address = %guest.source, "a login failed");
            }
            Err(end)
        }
    }
}

/// Whether the client's certificate names one that stands for this login's password.
fn holds_certificate(login: &LoginRoute, tls: Option<&Facts>) -> bool {
    let Some(names) = tls.and_then(|tls| tls.client.as_ref()) else { return false };
    login.access.certificates.iter().any(|name| names.contains(name))
}

/// SCRAM-SHA-256, tied to the TLS connection where there is one and the client can.
async fn exchange(
    worker: &Worker,
    client: &mut Buffered,
    name: &str,
    login: Option<&Arc<LoginRoute>>,
    tls: Option<&Facts>,
) -> Result<(), SessionEnd> {
    let verifier = match login.map(|login| Verifier::parse(&login.verifier)) {
        Some(Ok(verifier)) => verifier,
        Some(Err(_)) => {
            tracing::error!(login = name, "a login's verifier in the catalog can't be read");
            return Err(wrong_password().into());
        }
        None => Verifier::mock(worker.shared.mock_secret.expose().as_bytes(), name.as_bytes(), SCRAM_ROUNDS),
    };
    let hash = tls.and_then(|tls| tls.end_point_hash.clone());
    let offered = if hash.is_some() { &[MECHANISM_PLUS, MECHANISM][..] } else { &[MECHANISM] };
    backend::authentication_sasl(&mut client.outbuf, offered);
    let first = password_message(client).await?;
    let initial = SaslInitial::decode(&first).map_err(|_| ClientError::protocol("malformed SASL message"))?;
    let binding = match (initial.mechanism, hash) {
        (mechanism, Some(hash)) if mechanism == MECHANISM_PLUS.as_bytes() => {
            ChannelBinding::TlsServerEndPoint(hash)
        }
        (mechanism, hash) if mechanism == MECHANISM.as_bytes() => match hash {
            Some(_) => ChannelBinding::Unused,
            None => ChannelBinding::Unsupported,
        },
        _ => return Err(ClientError::protocol("this SASL mechanism is not offered").into()),
    };
    let (exchange, challenge) = ServerExchange::new(verifier, binding)
        .respond(initial.response.unwrap_or_default())
        .map_err(|error| ClientError::protocol(error.to_string()))?;
    backend::sasl_continue(&mut client.outbuf, &challenge);
    let last = password_message(client).await?;
    // A SASL response's body is the data itself.
    let accepted = exchange.verify(&last).map_err(|_| wrong_password())?;
    backend::sasl_final(&mut client.outbuf, &accepted.message);
    Ok(())
}

fn wrong_password() -> ClientError {
    ClientError::new(ErrorKind::AuthenticationFailed, "password authentication failed")
}

async fn password_message(client: &mut Buffered) -> Result<BytesMut, SessionEnd> {
    client.flush().await.map_err(|_| SessionEnd::ClientGone)?;
    loop {
        let header = frame::peek(&client.inbuf).map_err(|error| ClientError::protocol(error.to_string()))?;
        if let Some(header) = header {
            if header.tag != tag::PASSWORD || header.len > MAX_AUTH_BYTES {
                return Err(ClientError::protocol("expected a password message").into());
            }
            if client.inbuf.len() >= header.len {
                let mut message = client.inbuf.split_to(header.len);
                return Ok(message.split_off(frame::HEADER));
            }
        }
        client.fill().await.map_err(|_| SessionEnd::ClientGone)?;
    }
}
