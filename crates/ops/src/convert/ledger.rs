//! The ledger: how far a conversion got, kept in the database that it changes.

use super::{Convert, Tenants};
use crate::OpsError;
use crate::sql::Doing;
use serde_json::{Value, json};
use tenantry_core::ErrorKind;
use tenantry_schema::{Model, SchemaError, read};
use tokio_postgres::Client;

pub(super) const TABLES: &str = include_str!("ledger.sql");

/// How far a conversion has got: the last phase that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The schema as it was is written down.
    Begun,
    /// Tables have the tenant column.
    Columns,
    /// New rows get their tenant by themselves.
    Filling,
    /// Old rows have theirs.
    Filled,
    /// Every row was looked at, and may be held to the constraints.
    Verified,
    /// Keys, references and indexes are led by the tenant.
    Constrained,
    /// The tenants are in the catalog.
    Registered,
    /// Policies are there and write down what they would refuse.
    Observing,
    /// Policies refuse.
    Enforced,
}

const PHASES: [(Phase, &str); 9] = [
    (Phase::Begun, "begun"),
    (Phase::Columns, "columns"),
    (Phase::Filling, "filling"),
    (Phase::Filled, "filled"),
    (Phase::Verified, "verified"),
    (Phase::Constrained, "constrained"),
    (Phase::Registered, "registered"),
    (Phase::Observing, "observing"),
    (Phase::Enforced, "enforced"),
];

/// What the ledger says of the conversion as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    pub(crate) phase: Phase,
    pub(crate) request: Value,
    pub(crate) facts: Vec<(String, String)>,
    pub(crate) plain: Model,
}

impl Phase {
    /// The word in the ledger and in documents.
    pub fn as_str(self) -> &'static str {
        PHASES.iter().find(|(phase, _)| *phase == self).map_or("", |(_, word)| word)
    }
}

/// The ledger of this database, if a conversion was begun.
pub(crate) async fn find(admin: &Client) -> Result<Option<Ledger>, OpsError> {
    const WHAT: &str = "reading the conversion's ledger";
    let there =
        admin.query_one("SELECT to_regclass('tenancy.conversion') IS NOT NULL", &[]).await.doing(WHAT)?;
    if !there.get::<_, bool>(0) {
        return Ok(None);
    }
    let sql = "SELECT phase, request, facts FROM tenancy.conversion";
    let Some(row) = admin.query_opt(sql, &[]).await.doing(WHAT)? else { return Ok(None) };
    let word: &str = row.get(0);
    let phase = PHASES.iter().find(|(_, known)| *known == word).map(|(phase, _)| *phase);
    let facts: Vec<(String, String)> = serde_json::from_value(row.get(2)).map_err(unreadable)?;
    let plain = read(&facts)?;
    match phase {
        Some(phase) => Ok(Some(Ledger { phase, request: row.get(1), facts, plain })),
        None => Err(OpsError::refused(
            ErrorKind::NotSupported,
            format!("the conversion's ledger is in a phase that this program does not know: {word:?}"),
            "use the newer program",
        )),
    }
}

/// Writes the beginning down.
pub(super) async fn begin(
    admin: &Client,
    request: &Convert,
    facts: Vec<(String, String)>,
) -> Result<Ledger, OpsError> {
    const WHAT: &str = "beginning the conversion's ledger";
    admin.batch_execute(TABLES).await.doing(WHAT)?;
    let plain = read(&facts)?;
    let (asked, declaration) = (describe(request), declaration(request)?);
    let written = serde_json::to_value(&facts).map_err(unreadable)?;
    let sql =
        "INSERT INTO tenancy.conversion (phase, request, facts, declaration) VALUES ('begun', $1, $2, $3)";
    admin.execute(sql, &[&asked, &written, &declaration]).await.doing(WHAT)?;
    Ok(Ledger { phase: Phase::Begun, request: asked, facts, plain })
}

/// What must stay the same from run to run.
pub(super) fn describe(request: &Convert) -> Value {
    let tenants = match &request.tenants {
        Tenants::One(key) => json!({ "one": key.as_str() }),
        Tenants::Table(of) => json!({ "table": of.table, "key": of.key, "name": of.name }),
    };
    let tenancy = serde_json::to_value(&request.declaration).unwrap_or_default();
    json!({ "tenants": tenants, "declaration": tenancy })
}

fn declaration(request: &Convert) -> Result<Value, OpsError> {
    serde_json::to_value(&request.declaration).map_err(unreadable)
}

pub(super) fn unreadable(error: serde_json::Error) -> OpsError {
    OpsError::Schema(SchemaError::BadFacts { name: "conversion".to_owned(), source: error })
}

impl Ledger {
    /// Whether a phase has ended.
    pub(crate) fn has(&self, phase: Phase) -> bool {
        self.phase >= phase
    }

    /// Notes that a phase has ended.
    pub(crate) async fn reach(&mut self, admin: &Client, phase: Phase) -> Result<(), OpsError> {
        let sql = "UPDATE tenancy.conversion SET phase = $1, changed_at = pg_catalog.now()";
        admin.execute(sql, &[&phase.as_str()]).await.doing("writing the conversion's ledger")?;
        self.phase = phase;
        Ok(())
    }
}
