//! Fuzz targets: one for each parser of what a stranger wrote. Each takes any bytes, and panics where a promise is broken: that
//! nothing panics, that nothing is read beyond what is there, that what is read is written the same again.
//!
//! `make fuzz` runs them under libFuzzer, which looks for inputs that reach new code. `cargo test` runs them briefly, over what is in
//! `corpus/` (what was found stays there) and mutations of it ([`Mutator`]).

mod mutate;
pub mod targets;

pub use mutate::Mutator;

use std::path::{Path, PathBuf};

/// One parser, or a few that read the same thing.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    /// Panics when the input breaks a promise.
    pub run: fn(&[u8]),
    /// What such inputs are made of.
    pub words: &'static [&'static [u8]],
    /// How many mutations `cargo test` tries. They take about the same time for all targets.
    pub briefly: usize,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    targets::wire::STARTUP,
    targets::wire::FRONTEND,
    targets::wire::BACKEND,
    targets::wire::SCRAM,
    targets::gateway::TEXTS,
    targets::gateway::SERVER,
    targets::gateway::CONSOLE,
    targets::gateway::REWRITTEN,
    targets::rewrite::REWRITE,
    targets::certificate::CERTIFICATE,
];

/// The target of that name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Where a target's inputs are kept.
pub fn corpus(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}
