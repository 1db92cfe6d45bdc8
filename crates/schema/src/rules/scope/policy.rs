//! The floor of a scoped table: what is read and what is written are two sets.

use super::COLUMN;
use crate::model::{Policy, Table};
use crate::rules::Case;
use crate::rules::row_security::{ALLOW, FLOOR};

/// Restrictive policies of single commands, on top of the floor for all of them. What may be written may be read, so that a
/// statement that reads nothing (`UPDATE t SET x = 1`) reaches no more than one that does.
const WRITES: [(&str, bool, bool); 3] =
    [("INSERT", false, true), ("UPDATE", true, true), ("DELETE", true, false)];

pub(super) fn put(table: &mut Table, members: bool, case: &mut Case<'_>) {
    let before = table.clone();
    let was_allowed = table.policies.iter().any(|policy| policy.name == ALLOW);
    table.policies.retain(|policy| policy.name != ALLOW && !policy.name.starts_with(FLOOR));
    let own = table.row_security && !was_allowed;
    if !own && !table.policies.is_empty() {
        case.error(
            &table.name,
            "it has policies that are not in force, and enabling row-level security would put them in force",
            "enable row-level security in the plain schema, or drop the policies",
        );
    }
    if !own {
        let always = || Some("true".to_owned());
        table.policies.push(policy(ALLOW.to_owned(), true, "ALL", always(), always()));
    }
    let seen = any_of("visible_scopes");
    table.policies.push(policy(FLOOR.to_owned(), false, "ALL", Some(seen.clone()), Some(seen)));
    let written = if members {
        any_of("writable_scopes")
    } else {
        format!("({COLUMN} = ( SELECT tenancy.own_scope() AS own_scope))")
    };
    for (command, using, check) in WRITES {
        let name = format!("{FLOOR}_{}", command.to_lowercase());
        let expression = |wanted: bool| wanted.then(|| written.clone());
        table.policies.push(policy(name, false, command, expression(using), expression(check)));
    }
    table.policies.sort_by(|a, b| a.name.cmp(&b.name));
    table.row_security = true;
    table.force_row_security = true;
    if *table != before {
        case.change(
            &table.name,
            "row-level security is enabled and forced: the scopes that a tenant sees, and those it writes",
        );
    }
}

/// As the server prints it back. The cast keeps the array from being read as rows to search.
fn any_of(function: &str) -> String {
    format!("({COLUMN} = ANY (( SELECT tenancy.{function}() AS {function})::bigint[]))")
}

fn policy(
    name: String,
    permissive: bool,
    command: &str,
    using: Option<String>,
    check: Option<String>,
) -> Policy {
    Policy { name, comment: None, permissive, command: command.to_owned(), roles: Vec::new(), using, check }
}
