//! The published vector, verifiers made by PostgreSQL, and exchanges that somebody meddles with.

use super::*;

/// RFC 7677 §3.
mod rfc_7677 {
    pub(super) const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    pub(super) const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    pub(super) const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    pub(super) const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    pub(super) const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    pub(super) const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                                           p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    pub(super) const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
}

#[test]
fn both_sides_speak_the_published_vector() {
    use rfc_7677::*;
    let salt = message::from_base64(SALT).unwrap();
    let keys = ClientKeys::derive("pencil", &salt, 4096);

    let server = ServerExchange::new(keys.verifier(), ChannelBinding::Unsupported);
    let (server, first) = server.respond_with(CLIENT_FIRST.as_bytes(), SERVER_NONCE).unwrap();
    assert_eq!(String::from_utf8(first).unwrap(), SERVER_FIRST);
    let accepted = server.verify(CLIENT_FINAL.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(accepted.message).unwrap(), SERVER_FINAL);

    let (client, _) =
        ClientExchange::with_nonce("pencil", None, ChannelBinding::Unsupported, CLIENT_NONCE.into());
    let (client, last) = client.respond_as("n=user,r=rOprNGfwEbeRWgbNEkqO", SERVER_FIRST.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(last).unwrap(), CLIENT_FINAL);
    client.finish(SERVER_FINAL.as_bytes()).unwrap();
}

/// From `pg_authid.rolpassword` of PostgreSQL 15, whose passwords SASLprep leaves alone, changes, and can't prepare.
#[test]
fn verifiers_made_by_postgres_fit_their_passwords() {
    let made = [
        (
            "pencil",
            "SCRAM-SHA-256$4096:RlM3xOBk8hOgdKzC2vYJKw==\
             $m6PSNlJX6WV0iKksK/EysZ6p7PWuG9a/yJxIpqaKm/s=:TQxZxxbzM+KFBYTVknHLzSUwiDSBuexxz40lsKLigDU=",
        ),
        (
            "I\u{AD}X\u{2168} \u{A0}z",
            "SCRAM-SHA-256$4096:q3qzlBxClh9DWxM9elZJIQ==\
             $7k24ZEcs5nZ8+uESfk6trq1o8kk9KP3MV341HcHV+kk=:9a9WJ/nWXuK7hklqgwizXlo1PaV5yUZ6W5EUvjrnXSQ=",
        ),
        (
            "caf\u{E9}\u{7}",
            "SCRAM-SHA-256$4096:HF8pA4iiXLCrHyljSseQrg==\
             $ZocFFxXI1QspT/SphAG+GgXoRqwEhb406+QIC7GXAHU=:j1PktFxfOd3Uet18oGi9Pn/jICmc/6T73wiP/9LnH34=",
        ),
        // Nothing is left of it after SASLprep, so it is taken as it is.
        (
            "\u{AD}",
            "SCRAM-SHA-256$4096:SPMr9WV7i4ucRke7xx2Smw==\
             $IDcy+cMMSYs97MIZ4znS4LaGnF4l8L7H/7VPHxi+RCI=:BhqwpauCY0IrRNQxwY1dtKGisKcaWM2WSBrdktsOyS4=",
        ),
    ];
    for (password, text) in made {
        let verifier = Verifier::parse(text).unwrap();
        assert_eq!(verifier.to_string(), text);
        assert!(verifier.matches(password), "{password:?}");
        assert!(!verifier.matches("pencils"));
    }
    assert!(Verifier::parse(made[1].1).unwrap().matches("IXIX  z"), "SASLprep folds these to one password");
}

#[test]
fn what_is_no_verifier_is_refused() {
    let good = Verifier::generate("x", 1).to_string();
    assert!(Verifier::parse(&good).is_ok());
    for bad in [
        "",
        "md5d41d8cd98f00b204e9800998ecf8427e",
        "SCRAM-SHA-256$",
        &good.replace("$1:", "$0:"),
        &good.replace("$1:", "$1000001:"),
        &good.replace("SHA-256", "SHA-1"),
        &good.replacen('=', "", 1),
        &format!("{good}="),
        &good[..good.len() - 4],
    ] {
        assert_eq!(Verifier::parse(bad), Err(ScramError::NotAVerifier), "{bad}");
    }
}

