//! What a server says, written as a gateway writes it and read as it reads a server.

use crate::{one_frame, text, value, views};
use bytes::BytesMut;
use proptest::prelude::*;
use tenantry_wire::MessageError;
use tenantry_wire::backend::{
    self, Authentication, BackendKeyData, DataRow, ErrorFields, ErrorMessage, NegotiateProtocolVersion,
    ParameterDescription, ParameterStatus, RowDescription, Severity, TransactionStatus, tag,
};
use tenantry_wire::startup::CancelKey;

const SEVERITIES: [Severity; 8] = [
    Severity::Error,
    Severity::Fatal,
    Severity::Panic,
    Severity::Warning,
    Severity::Notice,
    Severity::Info,
    Severity::Log,
    Severity::Debug,
];

proptest! {
    #[test]
    fn errors_and_notices(
        severity in prop::sample::select(&SEVERITIES[..]), sqlstate in "[0-9A-Z]{5}", message in text(),
        detail in prop::option::of(text()), hint in prop::option::of(text()), routine in prop::option::of(text()),
    ) {
        let error = ErrorMessage {
            severity, sqlstate: &sqlstate, message: &message, detail: detail.as_deref(), hint: hint.as_deref(),
            position: None, routine: routine.as_deref(),
        };
        let body = one_frame(tag::ERROR, |out| backend::error_response(out, &error));
        prop_assert_eq!(&one_frame(tag::NOTICE, |out| backend::notice_response(out, &error)), &body);
        let fields = ErrorFields::decode(&body)?;
        prop_assert_eq!(fields.get(b'S'), Some(severity.as_str().as_bytes()));
        prop_assert_eq!(fields.text(b'V'), severity.as_str());
        prop_assert_eq!(fields.text(b'C'), &sqlstate[..]);
        prop_assert_eq!(fields.get(b'M'), Some(message.as_bytes()));
        prop_assert_eq!(fields.get(b'D'), detail.as_deref().map(str::as_bytes));
        prop_assert_eq!(fields.get(b'H'), hint.as_deref().map(str::as_bytes));
        prop_assert_eq!(fields.get(b'R'), routine.as_deref().map(str::as_bytes));
        prop_assert_eq!(fields.get(b'x'), None);
        let optional = [detail.is_some(), hint.is_some(), routine.is_some()];
        prop_assert_eq!(fields.count(), 4 + optional.into_iter().filter(|one| *one).count());
    }

    #[test]
    fn rows_and_columns(
        values in prop::collection::vec(value(), 0..6), names in prop::collection::vec(text(), 0..6),
    ) {
        let body = one_frame(tag::DATA_ROW, |out| backend::data_row(out, &views(&values)));
        let row = DataRow::decode(&body)?;
        prop_assert_eq!(row.columns(), values.len());
        prop_assert_eq!(row.iter().collect::<Vec<_>>(), views(&values));
        for column in 0..=values.len() {
            prop_assert_eq!(row.get(column), values.get(column).and_then(Option::as_deref));
        }
        let body = one_frame(tag::ROW_DESCRIPTION, |out| backend::row_description(out, &names));
        let description = RowDescription::decode(&body)?;
        prop_assert_eq!((description.len(), description.is_empty()), (names.len(), names.is_empty()));
        let read: Vec<_> = description.iter().collect();
        prop_assert!(read.iter().map(|column| column.name).eq(names.iter().map(String::as_bytes)));
        prop_assert!(read.iter().all(|column| (column.type_oid, column.type_len, column.format) == (25, -1, 0)));
    }

    #[test]
    fn session_messages(key in text(), value in text(), pid: i32, bytes in 0_usize..300) {
        let body = one_frame(tag::PARAMETER_STATUS, |out| backend::parameter_status(out, &key, &value));
        let read = ParameterStatus::decode(&body)?;
        prop_assert_eq!((read.name, read.value), (key.as_bytes(), value.as_bytes()));
        let body = one_frame(tag::COMMAND_COMPLETE, |out| backend::command_complete(out, &value));
        prop_assert_eq!(backend::command_tag(&body)?, value.as_bytes());
        let cancel = CancelKey::generate(pid, bytes);
        prop_assert_eq!(cancel.secret.len(), bytes.clamp(4, 256));
        let body = one_frame(tag::BACKEND_KEY_DATA, |out| backend::backend_key_data(out, &cancel));
        prop_assert_eq!(BackendKeyData::decode(&body)?.to_key(), cancel);
    }

    #[test]
    fn negotiation(minor: u16, options in prop::collection::vec(text(), 0..4)) {
        let encode = |out: &mut BytesMut| backend::negotiate_protocol_version(out, minor, &options);
        let body = one_frame(tag::NEGOTIATE_PROTOCOL_VERSION, encode);
        let read = NegotiateProtocolVersion::decode(&body)?;
        prop_assert_eq!(read.minor, minor);
        prop_assert!(read.options().eq(options.iter().map(String::as_bytes)));
    }

    #[test]
    fn sasl(
        data in prop::collection::vec(any::<u8>(), 0..40),
        mechanisms in prop::collection::vec("[A-Z0-9-]{1,20}", 0..4),
    ) {
        let names: Vec<&str> = mechanisms.iter().map(String::as_str).collect();
        let body = one_frame(tag::AUTHENTICATION, |out| backend::authentication_sasl(out, &names));
        let Authentication::Sasl { mechanisms } = Authentication::decode(&body)? else { panic!("not SASL") };
        prop_assert!(mechanisms.iter().eq(names.iter().map(|name| name.as_bytes())));
        prop_assert!(names.iter().all(|name| mechanisms.contains(name)) && !mechanisms.contains("none"));
        let body = one_frame(tag::AUTHENTICATION, |out| backend::sasl_continue(out, &data));
        prop_assert_eq!(Authentication::decode(&body)?, Authentication::SaslContinue(&data));
        let body = one_frame(tag::AUTHENTICATION, |out| backend::sasl_final(out, &data));
        prop_assert_eq!(Authentication::decode(&body)?, Authentication::SaslFinal(&data));
    }
}

