//! Clients of the gateway over TLS.

use super::authority::{Authority, Issued, write};
use crate::drivers::peer::{Ended, command, postgres_client, run};
use crate::raw::Raw;
use crate::world::World;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;
use tenantry_core::{Domain, ServerTls, SslMode};
use tenantry_gateway::{Config, TlsConfig, TlsMode};
use tenantry_testkit::versions_for_tests;
use tenantry_tls::{ClientCertificates, Driver, ServerFiles};
use tenantry_wire::backend::{ErrorFields, tag};
use tenantry_wire::startup;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// A gateway with TLS, and the files that it is made of.
struct Secured {
    world: World,
    folder: TempDir,
    authority: Authority,
    root: PathBuf,
}

const HOST: &str = "db.example.com";

impl Secured {
    async fn new(mode: TlsMode, change: impl FnOnce(&mut Config, &Authority, &Path)) -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new("test root");
        let own = authority.issue(&[HOST, "*.db.example.com"]).write(folder.path(), "gateway");
        let root = write(&folder.path().join("root.crt"), &authority.pem);
        let files = ServerFiles { certificates: vec![own], clients: None };
        let tls = TlsConfig { mode, files, tenant_suffix: Some(HOST.to_owned()) };
        let mut config = Config { tls, ..Config::default() };
        change(&mut config, &authority, folder.path());
        let world = World::with(versions_for_tests()[0], 2, config).await;
        Self { world, folder, authority, root }
    }

    /// What psql prints of its tenant over a connection to `host` with these options.
    async fn psql(&self, host: &str, options: &str) -> Ended {
        let mut psql = command(&self.world, "acme", psql_with_tls());
        let root = self.root.display();
        let all = format!("host={host} hostaddr=127.0.0.1 sslrootcert={root} {options}");
        psql.args(["--no-psqlrc", "-At", "-c", "SELECT tenancy.tenant_id()", &all]);
        run(psql, "").await
    }

    fn files_of(&self, issued: &Issued, name: &str) -> String {
        let files = issued.write(self.folder.path(), name);
        format!("sslcert={} sslkey={}", files.certificate.display(), files.key.display())
    }
}

/// Not every psql here was built with TLS.
fn psql_with_tls() -> PathBuf {
    let mut candidates = vec![postgres_client("psql")];
    for version in std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        candidates.push(version.path().join("bin/psql"));
    }
    let has_tls = |program: &PathBuf| {
        let tried = Command::new(program).args(["-c", "", "host=/nonexistent sslmode=require"]).output();
        tried.is_ok_and(|tried| !String::from_utf8_lossy(&tried.stderr).contains("not compiled in"))
    };
    candidates.into_iter().find(has_tls).expect("a psql with TLS (apt: postgresql-client)")
}

#[tokio::test]
async fn libpq_verifies_the_gateway_and_binds_the_channel() {
    let secured = Secured::new(TlsMode::Allow, |_, _, _| ()).await;
    let strict = "sslmode=verify-full channel_binding=require";
    assert_eq!(secured.psql(HOST, strict).await.ok(), "1\n");
    // A name that the certificate does not have.
    let ended = secured.psql("elsewhere.example.com", strict).await;
    assert!(ended.stderr.contains("does not match host name"), "{ended:?}");
    // Without channel binding, and without TLS: both are allowed.
    assert_eq!(secured.psql(HOST, "sslmode=require channel_binding=disable").await.ok(), "1\n");
    assert_eq!(secured.psql(HOST, "sslmode=disable").await.ok(), "1\n");
    // A wrong password is wrong here too.
    let ended = secured.psql(HOST, "sslmode=verify-full password=wrong").await;
    assert!(ended.stderr.contains("password authentication failed"), "{ended:?}");
    secured.world.close().await;
}

#[tokio::test]
async fn tokio_postgres_binds_the_channel_and_moves_data() {
    let secured = Secured::new(TlsMode::Require, |_, _, _| ()).await;
    let tls =
        ServerTls { mode: SslMode::VerifyCa, root_certificate: Some(secured.authority.pem.as_str().into()) };
    let driver = Driver::new(&tls).unwrap();
    let mut config = secured.world.config("acme");
    driver.apply(&mut config);
    config.channel_binding(tokio_postgres::config::ChannelBinding::Require);
    let (client, connection) = config.connect(driver).await.unwrap();
    tokio::spawn(connection);
    let text = "x".repeat(1 << 20);
    client.execute("INSERT INTO notes (id, body) VALUES (1, $1)", &[&text]).await.unwrap();
    for _ in 0..3 {
        let rows = client.query("SELECT body FROM notes, generate_series(1, 8)", &[]).await.unwrap();
        assert!(rows.len() == 8 && rows.iter().all(|row| row.get::<_, &str>(0) == text));
    }
    drop(client);
    secured.world.close().await;
}

