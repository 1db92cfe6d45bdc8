//! What is read from a certificate besides its signature: whom it names, and the hash that channel binding takes.

use sha2::{Digest, Sha256, Sha384, Sha512};
use std::time::Duration;
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Names that a verified certificate gives its holder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    common: Option<String>,
    /// DNS names in lower case, mail addresses and URIs as they stand.
    alternative: Vec<String>,
}

impl Names {
    /// Reads a certificate. What can't be read names nobody.
    pub fn of(certificate: &[u8]) -> Self {
        let Ok(certificate) = Certificate::from_der(certificate) else { return Self::default() };
        let tbs = certificate.tbs_certificate();
        // Of several common names it is not certain which one is meant: then none is.
        let several = tbs.subject().iter().filter(|attribute| attribute.oid == COMMON_NAME).count() > 1;
        let common = tbs.subject().common_name().ok().flatten().filter(|_| !several).map(String::from);
        let alternative = match tbs.get_extension::<SubjectAltName>() {
            Ok(Some((_, names))) => names.0.iter().filter_map(text_of).collect(),
            _ => Vec::new(),
        };
        Self { common: common.filter(|name| is_plain(name)), alternative }
    }

    /// Whether this is one of the holder's names: the common name, a DNS name, a mail address or a URI. Never by a pattern.
    pub fn contains(&self, name: &str) -> bool {
        self.common.as_deref() == Some(name) || self.alternative.iter().any(|alternative| alternative == name)
    }

    /// DNS names, for a certificate that is shown; some begin with `*.`.
    pub(crate) fn dns(&self) -> impl Iterator<Item = &str> {
        // A common name served as a DNS name before there were alternative ones.
        let common = self.common.as_deref().filter(|_| self.alternative.is_empty());
        self.alternative.iter().map(String::as_str).chain(common)
    }
}

fn text_of(name: &GeneralName) -> Option<String> {
    let text = match name {
        GeneralName::DnsName(name) => name.as_str().to_ascii_lowercase(),
        GeneralName::Rfc822Name(name) | GeneralName::UniformResourceIdentifier(name) => {
            name.as_str().to_owned()
        }
        _ => return None,
    };
    is_plain(&text).then_some(text)
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// Whether a certificate is in force. `None` when it can't be read.
/// `now` counts from 1970.
pub(crate) fn is_in_force(certificate: &[u8], now: Duration) -> Option<bool> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    Some(validity.not_before.to_unix_duration() <= now && now <= validity.not_after.to_unix_duration())
}

/// `tls-server-end-point` (RFC 5929): the certificate's hash, by the hash function of its own signature, MD5 and SHA-1
/// replaced by SHA-256. `None` where that function is not one alone (Ed25519): then there is no channel binding.
pub fn end_point_hash(certificate: &[u8]) -> Option<Box<[u8]>> {
    let parsed = Certificate::from_der(certificate).ok()?;
    let algorithm = parsed.signature_algorithm();
    let mut oid = algorithm.oid;
    if oid == RSA_PSS {
        // RSASSA-PSS-params begins with the hash function, SHA-1 when it is left out (RFC 4055).
        let parameters = algorithm.parameters.as_ref()?.to_der().ok()?;
        oid = hash_of_pss(&parameters);
    }
    let function = FUNCTIONS.iter().find(|(known, _)| *known == oid)?;
    Some(match function.1 {
        Function::Sha256 => Sha256::digest(certificate).as_slice().into(),
        Function::Sha384 => Sha384::digest(certificate).as_slice().into(),
        Function::Sha512 => Sha512::digest(certificate).as_slice().into(),
    })
}

#[derive(Clone, Copy)]
enum Function {
    Sha256,
    Sha384,
    Sha512,
}

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// Signature algorithms (and, for RSASSA-PSS, hash functions), and what they hash with.
const FUNCTIONS: &[(ObjectIdentifier, Function)] = &[
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"), Function::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), Function::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11"), Function::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12"), Function::Sha384),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13"), Function::Sha512),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"), Function::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"), Function::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"), Function::Sha384),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4"), Function::Sha512),
    (SHA1, Function::Sha256),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"), Function::Sha256),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"), Function::Sha384),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"), Function::Sha512),
];

/// `SEQUENCE { [0] { SEQUENCE { OID … } } … }`, of which the identifier is the first one met. The lengths are all short.
fn hash_of_pss(parameters: &[u8]) -> ObjectIdentifier {
    let oid = match parameters {
        [0x30, _, 0xA0, _, 0x30, _, 0x06, len, rest @ ..] => rest.get(..usize::from(*len)),
        _ => None,
    };
    oid.and_then(|bytes| ObjectIdentifier::from_bytes(bytes).ok()).unwrap_or(SHA1)
}
