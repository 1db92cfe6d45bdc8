//! What one client says: every kind of frontend message, in the order that drivers use and in orders that none does.

use bytes::{BufMut, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt;
use tenantry_wire::frontend;

/// One message.
#[derive(Clone)]
pub(super) enum Say {
    Query(&'static str),
    Parse {
        name: &'static str,
        sql: &'static str,
        types: Vec<u32>,
    },
    Bind {
        portal: &'static str,
        name: &'static str,
        values: Vec<Value>,
        results: Vec<i16>,
    },
    Describe {
        kind: u8,
        name: &'static str,
    },
    Execute {
        portal: &'static str,
        rows: i32,
    },
    Close {
        kind: u8,
        name: &'static str,
    },
    Sync,
    Flush,
    CopyData(&'static [u8]),
    CopyDone,
    CopyFail,
    /// A function by its OID, its arguments in text format.
    Call {
        oid: u32,
        arguments: Vec<&'static str>,
    },
}

/// A parameter and its format.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Text(&'static str),
    Binary(&'static [u8]),
}

/// What is written at once and then answered to the end.
pub(super) type Step = Vec<Say>;

/// In one line each, for a failure that is read by people.
impl fmt::Debug for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(sql) => write!(f, "Query {sql}"),
            Self::Parse { name, sql, types } => write!(f, "Parse {name:?} {types:?} {sql}"),
            Self::Bind { portal, name, values, results } => {
                write!(f, "Bind {portal:?} of {name:?} {values:?} as {results:?}")
            }
            Self::Describe { kind, name } => write!(f, "Describe {} {name:?}", char::from(*kind)),
            Self::Execute { portal, rows } => write!(f, "Execute {portal:?} {rows}"),
            Self::Close { kind, name } => write!(f, "Close {} {name:?}", char::from(*kind)),
            Self::Sync => write!(f, "Sync"),
            Self::Flush => write!(f, "Flush"),
            Self::CopyData(data) => write!(f, "CopyData {:?}", String::from_utf8_lossy(data)),
            Self::CopyDone => write!(f, "CopyDone"),
            Self::CopyFail => write!(f, "CopyFail"),
            Self::Call { oid, arguments } => write!(f, "Call {oid} {arguments:?}"),
        }
    }
}

impl Say {
    pub(super) fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Query(sql) => frontend::query(out, sql),
            Self::Parse { name, sql, types } => frontend::parse(out, name, sql, types),
            Self::Bind { portal, name, values, results } => bind(out, portal, name, values, results),
            Self::Describe { kind, name } => frontend::describe(out, *kind, name),
            Self::Execute { portal, rows } => frontend::execute(out, portal, *rows),
            Self::Close { kind, name } => frontend::close(out, *kind, name),
            Self::Sync => frontend::sync(out),
            Self::Flush => frontend::flush(out),
            Self::CopyData(data) => frontend::copy_data(out, data),
            Self::CopyDone => frontend::copy_done(out),
            Self::CopyFail => frontend::copy_fail(out, "the client thought better of it"),
            Self::Call { oid, arguments } => call(out, *oid, arguments),
        }
    }
}

fn message(out: &mut BytesMut, tag: u8, write: impl FnOnce(&mut BytesMut)) {
    let mut body = BytesMut::new();
    write(&mut body);
    out.put_u8(tag);
    out.put_u32(u32::try_from(body.len() + 4).unwrap());
    out.extend_from_slice(&body);
}

fn length(len: usize) -> u16 {
    u16::try_from(len).unwrap()
}

fn value(out: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        None => out.put_i32(-1),
        Some(bytes) => {
            out.put_u32(u32::try_from(bytes.len()).unwrap());
            out.extend_from_slice(bytes);
        }
    }
}

fn bind(out: &mut BytesMut, portal: &str, name: &str, values: &[Value], results: &[i16]) {
    message(out, b'B', |out| {
        for text in [portal, name] {
            out.extend_from_slice(text.as_bytes());
            out.put_u8(0);
        }
        out.put_u16(length(values.len()));
        for value in values {
            out.put_i16(i16::from(matches!(value, Value::Binary(_))));
        }
        out.put_u16(length(values.len()));
        for one in values {
            value(
                out,
                match one {
                    Value::Null => None,
                    Value::Text(text) => Some(text.as_bytes()),
                    Value::Binary(bytes) => Some(bytes),
                },
            );
        }
        out.put_u16(length(results.len()));
        for format in results {
            out.put_i16(*format);
        }
    });
}

