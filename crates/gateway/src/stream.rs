//! A byte stream to a client or a server, with its two buffers.
//!
//! `Stream` is the seam where TLS joins: whatever can be polled for reading and writing. `Buffered` keeps what has
//! been read and not yet used (`inbuf`), and what is still to be written (`outbuf`), both in the clear.

use bytes::{Buf, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use std::cell::RefCell;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tenantry_tls::TlsStream;
use tenantry_uring::Gathered;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::io::poll_read_buf;

/// A socket of any kind.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(Gathered<TcpStream>),
    Unix(Gathered<UnixStream>),
    /// Boxed: it is larger than all else here, and many clients are without it.
    Tls(Box<TlsStream<TcpStream>>),
    /// Stands where the stream was moved away.
    Closed,
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(Gathered::new(stream))
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(Gathered::new(stream))
    }
}

/// How long a connection is silent before its peer's machine is asked whether it is still there, how often it is asked, and how
/// often it may fail to answer. Without that, whoever vanished without a word would keep its place for hours.
const SILENT: Duration = Duration::from_secs(30);
const ASKED_AGAIN: Duration = Duration::from_secs(10);
const UNANSWERED: u32 = 3;

/// Sets a TCP connection up: small messages leave at once, and a peer that vanishes is noticed.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let asking = TcpKeepalive::new().with_time(SILENT).with_interval(ASKED_AGAIN).with_retries(UNANSWERED);
    SockRef::from(stream).set_tcp_keepalive(&asking)
}

/// How much is read at once. A row or a statement is usually far smaller; large results come in several reads.
const READ_BYTES: usize = 16 << 10;

