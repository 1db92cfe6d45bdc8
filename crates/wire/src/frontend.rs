//! What a client says: tags, views over bodies, and (in `encode`) the writing of them.
//!
//! Names and texts are bytes: a client may use any encoding, and only the server judges it.

use crate::MessageError;
use crate::reader::Reader;

mod encode;
pub use encode::{
    bind_raw, bind_text, close, copy_data, copy_done, copy_fail, describe, execute, flush, parse, parse_raw,
    password, query, sasl_initial, sasl_response, sync, terminate,
};

/// Message types that a client sends.
pub mod tag {
    pub const BIND: u8 = b'B';
    pub const CLOSE: u8 = b'C';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_FAIL: u8 = b'f';
    pub const DESCRIBE: u8 = b'D';
    pub const EXECUTE: u8 = b'E';
    pub const FLUSH: u8 = b'H';
    pub const FUNCTION_CALL: u8 = b'F';
    pub const PARSE: u8 = b'P';
    /// A password, or a SASL message: only the state of the connection tells which.
    pub const PASSWORD: u8 = b'p';
    pub const QUERY: u8 = b'Q';
    pub const SYNC: u8 = b'S';
    pub const TERMINATE: u8 = b'X';
}

/// `Describe` and `Close` of a prepared statement.
pub const STATEMENT: u8 = b'S';
/// `Describe` and `Close` of a portal.
pub const PORTAL: u8 = b'P';

/// A simple query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    pub text: &'a [u8],
}

/// Prepare a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parse<'a> {
    /// Empty for the unnamed statement.
    pub name: &'a [u8],
    pub query: &'a [u8],
    /// The parameter types as they stand in the message: a 16-bit count, then OIDs.
    pub rest: &'a [u8],
    /// All that follows the name's zero byte, for `parse_raw`.
    pub after_name: &'a [u8],
}

/// Make a portal of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    pub portal: &'a [u8],
    pub statement: &'a [u8],
    /// Formats and values as they stand in the message, for `bind_raw`.
    pub rest: &'a [u8],
}

/// What `Bind::rest` holds.
#[derive(Debug, Clone, Copy)]
pub struct BindValues<'a> {
    formats: &'a [u8],
    values: Reader<'a>,
    count: u16,
    result_formats: &'a [u8],
}

/// Ask what a statement or a portal looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Describe<'a> {
    /// `STATEMENT` or `PORTAL`, checked.
    pub kind: u8,
    pub name: &'a [u8],
}

/// Forget a statement or a portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close<'a> {
    /// `STATEMENT` or `PORTAL`, checked.
    pub kind: u8,
    pub name: &'a [u8],
}

/// Run a portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execute<'a> {
    pub portal: &'a [u8],
    /// 0 means all.
    pub max_rows: i32,
}

/// The first message of a SASL exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaslInitial<'a> {
    pub mechanism: &'a [u8],
    /// SCRAM's client-first-message; it may be missing.
    pub response: Option<&'a [u8]>,
}

impl<'a> Query<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        lone_text("Query", body).map(|text| Self { text })
    }
}

impl<'a> Parse<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("Parse", body);
        let name = reader.text()?;
        let after_name = reader.left();
        let query = reader.text()?;
        let rest = reader.left();
        let count = usize::from(reader.u16()?);
        reader.bytes(count * 4)?;
        reader.end()?;
        Ok(Self { name, query, rest, after_name })
    }

    /// The OIDs of the parameters whose type the client gave; 0 where it left one open.
    pub fn types(&self) -> impl ExactSizeIterator<Item = u32> + 'a {
        let oids = self.rest.get(2..).unwrap_or_default();
        oids.as_chunks::<4>().0.iter().map(|oid| u32::from_be_bytes(*oid))
    }
}

impl<'a> Bind<'a> {
    /// Looks at the names only: the rest is the server's to judge, and `values` checks it where somebody needs it.
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("Bind", body);
        let portal = reader.text()?;
        let statement = reader.text()?;
        Ok(Self { portal, statement, rest: reader.left() })
    }

    /// Checks and splits the rest.
    pub fn values(&self) -> Result<BindValues<'a>, MessageError> {
        let mut reader = Reader::new("Bind", self.rest);
        let formats = formats(&mut reader)?;
        let count = reader.u16()?;
        let values = reader;
        for _ in 0..count {
            reader.value()?;
        }
        let result_formats = self::formats(&mut reader)?;
        reader.end()?;
        Ok(BindValues { formats, values, count, result_formats })
    }
}

impl<'a> BindValues<'a> {
    /// The values, NULL as `None`.
    pub fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let mut values = self.values;
        // `Bind::values` has read all of them once, so none can fail here.
        (0..self.count).map_while(move |_| values.value().ok())
    }

    /// Format codes of the values: none (all are text), one for all, or one for each.
    pub fn formats(&self) -> impl ExactSizeIterator<Item = u16> + 'a {
        words(self.formats)
    }

    /// Format codes of the result's columns, by the same rule.
    pub fn result_formats(&self) -> impl ExactSizeIterator<Item = u16> + 'a {
        words(self.result_formats)
    }
}

impl<'a> Describe<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        kind_and_name("Describe", body).map(|(kind, name)| Self { kind, name })
    }
}

impl<'a> Close<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        kind_and_name("Close", body).map(|(kind, name)| Self { kind, name })
    }
}

impl<'a> Execute<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("Execute", body);
        let portal = reader.text()?;
        let max_rows = reader.i32()?;
        reader.end()?;
        Ok(Self { portal, max_rows })
    }
}

impl<'a> SaslInitial<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("SASLInitialResponse", body);
        let mechanism = reader.text()?;
        let response = reader.value()?;
        reader.end()?;
        Ok(Self { mechanism, response })
    }
}

/// The text of a `PasswordMessage`. A `SASLResponse` is its body as it is and needs no decoding.
pub fn decode_password(body: &[u8]) -> Result<&[u8], MessageError> {
    lone_text("Password", body)
}

/// Why the client gave a COPY up.
pub fn decode_copy_fail(body: &[u8]) -> Result<&[u8], MessageError> {
    lone_text("CopyFail", body)
}

fn lone_text<'a>(message: &'static str, body: &'a [u8]) -> Result<&'a [u8], MessageError> {
    let mut reader = Reader::new(message, body);
    let text = reader.text()?;
    reader.end()?;
    Ok(text)
}

fn kind_and_name<'a>(message: &'static str, body: &'a [u8]) -> Result<(u8, &'a [u8]), MessageError> {
    let mut reader = Reader::new(message, body);
    let kind = reader.u8()?;
    if kind != STATEMENT && kind != PORTAL {
        return Err(reader.invalid());
    }
    let name = reader.text()?;
    reader.end()?;
    Ok((kind, name))
}

fn formats<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], MessageError> {
    let count = usize::from(reader.u16()?);
    reader.bytes(count * 2)
}

fn words(bytes: &[u8]) -> impl ExactSizeIterator<Item = u16> + '_ {
    bytes.as_chunks::<2>().0.iter().map(|word| u16::from_be_bytes(*word))
}
