//! A client that speaks the simple protocol alone: PgBouncer 1.18 has no prepared statements in transaction pooling, and every
//! Rust driver prepares its COPY.

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes, BytesMut};
use tenantry_wire::backend::{Authentication, ErrorFields, tag};
use tenantry_wire::scram::{ChannelBinding, ClientExchange};
use tenantry_wire::{frame, frontend, startup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Simple {
    stream: TcpStream,
    inbuf: BytesMut,
    out: BytesMut,
}

impl Simple {
    pub(crate) async fn connect(
        address: (&str, u16),
        user: &str,
        database: &str,
        password: &str,
    ) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream, inbuf: BytesMut::new(), out: BytesMut::new() };
        startup::startup(&mut client.out, 0, [("user", user), ("database", database)]);
        let mut exchange = None;
        let mut proof = None;
        loop {
            client.flush().await?;
            let (kind, body) = client.message().await?;
            match (kind, Authentication::decode(&body)) {
                (tag::READY_FOR_QUERY, _) => return Ok(client),
                (tag::AUTHENTICATION, Ok(Authentication::Sasl { .. })) => {
                    let (begun, first) = ClientExchange::new(password, None, ChannelBinding::Unsupported);
                    frontend::sasl_initial(&mut client.out, "SCRAM-SHA-256", &first);
                    exchange = Some(begun);
                }
                (tag::AUTHENTICATION, Ok(Authentication::SaslContinue(challenge))) => {
                    let begun = exchange.take().context("a challenge that nobody asked for")?;
                    let (answered, answer) = begun.respond(challenge)?;
                    frontend::sasl_response(&mut client.out, &answer);
                    proof = Some(answered);
                }
                (tag::AUTHENTICATION, Ok(Authentication::SaslFinal(signature))) => {
                    proof.take().context("a signature of nothing")?.finish(signature)?;
                }
                _ => {}
            }
        }
    }

    /// Runs a COPY: sends these rows if it is one from here, drops those that come if it is one to here.
    pub(crate) async fn copy(&mut self, sql: &str, rows: &Bytes) -> Result<()> {
        frontend::query(&mut self.out, sql);
        self.flush().await?;
        loop {
            let (kind, _) = self.message().await?;
            match kind {
                tag::READY_FOR_QUERY => return Ok(()),
                tag::COPY_IN => {
                    frontend::copy_data(&mut self.out, rows);
                    frontend::copy_done(&mut self.out);
                    self.flush().await?;
                }
                _ => {}
            }
        }
    }

    async fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.out).await?;
        self.out.clear();
        Ok(())
    }

    /// The next message; an error that the server tells is an error.
    async fn message(&mut self) -> Result<(u8, Bytes)> {
        loop {
            if let Some(header) = frame::peek(&self.inbuf)?
                && self.inbuf.len() >= header.len
            {
                let mut body = self.inbuf.split_to(header.len);
                body.advance(frame::HEADER);
                if header.tag == tag::ERROR {
                    bail!("{}", ErrorFields::decode(&body)?.text(b'M'));
                }
                return Ok((header.tag, body.freeze()));
            }
            if self.stream.read_buf(&mut self.inbuf).await? == 0 {
                bail!("the connection was closed");
            }
        }
    }
}