#[test]
fn other_ways_to_authenticate_are_told_apart() {
    assert_eq!(Authentication::decode(&[0, 0, 0, 0]), Ok(Authentication::Ok));
    let ok = one_frame(tag::AUTHENTICATION, backend::authentication_ok);
    assert_eq!(Authentication::decode(&ok), Ok(Authentication::Ok));
    assert_eq!(Authentication::decode(&[0, 0, 0, 3]), Ok(Authentication::Cleartext));
    let md5 = Authentication::decode(&[0, 0, 0, 5, 1, 2, 3, 4]);
    assert_eq!(md5, Ok(Authentication::Md5 { salt: [1, 2, 3, 4] }));
    assert_eq!(Authentication::decode(&[0, 0, 0, 7]), Ok(Authentication::Unsupported(7)));
    assert_eq!(Authentication::decode(&[0, 0, 0, 0, 0]), Err(MessageError::Trailing("Authentication")));
    assert_eq!(Authentication::decode(&[0, 0, 0, 5]), Err(MessageError::Truncated("Authentication")));
}

/// The bytes are PostgreSQL 18's answer to a client of 3.9999.
#[test]
fn negotiation_is_written_as_postgres_writes_it() {
    let body = one_frame(tag::NEGOTIATE_PROTOCOL_VERSION, |out| {
        backend::negotiate_protocol_version(out, 2, &["_pq_.x"]);
    });
    assert_eq!(body, b"\0\x03\0\x02\0\0\0\x01_pq_.x\0");
}

#[test]
fn every_transaction_status_is_read_as_it_is_written() {
    for status in [TransactionStatus::Idle, TransactionStatus::InTransaction, TransactionStatus::Failed] {
        let body = one_frame(tag::READY_FOR_QUERY, |out| backend::ready_for_query(out, status));
        assert_eq!(backend::ready_status(&body), Ok(status));
    }
    assert_eq!(backend::ready_status(b""), Err(MessageError::Truncated("ReadyForQuery")));
    assert_eq!(backend::ready_status(b"X"), Err(MessageError::Invalid("ReadyForQuery")));
    assert_eq!(backend::ready_status(b"II"), Err(MessageError::Trailing("ReadyForQuery")));
}

#[test]
fn messages_without_a_body_have_their_tags() {
    assert!(one_frame(tag::PARSE_COMPLETE, backend::parse_complete).is_empty());
    assert!(one_frame(tag::BIND_COMPLETE, backend::bind_complete).is_empty());
    assert!(one_frame(tag::CLOSE_COMPLETE, backend::close_complete).is_empty());
    assert!(one_frame(tag::NO_DATA, backend::no_data).is_empty());
    assert!(one_frame(tag::EMPTY_QUERY, backend::empty_query).is_empty());
}

#[test]
fn malformed_messages_are_refused() {
    let truncated = ErrorFields::decode(b"SERROR\0").map(|_| ());
    assert_eq!(truncated, Err(MessageError::Truncated("ErrorResponse")));
    assert!(ErrorFields::decode(b"SERROR\0\0x").is_err());
    assert!(DataRow::decode(b"\0\x02\0\0\0\x01x").is_err());
    assert!(DataRow::decode(b"\0\x01\xFF\xFF\xFF\xFE").is_err());
    assert!(DataRow::decode(b"\0\0x").is_err());
    assert!(BackendKeyData::decode(&[0; 7]).is_err());
    assert!(BackendKeyData::decode(&[0; 4 + 257]).is_err());
    assert!(RowDescription::decode(b"\0\x01id\0").is_err());
    assert!(ParameterStatus::decode(b"name\0value").is_err());
    // A count of four thousand million options must not be walked to its end.
    assert!(NegotiateProtocolVersion::decode(b"\0\x03\0\0\xFF\xFF\xFF\xFFa\0").is_err());
    let types = ParameterDescription::decode(b"\0\x02\0\0\0\x17\0\0\0\x19").unwrap();
    assert_eq!(types.types().collect::<Vec<_>>(), [23, 25]);
    assert!(ParameterDescription::decode(b"\0\x02\0\0\0\x17").is_err());
}