thread_local! {
    /// What is read is small, nearly always, and there are many to read from: one buffer of the thread's is lent to each in turn, and
    /// who is idle holds none.
    static LENT: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl Stream {
    /// Hands the socket over to the event loop of the caller's runtime.
    fn register(&mut self) -> io::Result<()> {
        // By another descriptor of the same socket: the old one leaves its loop as it is dropped, whatever is around it.
        fn again(stream: &TcpStream) -> io::Result<TcpStream> {
            TcpStream::from_std(SockRef::from(stream).try_clone()?.into())
        }
        match self {
            Self::Tcp(stream) => *stream = Gathered::new(again(stream.get_ref())?),
            Self::Tls(stream) => {
                let stream = stream.get_mut().0;
                *stream = again(stream)?;
            }
            Self::Unix(stream) => {
                let socket = SockRef::from(stream.get_ref()).try_clone()?;
                *stream = Gathered::new(UnixStream::from_std(socket.into())?);
            }
            Self::Closed => return Err(io::ErrorKind::NotConnected.into()),
        }
        Ok(())
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
    /// So many in front of `outbuf` are in `sent` already: they came back.
    counted: usize,
    /// What was put into `outbuf` last ends in the middle of a message: anything else behind it would be taken for its rest.
    pub(crate) is_mid_message: bool,
}

impl Buffered {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            inbuf: BytesMut::new(),
            outbuf: BytesMut::new(),
            received: 0,
            sent: 0,
            counted: 0,
            is_mid_message: false,
        }
    }

    /// Hands the socket over to the event loop of the caller's runtime.
    pub(crate) fn register(&mut self) -> io::Result<()> {
        self.stream.register()
    }

    /// Reads once into `inbuf`. `Ok(0)` means that the peer closed its side.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = if self.inbuf.capacity() - self.inbuf.len() < READ_BYTES / 4 {
            LENT.with_borrow_mut(|lent| {
                let mut lent = ReadBuf::new(lent);
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut lent))?;
                self.keep(lent.filled());
                Poll::Ready(io::Result::Ok(lent.filled().len()))
            })
        } else {
            poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.inbuf)
        };
        let read = ready!(read)?;
        self.received += read as u64;
        Poll::Ready(Ok(read))
    }

    /// Keeps what was read into the thread's buffer.
    fn keep(&mut self, read: &[u8]) {
        if read.len() == READ_BYTES {
            // There is more, which is read where it stays.
            self.inbuf.reserve(2 * READ_BYTES);
        }
        self.inbuf.extend_from_slice(read);
    }

    /// Reads once into `inbuf` if something is there already; whoever waits for it is not told. `Pending`: nothing is.
    pub(crate) fn poll_fill_at_once(&mut self) -> Poll<io::Result<usize>> {
        let read = LENT.with_borrow_mut(|lent| {
            let read = match &self.stream {
                Stream::Tcp(stream) => stream.get_ref().try_read(lent),
                Stream::Unix(stream) => stream.get_ref().try_read(lent),
                Stream::Tls(_) | Stream::Closed => return None,
            };
            if let Ok(read) = read {
                self.keep(&lent[..read]);
            }
            Some(read)
        });
        match read {
            None => self.poll_fill(&mut Context::from_waker(Waker::noop())),
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Some(read) => {
                self.received += *read.as_ref().unwrap_or(&0) as u64;
                Poll::Ready(read)
            }
        }
    }

    /// Reads once into `inbuf`, while what is to be sent soon may come back to be written; the end of the stream is an error here.
    pub(crate) async fn fill_while_sending(&mut self) -> io::Result<()> {
        let read = std::future::poll_fn(|cx| {
            ready!(self.poll_flush_soon(cx))?;
            self.poll_fill(cx)
        });
        match read.await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Reads once into `inbuf`; the end of the stream is an error here.
    pub(crate) async fn fill(&mut self) -> io::Result<()> {
        match std::future::poll_fn(|cx| self.poll_fill(cx)).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Leaves what is in `outbuf` to be sent with what this thread sends to others, in this turn of its event loop, if it is little.
    /// Otherwise like `poll_flush`, and so is what comes back because the socket did not take it: `cx` is woken then.
    pub(crate) fn poll_flush_soon(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        fn soon<S: AsFd>(stream: &mut Gathered<S>, bytes: &mut BytesMut, cx: &Context<'_>) -> bool {
            if bytes.is_empty() { !stream.has_left_over() } else { stream.send_soon(bytes, cx.waker()) }
        }
        let bytes = self.outbuf.len() as u64;
        let taken = match &mut self.stream {
            Stream::Tcp(stream) => soon(stream, &mut self.outbuf, cx),
            Stream::Unix(stream) => soon(stream, &mut self.outbuf, cx),
            Stream::Tls(_) | Stream::Closed => false,
        };
        if taken {
            self.sent += bytes;
            return Poll::Ready(Ok(()));
        }
        self.poll_flush(cx)
    }

    /// Whether all that was left to be sent soon is sent.
    pub(crate) fn is_settled(&mut self) -> bool {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.is_settled(),
            Stream::Unix(stream) => stream.is_settled(),
            Stream::Tls(_) | Stream::Closed => true,
        }
    }

    /// Writes as much of `outbuf` as the socket takes. Ready when everything is written.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.outbuf.len();
        match &mut self.stream {
            Stream::Tcp(stream) => stream.take_back(&mut self.outbuf)?,
            Stream::Unix(stream) => stream.take_back(&mut self.outbuf)?,
            Stream::Tls(_) | Stream::Closed => {}
        }
        self.counted += self.outbuf.len() - before;
        while !self.outbuf.is_empty() {
            let stream = match &mut self.stream {
                Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, &self.outbuf),
                Stream::Unix(stream) => Pin::new(stream).poll_write(cx, &self.outbuf),
                Stream::Tls(stream) => Pin::new(stream).poll_write(cx, &self.outbuf),
                Stream::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            };
            let written = ready!(stream)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbuf.advance(written);
            let counted = written.min(self.counted);
            self.counted -= counted;
            self.sent += (written - counted) as u64;
        }
        // Keeps the allocation's start usable: an empty buffer that was advanced would grow by copying.
        self.outbuf.clear();
        match &mut self.stream {
            // What was taken above may still wait as a record.
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// The socket itself, while nothing of it has been read that is not used yet.
    pub(crate) fn take_socket(&mut self) -> Option<TcpStream> {
        if !self.inbuf.is_empty() || !self.outbuf.is_empty() || !matches!(self.stream, Stream::Tcp(_)) {
            return None;
        }
        match std::mem::replace(&mut self.stream, Stream::Closed) {
            Stream::Tcp(stream) => stream.into_inner(),
            _ => None,
        }
    }

    /// What channel binding ties to: the hash of the server's certificate, where we are its client over TLS.
    pub(crate) fn server_binding(&self) -> Option<Box<[u8]>> {
        let Stream::Tls(stream) = &self.stream else { return None };
        let TlsStream::Client(stream) = &**stream else { return None };
        tenantry_tls::end_point_hash(stream.get_ref().1.peer_certificates()?.first()?)
    }

    /// Says goodbye as TLS does, so that the peer can tell the end from a cut.
    pub(crate) async fn close(&mut self) {
        if let Stream::Tls(stream) = &mut self.stream {
            // The peer may be gone.
            let _closed = std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_shutdown(cx)).await;
        }
    }

    /// The first byte that the peer sends, which stays to be read. `None` at the end of the stream.
    pub(crate) async fn peek(&self) -> io::Result<Option<u8>> {
        let Stream::Tcp(stream) = &self.stream else { return Ok(None) };
        let mut first = [0];
        Ok((stream.get_ref().peek(&mut first).await? == 1).then_some(first[0]))
    }

    /// Goes on over another stream, with what was read and is still to be written.
    pub(crate) fn set_stream(&mut self, stream: Stream) {
        self.stream = stream;
    }

    /// Writes all of `outbuf`, or leaves it to be sent soon.
    pub(crate) async fn flush_soon(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_flush_soon(cx)).await
    }

    /// Writes all of `outbuf`.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Gives the buffers back while nothing is happening: there may be many thousand idle clients.
    pub(crate) fn release_buffers(&mut self) {
        self.shrink(|_| true);
    }

    /// Gives back what a large result needed. Server connections are few and busy, they keep the rest.
    pub(crate) fn trim_buffers(&mut self) {
        self.shrink(|capacity| capacity > 2 * READ_BYTES);
    }

    fn shrink(&mut self, is_too_large: impl Fn(usize) -> bool) {
        for buffer in [&mut self.inbuf, &mut self.outbuf] {
            if buffer.is_empty() && is_too_large(buffer.capacity()) {
                *buffer = BytesMut::new();
            }
        }
    }
}
