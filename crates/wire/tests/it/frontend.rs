//! What a client says, written and read again.

use crate::{name, one_frame, text, value, views};
use proptest::prelude::*;
use tenantry_wire::MessageError;
use tenantry_wire::frontend::{
    self, Bind, Close, Describe, Execute, PORTAL, Parse, Query, STATEMENT, SaslInitial, tag,
};

proptest! {
    #[test]
    fn query_and_parse(name in name(), sql in text(), types in prop::collection::vec(any::<u32>(), 0..5)) {
        let body = one_frame(tag::QUERY, |out| frontend::query(out, &sql));
        prop_assert_eq!(Query::decode(&body)?.text, sql.as_bytes());

        let body = one_frame(tag::PARSE, |out| frontend::parse(out, &name, &sql, &types));
        let parse = Parse::decode(&body)?;
        prop_assert_eq!((parse.name, parse.query), (&name[..], sql.as_bytes()));
        prop_assert_eq!(parse.types().collect::<Vec<_>>(), types);
        prop_assert_eq!(parse.after_name, &body[name.len() + 1..]);
    }

    #[test]
    fn a_renamed_parse_differs_in_its_name_only(
        from in name(), to in name(), sql in text(), types in prop::collection::vec(any::<u32>(), 0..5),
    ) {
        let body = one_frame(tag::PARSE, |out| frontend::parse(out, &from, &sql, &types));
        let parse = Parse::decode(&body)?;
        let renamed = one_frame(tag::PARSE, |out| frontend::parse_raw(out, &to, parse.after_name));
        prop_assert_eq!(renamed, one_frame(tag::PARSE, |out| frontend::parse(out, &to, &sql, &types)));
    }

    #[test]
    fn bind_in_text(portal in name(), statement in name(), values in prop::collection::vec(value(), 0..5)) {
        let body = one_frame(tag::BIND, |out| frontend::bind_text(out, &portal, &statement, &views(&values)));
        let bind = Bind::decode(&body)?;
        prop_assert_eq!((bind.portal, bind.statement), (&portal[..], &statement[..]));
        let split = bind.values()?;
        prop_assert_eq!(split.iter().collect::<Vec<_>>(), views(&values));
        prop_assert_eq!((split.formats().len(), split.result_formats().len()), (0, 0));

        let renamed = one_frame(tag::BIND, |out| frontend::bind_raw(out, b"p", b"s", bind.rest));
        let expected = one_frame(tag::BIND, |out| frontend::bind_text(out, "p", "s", &views(&values)));
        prop_assert_eq!(renamed, expected);
    }

    #[test]
    fn describe_close_execute(statement: bool, name in name(), max_rows: i32) {
        let kind = if statement { STATEMENT } else { PORTAL };
        let body = one_frame(tag::DESCRIBE, |out| frontend::describe(out, kind, &name));
        prop_assert_eq!(Describe::decode(&body)?, Describe { kind, name: &name });
        let body = one_frame(tag::CLOSE, |out| frontend::close(out, kind, &name));
        prop_assert_eq!(Close::decode(&body)?, Close { kind, name: &name });
        let body = one_frame(tag::EXECUTE, |out| frontend::execute(out, &name, max_rows));
        prop_assert_eq!(Execute::decode(&body)?, Execute { portal: &name, max_rows });
    }

    #[test]
    fn passwords_sasl_and_copy(text in text(), data in prop::collection::vec(any::<u8>(), 0..40)) {
        let body = one_frame(tag::PASSWORD, |out| frontend::password(out, &text));
        prop_assert_eq!(frontend::decode_password(&body)?, text.as_bytes());
        let body = one_frame(tag::PASSWORD, |out| frontend::sasl_initial(out, &text, &data));
        prop_assert_eq!(SaslInitial::decode(&body)?, SaslInitial { mechanism: text.as_bytes(), response: Some(&data) });
        prop_assert_eq!(&one_frame(tag::PASSWORD, |out| frontend::sasl_response(out, &data)), &data);
        prop_assert_eq!(&one_frame(tag::COPY_DATA, |out| frontend::copy_data(out, &data)), &data);
        let body = one_frame(tag::COPY_FAIL, |out| frontend::copy_fail(out, &text));
        prop_assert_eq!(frontend::decode_copy_fail(&body)?, text.as_bytes());
    }
}

/// A zero byte must neither end the text early nor begin another field.
#[test]
fn a_zero_byte_in_a_text_splits_nothing() {
    let body = one_frame(tag::QUERY, |out| frontend::query(out, "delete from t\0 where id = 1"));
    assert_eq!(Query::decode(&body).unwrap().text, b"delete from t\xFF where id = 1");
    let body = one_frame(tag::PARSE, |out| frontend::parse(out, "a\0b", "select\0 1", &[]));
    let parse = Parse::decode(&body).unwrap();
    assert_eq!((parse.name, parse.query), (&b"a\xFFb"[..], &b"select\xFF 1"[..]));
}

#[test]
fn bind_formats_are_read_for_values_and_for_results() {
    // Portal "", statement "s", formats 0 and 1, values "x" and NULL, one result format.
    let body = b"\0s\0\0\x02\0\0\0\x01\0\x02\0\0\0\x01x\xFF\xFF\xFF\xFF\0\x01\0\x01";
    let values = Bind::decode(body).unwrap().values().unwrap();
    assert_eq!(values.formats().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(values.iter().collect::<Vec<_>>(), [Some(&b"x"[..]), None]);
    assert_eq!(values.result_formats().collect::<Vec<_>>(), [1]);
}

#[test]
fn malformed_messages_say_what_is_wrong() {
    assert_eq!(Query::decode(b"select 1"), Err(MessageError::Truncated("Query")));
    assert_eq!(Query::decode(b"select 1\0;"), Err(MessageError::Trailing("Query")));
    assert_eq!(Parse::decode(b"n\0q\0\0\x01"), Err(MessageError::Truncated("Parse")));
    assert_eq!(Parse::decode(b"n\0q\0\0\0x"), Err(MessageError::Trailing("Parse")));
    assert_eq!(Describe::decode(b"Xname\0"), Err(MessageError::Invalid("Describe")));
    assert_eq!(Close::decode(b""), Err(MessageError::Truncated("Close")));
    assert_eq!(Execute::decode(b"p\0\0\0\0"), Err(MessageError::Truncated("Execute")));
    // A value of length -2.
    let bind = Bind::decode(b"\0\0\0\0\0\x01\xFF\xFF\xFF\xFE\0\0").unwrap();
    assert_eq!(bind.values().map(|_| ()), Err(MessageError::Invalid("Bind")));
    let none = SaslInitial::decode(b"SCRAM-SHA-256\0\xFF\xFF\xFF\xFF").unwrap();
    assert_eq!(none.response, None);
}
