//! The portable part of the isolation suite: what SQL alone can try against another tenant.
//!
//! Each vector runs in a connection of its own, inside one tenant, in a transaction that is rolled back. It says what a leak
//! would look like; after it the session must see nobody else's rows, and its own tenant's work must still be possible: so
//! that an attack that was "refused" because nothing works at all is told as such.

mod by_hand;
mod seat;
mod seed;
mod vectors;

pub use by_hand::{ByHand, by_hand};
pub use seat::{Seat, Token};
pub use seed::{seed, value_of};
pub use vectors::{Look, VECTORS, Vector};

use crate::AuditError;
use crate::error::Doing;
use serde::Serialize;
use tokio_postgres::Client;

/// What is attacked: the attacker's own rows and the other tenant's.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    /// A table that both tenants have rows in, as SQL.
    pub table: String,
    /// A column of it that an update may set to itself, as SQL.
    pub key: String,
    /// The tenant column, where rows of tenants stand side by side.
    pub column: Option<String>,
    /// What the tenant column holds for the attacker, and for the other, as SQL literals.
    pub own: String,
    pub other: String,
    /// The other tenant's table, where it is another one (schema model).
    pub other_table: Option<String>,
    /// A partition of the table, if there is one.
    pub child: Option<String>,
    /// The setting that carries the tenant, and what it would hold for the other.
    pub setting: Option<(String, String)>,
    /// A database that only the other tenant may connect to.
    pub other_database: Option<String>,
}

/// How an attack ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The server said no.
    Refused { sqlstate: String },
    /// It ran, and reached nothing of the other tenant.
    Harmless,
    /// Something crossed.
    Leaked { evidence: String },
    /// Afterwards the tenant itself could not work.
    Broken { evidence: String },
    /// It does not apply here.
    NotTried { reason: String },
}

/// One attack and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tried {
    pub vector: &'static str,
    pub section: &'static str,
    pub what: &'static str,
    /// What a leak would have looked like.
    pub leak: &'static str,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Runs every vector. Nothing that it does is committed.
pub async fn attack(seat: &Seat, stage: &Stage) -> Result<Vec<Tried>, AuditError> {
    let baseline = own_rows(&seat.inside().await?, stage).await?;
    let mut all = Vec::new();
    for vector in VECTORS {
        let outcome = match stage.missing(vector, seat) {
            Some(reason) => Outcome::NotTried { reason },
            None => one(seat, stage, vector, baseline).await?,
        };
        all.push(Tried {
            vector: vector.id,
            section: vector.section,
            what: vector.what,
            leak: vector.leak,
            outcome,
        });
    }
    Ok(all)
}

async fn one(seat: &Seat, stage: &Stage, vector: &Vector, baseline: i64) -> Result<Outcome, AuditError> {
    if vector.look == Look::Startup {
        return startup(seat, stage).await;
    }
    if vector.look == Look::Connect {
        let Some(database) = &stage.other_database else { return Ok(Outcome::Harmless) };
        return Ok(match seat.connect_to(database).await {
            Ok(_) => Outcome::Leaked { evidence: format!("connected to {database}") },
            Err(sqlstate) => Outcome::Refused { sqlstate },
        });
    }
    let client = seat.inside().await?;
    client.batch_execute("BEGIN").await.doing("beginning an attack")?;
    seat.enter_in_transaction(&client).await?;
    let outcome = attempt(&client, stage, vector, baseline).await?;
    client.batch_execute("ROLLBACK").await.doing("rolling an attack back")?;
    if matches!(outcome, Outcome::Leaked { .. }) {
        return Ok(outcome);
    }
    // Legitimate work, in a session of its own: an attack must not have put it out of order for the next one.
    let again = seat.inside().await?;
    again.batch_execute("BEGIN").await.doing("working after an attack")?;
    seat.enter_in_transaction(&again).await?;
    let work = works(&again, stage, baseline).await;
    again.batch_execute("ROLLBACK").await.doing("working after an attack")?;
    Ok(match work {
        Ok(()) => outcome,
        Err(evidence) => Outcome::Broken { evidence },
    })
}

