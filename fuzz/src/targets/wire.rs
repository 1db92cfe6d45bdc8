//! The protocol's own parsers.

use crate::Target;
use bytes::BytesMut;
use tenantry_wire::backend::{
    self, Authentication, BackendKeyData, DataRow, ErrorFields, NegotiateProtocolVersion,
    ParameterDescription, ParameterStatus, RowDescription,
};
use tenantry_wire::frontend::{self, Bind, Close, Describe, Execute, Parse, Query, SaslInitial, tag};
use tenantry_wire::scram::{ChannelBinding, ClientExchange, ServerExchange, Verifier};
use tenantry_wire::startup::{self, Initial, MAX_STARTUP, parse_initial};
use tenantry_wire::{MessageError, frame};

pub const STARTUP: Target = Target {
    name: "wire-startup",
    run: initial,
    words: &[
        b"\0\x03\0\0",
        b"\0\x03\0\x02",
        b"\x04\xd2\x16\x2f",
        b"\x04\xd2\x16\x2e",
        b"user\0",
        b"database\0",
        b"options\0",
        b"-c ",
        b"--",
        b"\\ ",
        b"_pq_.x\0",
        b"replication\0",
    ],
    briefly: 20_000,
};

/// A first packet: read once, however much of it has arrived, and the same when it is written again.
fn initial(input: &[u8]) {
    let read = parse_initial(input);
    if let Ok(Some((_, len))) = &read {
        assert!((8..=MAX_STARTUP + 4).contains(len) && *len <= input.len());
        // Less is not enough, and never wrong.
        assert_eq!(parse_initial(&input[..len - 1]), Ok(None));
        assert_eq!(parse_initial(&input[..*len]), read);
    }
    let mut out = BytesMut::new();
    match read {
        Ok(Some((Initial::Startup(packet), _))) => {
            assert!(packet.get("user").is_some_and(|user| !user.is_empty()));
            let parameters = packet.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            startup::startup(&mut out, packet.minor, parameters);
            if packet.unsupported_options.is_empty() && out.len() <= MAX_STARTUP + 4 {
                let again = parse_initial(&out).expect("what was read can be written");
                assert_eq!(again.map(|(again, _)| again), Some(Initial::Startup(packet.clone())));
            }
            for (name, value) in &packet.params {
                if name == "options" {
                    drop(startup::parse_options(value));
                }
            }
        }
        Ok(Some((Initial::Cancel(key), len))) => {
            startup::cancel_request(&mut out, &key);
            assert_eq!(out[..], input[..len]);
        }
        _ => {}
    }
}

pub const FRONTEND: Target = Target {
    name: "wire-frontend",
    run: |input| stream(input, frontend),
    words: &[
        b"Q\0\0\0",
        b"P\0\0\0",
        b"B\0\0\0",
        b"\xff\xff\xff\xff",
        b"\0\0",
        b"\0\x01",
        b"S",
        b"d\0\0\0\x04",
    ],
    briefly: 30_000,
};

pub const BACKEND: Target = Target {
    name: "wire-backend",
    run: |input| stream(input, backend_message),
    words: &[
        b"D\0\0\0",
        b"T\0\0\0",
        b"E\0\0\0",
        b"R\0\0\0",
        b"\xff\xff\xff\xff",
        b"SERROR\0",
        b"C57014\0",
        b"Z\0\0\0\x05I",
    ],
    briefly: 30_000,
};

/// Messages one after the other, each of which is one; and the whole as a body of every type.
fn stream(input: &[u8], message: fn(u8, &[u8])) {
    let mut frames = frame::frames(input);
    let mut len = 0;
    for frame in frames.by_ref().map_while(Result::ok) {
        assert_eq!(frame.bytes.len(), frame.body.len() + frame::HEADER);
        len += frame.bytes.len();
        message(frame.tag, frame.body);
    }
    assert!(len + frames.left().len() <= input.len());
    for tag in 0..=255 {
        message(tag, input);
    }
}

/// What was read is written as it was.
fn same(tag: u8, body: &[u8], write: impl FnOnce(&mut BytesMut)) {
    let mut out = BytesMut::new();
    write(&mut out);
    assert_eq!((out[0], &out[frame::HEADER..]), (tag, body));
}

