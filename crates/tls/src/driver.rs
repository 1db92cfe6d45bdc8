//! The same for connections of `tokio-postgres`, which the control plane speaks through.

use crate::client::{Connector, binding_of, server_name};
use crate::error::TlsError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tenantry_core::{ServerTls, SslMode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as Encrypted;

/// What `tokio_postgres::Config::connect` takes in the place of `NoTls`.
#[derive(Debug, Clone)]
pub struct Driver(Option<Connector>);

/// One connection's encryption.
#[derive(Debug)]
pub struct DriverStream<S>(Encrypted<S>);

/// One connection's handshake, before it.
#[derive(Debug)]
pub struct Handshake {
    connector: Option<Connector>,
    host: String,
}

impl Driver {
    pub fn new(tls: &ServerTls) -> Result<Self, TlsError> {
        Ok(Self(Connector::new(tls)?))
    }

    /// Prepares the driver's own configuration to do as the mode says. TLS does not cross a Unix socket, as with libpq.
    pub fn apply(&self, config: &mut tokio_postgres::Config) {
        use tokio_postgres::config::{Host, SslMode as Theirs};
        let local = matches!(config.get_hosts(), [Host::Unix(_)]);
        config.ssl_mode(match self.0.as_ref().map(Connector::mode) {
            _ if local => Theirs::Disable,
            None | Some(SslMode::Disable) => Theirs::Disable,
            Some(SslMode::Prefer) => Theirs::Prefer,
            Some(SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => Theirs::Require,
        });
    }
}

impl<S> MakeTlsConnect<S> for Driver
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = DriverStream<S>;
    type TlsConnect = Handshake;
    type Error = TlsError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, TlsError> {
        Ok(Handshake { connector: self.0.clone(), host: host.to_owned() })
    }
}

impl<S> TlsConnect<S> for Handshake
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = DriverStream<S>;
    type Error = TlsError;
    type Future = Pin<Box<dyn Future<Output = Result<DriverStream<S>, TlsError>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let connector = self.connector.ok_or(TlsError::NotOffered(SslMode::Disable))?;
            let name = server_name(&self.host)?;
            let connecting = TlsConnector::from(connector.config().clone()).connect(name, stream);
            Ok(DriverStream(connecting.await.map_err(TlsError::Handshake)?))
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for DriverStream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        match binding_of(&self.0) {
            Some(hash) => ChannelBinding::tls_server_end_point(hash.into_vec()),
            None => ChannelBinding::none(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for DriverStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for DriverStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
