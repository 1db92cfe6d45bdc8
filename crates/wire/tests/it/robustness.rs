//! Whatever arrives, no parser panics, and none hands out more than it was given.

#![allow(clippy::let_underscore_must_use, reason = "that they return at all is what is tested")]

use bytes::BytesMut;
use proptest::prelude::*;
use tenantry_wire::backend::{
    self, Authentication, BackendKeyData, DataRow, ErrorFields, NegotiateProtocolVersion,
    ParameterDescription, ParameterStatus, RowDescription,
};
use tenantry_wire::frontend::{self, Bind, Close, Describe, Execute, Parse, Query, SaslInitial};
use tenantry_wire::scram::{ChannelBinding, ClientExchange, ServerExchange, Verifier};
use tenantry_wire::{frame, startup};

/// Every parser there is, and every iterator that a parser gives.
fn parse_everything(bytes: &[u8]) {
    let mut seen = 0;
    seen += frame::frames(bytes).map_while(Result::ok).map(|frame| frame.bytes.len()).sum::<usize>();
    assert!(seen <= bytes.len());
    if let Ok(Some((_, len))) = startup::parse_initial(bytes) {
        assert!(len <= bytes.len());
    }
    let body = bytes;
    let _ = (Query::decode(body), Describe::decode(body), Close::decode(body), Execute::decode(body));
    let _ = (SaslInitial::decode(body), frontend::decode_password(body), frontend::decode_copy_fail(body));
    let _ = (backend::ready_status(body), backend::command_tag(body), ParameterStatus::decode(body));
    if let Ok(parse) = Parse::decode(body) {
        assert_eq!(parse.types().len() * 4 + 2, parse.rest.len());
    }
    if let Ok(values) = Bind::decode(body).and_then(|bind| bind.values()) {
        let total: usize = values.iter().flatten().map(<[u8]>::len).sum();
        assert!(total + (values.formats().len() + values.result_formats().len()) * 2 <= body.len());
    }
    if let Ok(fields) = ErrorFields::decode(body) {
        assert!(fields.map(|(_, text)| text.len() + 2).sum::<usize>() < body.len());
    }
    if let Ok(row) = DataRow::decode(body) {
        assert_eq!(row.iter().count(), row.columns());
    }
    if let Ok(columns) = RowDescription::decode(body) {
        assert_eq!(columns.iter().count(), columns.len());
    }
    if let Ok(Authentication::Sasl { mechanisms }) = Authentication::decode(body) {
        assert!(
            mechanisms
                .iter()
                .all(|name| mechanisms.contains(&String::from_utf8_lossy(name)) || !name.is_ascii())
        );
    }
    if let Ok(negotiate) = NegotiateProtocolVersion::decode(body) {
        assert!(negotiate.options().count() <= body.len());
    }
    let _ = (BackendKeyData::decode(body).map(|key| key.to_key()), ParameterDescription::decode(body));
    let text = String::from_utf8_lossy(body);
    let _ = (startup::parse_options(&text), Verifier::parse(&text));
    scram(body);
}

fn scram(message: &[u8]) {
    let server = || ServerExchange::new(Verifier::mock(b"secret", b"user", 1), ChannelBinding::Unsupported);
    let _ = server().respond(message).map(|_| ());
    let (client, first) = ClientExchange::new("password", None, ChannelBinding::Unsupported);
    let (waiting, server_first) = server().respond(&first).unwrap();
    assert!(waiting.verify(message).is_err());
    let (last, _) = client.respond(&server_first).unwrap();
    assert!(last.finish(message).is_err());
    let (client, _) = ClientExchange::new("password", None, ChannelBinding::Unsupported);
    assert!(client.respond(message).is_err());
}

/// A stream with a message of each shape in it.
fn valid() -> Vec<u8> {
    let mut out = BytesMut::new();
    startup::startup(&mut out, 0, [("user", "app"), ("database", "acme"), ("options", "-c a=b")]);
    frontend::query(&mut out, "select 1");
    frontend::parse(&mut out, "s", "select $1", &[23]);
    frontend::bind_text(&mut out, "p", "s", &[Some(b"1"), None]);
    frontend::execute(&mut out, "p", 0);
    backend::authentication_sasl(&mut out, &["SCRAM-SHA-256"]);
    backend::row_description(&mut out, &["a", "b"]);
    backend::data_row(&mut out, &[Some(b"1"), None]);
    backend::negotiate_protocol_version(&mut out, 0, &["_pq_.x"]);
    let error = backend::ErrorMessage {
        severity: backend::Severity::Error,
        sqlstate: "XX000",
        message: "no",
        detail: None,
        hint: Some("none"),
        position: None,
        routine: None,
    };
    backend::error_response(&mut out, &error);
    out.to_vec()
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        parse_everything(&bytes);
    }

    /// Mostly zeros and small numbers: deep into counts and lengths.
    #[test]
    fn likely_bytes_never_panic(
        bytes in prop::collection::vec(prop_oneof![Just(0), 0_u8..6, Just(0xFF), b'A'..b'z'], 0..60)
    ) {
        parse_everything(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(
        at: prop::sample::Index, byte: u8, start: prop::sample::Index, end: prop::sample::Index,
    ) {
        let mut bytes = valid();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let (start, end) = (start.index(bytes.len()), end.index(bytes.len()));
        parse_everything(&bytes[start.min(end)..start.max(end)]);
        for frame in frame::frames(&bytes[start..]).map_while(Result::ok) {
            parse_everything(frame.body);
        }
    }

    #[test]
    fn scram_texts_never_panic(
        head in "[nyp]?,?[a-z=]{0,6},?(n=)?,?r=[ -~]{0,20},?", base64 in "[A-Za-z0-9+/=]{0,50}", rounds in 0..200,
    ) {
        scram(format!("{head}s={base64},i={rounds}").as_bytes());
        let text = format!("{head},p={base64}");
        scram(text.as_bytes());
    }
}

#[test]
fn every_frame_of_a_valid_stream_is_read_by_its_parser() {
    let bytes = valid();
    let Ok(Some((_, len))) = startup::parse_initial(&bytes) else { panic!("refused") };
    let frames: Vec<_> = frame::frames(&bytes[len..]).map(Result::unwrap).collect();
    assert_eq!(frames.iter().map(|frame| char::from(frame.tag)).collect::<String>(), "QPBERTDvE");
    assert!(Bind::decode(frames[2].body).unwrap().values().is_ok());
    assert!(ErrorFields::decode(frames[8].body).is_ok());
}
