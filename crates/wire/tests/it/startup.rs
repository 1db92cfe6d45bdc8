//! First packets: written and read again, cut, malformed; and the `options` parameter.

use crate::text;
use bytes::BytesMut;
use proptest::prelude::*;
use tenantry_wire::startup::{
    self, CancelKey, Initial, MAX_STARTUP, OptionsError, Startup, StartupError, parse_initial, parse_options,
};

fn encoded(encode: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut out = BytesMut::new();
    encode(&mut out);
    out
}

fn packet(minor: u16, params: &[(&str, &str)]) -> BytesMut {
    encoded(|out| startup::startup(out, minor, params.iter().copied()))
}

fn refused(bytes: &[u8]) -> StartupError {
    parse_initial(bytes).unwrap_err()
}

/// A packet of protocol 3.0 with that body.
fn with_body(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap();
    [&length.to_be_bytes(), &[0, 3, 0, 0][..], body].concat()
}

proptest! {
    #[test]
    fn a_startup_packet_is_read_as_it_is_written(
        minor: u16, user in "[^\\x00]{1,20}",
        params in prop::collection::btree_map("[a-z][a-z_.]{0,9}x", text(), 0..5),
    ) {
        let mut all = vec![("user", user.as_str())];
        all.extend(params.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let bytes = packet(minor, &all);
        for cut in 0..bytes.len() {
            prop_assert_eq!(parse_initial(&bytes[..cut]), Ok(None));
        }
        // What comes after is the next message's.
        let more = [&bytes[..], b"more"].concat();
        let Some((Initial::Startup(read), len)) = parse_initial(&more)? else { panic!("not a startup packet") };
        prop_assert_eq!((len, read.minor), (bytes.len(), minor));
        for (name, value) in &all {
            prop_assert_eq!(read.get(name), Some(*value));
        }
        prop_assert_eq!((read.params.len(), read.unsupported_options.len()), (all.len(), 0));
        prop_assert_eq!(read.get("no such"), None);
    }

    #[test]
    fn a_cancel_request_is_read_as_it_is_written(pid: i32, bytes in 4_usize..=256) {
        let key = CancelKey::generate(pid, bytes);
        let packet = encoded(|out| startup::cancel_request(out, &key));
        prop_assert_eq!(parse_initial(&packet)?, Some((Initial::Cancel(key), packet.len())));
    }

    #[test]
    fn escaped_options_survive(settings in prop::collection::vec(("[a-z_.]{1,8}", "[a-z \\\\='\t]{0,8}"), 0..5)) {
        let escape = |text: &str| text.chars().flat_map(|c| {
            let escaped = (c == '\\' || c.is_whitespace()).then_some('\\');
            escaped.into_iter().chain([c])
        }).collect::<String>();
        let line = |form: &str| {
            let settings = settings.iter().map(|(name, value)| format!("{form}{name}={}", escape(value)));
            settings.collect::<Vec<_>>().join(" ")
        };
        for form in ["-c ", "-c", "--"] {
            prop_assert_eq!(parse_options(&line(form)), Ok(settings.clone()));
        }
    }
}

#[test]
fn requests_for_encryption_are_told_apart() {
    let ssl = encoded(startup::ssl_request);
    assert_eq!(parse_initial(&ssl), Ok(Some((Initial::Ssl, 8))));
    assert_eq!(&ssl[..], [0, 0, 0, 8, 4, 210, 22, 47]);
    let gss = encoded(startup::gss_enc_request);
    assert_eq!(parse_initial(&gss), Ok(Some((Initial::GssEnc, 8))));
    assert_eq!(parse_initial(&ssl[..7]), Ok(None));
    assert_eq!(refused(b"\0\0\0\x09\x04\xd2\x16\x2f\0"), StartupError::Layout);
}

#[test]
fn newer_minors_and_unknown_options_are_reported() {
    let bytes = packet(9999, &[("user", "app"), ("_pq_.grease", "1")]);
    let Ok(Some((Initial::Startup(startup), _))) = parse_initial(&bytes) else { panic!("refused") };
    assert_eq!((startup.minor, &startup.unsupported_options[..]), (9999, &["_pq_.grease".to_owned()][..]));
    assert_eq!(startup.params, [("user".to_owned(), "app".to_owned())]);
    assert!(startup.needs_negotiation(2));
    let plain = Startup { minor: 2, unsupported_options: Vec::new(), ..startup };
    assert!(plain.needs_negotiation(0) && !plain.needs_negotiation(2));
}

#[test]
fn what_decides_who_connects_to_what_may_stand_once_only() {
    for name in ["user", "database", "options", "replication"] {
        let bytes = packet(0, &[("user", "a"), (name, "b"), (name, "c")]);
        assert_eq!(refused(&bytes), StartupError::Duplicate(name));
    }
    let bytes = packet(0, &[("user", "a"), ("search_path", "b"), ("search_path", "c")]);
    let Ok(Some((Initial::Startup(startup), _))) = parse_initial(&bytes) else { panic!("refused") };
    assert_eq!(startup.get("search_path"), Some("c"));
}

#[test]
fn malformed_packets_are_refused() {
    assert_eq!(refused(&packet(0, &[("database", "acme")])), StartupError::NoUser);
    assert_eq!(refused(&packet(0, &[("user", "")])), StartupError::NoUser);
    for body in [&b""[..], b"user\0a\0", b"user\0a", b"user\0", b"user\0a\0\0\0", b"user\0a\0\0x"] {
        assert_eq!(refused(&with_body(body)), StartupError::Layout, "{body:?}");
    }
    assert_eq!(refused(&with_body(b"user\0\xFF\0\0")), StartupError::NotUtf8);
    // A zero byte in a value can't smuggle a parameter in.
    let Ok(Some((Initial::Startup(_), _))) = parse_initial(&packet(0, &[("user", "app")])) else {
        panic!("refused")
    };
    assert_eq!(refused(&packet(0, &[("user", "app\0database\0other")])), StartupError::NotUtf8);
}

#[test]
fn other_protocols_are_refused_as_soon_as_they_are_seen() {
    assert_eq!(refused(&[0, 0, 1, 40, 0, 2, 0, 0]), StartupError::Version { major: 2, minor: 0 });
    assert_eq!(refused(&[0, 0, 1, 40, 0, 4, 0, 0]), StartupError::Version { major: 4, minor: 0 });
    assert_eq!(refused(&[0, 0, 0, 16, 4, 210, 22, 49]), StartupError::Version { major: 1234, minor: 5681 });
    assert!(matches!(refused(b"GET / HTTP/1.1"), StartupError::Length(_)));
    assert!(matches!(refused(&[0x16, 3, 1, 2]), StartupError::Length(_)));
    assert_eq!(refused(&[0, 0, 0, 7]), StartupError::Length(7));
}

#[test]
fn a_first_packet_has_a_bound() {
    let longest = u32::try_from(MAX_STARTUP + 4).unwrap();
    assert_eq!(parse_initial(&longest.to_be_bytes()), Ok(None));
    assert_eq!(refused(&(longest + 1).to_be_bytes()), StartupError::Length(longest + 1));
    let cancel = |bytes: usize| {
        let length = u32::try_from(12 + bytes).unwrap();
        [&length.to_be_bytes()[..], &[4, 210, 22, 46, 0, 0, 0, 1], &vec![7; bytes]].concat()
    };
    assert!(parse_initial(&cancel(256)).is_ok());
    assert_eq!(refused(&cancel(3)), StartupError::Layout);
    assert_eq!(refused(&cancel(257)), StartupError::Layout);
}

#[test]
fn options_are_read_as_postgres_reads_them() {
    let read =
        |line| parse_options(line).unwrap().into_iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>();
    assert_eq!(read("-c tenantry.tenant=acme"), ["tenantry.tenant=acme"]);
    assert_eq!(read("  --work-mem=1MB\t-cx=a=b "), ["work_mem=1MB", "x=a=b"]);
    assert_eq!(read(r"-c search_path=a,\ b"), ["search_path=a, b"]);
    assert_eq!(read(r"-c a=\\ -c b=\"), [r"a=\", "b="]);
    assert!(read(" ").is_empty());
    assert_eq!(parse_options("-d 5"), Err(OptionsError::NotASetting("-d".into())));
    assert_eq!(parse_options("x"), Err(OptionsError::NotASetting("x".into())));
    assert_eq!(parse_options("-c =x"), Err(OptionsError::NotASetting("=x".into())));
    assert_eq!(parse_options("-c"), Err(OptionsError::NoValue("-c".into())));
    assert_eq!(parse_options("--x"), Err(OptionsError::NoValue("x".into())));
}

#[test]
fn a_cancel_key_never_shows_itself() {
    let key = CancelKey { pid: 42, secret: vec![1, 2, 3, 4].into() };
    assert_eq!(format!("{key:?}"), "CancelKey(42, …)");
}