fn call(out: &mut BytesMut, oid: u32, arguments: &[&str]) {
    message(out, b'F', |out| {
        out.put_u32(oid);
        out.put_u16(0);
        out.put_u16(length(arguments.len()));
        for argument in arguments {
            value(out, Some(argument.as_bytes()));
        }
        out.put_i16(0);
    });
}

const STATEMENTS: &[&str] = &["", "a", "b"];
const PORTALS: &[&str] = &["", "p", "q"];

/// Statements that may be sent either way, without parameters.
const PLAIN: &[&str] = &[
    "SELECT 1",
    "SELECT id, slug, body FROM notes ORDER BY id",
    "SELECT g, repeat('x', 300) FROM generate_series(1, 60) g",
    "SELECT 1.5::float8, true, NULL::text, '{1,2}'::int[], '2026-11-21'::date, '\\x00ff'::bytea",
    "SELECT repeat('long', 30000)",
    "INSERT INTO notes (slug, body) VALUES ('s1', 'one')",
    "INSERT INTO notes (slug, body) VALUES ('s2', 'two') RETURNING id, slug",
    "UPDATE notes SET body = body || '!' RETURNING body",
    "DELETE FROM notes WHERE slug = 's1'",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY",
    "COMMIT AND CHAIN",
    "SAVEPOINT s",
    "ROLLBACK TO s",
    "RELEASE s",
    "SELECT 1/0",
    "SELECT nothing FROM nowhere",
    "SELEC 1",
    "SELECT 'b' || pg_typeof($$x$$)::text AS \"a name\"",
    "SET application_name = 'somebody'",
    "SET LOCAL application_name = 'for now'",
    "SET DateStyle = 'German'",
    "SHOW application_name",
    "SHOW DateStyle",
    "RESET application_name",
    "SET work_mem = '7MB'",
    "SHOW work_mem",
    "SELECT set_config('app.one', 'x', false)",
    "SELECT coalesce(current_setting('app.one', true), '')",
    "RESET ALL",
    "DISCARD ALL",
    "DISCARD PLANS",
    "PREPARE d AS SELECT body FROM notes ORDER BY id",
    "PREPARE c (int) AS SELECT $1 + 1",
    "EXECUTE d",
    "EXECUTE c (41)",
    "DEALLOCATE c",
    "DECLARE k CURSOR FOR SELECT g FROM generate_series(1, 9) g",
    "DECLARE k SCROLL CURSOR WITH HOLD FOR SELECT g FROM generate_series(1, 9) g",
    "FETCH 4 FROM k",
    "MOVE 2 IN k",
    "FETCH BACKWARD 2 FROM k",
    "CLOSE k",
    "COPY (SELECT g, 'row' FROM generate_series(1, 40) g) TO STDOUT",
    "COPY (SELECT 10 / (5 - g) FROM generate_series(1, 9) g) TO STDOUT",
    "COPY (SELECT 'x'::text, 7) TO STDOUT (FORMAT binary)",
    "COPY notes (slug, body) FROM STDIN",
    "COPY notes (slug, body) FROM STDIN (FORMAT csv)",
    "LOCK TABLE notes IN ACCESS SHARE MODE",
    "SELECT 'notice' FROM pg_settings WHERE name = 'no such'; ",
    "TABLE notes",
    "VALUES (1, 'a'), (2, 'b')",
    "DROP TABLE IF EXISTS not_there",
    "CREATE TABLE not_allowed (x int)",
    "LISTEN somewhere",
    "NOTIFY somewhere, 'news'",
    "UNLISTEN *",
    "EXPLAIN (COSTS OFF) SELECT 1",
    "SELECT count(*) FROM notes",
    "WITH w AS (INSERT INTO notes (slug) VALUES ('w') RETURNING slug) SELECT slug FROM w",
];

/// Several statements in one text: for simple Queries, and refused by a Parse.
const SEVERAL: &[&str] = &[
    "SELECT 1; SELECT 2",
    "BEGIN; INSERT INTO notes (slug) VALUES ('m1'); COMMIT",
    "INSERT INTO notes (slug) VALUES ('m2'); SELECT 1/0; SELECT 3",
    "BEGIN; SELECT 1; ROLLBACK; SELECT 2",
    "COMMIT; BEGIN; SELECT 5",
    "SELECT 1; COPY (SELECT 2) TO STDOUT; SELECT 3",
    "COPY notes (slug) FROM STDIN; SELECT 'behind'",
    "SET application_name = 'a'; SELECT 1; RESET application_name",
    "SELECT 1;; SELECT 2",
    "BEGIN; SELECT 1/0; COMMIT",
];