/// Runs a whole exchange; `meddle` may change each message, numbered from 0.
fn exchange(
    password: &str,
    verifier: &Verifier,
    bindings: [ChannelBinding; 2],
    meddle: impl Fn(usize, &str) -> String,
) -> Result<ClientKeys, ScramError> {
    let meddle =
        |number, message: Vec<u8>| meddle(number, std::str::from_utf8(&message).unwrap()).into_bytes();
    let [client, server] = bindings;
    let (client, message) = ClientExchange::new(password, None, client);
    let (server, message) = ServerExchange::new(verifier.clone(), server).respond(&meddle(0, message))?;
    let (client, message) = client.respond(&meddle(1, message))?;
    let accepted = server.verify(&meddle(2, message))?;
    client.finish(&meddle(3, accepted.message))
}

fn honest(_: usize, message: &str) -> String {
    message.to_owned()
}

const PLAIN: [ChannelBinding; 2] = [ChannelBinding::Unsupported, ChannelBinding::Unsupported];

#[test]
fn only_the_right_password_is_accepted() {
    let verifier = Verifier::generate("right", 16);
    exchange("right", &verifier, PLAIN, honest).unwrap();
    for wrong in ["wrong", "", "Right", "right "] {
        assert_eq!(exchange(wrong, &verifier, PLAIN, honest).unwrap_err(), ScramError::WrongProof);
    }
}

#[test]
fn cached_keys_replace_the_slow_part_until_the_salt_changes() {
    let verifier = Verifier::generate("right", 16);
    let keys = exchange("right", &verifier, PLAIN, honest).unwrap();
    let with_keys = |verifier: Verifier| {
        // Only keys that were really used can make up for a password that is wrong.
        let (client, message) = ClientExchange::new("wrong", Some(keys.clone()), ChannelBinding::Unsupported);
        let (server, message) =
            ServerExchange::new(verifier, ChannelBinding::Unsupported).respond(&message)?;
        let (client, message) = client.respond(&message)?;
        client.finish(&server.verify(&message)?.message)
    };
    with_keys(verifier).unwrap();
    assert_eq!(with_keys(Verifier::generate("right", 16)).unwrap_err(), ScramError::WrongProof);
}

#[test]
fn an_unknown_user_looks_like_a_known_one_and_never_gets_in() {
    let mock = Verifier::mock(b"secret", b"eve", 4096);
    let known = Verifier::generate("x", 4096);
    assert_eq!(mock, Verifier::mock(b"secret", b"eve", 4096));
    assert_ne!(mock.salt, Verifier::mock(b"secret", b"eva", 4096).salt);
    assert_ne!(mock.salt, Verifier::mock(b"other", b"eve", 4096).salt);
    let first = |verifier| {
        let (_, message) = ClientExchange::new("x", None, ChannelBinding::Unsupported);
        let (_, first) =
            ServerExchange::new(verifier, ChannelBinding::Unsupported).respond(&message).unwrap();
        String::from_utf8(first).unwrap()
    };
    assert_eq!(first(mock.clone()).len(), first(known).len());
    assert_eq!(exchange("x", &mock, PLAIN, honest).unwrap_err(), ScramError::WrongProof);
    // Even if its keys were those of a password.
    let doomed = Verifier { doomed: true, ..Verifier::generate("x", 1) };
    assert_eq!(exchange("x", &doomed, PLAIN, honest).unwrap_err(), ScramError::WrongProof);
    assert!(!doomed.matches("x"));
}

#[test]
fn channel_binding_is_held_to_what_was_offered() {
    use ChannelBinding::{TlsServerEndPoint, Unsupported, Unused};
    let verifier = Verifier::generate("x", 1);
    let bound = |data: &[u8]| TlsServerEndPoint(data.into());
    for [client, server] in [
        [Unsupported, Unsupported],
        [Unused, Unsupported],
        [Unsupported, Unused],
        [bound(b"hash"), bound(b"hash")],
    ] {
        exchange("x", &verifier, [client, server], honest).unwrap();
    }
    for [client, server] in [
        // The offer was hidden from the client.
        [Unused, Unused],
        // PLUS was chosen, then not used.
        [Unsupported, bound(b"hash")],
        [Unused, bound(b"hash")],
        // PLUS was not offered, or the certificate is another.
        [bound(b"hash"), Unsupported],
        [bound(b"hash"), Unused],
        [bound(b"hash"), bound(b"hush")],
    ] {
        exchange("x", &verifier, [client, server], honest).unwrap_err();
    }
}