fn frontend(tag: u8, body: &[u8]) {
    match tag {
        tag::QUERY => {
            if let Ok(query) = Query::decode(body) {
                assert_eq!(query.text.len() + 1, body.len());
            }
        }
        tag::PARSE => {
            if let Ok(parse) = Parse::decode(body) {
                assert_eq!(parse.types().len() * 4 + 2, parse.rest.len());
                same(tag, body, |out| frontend::parse_raw(out, parse.name, parse.after_name));
            }
        }
        tag::BIND => {
            if let Ok(bind) = Bind::decode(body) {
                same(tag, body, |out| frontend::bind_raw(out, bind.portal, bind.statement, bind.rest));
                if let Ok(values) = bind.values() {
                    let total: usize = values.iter().flatten().map(<[u8]>::len).sum();
                    assert!(
                        total + (values.formats().len() + values.result_formats().len()) * 2 <= body.len()
                    );
                }
            }
        }
        tag::DESCRIBE => {
            if let Ok(describe) = Describe::decode(body) {
                same(tag, body, |out| frontend::describe(out, describe.kind, describe.name));
            }
        }
        tag::CLOSE => {
            if let Ok(close) = Close::decode(body) {
                same(tag, body, |out| frontend::close(out, close.kind, close.name));
            }
        }
        tag::EXECUTE => {
            if let Ok(execute) = Execute::decode(body) {
                same(tag, body, |out| frontend::execute(out, execute.portal, execute.max_rows));
            }
        }
        tag::PASSWORD => {
            let initial = SaslInitial::decode(body);
            assert!(initial.is_ok_and(|initial| initial.mechanism.len() < body.len()) || initial.is_err());
            let _: Result<_, MessageError> = frontend::decode_password(body).map(drop);
        }
        tag::COPY_FAIL => drop(frontend::decode_copy_fail(body).map(drop)),
        _ => {}
    }
}

fn backend_message(tag: u8, body: &[u8]) {
    match tag {
        backend::tag::READY_FOR_QUERY => {
            if let Ok(status) = backend::ready_status(body) {
                assert_eq!(body, [status.as_byte()]);
            }
        }
        backend::tag::COMMAND_COMPLETE => {
            if let Ok(command) = backend::command_tag(body) {
                assert_eq!(command.len() + 1, body.len());
            }
        }
        backend::tag::ERROR | backend::tag::NOTICE => {
            if let Ok(fields) = ErrorFields::decode(body) {
                drop(fields.text(b'M'));
                assert!(fields.map(|(_, text)| text.len() + 2).sum::<usize>() < body.len());
            }
        }
        backend::tag::DATA_ROW => {
            if let Ok(row) = DataRow::decode(body) {
                assert_eq!(row.iter().count(), row.columns());
                assert_eq!(row.get(row.columns()), None);
            }
        }
        backend::tag::ROW_DESCRIPTION => {
            if let Ok(columns) = RowDescription::decode(body) {
                assert_eq!(columns.iter().count(), columns.len());
            }
        }
        backend::tag::PARAMETER_DESCRIPTION => drop(ParameterDescription::decode(body).map(|_| ())),
        backend::tag::PARAMETER_STATUS => {
            if let Ok(status) = ParameterStatus::decode(body) {
                assert_eq!(status.name.len() + status.value.len() + 2, body.len());
            }
        }
        backend::tag::AUTHENTICATION => {
            if let Ok(Authentication::Sasl { mechanisms }) = Authentication::decode(body) {
                assert!(mechanisms.iter().count() < body.len());
            }
        }
        backend::tag::BACKEND_KEY_DATA => {
            if let Ok(key) = BackendKeyData::decode(body) {
                let key = key.to_key();
                same(tag, body, |out| backend::backend_key_data(out, &key));
            }
        }
        backend::tag::NEGOTIATE_PROTOCOL_VERSION => {
            if let Ok(negotiate) = NegotiateProtocolVersion::decode(body) {
                assert!(negotiate.options().count() <= body.len());
            }
        }
        _ => {}
    }
}

pub const SCRAM: Target = Target {
    name: "wire-scram",
    run: scram,
    words: &[
        b"n,,",
        b"y,,",
        b"p=tls-server-end-point,,",
        b"n=,r=",
        b"r=",
        b",s=",
        b",i=",
        b",p=",
        b"v=",
        b"c=biws",
        b"=2C",
    ],
    briefly: 2_000,
};

/// No message that was not made for an exchange is accepted in it.
fn scram(input: &[u8]) {
    let bindings = [ChannelBinding::Unsupported, ChannelBinding::TlsServerEndPoint(Box::new([7; 32]))];
    for binding in bindings {
        let server = || ServerExchange::new(Verifier::mock(b"secret", b"user", 1), binding.clone());
        let _answered = server().respond(input).map(drop);
        let (client, first) = ClientExchange::new("password", None, binding.clone());
        let Ok((waiting, challenge)) = server().respond(&first) else { panic!("the own first message") };
        assert!(waiting.verify(input).is_err());
        let Ok((last, _)) = client.respond(&challenge) else { panic!("the own challenge") };
        assert!(last.finish(input).is_err());
        // Rounds cost time: those are for the fuzzer's other targets.
        if !input.windows(2).any(|window| window == b"i=") {
            let (client, _) = ClientExchange::new("password", None, binding);
            assert!(client.respond(input).is_err());
        }
    }
    if let Ok(verifier) =
        std::str::from_utf8(input).map_err(drop).and_then(|text| Verifier::parse(text).map_err(drop))
    {
        assert_eq!(
            Verifier::parse(&verifier.to_string()).map(|again| again.to_string()).ok(),
            Some(verifier.to_string())
        );
    }
}
