//! Row-level security.

use super::text::{add, ident, idents};
use crate::model::{Policy, Table};

/// Row-level security: first the policies, then the switch, so that no statement between them sees all or nothing.
pub(crate) fn policies(table: &Table, out: &mut Vec<String>) {
    out.extend(table.policies.iter().map(|policy| create_policy(table, policy)));
    if table.row_security {
        out.push(format!("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", ident(&table.name)));
    }
    if table.force_row_security {
        out.push(format!("ALTER TABLE {} FORCE ROW LEVEL SECURITY", ident(&table.name)));
    }
}

pub(crate) fn create_policy(table: &Table, policy: &Policy) -> String {
    let mode = if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" };
    let roles = if policy.roles.is_empty() { "PUBLIC".to_owned() } else { idents(&policy.roles, ", ") };
    let mut sql = format!(
        "CREATE POLICY {} ON {} AS {mode} FOR {} TO {roles}",
        ident(&policy.name),
        ident(&table.name),
        policy.command
    );
    for (word, expression) in [("USING", &policy.using), ("WITH CHECK", &policy.check)] {
        if let Some(expression) = expression {
            add(&mut sql, format_args!("\n    {word} ({expression})"));
        }
    }
    sql
}
