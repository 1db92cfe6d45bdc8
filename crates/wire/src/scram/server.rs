//! The server's side of an exchange: what the gateway does with a client.

use super::message::{self, Attributes};
use super::{ChannelBinding, ScramError, Verifier, equal, hmac, sha256, xor};
use zeroize::Zeroizing;

/// One exchange with one client, waiting for the message that `State` names.
#[derive(Debug)]
pub struct ServerExchange<State>(State);

/// Nothing has been read.
pub struct AwaitsClientFirst {
    verifier: Verifier,
    binding: ChannelBinding,
}

/// The server-first-message is out.
pub struct AwaitsClientFinal {
    verifier: Verifier,
    /// The `c=` that the client must send.
    channel: String,
    nonce: String,
    /// The authentication message up to and including the comma before its last part.
    authenticated: String,
}

/// The client has proved that it knows the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The server-final-message, for `backend::sasl_final`; it proves in turn that the server knows the verifier.
    pub message: Vec<u8>,
}

impl ServerExchange<AwaitsClientFirst> {
    /// Begins an exchange. The user's name in the exchange is not read: the startup packet has named the user.
    pub fn new(verifier: Verifier, binding: ChannelBinding) -> Self {
        Self(AwaitsClientFirst { verifier, binding })
    }

    /// Reads the client-first-message and gives the server-first-message, for `backend::sasl_continue`.
    pub fn respond(
        self,
        client_first: &[u8],
    ) -> Result<(ServerExchange<AwaitsClientFinal>, Vec<u8>), ScramError> {
        self.respond_with(client_first, &super::nonce())
    }

    pub(super) fn respond_with(
        self,
        client_first: &[u8],
        own_nonce: &str,
    ) -> Result<(ServerExchange<AwaitsClientFinal>, Vec<u8>), ScramError> {
        let Self(AwaitsClientFirst { verifier, binding }) = self;
        let mut attributes = Attributes::of(client_first)?;
        let gs2_header = accept_gs2_header(&mut attributes, &binding)?;
        let bare = attributes.left();
        attributes.expect("n=")?;
        let nonce = format!("{}{own_nonce}", message::checked_nonce(attributes.expect("r=")?)?);
        let server_first = format!("r={nonce},s={},i={}", message::base64(&verifier.salt), verifier.rounds);
        let next = AwaitsClientFinal {
            verifier,
            channel: binding.attribute(gs2_header),
            nonce,
            authenticated: format!("{bare},{server_first},"),
        };
        Ok((ServerExchange(next), server_first.into_bytes()))
    }
}

/// Reads `n,,`, `y,,` or `p=…,,` and holds it against what this side can do.
fn accept_gs2_header(
    attributes: &mut Attributes<'_>,
    binding: &ChannelBinding,
) -> Result<&'static str, ScramError> {
    let flag = attributes.field().unwrap_or_default();
    let header = match (flag, binding) {
        ("n", ChannelBinding::Unsupported | ChannelBinding::Unused) => "n,,",
        ("y", ChannelBinding::Unsupported) => "y,,",
        ("y", ChannelBinding::Unused) => {
            return Err(ScramError::Malformed("the client has not seen that channel binding is offered"));
        }
        ("p=tls-server-end-point", ChannelBinding::TlsServerEndPoint(_)) => "p=tls-server-end-point,,",
        ("n" | "y", ChannelBinding::TlsServerEndPoint(_)) => {
            return Err(ScramError::Malformed("the mechanism's channel binding is missing"));
        }
        _ if flag.starts_with("p=") => {
            return Err(ScramError::Unsupported("this channel binding is not offered"));
        }
        _ => return Err(ScramError::Malformed("the channel binding flag is missing")),
    };
    match attributes.field() {
        Some("") => Ok(header),
        Some(field) if field.starts_with("a=") => {
            Err(ScramError::Unsupported("acting for another identity is not offered"))
        }
        _ => Err(ScramError::Malformed("the GS2 header is cut")),
    }
}

impl ServerExchange<AwaitsClientFinal> {
    /// Reads the client-final-message. The exchange ends here, whatever comes of it.
    pub fn verify(self, client_final: &[u8]) -> Result<Accepted, ScramError> {
        let Self(AwaitsClientFinal { verifier, channel, nonce, authenticated }) = self;
        let text = Attributes::of(client_final)?.left();
        // The proof is last; what stands before it is what it proves. Extensions in between are not known here.
        let (without_proof, proof) =
            text.rsplit_once(",p=").ok_or(ScramError::Malformed("the proof is missing"))?;
        let proof = message::key_from_base64(proof)?;
        let mut attributes = Attributes::of(without_proof.as_bytes())?;
        if attributes.expect("c=")? != channel {
            return Err(ScramError::Malformed("the channel binding has changed"));
        }
        if attributes.expect("r=")? != nonce {
            return Err(ScramError::Malformed("the nonce has changed"));
        }

        let signed = [authenticated.as_bytes(), without_proof.as_bytes()];
        let signature = hmac(&verifier.stored, &signed);
        let client_key = Zeroizing::new(xor(proof, &signature));
        if !equal(&sha256(&*client_key), &verifier.stored) || verifier.doomed {
            return Err(ScramError::WrongProof);
        }
        let signature = hmac(&verifier.server, &signed);
        Ok(Accepted { message: format!("v={}", message::base64(&signature)).into_bytes() })
    }
}

opaque!(AwaitsClientFirst, AwaitsClientFinal);
