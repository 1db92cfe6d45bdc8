//! Small writes to many sockets in one system call.
//!
//! A proxy that answers many at a time makes a system call for each, and each wakes a process that waits for what it was sent. Where
//! that process shares the processor, it takes it as the call returns, and the proxy comes to the next write when it is let again. Here
//! writes of one turn of a thread's event loop are gathered and leave together, through io_uring, used as no more than a
//! `sendmmsg` for many sockets: what was submitted is done when the call returns. With 16 clients on two cores that they share
//! with the database, that is a fifth less of a proxy's CPU; with cores of its own a proxy gains nothing, and loses nothing.
//!
//! A thread turns it on with [`gather`], whose future sends what was gathered whenever the tasks that were ready have had their turn. A
//! [`Gathered`] stream takes bytes with [`send_soon`](Gathered::send_soon). What its socket did not take comes back
//! ([`take_back`](Gathered::take_back)), as does an error; its task is woken then. On a thread that has not turned it on, or where the
//! kernel has no io_uring or forbids it, `send_soon` refuses, and its caller writes as ever.
//!
//! # Why there is `unsafe` here
//!
//! The kernel is given addresses and descriptors by number. Addresses: [`ring`] returns from a submission only when all of it is done, and
//! the bytes are borrowed for that long. Descriptors: bytes that wait hold their socket's number, so a socket must stay open while any do.
//! [`Gathered`] owns its stream, gives nobody a way to replace it, and takes its bytes back from the thread before it closes. Should one
//! be dropped on another thread while bytes wait, which no caller has a reason for, its socket is never closed.

#[cfg_attr(not(target_os = "linux"), path = "absent.rs")]
mod ring;
mod turn;

pub use turn::{Gathered, gather};
