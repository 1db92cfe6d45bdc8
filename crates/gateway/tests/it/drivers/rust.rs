//! tokio-postgres through the gateway: pipelined, prepared, by portals, COPY, cancelling.

use super::in_every_model;
use super::peer::Pair;
use super::tables;
use crate::world::World;
use futures_util::{StreamExt, TryStreamExt, future, pin_mut};
use std::time::{Duration, SystemTime};
use tenantry_core::{PoolMode, TenancyModel};
use tenantry_gateway::Config;
use tenantry_testkit::versions_for_tests;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, NoTls};

in_every_model!(pipelined);

async fn pipelined(pair: &Pair) {
    for version in versions_for_tests() {
        for (mode, connections) in [(PoolMode::Transaction, 1), (PoolMode::Session, 4)] {
            let config = Config { max_server_statements: 4, ..Config::default() };
            let world = World::with(version, connections, config).await;
            world.change_login("app", |login| login.pool_mode = mode);
            tables::samples(&world, pair).await;
            let (mut one, two) = (world.connect(pair.tenant()).await, world.connect(pair.other()).await);
            types(&one, &two).await;
            prepared(&one, &two).await;
            transactions(&mut one).await;
            batches(&mut one, &two).await;
            cancels(&one).await;
            notices(&world, pair, mode).await;
            drop((one, two));
            world.close().await;
        }
    }
}

async fn count(client: &Client, table: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0)
}

async fn types(one: &Client, two: &Client) {
    let raw: Vec<u8> = (0..=255).collect();
    let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_709_251_199_999_999);
    let numbers = vec![Some(1_i64), Some(-2), Some(1 << 62), None];
    let label = "Grüße, 世界 \\ ' \" %s $1";
    let insert = "INSERT INTO samples (id, number, ratio, flag, label, raw, at, numbers) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    one.execute(insert, &[&1_i64, &-42, &0.1_f64, &true, &label, &raw, &at, &numbers]).await.unwrap();
    // Types that this driver has no own for go as texts.
    let update =
        "UPDATE samples SET amount = $1::text::numeric, document = $2::text::jsonb, token = $3::text::uuid,
                  mood = $4::text::mood WHERE id = 1";
    let texts = ["1234567.8901", "{\"a\": null}", "0192d3a0-0000-7000-8000-0000000000ff", "curious"];
    one.execute(update, &[&texts[0], &texts[1], &texts[2], &texts[3]]).await.unwrap();
    let row = one.query_one("SELECT * FROM samples WHERE id = $1", &[&1_i64]).await.unwrap();
    assert_eq!((row.get::<_, i32>("number"), row.get::<_, bool>("flag")), (-42, true));
    assert_eq!((row.get::<_, &str>("label"), row.get::<_, Vec<u8>>("raw")), (label, raw));
    assert_eq!((row.get::<_, SystemTime>("at"), row.get::<_, Vec<Option<i64>>>("numbers")), (at, numbers));
    let select = "SELECT amount::text, document::text, token::text, mood::text FROM samples";
    let row = one.query_one(select, &[]).await.unwrap();
    assert_eq!([0, 1, 2, 3].map(|n| row.get::<_, &str>(n)), texts);
    assert_eq!(count(two, "samples").await, 0);
    assert_eq!(one.execute("DELETE FROM samples", &[]).await.unwrap(), 1);
}

/// More statements than the server keeps, each used over many transactions, in turn with another tenant and pipelined.
async fn prepared(one: &Client, two: &Client) {
    let mut kept = Vec::new();
    for n in 0..12 {
        let sql = format!("SELECT $1::int + {n}, tenancy.tenant_id()");
        kept.push((one.prepare(&sql).await.unwrap(), two.prepare(&sql).await.unwrap()));
    }
    for turn in 0..3_i32 {
        let asked = kept.iter().map(|(first, second)| async move {
            let parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[&turn];
            future::try_join(one.query_one(first, parameters), two.query_one(second, parameters))
                .await
                .unwrap()
        });
        for (n, (first, second)) in (0..).zip(future::join_all(asked).await) {
            assert_eq!((first.get::<_, i32>(0), second.get::<_, i32>(0)), (turn + n, turn + n));
            assert_ne!(first.get::<_, i64>(1), second.get::<_, i64>(1));
        }
    }
}