#[tokio::test]
async fn where_tls_is_required_nothing_is_said_in_the_clear() {
    let secured = Secured::new(TlsMode::Require, |_, _, _| ()).await;
    let mut raw = Raw::open(&secured.world).await;
    startup::startup(&mut raw.out, 0, [("user", "app"), ("database", "acme")]);
    raw.flush().await;
    let (tag, body) = raw.message().await.unwrap();
    assert_eq!(tag, tag::ERROR);
    assert_eq!(ErrorFields::decode(&body).unwrap().text(b'C'), "28000");
    assert!(raw.message().await.is_none());
    secured.world.close().await;
}

#[tokio::test]
async fn what_is_sent_before_the_handshake_is_never_taken_for_what_is_sent_after_it() {
    let secured = Secured::new(TlsMode::Allow, |_, _, _| ()).await;
    let mut raw = Raw::open(&secured.world).await;
    startup::ssl_request(&mut raw.out);
    startup::startup(&mut raw.out, 0, [("user", "app"), ("database", "acme")]);
    raw.flush().await;
    let (tag, body) = raw.message().await.unwrap();
    assert_eq!(tag, tag::ERROR);
    let message = ErrorFields::decode(&body).unwrap().text(b'M').into_owned();
    assert_eq!(message, "unencrypted data after an encryption request");
    assert!(raw.message().await.is_none());
    secured.world.close().await;
}

#[tokio::test]
async fn the_host_s_name_is_a_source_of_the_tenant_and_must_agree() {
    let secured = Secured::new(TlsMode::Allow, |_, _, _| ()).await;
    // The second lies where another tenant's key is: the key goes first.
    let domains = ["u.db.example.com", "initech.db.example.com"].map(|name| Domain::new(name).unwrap());
    secured.world.change(2, |route| route.domains = Box::new(domains));
    let tls = "sslmode=verify-full";
    for (host, options, tenant) in [
        ("umbrella.db.example.com", "dbname=app", "2\n"),
        ("umbrella.db.example.com", "dbname=umbrella", "2\n"),
        ("acme.db.example.com", "user=bound dbname=bound", "1\n"),
        // With every other source at once, and a tenant's domain.
        (
            "umbrella.db.example.com",
            "user=app.umbrella dbname=umbrella options='-c tenantry.tenant=umbrella'",
            "2\n",
        ),
        ("u.db.example.com", "dbname=app", "2\n"),
        ("u.db.example.com", "dbname=umbrella", "2\n"),
        ("globex.db.example.com", "dbname=app", "3\n"),
        ("initech.db.example.com", "dbname=app", "5\n"),
        // The gateway's own name says nothing.
        (HOST, "dbname=umbrella", "2\n"),
    ] {
        assert_eq!(secured.psql(host, &format!("{tls} {options}")).await.ok(), tenant, "{host} {options}");
    }
    for (host, options, message) in [
        ("umbrella.db.example.com", "dbname=acme", "name different tenants"),
        ("umbrella.db.example.com", "user=app.acme dbname=app.acme", "name different tenants"),
        ("umbrella.db.example.com", "dbname=app options='-c tenantry.tenant=acme'", "name different tenants"),
        ("u.db.example.com", "dbname=acme", "name different tenants"),
        ("umbrella.db.example.com", "user=bound dbname=bound", "does not exist"),
        ("nobody.db.example.com", "dbname=app", "does not exist"),
    ] {
        let ended = secured.psql(host, &format!("{tls} {options}")).await;
        assert!(ended.stderr.contains(message), "{host} {options}: {ended:?}");
    }
    secured.world.close().await;
}

#[tokio::test]
async fn each_name_gets_its_certificate() {
    let secured = Secured::new(TlsMode::Allow, |config, authority, folder| {
        let other = authority.issue(&["other.example.org"]).write(folder, "other");
        config.tls.files.certificates.push(other);
    })
    .await;
    let strict = "sslmode=verify-full channel_binding=require";
    assert_eq!(secured.psql(HOST, strict).await.ok(), "1\n");
    assert_eq!(secured.psql("other.example.org", strict).await.ok(), "1\n");
    secured.world.close().await;
}