async fn attempt(
    client: &Client,
    stage: &Stage,
    vector: &Vector,
    baseline: i64,
) -> Result<Outcome, AuditError> {
    let mut refused = None;
    for sql in vector.tries {
        let sql = stage.fill(sql);
        client.batch_execute("SAVEPOINT attack").await.doing("attacking")?;
        match client.simple_query(&sql).await {
            Ok(messages) => {
                client.batch_execute("RELEASE attack").await.or_else(still_going).doing("attacking")?;
                if let Some(evidence) = crossed(vector.look, &messages, baseline) {
                    return Ok(Outcome::Leaked { evidence: format!("{sql}: {evidence}") });
                }
            }
            Err(error) if error.is_closed() => return Err(error).doing("attacking"),
            Err(error) => {
                refused = error.code().map(|code| code.code().to_owned());
                client.batch_execute("ROLLBACK TO attack").await.or_else(still_going).doing("attacking")?;
            }
        }
    }
    // Whatever it did to the session: nobody else's rows are to be seen.
    if let Some(others) = stage.others() {
        client.batch_execute("SAVEPOINT looking").await.or_else(still_going).doing("attacking")?;
        let counted = client.query_one(&others, &[]).await;
        match counted {
            Ok(row) if row.get::<_, i64>(0) > 0 => {
                return Ok(Outcome::Leaked {
                    evidence: format!(
                        "{} rows of other tenants can be read afterwards ({others})",
                        row.get::<_, i64>(0)
                    ),
                });
            }
            Ok(_) => {}
            Err(_) => {
                client.batch_execute("ROLLBACK TO looking").await.or_else(still_going).doing("attacking")?;
            }
        }
    }
    if stage.forbids(vector) && refused.is_none() {
        return Ok(Outcome::Leaked {
            evidence: format!("it was let through: {}", stage.fill(vector.tries[vector.tries.len() - 1])),
        });
    }
    Ok(refused.map_or(Outcome::Harmless, |sqlstate| Outcome::Refused { sqlstate }))
}

/// A vector may have ended the transaction itself.
fn still_going(error: tokio_postgres::Error) -> Result<(), tokio_postgres::Error> {
    let ended = error.code().is_some_and(|code| ["3B001", "25P01", "25P02"].contains(&code.code()));
    if ended { Ok(()) } else { Err(error) }
}

/// What the statement's own answer proves.
fn crossed(look: Look, messages: &[tokio_postgres::SimpleQueryMessage], baseline: i64) -> Option<String> {
    use tokio_postgres::SimpleQueryMessage::{CommandComplete, Row};
    let affected = messages.iter().rev().find_map(|message| match message {
        CommandComplete(count) => i64::try_from(*count).ok(),
        _ => None,
    });
    let first = messages.iter().rev().find_map(|message| match message {
        Row(row) => row.get(0).map(ToOwned::to_owned),
        _ => None,
    });
    match look {
        Look::Count => first
            .filter(|cell| cell.parse::<i64>().is_ok_and(|count| count > 0))
            .map(|count| format!("{count} rows of other tenants")),
        Look::Reaches => affected
            .filter(|count| *count > 0)
            .map(|count| format!("{count} rows of other tenants were written")),
        Look::Blind => affected
            .filter(|count| *count > baseline)
            .map(|count| format!("{count} rows were written, the tenant has {baseline}")),
        Look::Rows | Look::Refused | Look::Together | Look::Startup | Look::Connect => None,
    }
}

/// A context in the startup packet.
async fn startup(seat: &Seat, stage: &Stage) -> Result<Outcome, AuditError> {
    let (Some((setting, forged)), Some(others)) = (&stage.setting, stage.others()) else {
        return Ok(Outcome::NotTried { reason: "nothing says which setting carries the tenant".into() });
    };
    let client = match seat.with_options(&format!("-c {setting}={forged}")).await {
        Ok(client) => client,
        Err(sqlstate) => return Ok(Outcome::Refused { sqlstate }),
    };
    match client.query_one(&others, &[]).await {
        Ok(row) if row.get::<_, i64>(0) > 0 => {
            Ok(Outcome::Leaked { evidence: format!("{} rows of other tenants", row.get::<_, i64>(0)) })
        }
        Ok(_) => Ok(Outcome::Harmless),
        Err(error) => Ok(Outcome::Refused {
            sqlstate: error.code().map_or_else(String::new, |code| code.code().to_owned()),
        }),
    }
}

