//! Where messages end: cut streams, impossible lengths.

use bytes::BytesMut;
use proptest::prelude::*;
use tenantry_wire::frame::{self, Frames, HEADER, Header, MAX_FRAME};
use tenantry_wire::frontend;

/// Reads a stream that arrives in pieces, as a session does.
fn read(pieces: &[&[u8]]) -> Vec<(u8, Vec<u8>)> {
    let mut buffer = BytesMut::new();
    let mut read = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(frame) = frame::first(&buffer).unwrap() {
            read.push((frame.tag, frame.body.to_vec()));
            let len = frame.bytes.len();
            drop(buffer.split_to(len));
        }
    }
    assert!(buffer.is_empty());
    read
}

fn stream(messages: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, body) in messages {
        out.push(*tag);
        out.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        out.extend_from_slice(body);
    }
    out
}

fn messages() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..12)), 0..6)
}

proptest! {
    #[test]
    fn a_stream_cut_at_any_byte_gives_the_same_frames(messages in messages()) {
        let stream = stream(&messages);
        for cut in 0..=stream.len() {
            prop_assert_eq!(&read(&[&stream[..cut], &stream[cut..]]), &messages);
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(read(&bytes), messages);
    }

    #[test]
    fn an_incomplete_frame_is_none_and_its_header_is_seen_early(tag: u8, body in prop::collection::vec(any::<u8>(), 0..40)) {
        let bytes = stream(&[(tag, body)]);
        for cut in 0..bytes.len() {
            prop_assert_eq!(frame::first(&bytes[..cut]), Ok(None));
            let header = (cut >= HEADER).then_some(Header { tag, len: bytes.len() });
            prop_assert_eq!(frame::peek(&bytes[..cut]), Ok(header));
        }
    }

    #[test]
    fn walking_over_a_buffer_stops_before_what_is_incomplete(messages in messages(), cut: prop::sample::Index) {
        let stream = stream(&messages);
        let cut = cut.index(stream.len() + 1);
        let mut frames = frame::frames(&stream[..cut]);
        let mut walked = 0;
        for frame in frames.by_ref() {
            let frame = frame.unwrap();
            prop_assert_eq!((frame.tag, frame.body), (messages[walked].0, &messages[walked].1[..]));
            walked += 1;
        }
        let whole: usize = messages[..walked].iter().map(|(_, body)| HEADER + body.len()).sum();
        prop_assert_eq!(frames.left(), &stream[whole..cut]);
        prop_assert!(walked == messages.len() || whole + HEADER + messages[walked].1.len() > cut);
    }
}

#[test]
fn lengths_that_cannot_be_are_errors() {
    let peek = |length: u32| {
        let [a, b, c, d] = length.to_be_bytes();
        frame::peek(&[b'Q', a, b, c, d])
    };
    assert_eq!(peek(4), Ok(Some(Header { tag: b'Q', len: HEADER })));
    let longest = u32::try_from(MAX_FRAME - 1).unwrap();
    assert_eq!(peek(longest), Ok(Some(Header { tag: b'Q', len: MAX_FRAME })));
    for length in [0, 1, 3, longest + 1, i32::MAX as u32, u32::MAX] {
        let error = peek(length).unwrap_err();
        assert_eq!((error.tag, error.length), (b'Q', length));
    }
    // The walk ends at such a length instead of saying it for ever.
    let mut frames: Frames<'_> = frame::frames(&[b'S', 0, 0, 0, 4, b'S', 0, 0, 0, 3, b'S', 0, 0, 0, 4]);
    assert!(frames.next().unwrap().is_ok());
    assert!(frames.next().unwrap().is_err());
    assert!(frames.next().is_none());
}

#[test]
fn messages_without_a_body_are_the_protocols_bytes() {
    let mut out = BytesMut::new();
    frontend::sync(&mut out);
    frontend::flush(&mut out);
    frontend::copy_done(&mut out);
    frontend::terminate(&mut out);
    assert_eq!(&out[..], b"S\0\0\0\x04H\0\0\0\x04c\0\0\0\x04X\0\0\0\x04");
}
