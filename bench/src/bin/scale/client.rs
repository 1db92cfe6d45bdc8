//! A client that costs this process as little as can be.

use anyhow::{Result, bail, ensure};
use bytes::BytesMut;
use tenantry_wire::backend::{Authentication, ErrorFields, tag};
use tenantry_wire::scram::{ChannelBinding, ClientExchange, ClientKeys};
use tenantry_wire::{frame, frontend, startup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Client {
    stream: TcpStream,
    inbuf: BytesMut,
}

impl Client {
    pub(crate) async fn connect(port: u16, tenant: &str, keys: &ClientKeys) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream, inbuf: BytesMut::new() };
        let mut out = BytesMut::new();
        startup::startup(&mut out, 0, [("user", "scale"), ("database", tenant)]);
        client.send(&mut out).await?;
        client.message().await?;
        // The keys were derived once: it would be this process's time, not the gateway's.
        let (exchange, first) = ClientExchange::new("", Some(keys.clone()), ChannelBinding::Unsupported);
        frontend::sasl_initial(&mut out, "SCRAM-SHA-256", &first);
        client.send(&mut out).await?;
        let (_, body) = client.message().await?;
        let Authentication::SaslContinue(challenge) = Authentication::decode(&body)? else {
            bail!("no challenge")
        };
        let (_, answer) = exchange.respond(challenge).map_err(|_| anyhow::anyhow!("challenge"))?;
        frontend::sasl_response(&mut out, &answer);
        client.send(&mut out).await?;
        client.until_ready().await?;
        client.inbuf = BytesMut::new();
        Ok(client)
    }

    /// Runs a statement, and throws away what it returns.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<()> {
        let mut out = BytesMut::new();
        frontend::query(&mut out, sql);
        self.send(&mut out).await?;
        self.until_ready().await
    }

    async fn send(&mut self, out: &mut BytesMut) -> Result<()> {
        self.stream.write_all(out).await?;
        out.clear();
        Ok(())
    }

    async fn until_ready(&mut self) -> Result<()> {
        loop {
            match self.message().await? {
                (tag::READY_FOR_QUERY, _) => return Ok(()),
                (tag::ERROR, body) => bail!("{}", ErrorFields::decode(&body)?.text(b'M')),
                _ => {}
            }
        }
    }

    async fn message(&mut self) -> Result<(u8, BytesMut)> {
        loop {
            if let Some(header) = frame::peek(&self.inbuf)?
                && self.inbuf.len() >= header.len
            {
                let mut frame = self.inbuf.split_to(header.len);
                return Ok((header.tag, frame.split_off(frame::HEADER)));
            }
            ensure!(self.stream.read_buf(&mut self.inbuf).await? > 0, "the gateway closed the connection");
        }
    }
}
