//! The PostgreSQL v3 protocol, sans I/O: frames, the startup packet, messages of both sides, SCRAM-SHA-256.
//!
//! Everything here is a function from bytes to views over them, or from values to bytes at the end of a buffer.
//! Nothing here opens a socket, waits, logs, or knows what a tenant is. Decoders take the *body* of a frame
//! (`frame::peek` finds it), never panic, and allocate nothing; encoders append whole frames to a `BytesMut`.
//!
//! Text that a zero byte would cut short on the other side (a name, a query) is never split by an encoder: the
//! zero byte is written as 0xFF, which no UTF-8 text holds, so that the peer refuses it instead of reading another text.

pub mod backend;
mod encode;
pub mod error;
pub mod frame;
pub mod frontend;
mod reader;
pub mod scram;
pub mod startup;

pub use error::MessageError;
pub use frame::{Frame, FrameError, Header};
