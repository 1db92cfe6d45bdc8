//! What a server says: tags, views over bodies, and (in `encode`) what a gateway says in a server's place.

use crate::MessageError;
use crate::reader::Reader;
use std::borrow::Cow;

mod authentication;
mod encode;
mod row;

pub use authentication::{Authentication, BackendKeyData, Mechanisms, NegotiateProtocolVersion};
pub use encode::{
    ErrorMessage, Severity, TypedColumn, authentication_ok, authentication_sasl, backend_key_data,
    bind_complete, close_complete, command_complete, data_row, empty_query, error_response,
    negotiate_protocol_version, no_data, notice_response, parameter_description, parameter_status,
    parse_complete, portal_suspended, ready_for_query, row_description, sasl_continue, sasl_final,
    typed_row_description,
};
pub use row::{Column, DataRow, ParameterDescription, RowDescription, Values};

/// Message types that a server sends.
pub mod tag {
    pub const AUTHENTICATION: u8 = b'R';
    pub const BACKEND_KEY_DATA: u8 = b'K';
    pub const BIND_COMPLETE: u8 = b'2';
    pub const CLOSE_COMPLETE: u8 = b'3';
    pub const COMMAND_COMPLETE: u8 = b'C';
    pub const COPY_BOTH: u8 = b'W';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_IN: u8 = b'G';
    pub const COPY_OUT: u8 = b'H';
    pub const DATA_ROW: u8 = b'D';
    pub const EMPTY_QUERY: u8 = b'I';
    pub const ERROR: u8 = b'E';
    pub const FUNCTION_RESULT: u8 = b'V';
    pub const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
    pub const NO_DATA: u8 = b'n';
    pub const NOTICE: u8 = b'N';
    pub const NOTIFICATION: u8 = b'A';
    pub const PARAMETER_DESCRIPTION: u8 = b't';
    pub const PARAMETER_STATUS: u8 = b'S';
    pub const PARSE_COMPLETE: u8 = b'1';
    pub const PORTAL_SUSPENDED: u8 = b's';
    pub const READY_FOR_QUERY: u8 = b'Z';
    pub const ROW_DESCRIPTION: u8 = b'T';
}

/// Where a session stands, as `ReadyForQuery` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionStatus {
    Idle,
    InTransaction,
    /// In a transaction that failed: only its end is accepted.
    Failed,
}

impl TransactionStatus {
    /// The byte in the message.
    pub const fn as_byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::InTransaction => b'T',
            Self::Failed => b'E',
        }
    }
}

/// The body of `ReadyForQuery`.
#[inline]
pub fn ready_status(body: &[u8]) -> Result<TransactionStatus, MessageError> {
    match body {
        b"I" => Ok(TransactionStatus::Idle),
        b"T" => Ok(TransactionStatus::InTransaction),
        b"E" => Ok(TransactionStatus::Failed),
        [] => Err(MessageError::Truncated("ReadyForQuery")),
        [_] => Err(MessageError::Invalid("ReadyForQuery")),
        [_, _, ..] => Err(MessageError::Trailing("ReadyForQuery")),
    }
}

/// The tag of `CommandComplete` (`SELECT 1`, `SET`, …).
#[inline]
pub fn command_tag(body: &[u8]) -> Result<&[u8], MessageError> {
    let mut reader = Reader::new("CommandComplete", body);
    let tag = reader.text()?;
    reader.end()?;
    Ok(tag)
}

/// The fields of an `ErrorResponse` or a `NoticeResponse`, in the order of the message.
#[derive(Debug, Clone)]
pub struct ErrorFields<'a> {
    reader: Reader<'a>,
}

impl<'a> ErrorFields<'a> {
    /// Checks the whole body.
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("ErrorResponse", body);
        while reader.u8()? != 0 {
            reader.text()?;
        }
        reader.end()?;
        Ok(Self { reader: Reader::new("ErrorResponse", body) })
    }

    /// One field: `C` is the SQLSTATE, `M` the message, `V` the severity in English, `D` the detail, `H` the hint.
    pub fn get(&self, field: u8) -> Option<&'a [u8]> {
        self.clone().find(|(name, _)| *name == field).map(|(_, text)| text)
    }

    /// One field as text, for a log or a message. Bytes that are not UTF-8 are replaced.
    pub fn text(&self, field: u8) -> Cow<'a, str> {
        String::from_utf8_lossy(self.get(field).unwrap_or_default())
    }
}

impl<'a> Iterator for ErrorFields<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // `decode` has read all of it once; at the closing zero byte, which stays, the walk ends.
        let mut reader = self.reader;
        let field = reader.u8().ok().filter(|field| *field != 0)?;
        let text = reader.text().ok()?;
        self.reader = reader;
        Some((field, text))
    }
}

/// A setting that the server reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterStatus<'a> {
    pub name: &'a [u8],
    pub value: &'a [u8],
}

impl<'a> ParameterStatus<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("ParameterStatus", body);
        let name = reader.text()?;
        let value = reader.text()?;
        reader.end()?;
        Ok(Self { name, value })
    }
}
