//! How frames are written: the length is filled in once the body stands.

use crate::frame::HEADER;
use bytes::{BufMut, BytesMut};

/// Appends a frame whose body is what `body` appends.
#[inline]
pub(crate) fn message(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.extend_from_slice(&[tag, 0, 0, 0, 0]);
    body(out);
    fill_length(out, start + 1);
}

/// Appends a frame whose body is those bytes, with one growth of the buffer.
#[inline]
pub(crate) fn raw(out: &mut BytesMut, tag: u8, body: &[u8]) {
    out.reserve(HEADER + body.len());
    message(out, tag, |out| out.extend_from_slice(body));
}

/// Appends a frame without a body.
#[inline]
pub(crate) fn empty(out: &mut BytesMut, tag: u8) {
    out.extend_from_slice(&[tag, 0, 0, 0, 4]);
}

/// Writes the length of what stands from `at` to the end, the length word included.
pub(crate) fn fill_length(out: &mut BytesMut, at: usize) {
    let length = u32::try_from(out.len() - at).expect("a message is shorter than 4 GiB");
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a text and its zero byte. For a zero byte in the text see the crate's header.
#[inline]
pub(crate) fn text(out: &mut BytesMut, text: &[u8]) {
    out.reserve(text.len() + 1);
    let start = out.len();
    out.extend_from_slice(text);
    if memchr::memchr(0, text).is_some() {
        out[start..].iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = 0xFF);
    }
    out.put_u8(0);
}

/// Appends a value with its length before it; NULL is -1.
#[inline]
pub(crate) fn value(out: &mut BytesMut, value: Option<&[u8]>) {
    match value {
        None => out.put_i32(-1),
        Some(bytes) => {
            out.put_i32(i32::try_from(bytes.len()).expect("a value is shorter than 2 GiB"));
            out.extend_from_slice(bytes);
        }
    }
}

/// Appends a 16-bit count. Callers write messages of our own, which are small.
#[inline]
pub(crate) fn count(out: &mut BytesMut, count: usize) {
    out.put_u16(u16::try_from(count).expect("the protocol counts with 16 bits"));
}