async fn own_rows(client: &Client, stage: &Stage) -> Result<i64, AuditError> {
    let sql = format!("SELECT count(*) FROM {}", stage.table);
    let rows: i64 = client.query_one(&sql, &[]).await.doing("counting the tenant's own rows")?.get(0);
    if rows == 0 {
        return Err(AuditError::refused(
            tenantry_core::ErrorKind::InvalidInput,
            format!("the attacking tenant has no rows in {}", stage.table),
            "name tenants that have rows, or check --enter: without rows nothing proves that access works",
        ));
    }
    Ok(rows)
}

/// The tenant reads and writes its own rows, and only those.
async fn works(client: &Client, stage: &Stage, baseline: i64) -> Result<(), String> {
    let said = |error: tokio_postgres::Error| {
        error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned())
    };
    let rows: i64 =
        client.query_one(&format!("SELECT count(*) FROM {}", stage.table), &[]).await.map_err(said)?.get(0);
    if rows != baseline {
        return Err(format!("the tenant sees {rows} rows of {baseline}"));
    }
    let changed = client
        .execute(&format!("UPDATE {} SET {key} = {key}", stage.table, key = stage.key), &[])
        .await
        .map_err(said)?;
    if i64::try_from(changed).ok() == Some(baseline) {
        Ok(())
    } else {
        Err(format!("the tenant could change {changed} rows of {baseline}"))
    }
}

impl Stage {
    /// Counts what is not the attacker's.
    fn others(&self) -> Option<String> {
        match (&self.other_table, &self.column) {
            (Some(table), _) => Some(format!("SELECT count(*) FROM {table}")),
            (None, Some(column)) => Some(format!(
                "SELECT count(*) FROM {} WHERE {column} IS DISTINCT FROM {}",
                self.table, self.own
            )),
            (None, None) => None,
        }
    }

    fn values(&self) -> [(&'static str, Option<String>); 10] {
        let target = self.other_table.clone().unwrap_or_else(|| self.table.clone());
        let whose = match (&self.other_table, &self.column) {
            (None, Some(column)) => Some(format!("{column} = {}", self.other)),
            (Some(_), _) => Some("true".to_owned()),
            (None, None) => None,
        };
        [
            ("{table}", Some(self.table.clone())),
            ("{target}", whose.as_ref().map(|_| target)),
            ("{whose}", whose),
            ("{key}", Some(self.key.clone())),
            ("{column}", self.column.clone()),
            ("{own}", Some(self.own.clone())),
            ("{other}", Some(self.other.clone())),
            ("{child}", self.child.clone()),
            ("{setting}", self.setting.as_ref().map(|(name, _)| name.clone())),
            ("{forged}", self.setting.as_ref().map(|(_, forged)| forged.clone())),
        ]
    }

    fn fill(&self, sql: &str) -> String {
        self.values().into_iter().fold(sql.to_owned(), |sql, (name, value)| match value {
            Some(value) => sql.replace(name, &value),
            None => sql,
        })
    }

    /// Whether being let through is a leak by itself.
    fn forbids(&self, vector: &Vector) -> bool {
        match vector.look {
            Look::Refused => true,
            Look::Together => self.other_database.is_none(),
            _ => false,
        }
    }

    /// Why a vector does not apply.
    fn missing(&self, vector: &Vector, seat: &Seat) -> Option<String> {
        if vector.look == Look::Connect && self.other_database.is_none() {
            return Some("the tenants have no databases of their own".into());
        }
        if vector.real_login && !seat.is_login() {
            return Some("the session was opened by an administrator, who may go back: connect as the role itself to try it".into());
        }
        let (name, _) = self
            .values()
            .into_iter()
            .find(|(name, value)| value.is_none() && vector.tries.iter().any(|sql| sql.contains(name)))?;
        Some(
            match name {
                "{child}" => "the table has no partitions",
                "{setting}" | "{forged}" => "nothing says which setting carries the tenant",
                _ => "the tenants do not share a table",
            }
            .to_owned(),
        )
    }
}
