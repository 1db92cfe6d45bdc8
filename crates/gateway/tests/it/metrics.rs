//! Metrics and health over HTTP.

#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use crate::world::{World, connect};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use tenantry_gateway::{Config, METRICS};
use tenantry_testkit::versions_for_tests;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::SimpleQueryMessage;

async fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Every sample, by its name and labels, after a look at the form of each line.
fn samples(page: &str) -> HashMap<&str, f64> {
    let mut described = Vec::new();
    let mut samples = HashMap::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(METRICS.iter().any(|metric| metric.name == name && metric.kind == kind), "{line}");
            assert!(!described.contains(&name), "{name} is described twice");
            described.push(name);
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = described.last().unwrap();
            assert!(name.starts_with(family), "{line} is under {family}");
            assert!(samples.insert(name, value.parse().unwrap()).is_none(), "{name} is there twice");
        }
    }
    samples
}

fn sum(samples: &HashMap<&str, f64>, name: &str, with: &str) -> f64 {
    let matching = samples.iter().filter(|(sample, _)| {
        sample.split_once('{').is_some_and(|(metric, labels)| metric == name && labels.contains(with))
    });
    matching.map(|(_, value)| value).sum()
}

/// The first page, once all clients have left: what a transaction did is counted after its last reply is sent, and what comes
/// after the first page is counted under labels that are given later.
async fn first_page(world: &World, addr: SocketAddr) -> String {
    let mut config = world.config("admin");
    let console = connect(config.user("operator")).await.unwrap();
    let left = async {
        loop {
            let clients = console.simple_query("SHOW CLIENTS").await.unwrap();
            if clients.iter().filter(|message| matches!(message, SimpleQueryMessage::Row(_))).count() == 1 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), left).await.expect("the clients leave");
    let (status, page) = get(addr, "/metrics").await;
    assert_eq!(status, 200, "{page}");
    page
}

#[tokio::test]
async fn the_page_tells_what_tenants_did_and_labels_are_bounded() {
    for version in versions_for_tests() {
        let config = Config {
            metrics_listen: Some("127.0.0.1:0".parse().unwrap()),
            metrics_labels: 2,
            workers: 2,
            ..Config::default()
        };
        let world = World::with(version, 4, config).await;
        let addr = world.gateway().metrics_addr().unwrap();
        for (tenant, times) in [("acme", 3), ("umbrella", 2), ("globex", 1), ("initech", 1)] {
            let client = world.connect(tenant).await;
            for _ in 0..times {
                client.simple_query("SELECT pg_sleep(0.002)").await.unwrap();
            }
            client.simple_query("SELECT 1/0").await.unwrap_err();
        }
        let page = first_page(&world, addr).await;
        let samples = samples(&page);
        assert_eq!(sum(&samples, "tenantry_tenant_transactions_total", ""), 11.0, "{page}");
        assert_eq!(sum(&samples, "tenantry_tenant_statements_total", ""), 7.0, "{page}");
        assert_eq!(sum(&samples, "tenantry_tenant_errors_total", "class=\"22\""), 4.0, "{page}");
        assert!(sum(&samples, "tenantry_tenant_server_seconds_total", "") > 0.014, "{page}");
        assert!(sum(&samples, "tenantry_tenant_received_bytes_total", "") > 0.0);
        let labelled = page.lines().filter(|line| line.starts_with("tenantry_tenant_transactions_total"));
        assert_eq!(labelled.count(), 3, "two and the others: {page}");
        assert_eq!(samples["tenantry_logins_total"], 5.0);
        assert_eq!(samples["tenantry_workers_responding"], 2.0);
        assert_eq!(sum(&samples, "tenantry_pool_server_seconds_count", ""), 11.0, "{page}");
        assert_eq!(get(addr, "/healthz").await, (200, "alive\n".into()));
        assert_eq!(get(addr, "/readyz").await, (200, "ready\n".into()));
        assert_eq!(get(addr, "/else").await.0, 404);
        let mut post = TcpStream::connect(addr).await.unwrap();
        post.write_all(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        post.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 405");
        world.close().await;
    }
}

#[tokio::test]
async fn whoever_drains_is_not_ready_and_still_says_so() {
    // The workers that nobody is connected to end at once.
    let metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    let world =
        World::with(versions_for_tests()[0], 2, Config { metrics_listen, workers: 3, ..Config::default() })
            .await;
    let addr = world.gateway().metrics_addr().unwrap();
    let mut client = world.connect("acme").await;
    let open = client.transaction().await.unwrap();
    open.query("SELECT 1", &[]).await.unwrap();
    let (gateway, rest) = world.take_gateway();
    let stopping = tokio::spawn(gateway.shutdown(std::time::Duration::from_mins(1)));
    while get(addr, "/readyz").await != (503, "draining\n".into()) {}
    assert_eq!(get(addr, "/healthz").await.0, 200);
    open.commit().await.unwrap();
    stopping.await.unwrap();
    assert!(TcpStream::connect(addr).await.is_err());
    rest.drop_databases().await;
}
