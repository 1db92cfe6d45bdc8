//! The server's side: certificates from files, chosen by the name that a client asks for, and the client's own.

use crate::certificate::{Names, end_point_hash};
use crate::error::TlsError;
use crate::{ALPN, provider};
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier,
    danger::ClientCertVerifier,
};
use rustls::sign::CertifiedKey;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;

/// A certificate chain and its key, each a PEM file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The server's own certificate first, then those that lead to the root.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Whose certificates clients may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The certificates of those who sign them.
    pub authorities: PathBuf,
    /// What they have revoked.
    pub revoked: Option<PathBuf>,
    /// Whether a client without one is refused.
    pub required: bool,
}

/// The files that a server's TLS is made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerFiles {
    /// The first is shown where none is for the name that the client asks for.
    pub certificates: Vec<CertificateFiles>,
    pub clients: Option<ClientCertificates>,
}

/// What the files looked like: size and time of the last change of each, `None` where one can't be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(Vec<Option<(u64, SystemTime)>>);

/// Ready to take connections. Immutable: newer files make a newer one.
#[derive(Clone)]
pub struct Acceptor {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Acceptor({} certificates)", self.shown.0.len())
    }
}

/// A TLS connection's facts, all of them verified.
#[derive(Debug)]
pub struct Facts {
    /// The name that the client asked for, in lower case.
    pub server_name: Option<Box<str>>,
    /// Whether the client and we agreed by ALPN that this is PostgreSQL's protocol.
    pub alpn: bool,
    /// Of the certificate that the client was shown.
    pub end_point_hash: Option<Box<[u8]>>,
    /// From the client's own certificate; `None` when it showed none.
    pub client: Option<Names>,
}

struct Entry {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
    hash: Option<Box<[u8]>>,
}

struct Shown(Vec<Entry>);

impl ServerFiles {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let shown = self.certificates.iter().flat_map(|files| [&files.certificate, &files.key]);
        let clients =
            self.clients.iter().flat_map(|clients| [Some(&clients.authorities), clients.revoked.as_ref()]);
        shown.chain(clients.flatten()).map(PathBuf::as_path)
    }

    /// Looks at the files without reading them.
    pub fn stamp(&self) -> Stamp {
        let look = |path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.len(), metadata.modified().ok()?))
        };
        Stamp(self.paths().map(look).collect())
    }
}

impl Acceptor {
    /// Reads the files.
    pub fn load(files: &ServerFiles) -> Result<Self, TlsError> {
        if files.certificates.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let provider = provider();
        let entries: Result<Vec<_>, _> =
            files.certificates.iter().map(|files| Entry::load(files, &provider)).collect();
        let shown = Arc::new(Shown(entries?));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?;
        let builder = match &files.clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(client_verifier(clients, &provider)?),
        };
        let mut config = builder.with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![ALPN.to_vec()];
        // PostgreSQL's clients resume no session, and a ticket would outlive a certificate that was revoked.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), shown })
    }

    /// Does the handshake.
    pub async fn accept<S>(&self, stream: S) -> Result<(TlsStream<S>, Facts), TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&self.config));
        let stream = acceptor.accept(stream).await.map_err(TlsError::Handshake)?;
        let connection = stream.get_ref().1;
        let server_name = connection.server_name().map(str::to_ascii_lowercase);
        let facts = Facts {
            alpn: connection.alpn_protocol() == Some(ALPN),
            end_point_hash: self.shown.choose(server_name.as_deref()).and_then(|entry| entry.hash.clone()),
            client: connection.peer_certificates().and_then(<[_]>::first).map(|own| Names::of(own)),
            server_name: server_name.map(Into::into),
        };
        Ok((stream, facts))
    }
}

impl Shown {
    /// The certificate for a name: one that has it, else one with a pattern for it, else the first.
    fn choose(&self, name: Option<&str>) -> Option<&Entry> {
        let named = name.and_then(|name| {
            let exact = self.0.iter().find(|entry| entry.names.iter().any(|own| own == name));
            let parent = name.split_once('.').map(|(_, parent)| parent);
            let matches = |own: &String| own.strip_prefix("*.").is_some_and(|own| Some(own) == parent);
            exact.or_else(|| self.0.iter().find(|entry| entry.names.iter().any(matches)))
        });
        named.or_else(|| self.0.first())
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown(…)")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        Some(Arc::clone(&self.choose(name.as_deref())?.key))
    }
}

impl Entry {
    fn load(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let chain = certificates("a certificate", &files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| match source {
            rustls::pki_types::pem::Error::NoItemsFound => {
                TlsError::Nothing { what: "private key", path: files.key.clone() }
            }
            source => TlsError::Read { what: "the private key", path: files.key.clone(), source },
        })?;
        let (hash, names) = match chain.first() {
            Some(own) => (end_point_hash(own), Names::of(own).dns().map(str::to_owned).collect()),
            None => (None, Vec::new()),
        };
        // Also checks that the two belong together.
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|source| TlsError::Pair {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            source,
        })?;
        Ok(Self { key: Arc::new(key), names, hash })
    }
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = |source| TlsError::Read { what, path: path.to_owned(), source };
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(read)?.collect();
    let all = all.map_err(read)?;
    if all.is_empty() {
        return Err(TlsError::Nothing { what: "certificate", path: path.to_owned() });
    }
    Ok(all)
}

fn client_verifier(
    clients: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| TlsError::Authorities {
        path: clients.authorities.clone(),
        source,
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("authorities", &clients.authorities)? {
        roots.add(certificate).map_err(|error| refused(error.into()))?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if let Some(path) = &clients.revoked {
        let read = |source| TlsError::Read { what: "revoked certificates", path: path.clone(), source };
        let lists: Result<Vec<_>, _> =
            CertificateRevocationListDer::pem_file_iter(path).map_err(read)?.collect();
        // An authority without a list has revoked nothing that we know of, as with libpq's `ssl_crl_file`.
        builder = builder.with_crls(lists.map_err(read)?).allow_unknown_revocation_status();
    }
    if !clients.required {
        builder = builder.allow_unauthenticated();
    }
    builder.build().map_err(|error: VerifierBuilderError| refused(error.into()))
}
