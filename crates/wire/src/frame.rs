//! Where one message ends and the next begins: a tag byte, then a length that counts itself.
//!
//! Not for the first packet of a connection, which has no tag: see `startup`.

use tenantry_core::ErrorKind;
use thiserror::Error;

/// Bytes of the tag and the length.
pub const HEADER: usize = 5;

/// The longest frame, header included. PostgreSQL itself stops a little below 1 GiB.
pub const MAX_FRAME: usize = (1 << 30) + HEADER;

/// What the first five bytes of a frame say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub tag: u8,
    /// The whole frame, tag and length included. At least `HEADER`.
    pub len: usize,
}

/// One whole message at the start of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub tag: u8,
    /// What follows the header.
    pub body: &'a [u8],
    /// Header and body, for forwarding.
    pub bytes: &'a [u8],
}

/// A length word that can't be right: the stream is lost and must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a message of type 0x{tag:02x} claims a length of {length} bytes")]
pub struct FrameError {
    pub tag: u8,
    /// The length word as it arrived (it counts itself but not the tag).
    pub length: u32,
}

impl FrameError {
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::ProtocolViolation
    }

    pub fn hint(&self) -> Option<String> {
        Some("check that the peer speaks the PostgreSQL protocol, and that TLS is on at both ends or at neither".into())
    }
}

/// Reads the header at the start of `buf`. `None` when there are fewer than five bytes; the body may still be missing.
#[inline]
pub fn peek(buf: &[u8]) -> Result<Option<Header>, FrameError> {
    let Some(&[tag, a, b, c, d]) = buf.first_chunk::<HEADER>() else { return Ok(None) };
    let length = u32::from_be_bytes([a, b, c, d]);
    let len = (length as usize).saturating_add(1);
    if !(HEADER..=MAX_FRAME).contains(&len) {
        return Err(FrameError { tag, length });
    }
    Ok(Some(Header { tag, len }))
}

/// The whole frame at the start of `buf`. `None` until all of it has arrived.
#[inline]
pub fn first(buf: &[u8]) -> Result<Option<Frame<'_>>, FrameError> {
    let Some(Header { tag, len }) = peek(buf)? else { return Ok(None) };
    Ok(buf.get(..len).map(|bytes| Frame { tag, body: &bytes[HEADER..], bytes }))
}

/// All whole frames of a buffer, in order.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    left: &'a [u8],
}

/// Walks over the whole frames in `buf`. Ends at the first incomplete one, or after the first error.
pub fn frames(buf: &[u8]) -> Frames<'_> {
    Frames { left: buf }
}

impl<'a> Frames<'a> {
    /// What has not been walked over yet: the beginning of an incomplete frame, in the end.
    pub fn left(&self) -> &'a [u8] {
        self.left
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        match first(self.left) {
            Ok(frame) => {
                let frame = frame?;
                self.left = &self.left[frame.bytes.len()..];
                Some(Ok(frame))
            }
            Err(error) => {
                self.left = &[];
                Some(Err(error))
            }
        }
    }
}
