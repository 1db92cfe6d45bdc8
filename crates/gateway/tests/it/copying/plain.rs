//! The schema engine's rewriter, of the plain tables of a tenant with a database of its own.

use crate::world::World;
use std::collections::HashMap;
use std::sync::Arc;
use tenantry_core::{SqlIdent, TenancyModel};
use tenantry_gateway::{ClientError, CopyFrom, QuotedStrings, Rewrite, Rewriters, Rewritten};
use tenantry_rewrite::{Rewriter, STAGE, Strings};
use tenantry_schema::{Declaration, introspection, introspection_settings, read};

#[derive(Debug)]
struct OfSchema(Rewriter);

impl Rewrite for OfSchema {
    fn might_need(&self, sql: &str) -> bool {
        self.0.might_need_rewrite(sql)
    }

    fn rewrite(&self, sql: &str, strings: QuotedStrings) -> Result<Option<Rewritten>, ClientError> {
        let strings = match strings {
            QuotedStrings::Standard => Strings::Standard,
            QuotedStrings::Backslash => Strings::Backslash,
        };
        let sent = self.0.rewrite_session(sql, strings).map_err(|refusal| {
            let position = sql[..refusal.place.offset].chars().count() + 1;
            ClientError::new(refusal.kind(), refusal.message.clone())
                .with_hint(refusal.hint.unwrap_or_default())
                .at(u32::try_from(position).unwrap())
        })?;
        let tenantry_rewrite::Rewritten::Changed(text) = sent.text else { return Ok(None) };
        let copies = sent.copies.into_iter().map(|of| CopyFrom {
            first: of.first,
            stage: STAGE.to_owned(),
            table: of.table,
            begin: of.begin,
            copy: of.copy,
            finish: of.finish,
        });
        Ok(Some(Rewritten { sql: text, copies: copies.collect() }))
    }
}

/// For all databases, from what `initech` has.
pub(crate) async fn rewriters(world: &World) -> Arc<Rewriters> {
    let admin = world.admin_of(TenancyModel::Database, 5).await;
    let settings = introspection_settings(&SqlIdent::new("public").unwrap());
    admin.batch_execute(&format!("BEGIN; {settings}")).await.unwrap();
    let mut facts = Vec::new();
    for query in introspection() {
        facts.push((query.name.to_owned(), admin.query_one(query.sql, &[]).await.unwrap().get(0)));
    }
    admin.batch_execute("COMMIT").await.unwrap();
    let declaration: Declaration = toml::from_str("").unwrap();
    let rewriter = Rewriter::new(&read(&facts).unwrap(), &declaration, TenancyModel::Shared);
    Arc::new(Rewriters { everywhere: Some(Arc::new(OfSchema(rewriter))), of: HashMap::new() })
}
