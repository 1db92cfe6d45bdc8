//! Statements that are not offered, each with what to do instead.

use super::work::Work;
use crate::Refusal;
use pg_raw_parse::Node;

/// Statements that are not offered, each with what to do instead.
pub(super) fn refused(work: &Work<'_>, node: &Node<'_>) -> Option<Refusal> {
    let (message, hint, choices): (&str, &str, &[&str]) = match node {
        Node::GrantStmt(_) | Node::GrantRoleStmt(_) | Node::AlterDefaultPrivilegesStmt(_) => (
            "rights are Tenantry's: the application's role gets them with each table",
            "leave it out",
            &["-- tenantry: skip"],
        ),
        Node::AlterOwnerStmt(_) | Node::ReassignOwnedStmt(_) => (
            "owners are Tenantry's: nobody logs in as the owner of a tenant table",
            "leave it out",
            &["-- tenantry: skip"],
        ),
        Node::AlterObjectSchemaStmt(_) => {
            ("the schema of a placement is Tenantry's", "put the application's tables into one schema", &[])
        }
        Node::CreateSchemaStmt(_) => (
            "the schema of a placement is Tenantry's",
            "put the application's tables into one schema",
            &["-- tenantry: skip"],
        ),
        Node::RuleStmt(_) => (
            "a rule rewrites statements after the tenant was decided",
            "use a trigger (INSTEAD OF for a view)",
            &[],
        ),
        Node::TruncateStmt(_) => (
            "TRUNCATE empties a table of all tenants' rows, row-level security or not",
            "use DELETE",
            &[
                "-- tenantry: per-tenant, and DELETE",
                "-- tenantry: once, and DELETE",
                "-- tenantry: verbatim",
            ],
        ),
        Node::DoStmt(_) => (
            "nobody can tell what a DO block does",
            "write its statements out, or say that it may run as it is",
            &["-- tenantry: verbatim"],
        ),
        Node::CallStmt(_) => (
            "nobody can tell what a procedure does, and for whom",
            "say that it may run as it is",
            &["-- tenantry: verbatim"],
        ),
        Node::CopyStmt(of) if of.is_from && of.filename().is_none() => (
            "the rows of COPY … FROM stdin are not SQL",
            "write INSERT, or load them into a placement with psql",
            &[],
        ),
        Node::CopyStmt(_) => {
            ("COPY reads and writes files of the server", "use INSERT", &["-- tenantry: verbatim"])
        }
        Node::CreateEventTrigStmt(_)
        | Node::CreateForeignServerStmt(_)
        | Node::CreateFdwStmt(_)
        | Node::CreatePublicationStmt(_)
        | Node::CreateSubscriptionStmt(_)
        | Node::CreateRoleStmt(_)
        | Node::CreatedbStmt(_)
        | Node::AlterRoleStmt(_) => (
            "it belongs to the database or the server, not to a tenant's schema",
            "run it by hand where it is needed",
            &["-- tenantry: skip", "-- tenantry: verbatim"],
        ),
        _ => return None,
    };
    let refusal = work.refuse(message).hint(hint);
    Some(choices.iter().fold(refusal, |refusal, choice| refusal.choice(*choice)))
}
