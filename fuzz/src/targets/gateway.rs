//! What the gateway reads of its clients' texts and of its servers' replies, through its feature `fuzzing`.

use crate::Target;
use tenantry_gateway::fuzzing;

const SQL: &[&[u8]] = &[
    b"SELECT ",
    b"SET ",
    b"tenantry.tenant",
    b" TO ",
    b"= ",
    b"'acme'",
    b"DISCARD ALL",
    b"DEALLOCATE ",
    b"\"x\"\"y\"",
    b"RESET ALL",
    b"pg_advisory_unlock_all()",
    b"set_config(",
    b"tenancy.",
    b"--",
    b"/*",
    b"*/",
    b"$$",
    b"$a$",
    b"E'\\''",
    b"U&'",
    b";",
    b"::",
    b"?",
    b"1e5",
    b"0x1f",
    b"\xc3\xa9",
    b"\xff",
];

pub const TEXTS: Target =
    Target { name: "gateway-texts", run: fuzzing::statement_text, words: SQL, briefly: 20_000 };

pub const SERVER: Target = Target {
    name: "gateway-server",
    run: fuzzing::server_replies,
    words: &[
        b"D\0\0\0",
        b"C\0\0\0",
        b"E\0\0\0",
        b"S\0\0\0",
        b"Z\0\0\0\x05I",
        b"CTN001\0",
        b"Mstale\0",
        b"need\0",
        b"set\0",
        b"INSERT 0 1\0",
        b"\0\x01\xff\xff\xff\xff",
        b"\0\x03",
        b"SELECT 1\0",
        b"search_path\0",
    ],
    briefly: 20_000,
};

pub const CONSOLE: Target = Target {
    name: "gateway-console",
    run: fuzzing::console_command,
    words: &[
        b"SHOW ",
        b"POOLS",
        b"TENANTS ",
        b"KILL ",
        b"PAUSE ",
        b"SET ",
        b"TO ",
        b"=",
        b"'",
        b"\"",
        b";",
        b"\xc3\xa9",
    ],
    briefly: 20_000,
};

pub const REWRITTEN: Target =
    Target { name: "gateway-rewritten", run: fuzzing::rewritten, words: SQL, briefly: 10_000 };
