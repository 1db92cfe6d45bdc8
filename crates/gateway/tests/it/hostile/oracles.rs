//! What the gateway tells: nothing about tenants that a login may not enter, and the truth about a client's own
//! session.

use super::{ask, newest, tags};
use crate::raw::Raw;
use crate::world::World;
use tenantry_wire::backend::{DataRow, ParameterStatus};
use tokio_postgres::NoTls;

#[tokio::test]
async fn a_bound_login_can_not_tell_a_foreign_tenant_from_none() {
    let world = World::narrow(newest()).await;
    let mut answers = Vec::new();
    for name in ["umbrella", "nobody"] {
        let mut config = world.config("acme");
        let Err(error) = config.user(format!("bound.{name}")).connect(NoTls).await else {
            panic!("{name} let it in")
        };
        let error = error.as_db_error().unwrap();
        let told = [error.message(), error.detail().unwrap_or_default(), error.hint().unwrap_or_default()];
        answers.push((error.code().code().to_owned(), told.map(|text| text.replace(name, "?"))));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, "3D000");
    world.close().await;
}

#[tokio::test]
async fn every_login_is_told_the_encoding_it_chose() {
    let world = World::narrow(newest()).await;
    // On a fresh connection, on one that has these settings already, and on one that has others.
    for encoding in ["LATIN1", "LATIN1", "UTF8", "LATIN1"] {
        let mut config = world.config("acme");
        let connecting = config.options(format!("-c client_encoding={encoding}")).connect(NoTls);
        let (_client, connection) = connecting.await.unwrap();
        assert_eq!(connection.parameter("client_encoding"), Some(encoding));
    }
    world.close().await;
}

#[tokio::test]
async fn reset_all_tells_the_client_the_encoding_it_is_back_at() {
    let world = World::narrow(newest()).await;
    let mut raw = Raw::login(&world, "acme").await;
    for (sql, encoding) in [("SET client_encoding TO 'LATIN1'", "LATIN1"), ("RESET ALL", "UTF8")] {
        let answer = ask(&mut raw, sql).await;
        let at = answer.iter().position(|(tag, _)| *tag == b'S').expect(sql);
        let told = ParameterStatus::decode(&answer[at].1).unwrap();
        assert_eq!((told.name, told.value), (&b"client_encoding"[..], encoding.as_bytes()), "{sql}");
        assert_eq!(tags(&answer).replace('S', ""), "CZ", "{sql}");
    }
    let answer = ask(&mut raw, "SELECT chr(233)").await;
    assert_eq!(tags(&answer), "TDCZ");
    assert_eq!(DataRow::decode(&answer[1].1).unwrap().get(0).unwrap(), "é".as_bytes());
    world.close().await;
}
