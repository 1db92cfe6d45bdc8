//! The client's side: a connection to a server, as its `sslmode` says.

#[cfg(feature = "driver")]
use crate::certificate::end_point_hash;
use crate::error::TlsError;
use crate::verify::{Roots, Trust, Verifier};
use crate::{ALPN, provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tenantry_core::{ServerTls, SslMode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::{TlsConnector, TlsStream};

/// PostgreSQL's request for TLS: length 8, code 1234/5679.
const REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F];

/// How to reach one server. Made once, cloned cheaply.
#[derive(Clone)]
pub struct Connector {
    mode: SslMode,
    config: Arc<ClientConfig>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connector({})", self.mode)
    }
}

impl Connector {
    /// `None` where TLS is never used.
    pub fn new(tls: &ServerTls) -> Result<Option<Self>, TlsError> {
        let roots = tls.root_certificate.as_deref().map(roots).transpose()?;
        let trust = match (tls.mode, roots) {
            (SslMode::Disable, _) => return Ok(None),
            (SslMode::VerifyFull, Some(roots)) => Trust::SignedForHost(roots),
            (SslMode::VerifyCa | SslMode::Require, Some(roots)) => Trust::Signed(roots),
            (SslMode::VerifyCa | SslMode::VerifyFull, None) => return Err(TlsError::NoRoot(tls.mode)),
            (SslMode::Prefer, _) | (SslMode::Require, None) => Trust::Anybody,
        };
        let provider = provider();
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { trust, provider }))
            .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        // PostgreSQL resumes no session.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Some(Self { mode: tls.mode, config: Arc::new(config) }))
    }

    pub fn mode(&self) -> SslMode {
        self.mode
    }

    #[cfg(feature = "driver")]
    pub(crate) fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// Asks the server for TLS. `None`: it has none, and the stream goes on in the clear, if the mode allows that.
    pub async fn request<S>(&self, mut stream: S, host: &str) -> Result<Negotiated<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        stream.write_all(&REQUEST).await?;
        // One byte and not one more: what somebody put in behind it must be read as TLS, and fail (CVE-2021-23222).
        let mut answer = [0];
        stream.read_exact(&mut answer).await?;
        match answer[0] {
            b'S' => {}
            b'N' if self.mode == SslMode::Prefer => return Ok(Negotiated::Clear(stream)),
            b'N' => return Err(TlsError::NotOffered(self.mode)),
            _ => return Err(TlsError::NotAnAnswer),
        }
        let name = server_name(host)?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(name, stream).await.map_err(TlsError::Handshake)?;
        Ok(Negotiated::Tls(Box::new(stream.into())))
    }
}

/// What a server agreed to.
#[derive(Debug)]
pub enum Negotiated<S> {
    Clear(S),
    Tls(Box<TlsStream<S>>),
}

pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(host.to_owned()).map_err(|_| TlsError::HostName(host.to_owned()))
}

/// The channel binding of a connection to a server.
#[cfg(feature = "driver")]
pub(crate) fn binding_of<S>(stream: &tokio_rustls::client::TlsStream<S>) -> Option<Box<[u8]>> {
    end_point_hash(stream.get_ref().1.peer_certificates()?.first()?)
}

fn roots(pem: &str) -> Result<Roots, TlsError> {
    let mut roots = Roots { store: RootCertStore::empty(), exact: Vec::new() };
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| TlsError::Root(error.to_string()))?;
        roots.store.add(certificate.clone()).map_err(|error| TlsError::Root(error.to_string()))?;
        roots.exact.push(certificate);
    }
    if roots.exact.is_empty() {
        return Err(TlsError::Root("there is no certificate in it".into()));
    }
    Ok(roots)
}
