//! The audit trail: who did what to whom. Rows are only ever added; a trigger refuses everything else.

use crate::error::CatalogError;
use crate::tx::Tx;
use std::time::SystemTime;
use tenantry_core::TenantId;

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
        let _ = entry;
        todo!()
    }

    /// At most `limit` records, newest first.
    pub async fn audit_records(
        &self,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, CatalogError> {
        let _ = (filter, limit);
        todo!()
    }
}
