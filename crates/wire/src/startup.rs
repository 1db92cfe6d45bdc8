//! The first packet of a connection, which has a length but no tag: startup, TLS or GSS request, cancel.
//!
//! One rule is stricter than PostgreSQL's: a parameter that decides who connects to what (`user`, `database`,
//! `options`, `replication`) may stand once only. PostgreSQL lets the last one win; where a gateway stands between,
//! two readers of one packet must not be able to disagree. Of other parameters the last one wins here too.

use crate::encode::{fill_length, text};
use bytes::{BufMut, BytesMut};
use std::fmt;
use std::ops::RangeInclusive;
use tenantry_core::ErrorKind;
use thiserror::Error;

mod options;
pub use options::{OptionsError, parse_options};

/// The longest first packet, without its length word; PostgreSQL's own bound.
pub const MAX_STARTUP: usize = 10_000;

/// The newest minor version of protocol 3 known to this code: 3.2 has long cancel keys.
pub const NEWEST_MINOR: u16 = 2;

const MAJOR: u16 = 3;
/// The word in the place of a version that means a request of another kind, the lower half telling which.
const REQUEST: u16 = 1234;
const CANCEL: u16 = 5678;
const SSL: u16 = 5679;
const GSS_ENC: u16 = 5680;

/// What a client wants first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Initial {
    Startup(Startup),
    /// Answered with one byte: `S` and TLS begins, or `N` and the client goes on or leaves.
    Ssl,
    /// Answered like `Ssl`.
    GssEnc,
    /// Never answered; the connection is closed.
    Cancel(CancelKey),
}

/// A startup packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup {
    /// Of protocol 3. Above `NEWEST_MINOR`, `NegotiateProtocolVersion` is due.
    pub minor: u16,
    /// In the order of the packet, without the unsupported options.
    pub params: Vec<(String, String)>,
    /// Names that begin with `_pq_.`: protocol options, none of which is known here. `NegotiateProtocolVersion` is due.
    pub unsupported_options: Vec<String>,
}

/// What a cancel request must show.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CancelKey {
    pub pid: i32,
    /// 4 bytes in protocol 3.0, up to 256 in 3.2.
    pub secret: Box<[u8]>,
}

/// Why a first packet is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartupError {
    #[error("the first packet claims a length of {0} bytes")]
    Length(u32),
    #[error("protocol version {major}.{minor} is not spoken here")]
    Version { major: u16, minor: u16 },
    #[error("the first packet is cut or has bytes after its end")]
    Layout,
    #[error("the startup packet has text that is not UTF-8")]
    NotUtf8,
    #[error("startup parameter {0:?} is given more than once")]
    Duplicate(&'static str),
    #[error("the startup packet names no user")]
    NoUser,
}

impl StartupError {
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Length(_) | Self::Layout => ErrorKind::ProtocolViolation,
            Self::Version { .. } => ErrorKind::NotSupported,
            Self::NotUtf8 | Self::Duplicate(_) | Self::NoUser => ErrorKind::InvalidInput,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Length(_) => Some("this port speaks the PostgreSQL protocol, not HTTP or bare TLS".into()),
            Self::Version { .. } => Some("use a driver that speaks protocol 3.0 or newer".into()),
            Self::NoUser => Some("put a login before the host: postgres://LOGIN:…@HOST/TENANT".into()),
            Self::NotUtf8 => Some("use UTF-8 for names in the connection string".into()),
            Self::Duplicate(_) | Self::Layout => None,
        }
    }
}

impl Startup {
    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether `negotiate_protocol_version` must be answered, given the newest minor version the answerer speaks.
    pub fn needs_negotiation(&self, newest_minor: u16) -> bool {
        self.minor > newest_minor || !self.unsupported_options.is_empty()
    }
}

impl CancelKey {
    /// How long a secret may be.
    pub const SECRET_BYTES: RangeInclusive<usize> = 4..=256;

    /// A key with a random secret of that many bytes (4 for a client of protocol 3.0), held to `SECRET_BYTES`.
    pub fn generate(pid: i32, secret_bytes: usize) -> Self {
        let mut secret = vec![0; secret_bytes.clamp(*Self::SECRET_BYTES.start(), *Self::SECRET_BYTES.end())];
        getrandom::fill(&mut secret).expect("the operating system gives random bytes");
        Self { pid, secret: secret.into() }
    }
}