async fn transactions(one: &mut Client) {
    let mut transaction = one.transaction().await.unwrap();
    transaction.execute("INSERT INTO notes (id, slug) VALUES (1, 'one')", &[]).await.unwrap();
    let nested = transaction.savepoint("here").await.unwrap();
    let again = nested.execute("INSERT INTO notes (id, slug) VALUES (2, $1)", &[&"one"]).await.unwrap_err();
    assert_eq!(again.code(), Some(&SqlState::UNIQUE_VIOLATION));
    let failed = nested.query("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(failed.code(), Some(&SqlState::IN_FAILED_SQL_TRANSACTION));
    nested.rollback().await.unwrap();
    transaction.commit().await.unwrap();
    let transaction = one.build_transaction().read_only(true).start().await.unwrap();
    let refused = transaction.execute("DELETE FROM notes", &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::READ_ONLY_SQL_TRANSACTION));
    // Rolled back when dropped.
    drop(transaction);
    assert_eq!(one.execute("DELETE FROM notes", &[]).await.unwrap(), 1);
}

async fn batches(one: &mut Client, two: &Client) {
    let insert = one.prepare("INSERT INTO notes (id, body) VALUES ($1, 'x')").await.unwrap();
    let ids: Vec<i64> = (0..1000).collect();
    let sent = future::try_join_all(ids.iter().map(|id| {
        let (one, insert) = (&*one, &insert);
        async move { one.execute_raw(insert, [id]).await }
    }));
    assert_eq!(sent.await.unwrap().len(), 1000);
    let transaction = one.transaction().await.unwrap();
    let portal = transaction.bind("SELECT id FROM notes ORDER BY id", &[]).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let rows = transaction.query_portal(&portal, 300).await.unwrap();
        seen.extend(rows.iter().map(|row| row.get::<_, i64>(0)));
        if rows.len() < 300 {
            break;
        }
    }
    assert_eq!(seen, ids);
    transaction.commit().await.unwrap();
    let copied = one.copy_out("COPY (SELECT id FROM notes) TO STDOUT").await.unwrap();
    pin_mut!(copied);
    let mut lines = 0;
    while let Some(chunk) = copied.try_next().await.unwrap() {
        lines += chunk.split(|byte| *byte == b'\n').count() - 1;
    }
    assert_eq!((lines, count(two, "notes").await), (1000, 0));
    assert_eq!(one.execute("DELETE FROM notes", &[]).await.unwrap(), 1000);
}

async fn cancels(one: &Client) {
    let token = one.cancel_token();
    let sleeping = one.query("SELECT pg_sleep(60)", &[]);
    pin_mut!(sleeping);
    // A request that comes before the statement has no effect.
    let ended = loop {
        if let Ok(ended) = tokio::time::timeout(Duration::from_millis(50), &mut sleeping).await {
            break ended;
        }
        token.cancel_query(NoTls).await.unwrap();
    };
    assert_eq!(ended.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
    one.query_one("SELECT 1", &[]).await.unwrap();
}

async fn notices(world: &World, pair: &Pair, mode: PoolMode) {
    let (client, mut connection) = world.config(pair.tenant()).connect(NoTls).await.unwrap();
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let messages = async move {
        let messages = futures_util::stream::poll_fn(move |cx| connection.poll_message(cx));
        pin_mut!(messages);
        while let Some(message) = messages.next().await {
            sender.send(message.unwrap()).unwrap();
        }
    };
    tokio::spawn(messages);
    client.batch_execute("DROP TABLE IF EXISTS nothing").await.unwrap();
    let Some(AsyncMessage::Notice(notice)) = heard.recv().await else { panic!("no notice") };
    assert_eq!(notice.message(), "table \"nothing\" does not exist, skipping");
    // In a pool a notification may be meant for another tenant: none is passed on.
    if mode == PoolMode::Session && pair.model == TenancyModel::Database {
        client.batch_execute("LISTEN news; NOTIFY news, 'hello'").await.unwrap();
        let Some(AsyncMessage::Notification(news)) = heard.recv().await else { panic!("no notification") };
        assert_eq!((news.channel(), news.payload()), ("news", "hello"));
    }
}