/// Alone in a text.
const SIMPLE: &[&str] = &["DEALLOCATE ALL", "DEALLOCATE a"];

/// Statements with parameters.
const WITH_VALUES: &[&str] = &[
    "SELECT $1::int + 1",
    "SELECT $1::text, $2::text",
    "INSERT INTO notes (slug, body) VALUES ($1, $2)",
    "SELECT * FROM notes WHERE slug = $1",
    "SELECT set_config('application_name', $1, false)",
];

/// int4pl, int8 -> text's length, sqrt, and one that does not exist.
const FUNCTIONS: &[(u32, &[&str])] =
    &[(177, &["20", "22"]), (1_317, &["four"]), (230, &["-1"]), (177, &["x", "1"]), (4_000_000_000, &[])];

const COPIED: &[&[u8]] = &[
    b"c1\tfirst\n",
    b"c2\tsecond\nc3\tthird\n",
    b"too\tmany\tfields\n",
    b"half a ",
    b"line\trest\n",
    b"c4,five\n",
    b"\\.\n",
    b"",
];

const BINARY: &[&[u8]] = &[b"\0\0\0\x05", b"abc"];

fn values() -> impl Strategy<Value = Vec<Value>> {
    let value = prop_oneof![
        1 => Just(Value::Null),
        4 => select(&["1", "41", "s1", "x"][..]).prop_map(Value::Text),
        1 => select(BINARY).prop_map(Value::Binary),
    ];
    vec(value, 0..3)
}

fn formats() -> impl Strategy<Value = Vec<i16>> {
    prop_oneof![4 => Just(vec![]), 2 => Just(vec![1]), 1 => Just(vec![0]), 1 => Just(vec![1, 0])]
}

fn text() -> impl Strategy<Value = &'static str> {
    prop_oneof![10 => select(PLAIN), 1 => select(SEVERAL)]
}

fn rows() -> impl Strategy<Value = i32> {
    select(&[0, 0, 0, 1, 2, 7][..])
}

/// One message that follows from nothing before it.
fn any_message() -> impl Strategy<Value = Say> {
    let kind = select(&[frontend::STATEMENT, frontend::PORTAL][..]);
    prop_oneof![
        2 => (select(STATEMENTS), text()).prop_map(|(name, sql)| Say::Parse { name, sql, types: vec![] }),
        3 => (select(PORTALS), select(STATEMENTS), values(), formats())
            .prop_map(|(portal, name, values, results)| Say::Bind { portal, name, values, results }),
        2 => (kind.clone(), select(STATEMENTS)).prop_map(|(kind, name)| Say::Describe { kind, name }),
        3 => (select(PORTALS), rows()).prop_map(|(portal, rows)| Say::Execute { portal, rows }),
        2 => (kind, select(STATEMENTS)).prop_map(|(kind, name)| Say::Close { kind, name }),
        4 => Just(Say::Sync),
        2 => Just(Say::Flush),
        1 => select(COPIED).prop_map(Say::CopyData),
        1 => Just(Say::CopyDone),
        1 => Just(Say::CopyFail),
    ]
}

/// Parse, Bind, Describe and Execute, as drivers send them.
fn extended() -> impl Strategy<Value = Step> {
    let sql = prop_oneof![
        6 => select(PLAIN).prop_map(|sql| (sql, Just(vec![]).boxed())),
        3 => select(WITH_VALUES).prop_map(|sql| (sql, values().boxed())),
        1 => select(SEVERAL).prop_map(|sql| (sql, Just(vec![]).boxed())),
    ]
    .prop_flat_map(|(sql, values)| (Just(sql), values));
    let types = prop_oneof![4 => Just(vec![]), 1 => Just(vec![25]), 1 => Just(vec![23, 25])];
    let ends = vec(prop_oneof![3 => Just(Say::Sync), 1 => Just(Say::Flush)], 0..2);
    (select(STATEMENTS), select(PORTALS), sql, types, formats(), vec(rows(), 1..3), any::<[bool; 3]>(), ends)
        .prop_map(
            |(name, portal, (sql, values), types, results, rows, [statement, described, close], ends)| {
                let mut said = vec![];
                if close {
                    said.push(Say::Close { kind: frontend::STATEMENT, name });
                }
                said.push(Say::Parse { name, sql, types });
                if statement {
                    said.push(Say::Describe { kind: frontend::STATEMENT, name });
                }
                said.push(Say::Bind { portal, name, values, results });
                if described {
                    said.push(Say::Describe { kind: frontend::PORTAL, name: portal });
                }
                said.extend(rows.into_iter().map(|rows| Say::Execute { portal, rows }));
                said.extend(ends);
                said
            },
        )
}

