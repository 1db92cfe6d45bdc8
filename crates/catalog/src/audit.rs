//! The audit trail: who did what to whom. Rows are only ever added; a trigger refuses everything else.

use crate::error::CatalogError;
use crate::queries;
use crate::row::get;
use crate::tx::Tx;
use serde_json::Value;
use std::time::SystemTime;
use tenantry_core::TenantId;
use tokio_postgres::Row;

const WHAT: &str = "audit record";

/// Words that name a secret: a field called so was put there by mistake.
const SECRET_WORDS: &[&str] = &["password", "secret", "verifier", "master_key", "private_key"];

/// What to write down.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Who asked (`cli:ada`).
    pub actor: String,
    /// What was done, in a stable word (`tenant.suspend`).
    pub action: String,
    /// To what (`tenant/acme`).
    pub subject: String,
    /// The tenant's id, so that its trail is found after a rename and after its end.
    pub tenant: Option<TenantId>,
    /// A JSON object without secrets.
    pub details: serde_json::Value,
}

/// What was written down.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    pub id: i64,
    pub at: SystemTime,
    pub entry: AuditEntry,
}

/// Which records to list. Fields that are `None` don't filter.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub tenant: Option<TenantId>,
    pub subject: Option<String>,
    /// Records before this one: the last id of the page before.
    pub before: Option<i64>,
}

impl Tx {
    /// Writes a record, which becomes true together with the rest of the transaction.
    pub async fn audit(&self, entry: &AuditEntry) -> Result<(), CatalogError> {
        if let Some(field) = secret_field(&entry.details) {
            return Err(CatalogError::SecretInAudit { field });
        }
        let tenant = entry.tenant.map(TenantId::get);
        self.execute(
            queries::AUDIT_INSERT,
            &[&entry.actor, &entry.action, &entry.subject, &tenant, &entry.details],
        )
        .await?;
        Ok(())
    }

    /// At most `limit` records, newest first.
    pub async fn audit_records(
        &self,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, CatalogError> {
        let tenant = filter.tenant.map(TenantId::get);
        let limit = i64::from(limit);
        let rows =
            self.query(queries::AUDIT_LIST, &[&tenant, &filter.subject, &filter.before, &limit]).await?;
        rows.iter().map(read).collect()
    }
}

/// The first field, at any depth, that is called like a secret.
fn secret_field(details: &Value) -> Option<String> {
    match details {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            if SECRET_WORDS.iter().any(|word| lower.contains(word)) {
                Some(name.clone())
            } else {
                secret_field(value)
            }
        }),
        Value::Array(values) => values.iter().find_map(secret_field),
        _ => None,
    }
}

fn read(row: &Row) -> Result<AuditRecord, CatalogError> {
    let entry = AuditEntry {
        actor: get(row, WHAT, "actor")?,
        action: get(row, WHAT, "action")?,
        subject: get(row, WHAT, "subject")?,
        tenant: get::<Option<i64>>(row, WHAT, "tenant")?.map(TenantId::new),
        details: get(row, WHAT, "details")?,
    };
    Ok(AuditRecord { id: get(row, WHAT, "id")?, at: get(row, WHAT, "at")?, entry })
}
