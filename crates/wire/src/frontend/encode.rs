//! Writes a client's messages, as the gateway says them to a server.

use super::tag;
use crate::encode::{count, empty, message, raw, text, value};
use bytes::{BufMut, BytesMut};

/// A simple query.
pub fn query(out: &mut BytesMut, sql: &str) {
    message(out, tag::QUERY, |out| text(out, sql.as_bytes()));
}

/// Prepares a statement; `types` are OIDs, 0 or missing where the server shall find out.
pub fn parse(out: &mut BytesMut, name: impl AsRef<[u8]>, sql: &str, types: &[u32]) {
    message(out, tag::PARSE, |out| {
        text(out, name.as_ref());
        text(out, sql.as_bytes());
        count(out, types.len());
        for oid in types {
            out.put_u32(*oid);
        }
    });
}

/// A client's `Parse` under another name; `after_name` is `Parse::after_name`.
#[inline]
pub fn parse_raw(out: &mut BytesMut, name: &[u8], after_name: &[u8]) {
    out.reserve(crate::frame::HEADER + name.len() + 1 + after_name.len());
    message(out, tag::PARSE, |out| {
        text(out, name);
        out.extend_from_slice(after_name);
    });
}

/// Binds values in text format and asks for results in text format.
pub fn bind_text(
    out: &mut BytesMut,
    portal: impl AsRef<[u8]>,
    statement: impl AsRef<[u8]>,
    params: &[Option<&[u8]>],
) {
    message(out, tag::BIND, |out| {
        text(out, portal.as_ref());
        text(out, statement.as_ref());
        count(out, 0);
        count(out, params.len());
        for param in params {
            value(out, *param);
        }
        count(out, 0);
    });
}

/// A client's `Bind` under other names; `rest` is `Bind::rest`.
#[inline]
pub fn bind_raw(out: &mut BytesMut, portal: &[u8], statement: &[u8], rest: &[u8]) {
    out.reserve(crate::frame::HEADER + portal.len() + statement.len() + 2 + rest.len());
    message(out, tag::BIND, |out| {
        text(out, portal);
        text(out, statement);
        out.extend_from_slice(rest);
    });
}

/// `kind` is `STATEMENT` or `PORTAL`.
#[inline]
pub fn describe(out: &mut BytesMut, kind: u8, name: impl AsRef<[u8]>) {
    message(out, tag::DESCRIBE, |out| {
        out.put_u8(kind);
        text(out, name.as_ref());
    });
}

/// Runs a portal; 0 rows means all.
#[inline]
pub fn execute(out: &mut BytesMut, portal: impl AsRef<[u8]>, max_rows: i32) {
    message(out, tag::EXECUTE, |out| {
        text(out, portal.as_ref());
        out.put_i32(max_rows);
    });
}

/// `kind` is `STATEMENT` or `PORTAL`.
#[inline]
pub fn close(out: &mut BytesMut, kind: u8, name: impl AsRef<[u8]>) {
    message(out, tag::CLOSE, |out| {
        out.put_u8(kind);
        text(out, name.as_ref());
    });
}

#[inline]
pub fn sync(out: &mut BytesMut) {
    empty(out, tag::SYNC);
}

#[inline]
pub fn flush(out: &mut BytesMut) {
    empty(out, tag::FLUSH);
}

pub fn terminate(out: &mut BytesMut) {
    empty(out, tag::TERMINATE);
}

/// A password in clear text.
pub fn password(out: &mut BytesMut, password: &str) {
    message(out, tag::PASSWORD, |out| text(out, password.as_bytes()));
}

/// Begins a SASL exchange.
pub fn sasl_initial(out: &mut BytesMut, mechanism: &str, response: &[u8]) {
    message(out, tag::PASSWORD, |out| {
        text(out, mechanism.as_bytes());
        value(out, Some(response));
    });
}

/// Goes on with a SASL exchange.
pub fn sasl_response(out: &mut BytesMut, response: &[u8]) {
    raw(out, tag::PASSWORD, response);
}

#[inline]
pub fn copy_data(out: &mut BytesMut, data: &[u8]) {
    raw(out, tag::COPY_DATA, data);
}

pub fn copy_done(out: &mut BytesMut) {
    empty(out, tag::COPY_DONE);
}

/// Gives a COPY up; the server fails it with this reason.
pub fn copy_fail(out: &mut BytesMut, reason: &str) {
    message(out, tag::COPY_FAIL, |out| text(out, reason.as_bytes()));
}
