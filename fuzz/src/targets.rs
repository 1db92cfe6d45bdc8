//! The targets, by what they read.

pub mod certificate;
pub mod gateway;
pub mod rewrite;
pub mod wire;