/// Never shows the secret.
impl fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CancelKey({}, …)", self.pid)
    }
}

/// Reads the first packet, and says how many bytes it took. `None` until all of it has arrived; what can't become a
/// packet is refused as soon as that is known.
pub fn parse_initial(buf: &[u8]) -> Result<Option<(Initial, usize)>, StartupError> {
    let Some((word, rest)) = buf.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*word);
    let len = length as usize;
    if !(8..=MAX_STARTUP + 4).contains(&len) {
        return Err(StartupError::Length(length));
    }
    let Some(&[a, b, c, d]) = rest.first_chunk::<4>() else { return Ok(None) };
    let (major, minor) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    if major != MAJOR && !(major == REQUEST && (CANCEL..=GSS_ENC).contains(&minor)) {
        return Err(StartupError::Version { major, minor });
    }
    let Some(body) = buf.get(8..len) else { return Ok(None) };
    let initial = match (major, minor) {
        (REQUEST, CANCEL) => Initial::Cancel(cancel(body)?),
        (REQUEST, _) if !body.is_empty() => return Err(StartupError::Layout),
        (REQUEST, SSL) => Initial::Ssl,
        (REQUEST, _) => Initial::GssEnc,
        _ => Initial::Startup(startup_packet(minor, body)?),
    };
    Ok(Some((initial, len)))
}

fn cancel(body: &[u8]) -> Result<CancelKey, StartupError> {
    let (pid, secret) = body.split_first_chunk::<4>().ok_or(StartupError::Layout)?;
    if !CancelKey::SECRET_BYTES.contains(&secret.len()) {
        return Err(StartupError::Layout);
    }
    Ok(CancelKey { pid: i32::from_be_bytes(*pid), secret: secret.into() })
}

fn startup_packet(minor: u16, body: &[u8]) -> Result<Startup, StartupError> {
    let mut packet = Startup { minor, params: Vec::new(), unsupported_options: Vec::new() };
    let mut left = body;
    loop {
        let name = take_text(&mut left)?;
        if name.is_empty() {
            break;
        }
        let value = take_text(&mut left)?;
        if name.starts_with("_pq_.") {
            packet.unsupported_options.push(name.to_owned());
            continue;
        }
        let decisive =
            ["user", "database", "options", "replication"].into_iter().find(|known| *known == name);
        if let Some(known) = decisive
            && packet.get(known).is_some()
        {
            return Err(StartupError::Duplicate(known));
        }
        packet.params.push((name.to_owned(), value.to_owned()));
    }
    if !left.is_empty() {
        return Err(StartupError::Layout);
    }
    if packet.get("user").is_none_or(str::is_empty) {
        return Err(StartupError::NoUser);
    }
    Ok(packet)
}

fn take_text<'a>(left: &mut &'a [u8]) -> Result<&'a str, StartupError> {
    let end = memchr::memchr(0, left).ok_or(StartupError::Layout)?;
    let (taken, rest) = left.split_at(end);
    *left = &rest[1..];
    std::str::from_utf8(taken).map_err(|_| StartupError::NotUtf8)
}

/// Appends a startup packet of protocol 3.`minor`.
pub fn startup<'a>(out: &mut BytesMut, minor: u16, params: impl IntoIterator<Item = (&'a str, &'a str)>) {
    packet(out, MAJOR, minor, |out| {
        for (name, value) in params {
            text(out, name.as_bytes());
            text(out, value.as_bytes());
        }
        out.put_u8(0);
    });
}

/// Appends a request for TLS.
pub fn ssl_request(out: &mut BytesMut) {
    packet(out, REQUEST, SSL, |_| ());
}

/// Appends a request for GSS encryption.
pub fn gss_enc_request(out: &mut BytesMut) {
    packet(out, REQUEST, GSS_ENC, |_| ());
}

/// Appends a cancel request, which goes over a connection of its own.
pub fn cancel_request(out: &mut BytesMut, key: &CancelKey) {
    packet(out, REQUEST, CANCEL, |out| {
        out.put_i32(key.pid);
        out.extend_from_slice(&key.secret);
    });
}

fn packet(out: &mut BytesMut, major: u16, minor: u16, body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32(0);
    out.put_u16(major);
    out.put_u16(minor);
    body(out);
    fill_length(out, start);
}
