//! One connection: bytes both ways, and what becomes of it when a fault strikes.

use super::split::{Splitter, Stage};
use super::{Fault, Sender, Shared};
use bytes::{Buf, BytesMut};
use socket2::SockRef;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// How one direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Its sender has closed it, and the receiver was told.
    Closed,
    Cut,
    Reset,
}

/// How long a connection that was cut waits for both sides to close it.
const LINGER: Duration = Duration::from_secs(30);

/// Carries until both sides have ended it.
pub(super) async fn carry(mut client: TcpStream, mut server: TcpStream, shared: &Shared) {
    for stream in [&client, &server] {
        // Without it, messages arrive later.
        stream.set_nodelay(true).ok();
    }
    let (stage, stalled, struck) = (Stage::default(), AtomicBool::new(false), AtomicBool::new(false));
    let end = {
        let ((client_reads, client_writes), (server_reads, server_writes)) = (client.split(), server.split());
        let direction = |sender, from, to| Direction {
            from,
            to,
            sender,
            shared,
            stage: &stage,
            stalled: &stalled,
            struck: &struck,
        };
        let up = direction(Sender::Client, client_reads, server_writes).run();
        let down = direction(Sender::Server, server_reads, client_writes).run();
        tokio::pin!(up, down);
        let (first, up_ended) = tokio::select! {
            end = &mut up => (end, true),
            end = &mut down => (end, false),
        };
        match first {
            End::Closed if stalled.load(Ordering::Relaxed) => End::Cut,
            End::Closed if up_ended => down.await,
            End::Closed => up.await,
            end => end,
        }
    };
    if end == End::Reset {
        for stream in [&client, &server] {
            // The socket may be closed by its peer already.
            SockRef::from(stream).set_linger(Some(Duration::ZERO)).ok();
        }
        drop((client, server));
    } else {
        for stream in [&mut client, &mut server] {
            // Likewise.
            stream.shutdown().await.ok();
        }
        if struck.swap(false, Ordering::Relaxed) {
            shared.struck.send_modify(|n| *n += 1);
        }
        let drained = async { tokio::join!(drain(&mut client), drain(&mut server)) };
        // A peer that never closes is not waited for any longer.
        tokio::time::timeout(LINGER, drained).await.ok();
    }
    if struck.load(Ordering::Relaxed) {
        shared.struck.send_modify(|n| *n += 1);
    }
}

/// Closing a socket with bytes in it that nobody read would be a reset.
async fn drain(stream: &mut TcpStream) {
    let mut nowhere = [0; 4_096];
    while matches!(stream.read(&mut nowhere).await, Ok(1..)) {}
}

/// One direction of a connection.
struct Direction<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    sender: Sender,
    shared: &'a Shared,
    stage: &'a Stage,
    /// In either direction: then the end of one is the end of both.
    stalled: &'a AtomicBool,
    /// A fault that ends the connection has struck; it is told once the sockets have been dealt with.
    struck: &'a AtomicBool,
}

impl Direction<'_> {
    async fn run(mut self) -> End {
        let mut splitter = Splitter::new(self.sender, self.stage);
        let mut bytes = BytesMut::new();
        loop {
            match self.from.read_buf(&mut bytes).await {
                Ok(1..) => {}
                Ok(0) if self.stalled.load(Ordering::Relaxed) => return End::Cut,
                Ok(0) => {
                    // Half a header may be left.
                    if self.to.write_all(&bytes).await.is_err() || self.to.shutdown().await.is_err() {
                        return End::Reset;
                    }
                    return End::Closed;
                }
                Err(_) => return End::Reset,
            }
            if let Err(end) = self.pass(&mut splitter, &mut bytes).await {
                return end;
            }
        }
    }

    /// Passes on what is there of whole and begun messages.
    async fn pass(&mut self, splitter: &mut Splitter<'_>, bytes: &mut BytesMut) -> Result<(), End> {
        let mut ready = 0;
        loop {
            if self.stage.opaque.load(Ordering::Relaxed) {
                ready = bytes.len();
                break;
            }
            let len = splitter.left.min(bytes.len() - ready);
            splitter.left -= len;
            ready += len;
            if splitter.left > 0 {
                break;
            }
            let Some(begin) = splitter.begin(&bytes[ready..]) else { break };
            splitter.left = begin.len;
            if let Some(fault) = self.shared.next(self.sender, begin.tag) {
                self.forward(bytes, ready).await?;
                ready = 0;
                self.strike(fault, begin.len, bytes).await?;
            }
        }
        self.forward(bytes, ready).await
    }

    async fn forward(&mut self, bytes: &mut BytesMut, len: usize) -> Result<(), End> {
        if len > 0 && self.to.write_all(&bytes[..len]).await.is_err() {
            return Err(End::Reset);
        }
        bytes.advance(len);
        Ok(())
    }

    /// A fault strikes at the message of `len` bytes which begins `bytes`.
    async fn strike(&mut self, fault: Fault, len: usize, bytes: &mut BytesMut) -> Result<(), End> {
        match fault {
            Fault::Delay(duration) => {
                self.shared.struck.send_modify(|n| *n += 1);
                tokio::time::sleep(duration).await;
                Ok(())
            }
            Fault::Cut => {
                self.struck.store(true, Ordering::Relaxed);
                Err(End::Cut)
            }
            Fault::Reset => {
                self.struck.store(true, Ordering::Relaxed);
                Err(End::Reset)
            }
            Fault::Truncate => {
                let mut half = (len / 2).max(1).min(len - 1);
                while bytes.len() < half {
                    let there = bytes.len();
                    half -= there;
                    self.forward(bytes, there).await?;
                    if !matches!(self.from.read_buf(bytes).await, Ok(1..)) {
                        break;
                    }
                }
                self.forward(bytes, half.min(bytes.len())).await?;
                self.struck.store(true, Ordering::Relaxed);
                Err(End::Cut)
            }
            Fault::Stall => {
                self.stalled.store(true, Ordering::Relaxed);
                self.shared.struck.send_modify(|n| *n += 1);
                // Read, so that the sender's end is seen; passed on to nobody.
                let mut nowhere = [0; 4_096];
                while matches!(self.from.read(&mut nowhere).await, Ok(1..)) {}
                Err(End::Cut)
            }
        }
    }
}
