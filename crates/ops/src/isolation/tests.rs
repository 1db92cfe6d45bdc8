//! The SQL of the core and its version belong together.

use super::*;
use sha2::{Digest, Sha256};

/// The hash of what each version installs, newest last. A line that a released program has installed never changes.
const VERSIONS: &[(i32, &str)] = &[
    (4, "dc5a97eae1bb95d5d9452eff69769af8deffcd6950a101639f7021136fdb3477"),
    (5, "13642dffb4429ebbcb2a5f51a4e66f6f09ae5a974d9e9af22fbea5b896fcc2ce"),
    (6, "b66a71ef6eed0ebb927e9dbc2e24bfc29c027eae684fa698eb9655e1f3223477"),
    (7, "be8d57b8e4a08fffbe2f490643118fb7edf0e9a5d241413db4a6cdacb4555c40"),
    (8, "74d8ba0ad80b7cc3da79b0f252bf0933b29645ebffaea1e2d145796e1a83a75e"),
    (9, "91d18fd7e619bd1922dcaa6f43a4e14ecfd1990a139ebeafc12bf3715697286c"),
];

#[test]
fn sql_that_changes_gets_a_version() {
    let parts = [
        ROLES,
        LOGIN,
        BASE,
        CARRIER,
        SIGNED,
        HANDOVER,
        PARTITIONS,
        PARTITIONS_LIST,
        SCOPES,
        SESSION,
        COPY,
        POSITION,
        READERS,
        READERS_GRANT,
        SURFACE,
        SURFACE_CLOSE,
        GRANTS,
        SYSTEM_GRANTS,
    ];
    let mut hash = Sha256::new();
    let differing = CARRIER_HANDOVER.iter().chain(&SIGNED_HANDOVER).map(|(_, sql)| *sql);
    for part in parts.into_iter().chain(differing).chain(UPGRADES.iter().map(|(_, sql)| *sql)) {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let hash: String = hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    assert_eq!(
        VERSIONS.last(),
        Some(&(VERSION, hash.as_str())),
        "the SQL in isolation/ has changed: raise VERSION, say in UPGRADES what leads there from the version before (tables; functions \
         and grants are made anew), and add a line to VERSIONS"
    );
    assert!(VERSIONS.is_sorted_by(|(a, _), (b, _)| a < b));
}
