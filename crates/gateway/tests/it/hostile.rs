//! Clients that mean harm: every conversation here once made the gateway take one client's bytes for another's, lose
//! count of a connection's statements, grow without bound, or tell more than it should. Malformed bytes alone are in
//! `protocol.rs`, and what tenants can do to each other in plain SQL in `isolation.rs`.
//!
//! All of them run over one server connection per pool, so that attacker and victim meet on it.

mod bounds;
mod crowds;
mod desynchronisation;
mod handover;
mod oracles;
mod statements;

use crate::raw::Raw;
use bytes::BytesMut;
use tenantry_testkit::versions_for_tests;
use tenantry_wire::backend::{DataRow, tag};
use tenantry_wire::frontend;

type Messages = Vec<(u8, BytesMut)>;

fn newest() -> u32 {
    *versions_for_tests().last().unwrap()
}

fn tags(messages: &Messages) -> String {
    messages.iter().map(|(tag, _)| char::from(*tag)).collect()
}

/// The first column of every row.
fn rows(messages: &Messages) -> Vec<String> {
    let rows = messages.iter().filter(|(tag, _)| *tag == tag::DATA_ROW);
    rows.map(|(_, body)| String::from_utf8_lossy(DataRow::decode(body).unwrap().get(0).unwrap()).into_owned())
        .collect()
}

/// A simple Query and its answer.
async fn ask(raw: &mut Raw, sql: &str) -> Messages {
    frontend::query(&mut raw.out, sql);
    raw.until_ready().await
}

/// Everything that still comes, where the right answer is to close the connection.
async fn to_the_end(raw: &mut Raw) -> Messages {
    let mut messages = Vec::new();
    while let Some(message) = raw.message().await {
        messages.push(message);
    }
    messages
}

/// Parse, Bind and Execute of the unnamed statement.
fn unnamed(raw: &mut Raw, sql: &str) {
    frontend::parse(&mut raw.out, b"", sql, &[]);
    frontend::bind_text(&mut raw.out, b"", b"", &[]);
    frontend::execute(&mut raw.out, b"", 0);
}

/// Prepares a statement, which must succeed.
async fn prepare(raw: &mut Raw, name: &str, sql: &str) {
    frontend::parse(&mut raw.out, name.as_bytes(), sql, &[]);
    frontend::sync(&mut raw.out);
    assert_eq!(raw.tags().await, "1Z", "{name}");
}

/// Runs a prepared statement.
async fn run(raw: &mut Raw, name: &str) -> Messages {
    frontend::bind_text(&mut raw.out, b"", name.as_bytes(), &[]);
    frontend::execute(&mut raw.out, b"", 0);
    frontend::sync(&mut raw.out);
    raw.until_ready().await
}

/// An extended message that fails, and with it what follows up to the next Sync.
fn fail_pipeline(raw: &mut Raw) {
    frontend::execute(&mut raw.out, b"no portal", 0);
}

/// Parse and Describe of a statement whose RowDescription is longer than any buffer the gateway reads at once.
fn describe_wide(raw: &mut Raw) {
    let column = |n| format!("1 AS a_column_with_a_really_long_name_that_goes_on_and_on_{n:05}");
    let columns: Vec<_> = (0..1_200).map(column).collect();
    frontend::parse(&mut raw.out, b"", &format!("SELECT {}", columns.join(",")), &[]);
    frontend::describe(&mut raw.out, frontend::STATEMENT, b"");
}