/// Rows for a COPY, well and ill formed, to their end or not.
fn copied() -> impl Strategy<Value = Step> {
    let end = prop_oneof![3 => Just(vec![Say::CopyDone]), 1 => Just(vec![Say::CopyFail]), 1 => Just(vec![])];
    (vec(select(COPIED).prop_map(Say::CopyData), 0..4), end).prop_map(|(rows, end)| [rows, end].concat())
}

fn copy_in() -> impl Strategy<Value = Step> {
    let text =
        select(&["COPY notes (slug, body) FROM STDIN", "COPY notes (slug) FROM STDIN; SELECT 'behind'"][..]);
    let by = prop_oneof![
        text.prop_map(|sql| vec![Say::Query(sql)]),
        any::<bool>().prop_map(|synced| {
            let mut said = vec![
                Say::Parse { name: "", sql: "COPY notes (slug, body) FROM STDIN", types: vec![] },
                Say::Bind { portal: "", name: "", values: vec![], results: vec![] },
                Say::Execute { portal: "", rows: 0 },
            ];
            said.extend(synced.then_some(Say::Sync));
            said
        }),
    ];
    (by, copied()).prop_map(|(by, rows)| [by, rows].concat())
}

fn unit() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => text().prop_map(|sql| vec![Say::Query(sql)]),
        1 => select(SIMPLE).prop_map(|sql| vec![Say::Query(sql)]),
        8 => extended(),
        6 => any_message().prop_map(|one| vec![one]),
        2 => copy_in(),
        1 => select(FUNCTIONS).prop_map(|(oid, arguments)| vec![Say::Call { oid, arguments: arguments.to_vec() }]),
    ]
}

/// Where the server may be reading rows of a COPY, what comes next are rows, and the end of them. (Anything else is a
/// violation of the protocol: PostgreSQL ends the session or does not, depending on how far it had read.)
fn polite(step: Step) -> Step {
    let mut said: Step = Vec::new();
    let mut copying = false;
    for say in step {
        match say {
            Say::CopyDone | Say::CopyFail => copying = false,
            Say::CopyData(_) | Say::Sync | Say::Flush => {}
            _ if copying => {
                said.push(Say::CopyFail);
                copying = false;
            }
            _ => {}
        }
        copying |= matches!(say, Say::Execute { .. })
            || matches!(say, Say::Query(sql) if sql.contains("FROM STDIN"));
        said.push(say);
    }
    said
}

/// Behind an Execute no Query or function call without a Sync: PostgreSQL 18 then says that it is idle, and fails the next
/// statement. The gateway sees to it that it does not.
fn synced(step: Step) -> Step {
    let mut said: Step = Vec::new();
    let mut open = false;
    for say in step {
        match say {
            // A Sync before the end of a COPY has been ignored.
            Say::Execute { .. } | Say::CopyDone | Say::CopyFail => open = true,
            Say::Sync => open = false,
            Say::Query(_) | Say::Call { .. } if open => {
                said.push(Say::Sync);
                open = false;
            }
            _ => {}
        }
        said.push(say);
    }
    said
}

/// A whole conversation with a server of this major version.
pub(super) fn conversation(version: u32) -> impl Strategy<Value = Vec<Step>> {
    let copies =
        |say: &Say| matches!(say, Say::Parse { sql, .. } | Say::Query(sql) if sql.contains("FROM STDIN"));
    vec(vec(unit(), 1..4).prop_map(|units| units.concat()), 1..7).prop_map(move |mut steps| {
        if steps.iter().flatten().any(copies) {
            steps = steps.into_iter().map(polite).collect();
        }
        if version >= 18 {
            steps = steps.into_iter().map(synced).collect();
        }
        steps
    })
}
