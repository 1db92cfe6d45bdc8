//! A byte stream to a client or a server, with its two buffers.
//!
//! `Stream` is the seam where TLS joins: whatever can be polled for reading and writing. `Buffered` keeps what has
//! been read and not yet used (`inbuf`), and what is still to be written (`outbuf`).

use bytes::{Buf, BytesMut};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::io::poll_read_buf;

/// A socket of any kind.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Stands where the stream was moved away.
    Closed,
}

/// How much is read at once. A row or a statement is usually far smaller; large results come in several reads.
const READ_BYTES: usize = 16 << 10;
/// An idle connection gives back buffers larger than this.
const IDLE_BYTES: usize = 1 << 10;

impl Stream {
    /// Ready when a read would not block. Needs no buffer, so that an idle client holds none.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

/// A stream and its buffers.
#[derive(Debug)]
pub(crate) struct Buffered {
    stream: Stream,
    pub(crate) inbuf: BytesMut,
    pub(crate) outbuf: BytesMut,
    /// Bytes read and written since the beginning.
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl Buffered {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, inbuf: BytesMut::new(), outbuf: BytesMut::new(), received: 0, sent: 0 }
    }

    /// Reads once into `inbuf`. `Ok(0)` means that the peer closed its side.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.inbuf.capacity() - self.inbuf.len() < READ_BYTES / 4 {
            ready!(self.stream.poll_readable(cx))?;
            self.inbuf.reserve(READ_BYTES);
        }
        let read = ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.inbuf))?;
        self.received += read as u64;
        Poll::Ready(Ok(read))
    }

    /// Reads once into `inbuf`; the end of the stream is an error here.
    pub(crate) async fn fill(&mut self) -> io::Result<()> {
        match std::future::poll_fn(|cx| self.poll_fill(cx)).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Writes as much of `outbuf` as the socket takes. Ready when everything is written.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbuf.is_empty() {
            let stream = match &mut self.stream {
                Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, &self.outbuf),
                Stream::Unix(stream) => Pin::new(stream).poll_write(cx, &self.outbuf),
                Stream::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            };
            let written = ready!(stream)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbuf.advance(written);
            self.sent += written as u64;
        }
        // Keeps the allocation's start usable: an empty buffer that was advanced would grow by copying.
        self.outbuf.clear();
        Poll::Ready(Ok(()))
    }

    /// Writes all of `outbuf`.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Gives the buffers back while nothing is happening: there may be many thousand idle clients.
    pub(crate) fn release_buffers(&mut self) {
        self.shrink(IDLE_BYTES);
    }

    /// Gives back what a large result needed. Server connections are few and busy, they keep the rest.
    pub(crate) fn trim_buffers(&mut self) {
        self.shrink(2 * READ_BYTES);
    }

    fn shrink(&mut self, keep_bytes: usize) {
        for buffer in [&mut self.inbuf, &mut self.outbuf] {
            if buffer.is_empty() && buffer.capacity() > keep_bytes {
                *buffer = BytesMut::new();
            }
        }
    }
}
