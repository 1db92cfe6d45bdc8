//! Properties of the codec, through its public functions only.

#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod backend;
mod frames;
mod frontend;
mod robustness;
mod startup;

use bytes::BytesMut;
use proptest::prelude::*;
use tenantry_wire::frame;

/// A text of a message: anything but a zero byte.
fn text() -> impl Strategy<Value = String> {
    "[^\\x00]{0,20}"
}

/// A name as a client may send it, in whatever encoding.
fn name() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1_u8.., 0..20)
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..20))
}

/// What an encoder appends, checked to be exactly one frame with that tag; gives its body.
fn one_frame(tag: u8, encode: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    // Encoders append: what stands before must stay.
    let mut out = BytesMut::from(&b"before"[..]);
    encode(&mut out);
    assert_eq!(&out[..6], b"before");
    let frame = frame::first(&out[6..]).unwrap().expect("a whole frame");
    assert_eq!((frame.tag, frame.bytes.len()), (tag, out.len() - 6));
    frame.body.to_vec()
}

fn views(values: &[Option<Vec<u8>>]) -> Vec<Option<&[u8]>> {
    values.iter().map(Option::as_deref).collect()
}
