//! What an application sees of a statement, over either protocol.

use super::workload::Statement;
use super::world::Home;
use bytes::{BufMut, BytesMut};
use futures_util::{SinkExt, TryStreamExt, pin_mut};
use std::error::Error as StdError;
use tenantry_core::quote_literal;
use tokio_postgres::types::{Format, FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Error, SimpleQueryMessage};

/// How statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Simple,
    Extended,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Names of columns, rows as the server sent them (text or binary), and the number of rows that the tag says.
    Rows { columns: Vec<String>, rows: Vec<Vec<Option<Vec<u8>>>>, count: u64 },
    /// What COPY … TO gives.
    Copied(String),
    /// SQLSTATE, message, and what the error names: table, column, constraint.
    Failed(String, String, Vec<Option<String>>),
    /// The rewriter's own.
    Refused(String),
}

/// A value as text, whatever the parameter's type is.
#[derive(Debug)]
struct Text<'a>(Option<&'a str>);

impl ToSql for Text<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let Some(text) = self.0 else { return Ok(IsNull::Yes) };
        out.put_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}

/// A value as the server sent it.
struct Raw(Vec<u8>);

impl FromSql<'_> for Raw {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Runs a statement where a tenant lives.
pub(crate) async fn run(home: &Home, statement: &Statement, protocol: Protocol) -> Outcome {
    let written = match protocol {
        Protocol::Simple => with_literals(statement),
        Protocol::Extended => statement.sql.clone(),
    };
    let sql = match &home.rewriter {
        None => written,
        Some(rewriter) => match rewriter.rewrite(&written) {
            Ok(rewritten) => rewritten.sql().to_owned(),
            Err(refusal) => return Outcome::Refused(refusal.to_string()),
        },
    };
    let done = match (&statement.copy, protocol) {
        (Some(rows), _) => copy_in(home, &sql, rows).await,
        (None, _) if statement.sql.starts_with("COPY") => copy_out(home, &sql).await,
        (None, Protocol::Simple) => simple(home, &sql).await,
        (None, Protocol::Extended) => extended(home, &sql, &statement.values).await,
    };
    let mut outcome = done.unwrap_or_else(|error| failed(&error));
    if let (Outcome::Rows { rows, .. }, false) = (&mut outcome, statement.ordered) {
        rows.sort();
    }
    outcome
}

fn with_literals(statement: &Statement) -> String {
    let mut sql = statement.sql.clone();
    for (at, value) in statement.values.iter().enumerate().rev() {
        let literal = value.as_ref().map_or_else(|| "NULL".to_owned(), |value| quote_literal(value));
        sql = sql.replace(&format!("${}", at + 1), &literal);
    }
    sql
}

async fn simple(home: &Home, sql: &str) -> Result<Outcome, Error> {
    let (mut columns, mut rows, mut count) = (Vec::new(), Vec::new(), 0);
    for message in home.client.simple_query(sql).await? {
        match message {
            SimpleQueryMessage::RowDescription(names) => {
                columns = names.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                rows.push(
                    (0..row.len()).map(|at| row.get(at).map(|value| value.as_bytes().to_vec())).collect(),
                );
            }
            SimpleQueryMessage::CommandComplete(number) => count = number,
            _ => {}
        }
    }
    Ok(Outcome::Rows { columns, rows, count })
}

async fn extended(home: &Home, sql: &str, values: &[Option<String>]) -> Result<Outcome, Error> {
    let prepared = home.client.prepare(sql).await?;
    let columns = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
    let values: Vec<Text<'_>> = values.iter().map(|value| Text(value.as_deref())).collect();
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
    let stream = home.client.query_raw(&prepared, values).await?;
    pin_mut!(stream);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        let values = (0..row.len()).map(|at| row.get::<_, Option<Raw>>(at).map(|raw| raw.0));
        rows.push(values.collect());
    }
    let count = stream.rows_affected().unwrap_or(0);
    Ok(Outcome::Rows { columns, rows, count })
}

async fn copy_out(home: &Home, sql: &str) -> Result<Outcome, Error> {
    let stream = home.client.copy_out(sql).await?;
    pin_mut!(stream);
    let mut text = Vec::new();
    while let Some(bytes) = stream.try_next().await? {
        text.extend_from_slice(&bytes);
    }
    Ok(Outcome::Copied(String::from_utf8_lossy(&text).into_owned()))
}

async fn copy_in(home: &Home, sql: &str, rows: &str) -> Result<Outcome, Error> {
    let sink = home.client.copy_in(sql).await?;
    pin_mut!(sink);
    sink.send(bytes::Bytes::from(rows.to_owned())).await?;
    let count = sink.finish().await?;
    Ok(Outcome::Rows { columns: Vec::new(), rows: Vec::new(), count })
}

/// Not the detail: it names the columns of the key, and in shared tables the tenant column is one of them.
fn failed(error: &Error) -> Outcome {
    match error.as_db_error() {
        Some(error) => {
            let named = [error.table(), error.column(), error.constraint()];
            let named = named.map(|name| name.map(ToOwned::to_owned)).to_vec();
            Outcome::Failed(error.code().code().to_owned(), error.message().to_owned(), named)
        }
        None => Outcome::Failed(String::new(), error.to_string(), Vec::new()),
    }
}
