//! The engine against real servers: what it reads, what it writes, and whether PostgreSQL agrees.

mod construct;
mod declaration;
mod harness;
mod introspection;
mod isolation;
mod property;
mod sample;