#[tokio::test]
async fn a_client_s_certificate_stands_for_the_password_of_the_login_it_names() {
    let stranger = Authority::new("another root");
    let secured = Secured::new(TlsMode::Allow, |config, authority, folder| {
        let authorities = write(&folder.join("clients.crt"), &authority.pem);
        config.tls.files.clients = Some(ClientCertificates { authorities, revoked: None, required: false });
    })
    .await;
    secured.world.change_login("app", |login| login.access.certificates = ["app.example.com".into()].into());
    let good = secured.files_of(&secured.authority.issue(&["app.example.com"]), "good");
    let by_san = secured.files_of(&secured.authority.issue(&["else.example.com", "app.example.com"]), "san");
    let other = secured.files_of(&secured.authority.issue(&["other.example.com"]), "other");
    let pattern = secured.files_of(&secured.authority.issue(&["*.example.com"]), "pattern");
    let forged = secured.files_of(&stranger.issue(&["app.example.com"]), "forged");
    let no_password = "sslmode=verify-full password=wrong";
    for files in [&good, &by_san] {
        assert_eq!(secured.psql(HOST, &format!("{no_password} {files}")).await.ok(), "1\n");
    }
    for files in [&other, &pattern] {
        let ended = secured.psql(HOST, &format!("{no_password} {files}")).await;
        assert!(ended.stderr.contains("password authentication failed"), "{ended:?}");
        // It is a client of ours all the same, and has a password.
        assert_eq!(secured.psql(HOST, &format!("sslmode=verify-full {files}")).await.ok(), "1\n");
    }
    // The certificate is for one login, not for all.
    let ended = secured.psql(HOST, &format!("{no_password} user=bound {good}")).await;
    assert!(ended.stderr.contains("password authentication failed"), "{ended:?}");
    // Who is not signed by our authorities does not get as far as a password.
    let ended = secured.psql(HOST, &format!("sslmode=verify-full {forged}")).await;
    assert!(ended.code != Some(0) && !ended.stderr.contains("password"), "{ended:?}");
    secured.world.close().await;
}

#[tokio::test]
async fn certificates_are_read_again_and_bad_ones_never_take_effect() {
    let secured = Secured::new(TlsMode::Require, |_, _, _| ()).await;
    let folder = secured.folder.path();
    let strict = "sslmode=verify-full channel_binding=require";
    secured.authority.issue(&["new.example.com"]).write(folder, "gateway");
    secured.world.gateway().reload_certificates().unwrap();
    assert_eq!(secured.psql("new.example.com", strict).await.ok(), "1\n");
    assert_ne!(secured.psql(HOST, strict).await.code, Some(0));
    for (certificate, key) in
        [("", ""), ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x")]
    {
        write(&folder.join("gateway.crt"), certificate);
        write(&folder.join("gateway.key"), key);
        assert!(secured.world.gateway().reload_certificates().is_err());
        assert_eq!(secured.psql("new.example.com", strict).await.ok(), "1\n");
    }
    // The files are looked at without being asked for.
    secured.authority.issue(&["newest.example.com"]).write(folder, "gateway");
    let seen = async { while secured.psql("newest.example.com", strict).await.code != Some(0) {} };
    tokio::time::timeout(std::time::Duration::from_mins(1), seen).await.expect("a changed file is noticed");
    secured.world.close().await;
}

/// libpq 17 has `sslnegotiation=direct`; what it sends is sent here.
#[tokio::test]
async fn a_client_may_begin_with_tls_if_it_says_what_it_speaks() {
    let secured = Secured::new(TlsMode::Require, |_, _, _| ()).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(secured.authority.pem.as_bytes()).unwrap()).unwrap();
    for (alpn, accepted) in [(Some(&b"postgresql"[..]), true), (None, false), (Some(b"http/1.1"), false)] {
        let provider = Arc::new(crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.map(<[u8]>::to_vec).into_iter().collect();
        let socket = tokio::net::TcpStream::connect(("127.0.0.1", secured.world.port())).await.unwrap();
        let name = ServerName::try_from("acme.db.example.com").unwrap();
        let connected = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
        let mut answer = Vec::new();
        if let Ok(mut stream) = connected {
            let mut packet = bytes::BytesMut::new();
            startup::startup(&mut packet, 0, [("user", "app")]);
            // Refused, it may be closed already.
            let _written = stream.write_all(&packet).await;
            let mut first = [0; 1];
            if stream.read_exact(&mut first).await.is_ok() {
                answer.extend_from_slice(&first);
            }
        }
        assert_eq!(answer == [tag::AUTHENTICATION], accepted, "{alpn:?}: {answer:?}");
    }
    secured.world.close().await;
}
