//! What a migration sets for itself: settings that say where names are found, as whom it runs, how texts are read and which checks
//! are made belong to whoever runs it.

use super::work::Work;
use super::{Class, Script, Statement};
use crate::Refusal;
use crate::parse::children;
use pg_raw_parse::{ConstValue, Node, nodes};

/// Settings that are not a migration's, and why.
const OTHERS: &[(&str, &str)] = &[
    ("search_path", "names are found in the placement's own schema"),
    ("role", "who runs a statement is part of what it is"),
    ("session_authorization", "who runs a statement is part of what it is"),
    ("session_replication_role", "foreign keys and triggers hold for every row"),
    ("row_security", "whose rows a statement sees is part of what it is"),
    ("standard_conforming_strings", "the migration was read with strings as the standard has them"),
    ("backslash_quote", "the migration was read with strings as the standard has them"),
];

impl Script {
    pub(super) fn set(work: &Work<'_>, of: &nodes::VariableSetStmt) -> Result<Vec<Statement>, Refusal> {
        match of.name() {
            // RESET ALL has no name.
            None => {
                Err(refused(work, -1, "every setting", "what it has set is part of how the migration runs"))
            }
            Some(name) => {
                allowed(work, -1, name)?;
                let mut statement = work.verbatim();
                statement.class = Class::Session;
                Ok(vec![statement])
            }
        }
    }

    /// `set_config` does what SET does, wherever an expression stands.
    pub(super) fn sets_nothing(work: &Work<'_>, node: Node<'_>) -> Result<(), Refusal> {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if let Node::FuncCall(call) = node
                && call.funcname().iter().filter_map(Node::as_str).next_back() == Some("set_config")
            {
                match call.args().first() {
                    Some(Node::A_Const(of)) => match of.val() {
                        Some(ConstValue::String(name)) => allowed(work, call.location, name)?,
                        _ => return Err(unreadable(work, call.location)),
                    },
                    _ => return Err(unreadable(work, call.location)),
                }
            }
            children(node, |child| open.push(child));
        }
        Ok(())
    }
}

fn allowed(work: &Work<'_>, location: i32, name: &str) -> Result<(), Refusal> {
    // Names of settings are compared without case, even in quotes.
    match OTHERS.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
        Some((name, why)) => Err(refused(work, location, name, why)),
        // Whatever carries the tenant is told by whoever runs the statement.
        None if name.to_ascii_lowercase().starts_with("tenancy.") => {
            Err(refused(work, location, name, "it is Tenantry's"))
        }
        None => Ok(()),
    }
}

fn refused(work: &Work<'_>, location: i32, name: &str, why: &str) -> Refusal {
    work.refuse_at(location, format!("{name} is set by whoever runs the migration: {why}"))
        .hint("leave it out")
        .choice("-- tenantry: skip")
}

fn unreadable(work: &Work<'_>, location: i32) -> Refusal {
    work.refuse_at(location, "it doesn't say which setting set_config changes")
        .hint("write the setting's name as a text")
        .choice("-- tenantry: skip")
}
