//! The rewriter as a gateway asks it: that of shared tables, and what tenants with a schema of their own need.

use crate::copy::{Sent, Staged, might_copy};
use crate::{Refusal, Rewriter, STAGE};
use std::sync::Arc;
use tenantry_core::TenancyModel;
use tenantry_core::rewrite::{CopyFrom, NotRewritten, QuotedStrings, Rewrite, Rewriters, Rewritten};
use tenantry_schema::{Declaration, Model};

impl Rewrite for Rewriter {
    fn might_need(&self, sql: &str) -> bool {
        self.might_need_rewrite(sql)
    }

    fn rewrite(&self, sql: &str, strings: QuotedStrings) -> Result<Option<Rewritten>, NotRewritten> {
        self.rewrite_session(sql, strings).map(changed).map_err(|refusal| told(sql, refusal))
    }
}

/// What a gateway needs for a product's plain schema.
pub fn rewriters(plain: &Model, declaration: &Declaration) -> Rewriters {
    let shared = Arc::new(Rewriter::new(plain, declaration, TenancyModel::Shared));
    Rewriters {
        own_schemas: Some(Arc::new(OwnSchemas(Arc::clone(&shared)))),
        everywhere: Some(shared),
        ..Rewriters::default()
    }
}

/// What tenants need that have a schema of their own in a database that others share: its tables are under row-level security
/// too, so COPY … FROM STDIN goes round it, and nothing else is touched.
#[derive(Debug)]
struct OwnSchemas(Arc<Rewriter>);

impl Rewrite for OwnSchemas {
    fn might_need(&self, sql: &str) -> bool {
        might_copy(sql)
    }

    fn rewrite(&self, sql: &str, strings: QuotedStrings) -> Result<Option<Rewritten>, NotRewritten> {
        self.0.rewrite_copies(sql, strings).map(changed).map_err(|refusal| told(sql, refusal))
    }
}

fn changed(sent: Sent<'_>) -> Option<Rewritten> {
    match sent.text {
        crate::Rewritten::Changed(sql) => {
            Some(Rewritten { sql, copies: sent.copies.into_iter().map(copy_from).collect() })
        }
        crate::Rewritten::Unchanged(_) => None,
    }
}

fn copy_from(of: Staged) -> CopyFrom {
    CopyFrom {
        first: of.first,
        stage: STAGE.to_owned(),
        table: of.table,
        begin: of.begin,
        copy: of.copy,
        finish: of.finish,
    }
}

fn told(sql: &str, refusal: Refusal) -> NotRewritten {
    let position = sql.get(..refusal.place.offset).map_or(0, |before| before.chars().count()) + 1;
    let kind = refusal.kind();
    let said: Vec<String> = refusal.hint.into_iter().chain(refusal.choices).collect();
    NotRewritten {
        kind,
        message: refusal.message,
        hint: (!said.is_empty()).then(|| said.join("; or ")),
        position: u32::try_from(position).unwrap_or(u32::MAX),
    }
}
