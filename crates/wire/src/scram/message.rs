//! The attributes of SCRAM messages (`r=…,s=…,i=…`), and the header that GS2 puts before the first.

use super::{ChannelBinding, Key, MAX_MESSAGE, ScramError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The attributes of one message, in order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'a> {
    left: Option<&'a str>,
}

impl<'a> Attributes<'a> {
    /// Checks what holds for every message: a bound, and that it is text.
    pub(super) fn of(message: &'a [u8]) -> Result<Self, ScramError> {
        if message.len() > MAX_MESSAGE {
            return Err(ScramError::Malformed("a message is too long"));
        }
        let text =
            std::str::from_utf8(message).map_err(|_| ScramError::Malformed("a message is not UTF-8"))?;
        Ok(Self { left: Some(text) })
    }

    /// The next field, whatever it is.
    pub(super) fn field(&mut self) -> Option<&'a str> {
        let text = self.left?;
        let (field, left) = text.split_once(',').map_or((text, None), |(field, left)| (field, Some(left)));
        self.left = left;
        Some(field)
    }

    /// The value of the next attribute, which must be this one.
    pub(super) fn expect(&mut self, prefix: &'static str) -> Result<&'a str, ScramError> {
        let field = self.field().ok_or(ScramError::Malformed("an attribute is missing"))?;
        // Mandatory extensions (RFC 5802 §5.1) are made to be refused by those who don't know them.
        if field.starts_with("m=") {
            return Err(ScramError::Unsupported("a mandatory extension is not known"));
        }
        field.strip_prefix(prefix).ok_or(ScramError::Malformed("an attribute is missing or out of order"))
    }

    /// What has not been read yet.
    pub(super) fn left(&self) -> &'a str {
        self.left.unwrap_or_default()
    }
}

impl ChannelBinding {
    /// The GS2 header that a client of this mind sends.
    pub(super) fn gs2_header(&self) -> &'static str {
        match self {
            Self::Unsupported => "n,,",
            Self::Unused => "y,,",
            Self::TlsServerEndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    /// What must stand under `c=`: the header again, and the binding's data.
    pub(super) fn attribute(&self, gs2_header: &str) -> String {
        let data: &[u8] = if let Self::TlsServerEndPoint(data) = self { data } else { &[] };
        base64(&[gs2_header.as_bytes(), data].concat())
    }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, ScramError> {
    STANDARD.decode(text).map_err(|_| ScramError::Malformed("an attribute is not Base64"))
}

pub(super) fn key_from_base64(text: &str) -> Result<Key, ScramError> {
    from_base64(text)?.try_into().map_err(|_| ScramError::Malformed("a key or a proof has a wrong length"))
}

/// A nonce must be printable (RFC 5802 §7: `%x21-2B / %x2D-7E`) and not empty.
pub(super) fn checked_nonce(text: &str) -> Result<&str, ScramError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ScramError::Malformed("a nonce is empty or not printable"));
    }
    Ok(text)
}
