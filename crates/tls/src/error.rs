//! Why TLS can't be had. Texts name files and hosts of the operator's own, never a key.

use std::io;
use std::path::PathBuf;
use tenantry_core::{ErrorKind, SslMode};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum TlsError {
    #[error("can't read {what} from {}", path.display())]
    Read { what: &'static str, path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("there is no {what} in {}", path.display())]
    Nothing { what: &'static str, path: PathBuf },
    #[error("the certificate in {} and the key in {} can't be used together", certificate.display(), key.display())]
    Pair { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("the certificates in {} are no authorities", path.display())]
    Authorities { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("TLS is on and no certificate is named")]
    NoCertificate,
    #[error("the root certificate can't be used: {0}")]
    Root(String),
    #[error("sslmode={0} needs a root certificate to trust")]
    NoRoot(SslMode),
    #[error("{0:?} is no name of a host")]
    HostName(String),
    #[error("the server offers no TLS, and sslmode={0} takes nothing else")]
    NotOffered(SslMode),
    #[error("the server answered the request for TLS with something else")]
    NotAnAnswer,
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("TLS can't be set up")]
    Setup(#[source] rustls::Error),
}

impl TlsError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotOffered(_) | Self::NotAnAnswer | Self::Handshake(_) | Self::Io(_) => {
                ErrorKind::ServerUnavailable
            }
            Self::Setup(_) => ErrorKind::Internal,
            _ => ErrorKind::InvalidInput,
        }
    }

    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Read { .. } => "it is a PEM file that this process may read",
            Self::Nothing { .. } => "PEM texts begin with -----BEGIN; a key that is encrypted can't be used",
            Self::Pair { .. } => {
                "is it this certificate's key, and does the file begin with the server's own certificate?"
            }
            Self::Authorities { .. } => {
                "name the file with the certificates of those who sign clients' certificates"
            }
            Self::NoCertificate => "name cert_file and key_file in [gateway.tls]",
            Self::Root(_) | Self::NoRoot(_) => {
                "name the PEM file of those who signed the server's certificate"
            }
            Self::HostName(_) => {
                "verify-full compares the host with the certificate: name the server by its name or address"
            }
            Self::NotOffered(_) => {
                "turn ssl on in the server (ssl = on, ssl_cert_file, ssl_key_file), or choose sslmode=disable on a private network"
            }
            Self::Handshake(error) if error.to_string().contains("NotValidForName") => {
                "the certificate must name the host as a DNS name or an address (subjectAltName), or choose verify-ca"
            }
            Self::Handshake(error) if error.to_string().contains("UnknownIssuer") => {
                "the root certificate is not of those who signed the server's certificate"
            }
            Self::NotAnAnswer | Self::Handshake(_) | Self::Io(_) | Self::Setup(_) => return None,
        };
        Some(hint.to_owned())
    }
}
