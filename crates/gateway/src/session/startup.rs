//! The first packet: TLS and GSS requests, cancel requests, and the startup packet itself.

use crate::error::{ClientError, SessionEnd};
use crate::stream::Buffered;
use crate::worker::Worker;
use bytes::Buf;
use tenantry_core::ErrorKind;
use tenantry_wire::backend;
use tenantry_wire::startup::{Initial, Startup, parse_initial};

/// The newest protocol we answer with. 3.2 only adds longer cancel keys.
const NEWEST_MINOR: u16 = 0;
/// Answers to an SSL request and a GSS request in a row; more is nobody's driver.
const MAX_NEGOTIATIONS: usize = 4;

/// Reads up to the startup packet. `None` when the connection was for a cancel request.
pub(super) async fn read(worker: &Worker, client: &mut Buffered) -> Result<Option<Startup>, SessionEnd> {
    for _ in 0..MAX_NEGOTIATIONS {
        let initial = loop {
            match parse_initial(&client.inbuf) {
                Ok(Some((initial, len))) => {
                    client.inbuf.advance(len);
                    break initial;
                }
                Ok(None) => client.fill().await.map_err(|_| SessionEnd::ClientGone)?,
                Err(error) => return Err(ClientError::protocol(error.to_string()).into()),
            }
        };
        match initial {
            Initial::Ssl | Initial::GssEnc => {
                // What arrived behind the request was sent before our answer: somebody stuffs plain text into what
                // the client will take for an encrypted stream.
                if !client.inbuf.is_empty() {
                    return Err(ClientError::protocol("unencrypted data after an encryption request").into());
                }
                client.outbuf.extend_from_slice(b"N");
                client.flush().await.map_err(|_| SessionEnd::ClientGone)?;
            }
            Initial::Cancel(key) => {
                worker.shared.cancels.cancel(&key, worker.shared.config.connect_timeout).await;
                return Ok(None);
            }
            Initial::Startup(startup) => {
                if startup
                    .get("replication")
                    .is_some_and(|value| !matches!(value, "false" | "off" | "no" | "0"))
                {
                    return Err(ClientError::new(
                        ErrorKind::NotSupported,
                        "replication connections are not offered",
                    )
                    .with_hint("connect to the cluster itself as its administrator")
                    .into());
                }
                if startup.needs_negotiation(NEWEST_MINOR) {
                    let options = &startup.unsupported_options;
                    backend::negotiate_protocol_version(&mut client.outbuf, NEWEST_MINOR, options);
                }
                return Ok(Some(startup));
            }
        }
    }
    Err(ClientError::protocol("too many encryption requests").into())
}
