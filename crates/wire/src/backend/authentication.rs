//! Views over what a server says before it is ready.

use crate::MessageError;
use crate::reader::Reader;
use crate::startup::CancelKey;

/// What the server wants to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication<'a> {
    Ok,
    /// The password in clear text.
    Cleartext,
    Md5 {
        salt: [u8; 4],
    },
    Sasl {
        mechanisms: Mechanisms<'a>,
    },
    /// SCRAM's server-first-message.
    SaslContinue(&'a [u8]),
    /// SCRAM's server-final-message.
    SaslFinal(&'a [u8]),
    /// Kerberos, GSS, SSPI, or something newer.
    Unsupported(u32),
}

/// Names of SASL mechanisms, the server's favourite first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mechanisms<'a> {
    list: &'a [u8],
}

impl<'a> Authentication<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("Authentication", body);
        let decoded = match reader.u32()? {
            0 => Self::Ok,
            3 => Self::Cleartext,
            5 => Self::Md5 { salt: reader.u32()?.to_be_bytes() },
            10 => Self::Sasl { mechanisms: Mechanisms::read(&mut reader)? },
            11 => return Ok(Self::SaslContinue(reader.left())),
            12 => return Ok(Self::SaslFinal(reader.left())),
            code => return Ok(Self::Unsupported(code)),
        };
        reader.end()?;
        Ok(decoded)
    }
}

impl<'a> Mechanisms<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, MessageError> {
        let list = reader.left();
        while !reader.text()?.is_empty() {}
        Ok(Self { list })
    }

    pub fn contains(&self, mechanism: &str) -> bool {
        self.iter().any(|name| name == mechanism.as_bytes())
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.list.split(|byte| *byte == 0).take_while(|name| !name.is_empty())
    }
}

/// What a later cancel request must name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackendKeyData<'a> {
    pub pid: i32,
    /// 4 bytes in protocol 3.0, up to 256 in 3.2.
    pub secret: &'a [u8],
}

impl<'a> BackendKeyData<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("BackendKeyData", body);
        let pid = reader.i32()?;
        let secret = reader.left();
        if !CancelKey::SECRET_BYTES.contains(&secret.len()) {
            return Err(reader.invalid());
        }
        Ok(Self { pid, secret })
    }

    /// A copy that outlives the buffer.
    pub fn to_key(&self) -> CancelKey {
        CancelKey { pid: self.pid, secret: self.secret.into() }
    }
}

/// The server speaks an older minor version, or does not know some options.
#[derive(Debug, Clone, Copy)]
pub struct NegotiateProtocolVersion<'a> {
    /// The newest minor version of protocol 3 that the server will speak.
    pub minor: u16,
    options: Reader<'a>,
    count: u32,
}

impl<'a> NegotiateProtocolVersion<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("NegotiateProtocolVersion", body);
        // PostgreSQL sends the whole version (major in the upper half), whatever its documentation says.
        let [_, _, high, low] = reader.u32()?.to_be_bytes();
        let count = reader.u32()?;
        let options = reader;
        // A false count can't keep us here: each option takes a byte at least.
        for _ in 0..count {
            reader.text()?;
        }
        reader.end()?;
        Ok(Self { minor: u16::from_be_bytes([high, low]), options, count })
    }

    /// Options of the startup packet that the server does not know.
    pub fn options(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut options = self.options;
        (0..self.count).map_while(move |_| options.text().ok())
    }
}
