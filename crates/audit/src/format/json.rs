//! One JSON document. Fields are added, never renamed or taken away, while the format's number stays the same.

use crate::Report;
use serde_json::{Value, json};

/// The report as a document of format 1.
pub fn json(report: &Report) -> Value {
    json!({
        "format": "tenantry-audit/1",
        "audited": report.audited,
        "totals": report.totals(),
        "findings": report.findings,
        "skipped": report.skipped,
    })
}
