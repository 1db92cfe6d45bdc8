//! Owners and grants, which the model does not hold: statements that can always be run again.

use super::{Effort, Lock, Step};
use crate::declaration::Kind;
use crate::model::Model;
use crate::{Target, render};
use std::collections::BTreeMap;

/// Gives everything to the owner role, and the application's role what it may do: what `compile` ends with. What other roles
/// were granted stays.
pub fn access(model: &Model, kinds: &BTreeMap<String, Kind>, target: &Target) -> Vec<Step> {
    let mut statements = Vec::new();
    render::access::owners(model, target, &mut statements);
    render::access::grants(model, kinds, target, &mut statements);
    let step = |sql: String| {
        let table = model.tables.iter().find(|table| {
            let name = render::text::ident(&table.name);
            sql.starts_with(&format!("ALTER TABLE {name} ")) || sql.contains(&format!(" ON TABLE {name} "))
        });
        let owner = sql.starts_with("ALTER TABLE");
        Step {
            place: table.map_or_else(|| "access".to_owned(), |table| table.name.clone()),
            lock: if owner { Lock::AccessExclusive } else { Lock::None },
            tables: table.map(|table| table.name.clone()).into_iter().collect(),
            effort: Effort::Moment,
            transactional: true,
            group: None,
            sql,
        }
    };
    statements.into_iter().map(step).collect()
}
