//! Reading a plain schema by letting a server load it, in a database that is gone afterwards.

use super::place;
use super::{PlainSchema, Source};
use crate::error::SqlError;
use crate::sql::{Doing, connect};
use crate::{ClusterAccess, Control, OpsError, database};
use futures_util::StreamExt;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tenantry_core::SqlIdent;
use tenantry_schema::{Declaration, Model, introspection, introspection_settings, read};
use tokio_postgres::error::{DbError, ErrorPosition};
use tokio_postgres::{Client, SimpleQueryMessage};

const PREFIX: &str = "tenantry_scratch_";
/// A leftover of a killed process may still be in use by nobody; a living one is never this old.
const LEFTOVER: Duration = Duration::from_hours(1);

/// Loads SQL text in a scratch database of the cluster, which is gone afterwards, and reads what it made.
pub async fn load(
    control: &Control,
    cluster: &str,
    source: &Source,
    declaration: &Declaration,
) -> Result<PlainSchema, OpsError> {
    let maintenance = control.connect_maintenance(cluster).await?;
    sweep(&maintenance).await?;
    let name = SqlIdent::new(format!("{PREFIX}{}_{:016x}", seconds_now(), random()?))?;
    let made = database::create(&maintenance, &name).await;
    let facts = match made {
        Ok(()) => load_in(control, cluster, &name, source).await,
        Err(error) => Err(error),
    };
    // Also after an error; and what failed first is what is told.
    let dropped = database::drop(&maintenance, &name).await;
    let facts = facts?;
    dropped?;
    let model = read(&facts)?;
    Ok(PlainSchema { model, declaration: declaration.clone(), facts, version: None })
}

async fn load_in(
    control: &Control,
    cluster: &str,
    name: &SqlIdent,
    source: &Source,
) -> Result<Vec<(String, String)>, OpsError> {
    let access = control.access(cluster)?;
    let loader = connect(cluster, access, name.as_str()).await?;
    loader.batch_execute("SET search_path = public").await.doing("preparing the scratch database")?;
    run(&loader, source).await?;
    // The text may have left any setting behind, or a transaction open.
    drop(loader);
    let mut reader = connect(cluster, access, name.as_str()).await?;
    facts(&mut reader, &SqlIdent::new("public")?).await
}

/// Reads a schema of a database that is there. Nothing in it is changed.
pub async fn read_database(
    access: &ClusterAccess,
    database: &str,
    schema: &SqlIdent,
) -> Result<Model, OpsError> {
    let mut reader = connect(database, access, database).await?;
    Ok(read(&facts(&mut reader, schema).await?)?)
}

/// What introspection says of a schema.
async fn facts(reader: &mut Client, schema: &SqlIdent) -> Result<Vec<(String, String)>, OpsError> {
    let tx = reader
        .build_transaction()
        .read_only(true)
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead);
    let tx = tx.start().await.doing("reading the schema")?;
    // What a server prints depends on its settings; the model, and so the fingerprint, must not.
    tx.batch_execute(&introspection_settings(schema)).await.doing("reading the schema")?;
    let mut facts = Vec::new();
    for query in introspection() {
        let row =
            tx.query_one(query.sql, &[]).await.doing(&format!("reading the schema's {}", query.name))?;
        facts.push((query.name.to_owned(), row.get(0)));
    }
    Ok(facts)
}

/// The server splits the text; we only count what it has finished.
async fn run(loader: &Client, source: &Source) -> Result<(), OpsError> {
    let mut finished = 0;
    let answers = loader.simple_query_raw(&source.sql).await.map_err(|error| refused(source, 0, error))?;
    let mut answers = pin!(answers);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(SimpleQueryMessage::CommandComplete(_)) => finished += 1,
            Ok(_) => {}
            Err(error) => return Err(refused(source, finished, error)),
        }
    }
    Ok(())
}

/// `finished` statements came before the one that failed.
fn refused(source: &Source, finished: usize, error: tokio_postgres::Error) -> OpsError {
    let Some(db) = error.as_db_error() else {
        return OpsError::Server { doing: format!("loading {}", source.file), source: error.into() };
    };
    OpsError::Sql(SqlError {
        file: source.file.clone(),
        place: match position(db) {
            Some(position) => place::of_position(&source.sql, position),
            None => place::of_statement(&source.sql, finished),
        },
        message: match db.detail() {
            Some(detail) => format!("{} ({detail})", db.message()),
            None => db.message().to_owned(),
        },
        hint: hint(source, db),
    })
}

fn position(db: &DbError) -> Option<usize> {
    match db.position()? {
        ErrorPosition::Original(position) => usize::try_from(*position).ok(),
        // Inside a function's body, or a statement that another one ran: not a place in the file.
        ErrorPosition::Internal { .. } => None,
    }
}

fn hint(source: &Source, db: &DbError) -> Option<String> {
    if db.message().contains("at or near \"\\\"") || source.sql.lines().any(|line| line.starts_with('\\')) {
        return Some("lines that begin with a backslash are psql's commands: take them out".to_owned());
    }
    db.hint().map(str::to_owned)
}

/// Drops what killed processes left behind.
async fn sweep(maintenance: &Client) -> Result<(), OpsError> {
    let sql = "SELECT datname::text FROM pg_catalog.pg_database WHERE datname LIKE 'tenantry\\_scratch\\_%'";
    let rows = maintenance.query(sql, &[]).await.doing("looking for leftover scratch databases")?;
    for row in rows {
        let name: String = row.get(0);
        if is_leftover(&name, seconds_now()) {
            database::drop(maintenance, &SqlIdent::new(name)?).await?;
        }
    }
    Ok(())
}

/// The name tells when it was made.
fn is_leftover(name: &str, now: u64) -> bool {
    let made = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next()?.parse::<u64>().ok());
    made.is_some_and(|made| now.saturating_sub(made) > LEFTOVER.as_secs())
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn random() -> Result<u64, OpsError> {
    getrandom::u64().map_err(|error| {
        OpsError::refused(
            tenantry_core::ErrorKind::Internal,
            format!("the operating system gives no random bytes: {error}"),
            "check /dev/urandom",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_scratch_databases_are_leftovers() {
        assert!(is_leftover("tenantry_scratch_1000_0a", 1000 + 3_601));
        assert!(!is_leftover("tenantry_scratch_1000_0a", 1000 + 3_600));
        assert!(!is_leftover("tenantry_scratch_mine", u64::MAX));
        assert!(!is_leftover("app", u64::MAX));
    }
}
