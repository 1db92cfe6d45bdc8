//! Certificates: names and hashes in what a peer shows.

use crate::Target;

pub const CERTIFICATE: Target = Target {
    name: "certificate",
    run: |input| {
        let names = tenantry_tls::Names::of(input);
        assert!(!names.contains(""), "nobody has no name");
        if let Some(hash) = tenantry_tls::end_point_hash(input) {
            assert!((28..=64).contains(&hash.len()), "{} bytes", hash.len());
        }
    },
    words: &[b"\x06\x03\x55\x04\x03", b"\x06\x03\x55\x1d\x11", b"\x30\x82", b"\x82\x04acme"],
    briefly: 20_000,
};
