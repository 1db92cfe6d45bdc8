//! One target under libFuzzer: `TENANTRY_FUZZ=wire-startup fuzz corpus/wire-startup`. See `scripts/fuzz.sh`, which builds it with
//! the coverage that libFuzzer needs.

#![no_main]
#![allow(unsafe_code, reason = "libFuzzer finds its target by an exported symbol")]

use std::sync::OnceLock;
use tenantry_fuzz::{TARGETS, Target, target};

/// The process is libFuzzer's: it has one target for life.
static CHOSEN: OnceLock<&Target> = OnceLock::new();

fn chosen() -> &'static Target {
    let name = std::env::var("TENANTRY_FUZZ").unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        panic!("TENANTRY_FUZZ must be one of {}", names.join(", "))
    })
}

// The rewriter catches panics of the parser's library, which are refusals. libFuzzer's hook would end the process there; a panic
// that nobody catches ends it in any case.
libfuzzer_sys::fuzz_target!(
    init: drop(std::panic::take_hook()),
    |input: &[u8]| (CHOSEN.get_or_init(chosen).run)(input)
);