#[test]
fn every_changed_character_is_noticed() {
    let verifier = Verifier::generate("x", 1);
    for number in 0..4 {
        for at in 0..usize::MAX {
            let end = std::cell::Cell::new(false);
            let result = exchange("x", &verifier, PLAIN, |this, message| {
                let mut bytes = message.as_bytes().to_vec();
                if this == number {
                    match bytes.get_mut(at) {
                        // Stays a character of Base64 and of a nonce.
                        Some(byte) => *byte = if *byte == b'B' { b'C' } else { b'B' },
                        None => end.set(true),
                    }
                }
                String::from_utf8(bytes).unwrap()
            });
            if end.get() {
                result.unwrap();
                assert!(at > 20);
                break;
            }
            assert!(result.is_err(), "message {number}, character {at}");
        }
    }
}

#[test]
fn a_server_that_does_not_know_the_verifier_is_found_out() {
    let verifier = Verifier::generate("x", 1);
    let forged = format!("v={}", message::base64(&[7; KEY]));
    let forge = |number, message: &str| if number == 3 { forged.clone() } else { message.to_owned() };
    assert_eq!(exchange("x", &verifier, PLAIN, forge).unwrap_err(), ScramError::FalseServer);
    let refuse =
        |number, message: &str| if number == 3 { "e=other-error".into() } else { message.to_owned() };
    assert_eq!(exchange("x", &verifier, PLAIN, refuse).unwrap_err(), ScramError::RefusedByServer);
}

#[test]
fn first_messages_that_a_server_must_refuse() {
    let respond = |message: &str| {
        let server = ServerExchange::new(Verifier::generate("x", 1), ChannelBinding::Unsupported);
        server.respond(message.as_bytes()).map(|_| ())
    };
    assert_eq!(respond("n,,n=,r=abc"), Ok(()));
    assert_eq!(respond("y,,n=anyone,r=abc,later=extension"), Ok(()));
    for bad in [
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=",
        "n,,n=,",
        "n,,n=,r=",
        "n,,r=abc",
        "x,,n=,r=abc",
        "n,x,n=,r=abc",
        ",,n=,r=abc",
        "n,,n=,r=a b",
        "n,,n=,r=a\u{e9}",
        "p=tls-unique,,n=,r=abc",
        "n,a=root,n=,r=abc",
        "n,,m=x,n=,r=abc",
        "n,,n=,m=x,r=abc",
    ] {
        assert!(respond(bad).is_err(), "{bad:?}");
    }
    assert!(respond(&format!("n,,n=,r={}", "a".repeat(MAX_MESSAGE))).is_err());
}

#[test]
fn first_messages_that_a_client_must_refuse() {
    let respond = |message: &str| {
        let binding = ChannelBinding::Unsupported;
        let (client, _) = ClientExchange::with_nonce("x", None, binding, "abc".into());
        client.respond(message.as_bytes()).map(|_| ())
    };
    assert_eq!(respond("r=abcd,s=c2FsdA==,i=1"), Ok(()));
    for bad in [
        "",
        "r=abc,s=c2FsdA==,i=1",
        "r=xbcd,s=c2FsdA==,i=1",
        "r=abcd,s=?,i=1",
        "r=abcd,s=c2FsdA==",
        "r=abcd,i=1",
        "r=abcd,s=c2FsdA==,i=0",
        "r=abcd,s=c2FsdA==,i=-1",
        "r=abcd,s=c2FsdA==,i=1000001",
        "m=x,r=abcd,s=c2FsdA==,i=1",
        "e=other-error",
    ] {
        assert!(respond(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn nothing_shows_a_secret() {
    let verifier = Verifier::generate("hidden", 1);
    let keys = ClientKeys::derive("hidden", b"salt", 1);
    let (client, message) = ClientExchange::new("hidden", Some(keys.clone()), ChannelBinding::Unsupported);
    let server = || ServerExchange::new(verifier.clone(), ChannelBinding::Unsupported);
    let (next, _) = server().respond(&message).unwrap();
    assert_eq!(
        format!("{verifier:?} {keys:?} {client:?} {:?} {next:?}", server()),
        "Verifier(1 rounds, …) ClientKeys(…) ClientExchange(AwaitsServerFirst(…)) \
         ServerExchange(AwaitsClientFirst(…)) ServerExchange(AwaitsClientFinal(…))"
    );
}
