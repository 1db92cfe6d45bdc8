//! The floor of a scoped table: what is read and what is written are two sets.

use super::COLUMN;
use crate::model::Table;
use crate::rules::Case;
use crate::rules::row_security::{FLOOR, enforce, policy};

/// Restrictive policies of single commands, on top of the floor for all of them. What may be written may be read, so that a
/// statement that reads nothing (`UPDATE t SET x = 1`) reaches no more than one that does.
const WRITES: [(&str, bool, bool); 3] =
    [("INSERT", false, true), ("UPDATE", true, true), ("DELETE", true, false)];

pub(super) fn put(table: &mut Table, members: bool, case: &mut Case<'_>) {
    let seen = Some(any_of("visible_scopes"));
    let written = if members {
        any_of("writable_scopes")
    } else {
        format!("({COLUMN} = ( SELECT tenancy.own_scope() AS own_scope))")
    };
    let mut floors = vec![policy(FLOOR, false, "ALL", seen.clone(), seen)];
    for (command, using, check) in WRITES {
        let name = format!("{FLOOR}_{}", command.to_lowercase());
        let expression = |wanted: bool| wanted.then(|| written.clone());
        floors.push(policy(&name, false, command, expression(using), expression(check)));
    }
    enforce(table, floors, "the scopes that a tenant sees, and those it writes", case);
}

/// As the server prints it back. The cast keeps the array from being read as rows to search.
fn any_of(function: &str) -> String {
    format!("({COLUMN} = ANY (( SELECT tenancy.{function}() AS {function})::bigint[]))")
}
