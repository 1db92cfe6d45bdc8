//! The rewriter as a gateway asks it.

use crate::{Refusal, Rewriter, STAGE, copy::Staged};
use tenantry_core::rewrite::{CopyFrom, NotRewritten, QuotedStrings, Rewrite, Rewritten};

impl Rewrite for Rewriter {
    fn might_need(&self, sql: &str) -> bool {
        self.might_need_rewrite(sql)
    }

    fn rewrite(&self, sql: &str, strings: QuotedStrings) -> Result<Option<Rewritten>, NotRewritten> {
        let sent = self.rewrite_session(sql, strings).map_err(|refusal| told(sql, refusal))?;
        let crate::Rewritten::Changed(text) = sent.text else { return Ok(None) };
        Ok(Some(Rewritten { sql: text, copies: sent.copies.into_iter().map(copy_from).collect() }))
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
