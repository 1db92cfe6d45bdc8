//! Writes what a gateway says to a client in a server's place.

use super::{TransactionStatus, tag};
use crate::encode::{count, empty, message, text, value};
use crate::startup::CancelKey;
use bytes::{BufMut, BytesMut};

/// How bad an error or a notice is. After `Fatal` the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    Error,
    Fatal,
    Panic,
    Warning,
    Notice,
    Info,
    Log,
    Debug,
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Info => "INFO",
            Self::Log => "LOG",
            Self::Debug => "DEBUG",
        }
    }
}

/// An error or a notice of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorMessage<'a> {
    pub severity: Severity,
    /// Five characters.
    pub sqlstate: &'a str,
    pub message: &'a str,
    pub detail: Option<&'a str>,
    pub hint: Option<&'a str>,
    /// In the text of the statement: characters, from 1.
    pub position: Option<u32>,
    /// The function of PostgreSQL's that raises the error: drivers go by it where a SQLSTATE has more than one meaning.
    pub routine: Option<&'a str>,
}

pub fn error_response(out: &mut BytesMut, error: &ErrorMessage<'_>) {
    fields(out, tag::ERROR, error);
}

pub fn notice_response(out: &mut BytesMut, notice: &ErrorMessage<'_>) {
    fields(out, tag::NOTICE, notice);
}

fn fields(out: &mut BytesMut, tag: u8, error: &ErrorMessage<'_>) {
    let severity = error.severity.as_str();
    let position = error.position.map(|position| position.to_string());
    let all = [
        // S is for people and may be translated, V is for programs; ours are the same.
        (b'S', Some(severity)),
        (b'V', Some(severity)),
        (b'C', Some(error.sqlstate)),
        (b'M', Some(error.message)),
        (b'D', error.detail),
        (b'H', error.hint),
        (b'P', position.as_deref()),
        (b'R', error.routine),
    ];
    message(out, tag, |out| {
        for (field, content) in all {
            let Some(content) = content else { continue };
            out.put_u8(field);
            text(out, content.as_bytes());
        }
        out.put_u8(0);
    });
}

pub fn authentication_ok(out: &mut BytesMut) {
    authentication(out, 0, |_| ());
}

/// Offers SASL mechanisms, the preferred one first.
pub fn authentication_sasl(out: &mut BytesMut, mechanisms: &[&str]) {
    authentication(out, 10, |out| {
        for name in mechanisms {
            text(out, name.as_bytes());
        }
        out.put_u8(0);
    });
}

/// SCRAM's server-first-message.
pub fn sasl_continue(out: &mut BytesMut, data: &[u8]) {
    authentication(out, 11, |out| out.extend_from_slice(data));
}

/// SCRAM's server-final-message. `authentication_ok` follows.
pub fn sasl_final(out: &mut BytesMut, data: &[u8]) {
    authentication(out, 12, |out| out.extend_from_slice(data));
}

fn authentication(out: &mut BytesMut, code: u32, body: impl FnOnce(&mut BytesMut)) {
    message(out, tag::AUTHENTICATION, |out| {
        out.put_u32(code);
        body(out);
    });
}

pub fn parameter_status(out: &mut BytesMut, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
    message(out, tag::PARAMETER_STATUS, |out| {
        text(out, name.as_ref());
        text(out, value.as_ref());
    });
}

/// A client of protocol 3.0 understands a secret of four bytes only.
pub fn backend_key_data(out: &mut BytesMut, key: &CancelKey) {
    message(out, tag::BACKEND_KEY_DATA, |out| {
        out.put_i32(key.pid);
        out.extend_from_slice(&key.secret);
    });
}

#[inline]
pub fn ready_for_query(out: &mut BytesMut, status: TransactionStatus) {
    out.extend_from_slice(&[tag::READY_FOR_QUERY, 0, 0, 0, 5, status.as_byte()]);
}

/// Says the newest minor version of protocol 3 that is spoken here, and which options are not known.
pub fn negotiate_protocol_version(out: &mut BytesMut, minor: u16, options: &[impl AsRef<str>]) {
    message(out, tag::NEGOTIATE_PROTOCOL_VERSION, |out| {
        // The whole version, as PostgreSQL sends it and libpq reads it.
        out.put_u16(3);
        out.put_u16(minor);
        out.put_u16(0);
        count(out, options.len());
        for option in options {
            text(out, option.as_ref().as_bytes());
        }
    });
}

#[inline]
pub fn parse_complete(out: &mut BytesMut) {
    empty(out, tag::PARSE_COMPLETE);
}

#[inline]
pub fn bind_complete(out: &mut BytesMut) {
    empty(out, tag::BIND_COMPLETE);
}

#[inline]
pub fn close_complete(out: &mut BytesMut) {
    empty(out, tag::CLOSE_COMPLETE);
}

pub fn no_data(out: &mut BytesMut) {
    empty(out, tag::NO_DATA);
}

pub fn empty_query(out: &mut BytesMut) {
    empty(out, tag::EMPTY_QUERY);
}

/// `command` is `SELECT 1`, `SET`, …
pub fn command_complete(out: &mut BytesMut, command: &str) {
    message(out, tag::COMMAND_COMPLETE, |out| text(out, command.as_bytes()));
}

/// Columns of type text, in text format.
pub fn row_description(out: &mut BytesMut, columns: &[impl AsRef<str>]) {
    const TEXT_OID: u32 = 25;
    message(out, tag::ROW_DESCRIPTION, |out| {
        count(out, columns.len());
        for name in columns {
            text(out, name.as_ref().as_bytes());
            out.put_u32(0);
            out.put_u16(0);
            out.put_u32(TEXT_OID);
            out.put_i16(-1);
            out.put_i32(-1);
            out.put_u16(0);
        }
    });
}

/// A column of an answer of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypedColumn<'a> {
    pub name: &'a str,
    pub type_oid: u32,
    /// In bytes; -1 where it varies.
    pub type_size: i16,
    /// 0 is text, 1 is binary.
    pub format: u16,
}

/// Columns of any type.
pub fn typed_row_description(out: &mut BytesMut, columns: &[TypedColumn<'_>]) {
    message(out, tag::ROW_DESCRIPTION, |out| {
        count(out, columns.len());
        for column in columns {
            text(out, column.name.as_bytes());
            out.put_u32(0);
            out.put_u16(0);
            out.put_u32(column.type_oid);
            out.put_i16(column.type_size);
            out.put_i32(-1);
            out.put_u16(column.format);
        }
    });
}

/// The types of a statement's parameters.
pub fn parameter_description(out: &mut BytesMut, types: &[u32]) {
    message(out, tag::PARAMETER_DESCRIPTION, |out| {
        count(out, types.len());
        for oid in types {
            out.put_u32(*oid);
        }
    });
}

pub fn portal_suspended(out: &mut BytesMut) {
    empty(out, tag::PORTAL_SUSPENDED);
}

/// A row; NULL is `None`.
pub fn data_row(out: &mut BytesMut, values: &[Option<&[u8]>]) {
    message(out, tag::DATA_ROW, |out| {
        count(out, values.len());
        for item in values {
            value(out, *item);
        }
    });
}
