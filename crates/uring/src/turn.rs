//! What is gathered in a turn of a thread's event loop.

use crate::ring::Ring;
use bytes::{Buf, BytesMut};
use socket2::SockRef;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread::ThreadId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What waits is sent without the end of the turn when so many wait: nobody's bytes lie here for longer than that takes.
const MOST: usize = 32;
/// More than this of one stream's is not gathered: a copy of it costs more than its system call.
const MOST_BYTES: usize = 16 << 10;
/// A buffer that has grown beyond this is not kept.
const MOST_KEPT: usize = 4 << 10;

thread_local! {
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

/// Gathers the writes of this thread's streams for as long as the future is polled by it, and sends them at the end of each turn.
pub async fn gather() -> io::Result<()> {
    struct Off;
    impl Drop for Off {
        fn drop(&mut self) {
            // What waits still goes; the thread may be ending.
            let turn = TURN.try_with(|turn| turn.borrow_mut().take()).ok().flatten();
            if let Some(mut turn) = turn {
                turn.send().into_iter().for_each(Waker::wake);
            }
        }
    }
    let turn = Turn::new()?;
    TURN.with_borrow_mut(|here| *here = Some(turn));
    let _off = Off;
    poll_fn(|cx| {
        send_gathered(Some(cx.waker()));
        Poll::<()>::Pending
    })
    .await;
    Ok(())
}

/// Sends what waits. Tasks are woken without the turn being borrowed: they may have bytes here.
fn send_gathered(ends: Option<&Waker>) {
    let woken = TURN.with_borrow_mut(|turn| {
        let Some(turn) = turn else { return Vec::new() };
        if let Some(ends) = ends {
            turn.ends.clone_from(ends);
        }
        turn.send()
    });
    woken.into_iter().for_each(Waker::wake);
}

#[derive(Debug)]
struct Turn {
    ring: Ring,
    thread: ThreadId,
    /// Wakes who sends at the end of the turn: behind all tasks that are ready now.
    ends: Waker,
    places: Vec<Place>,
    free: Vec<u32>,
    /// In the order in which they came.
    waiting: Vec<u32>,
}

/// Bytes of one stream.
#[derive(Debug)]
struct Place {
    /// Tells them from what was here before.
    visit: u64,
    socket: RawFd,
    bytes: BytesMut,
    task: Waker,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    /// The socket did not take all, or failed.
    Left(Option<io::Error>),
    Free,
}

/// Where a stream's bytes are.
#[derive(Debug, Clone, Copy)]
struct Ticket {
    thread: ThreadId,
    place: u32,
    visit: u64,
}

impl Turn {
    fn new() -> io::Result<Self> {
        Ok(Self {
            ring: Ring::new()?,
            thread: std::thread::current().id(),
            ends: Waker::noop().clone(),
            places: Vec::new(),
            free: Vec::new(),
            waiting: Vec::new(),
        })
    }

    /// The place of the ticket's bytes, unless all have left.
    fn place(&mut self, ticket: Ticket) -> Option<&mut Place> {
        let place = self.places.get_mut(ticket.place as usize)?;
        (ticket.thread == self.thread && place.visit == ticket.visit).then_some(place)
    }

    fn add(&mut self, socket: RawFd, bytes: &mut BytesMut, task: &Waker) -> Ticket {
        let index = self.free.pop().unwrap_or_else(|| {
            let (bytes, task) = (BytesMut::new(), Waker::noop().clone());
            self.places.push(Place { visit: 0, socket, bytes, task, state: State::Free });
            u32::try_from(self.places.len() - 1).expect("fewer streams than 2^32")
        });
        let place = &mut self.places[index as usize];
        place.socket = socket;
        place.task.clone_from(task);
        place.state = State::Waiting;
        std::mem::swap(&mut place.bytes, bytes);
        if self.waiting.is_empty() {
            self.ends.wake_by_ref();
        }
        self.waiting.push(index);
        Ticket { thread: self.thread, place: index, visit: place.visit }
    }

    fn free(&mut self, index: u32) {
        let place = &mut self.places[index as usize];
        place.visit += 1;
        place.state = State::Free;
        place.bytes.clear();
        if place.bytes.capacity() > MOST_KEPT {
            place.bytes = BytesMut::new();
        }
        self.free.push(index);
    }

    /// Sends what waits. Returns whom to wake: those of whose bytes something is left.
    fn send(&mut self) -> Vec<Waker> {
        let mut woken = Vec::new();
        if self.waiting.is_empty() {
            return woken;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let sends = waiting.iter().map(|index| {
            let place = &self.places[*index as usize];
            #[expect(unsafe_code, reason = "see the crate's header")]
            // SAFETY: whoever owns the socket takes its bytes out of `waiting` before it closes it.
            let socket = unsafe { BorrowedFd::borrow_raw(place.socket) };
            (socket, &*place.bytes)
        });
        let results: Vec<io::Result<usize>> = match &*waiting {
            // The ring would take longer.
            [_] => sends.map(|(socket, bytes)| SockRef::from(&socket).send(bytes)).collect(),
            _ => self.ring.send(sends).collect(),
        };
        for (index, sent) in waiting.iter().zip(results) {
            let place = &mut self.places[*index as usize];
            let error = match sent {
                Ok(sent) if sent == place.bytes.len() => {
                    self.free(*index);
                    continue;
                }
                Ok(sent) => {
                    place.bytes.advance(sent);
                    None
                }
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
                {
                    None
                }
                Err(error) => Some(error),
            };
            place.state = State::Left(error);
            woken.push(place.task.clone());
        }
        self.waiting = waiting;
        self.waiting.clear();
        woken
    }
}

/// A stream of a socket whose small writes may be gathered.
#[derive(Debug)]
pub struct Gathered<S: AsFd> {
    stream: ManuallyDrop<S>,
    /// Of bytes that may not have left.
    ticket: Option<Ticket>,
}

impl<S: AsFd> Gathered<S> {
    pub fn new(stream: S) -> Self {
        Self { stream: ManuallyDrop::new(stream), ticket: None }
    }

    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Whether everything has left.
    pub fn is_settled(&mut self) -> bool {
        self.look(|_| ());
        self.ticket.is_none()
    }

    /// Whether there is something to be taken back because its turn has come and gone.
    pub fn has_left_over(&mut self) -> bool {
        self.look(|place| matches!(place.state, State::Left(_))).unwrap_or(false)
    }

    /// Looks at the bytes that have not left. Once all have, it is noted. Another thread's are not known here.
    fn look<R>(&mut self, look: impl FnOnce(&Place) -> R) -> Option<R> {
        let ticket = self.ticket?;
        let seen = TURN.with_borrow_mut(|turn| turn.as_mut()?.place(ticket).map(|place| look(place)));
        if seen.is_none() && ticket.thread == std::thread::current().id() {
            self.ticket = None;
        }
        seen
    }

    /// Takes the bytes, to send them at the end of this turn of the event loop behind those that it was given before. False, and nothing
    /// is taken: they are to be written in the usual way, behind what [`take_back`](Self::take_back) returns. `task` is woken if the socket
    /// does not take all.
    pub fn send_soon(&mut self, bytes: &mut BytesMut, task: &Waker) -> bool {
        if bytes.is_empty() || bytes.len() > MOST_BYTES {
            return false;
        }
        let socket = self.stream.as_fd().as_raw_fd();
        let (taken, is_full) = TURN.with_borrow_mut(|turn| {
            let Some(turn) = turn else { return (false, false) };
            if let Some(place) = self.ticket.and_then(|ticket| turn.place(ticket)) {
                if !matches!(place.state, State::Waiting) || place.bytes.len() + bytes.len() > MOST_BYTES {
                    return (false, false);
                }
                place.bytes.extend_from_slice(bytes);
                bytes.clear();
                return (true, false);
            }
            self.ticket = Some(turn.add(socket, bytes, task));
            (true, turn.waiting.len() >= MOST)
        });
        if is_full {
            send_gathered(None);
        }
        taken
    }

    /// Puts in front of `bytes` what has not left, in whole or in part. An error is what the socket said.
    pub fn take_back(&mut self, bytes: &mut BytesMut) -> io::Result<()> {
        let Some(ticket) = self.ticket else { return Ok(()) };
        let taken = TURN.with_borrow_mut(|turn| {
            let Some(turn) = turn else { return Ok(None) };
            let Some(place) = turn.place(ticket) else { return Ok(None) };
            let mut left = std::mem::take(&mut place.bytes);
            let state = std::mem::replace(&mut place.state, State::Free);
            if matches!(state, State::Waiting) {
                turn.waiting.retain(|index| *index != ticket.place);
            }
            turn.free(ticket.place);
            if let State::Left(Some(error)) = state {
                return Err(error);
            }
            left.extend_from_slice(bytes);
            Ok(Some(left))
        });
        self.ticket = None;
        if let Some(left) = taken? {
            *bytes = left;
        }
        Ok(())
    }

    /// The stream itself. What waits for it is sent at once, as far as its socket takes it.
    pub fn into_inner(mut self) -> Option<S> {
        self.leave().then(|| {
            let mut this = ManuallyDrop::new(self);
            #[expect(unsafe_code, reason = "a type with an end of its own can't be taken apart")]
            // SAFETY: `this` is not dropped, so that nothing else takes the stream.
            unsafe {
                ManuallyDrop::take(&mut this.stream)
            }
        })
    }

    /// Nothing of this stream's waits any more. False when something may, and the socket must stay open.
    fn leave(&mut self) -> bool {
        let Some(ticket) = self.ticket else { return true };
        if ticket.thread != std::thread::current().id() {
            return false;
        }
        match TURN.try_with(|turn| turn.try_borrow_mut().is_ok()) {
            Ok(true) => {
                let mut left = BytesMut::new();
                if self.take_back(&mut left).is_ok() && !left.is_empty() {
                    // The last words to somebody who may be gone.
                    let _sent = SockRef::from(&*self.stream).send(&left);
                }
                true
            }
            // In the middle of a turn, by a task that was dropped with its waker.
            Ok(false) => false,
            // The thread has ended, and nothing waits any more.
            Err(_) => true,
        }
    }
}

impl<S: AsFd> Drop for Gathered<S> {
    fn drop(&mut self) {
        if self.leave() {
            #[expect(unsafe_code, reason = "the stream outlives the bytes that wait for it")]
            // SAFETY: this is the end of `self`, and nothing else takes the stream.
            unsafe {
                ManuallyDrop::drop(&mut self.stream);
            }
        }
    }
}

impl<S: AsFd + AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().stream).poll_read(cx, buf)
    }
}

/// Writes at once. Whoever has given bytes to be sent soon takes them back first.
impl<S: AsFd + AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.is_settled() {
            return Poll::Ready(Err(io::Error::other("what was given before has not left yet")));
        }
        Pin::new(&mut *this.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
