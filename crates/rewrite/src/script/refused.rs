//! Which statements a migration may have besides those that are rewritten: a list of what passes, and for the rest a reason and what
//! to do instead. What nobody thought of is refused.

use super::work::Work;
use crate::Refusal;
use pg_raw_parse::{Node, nodes};

/// A reason, what to do instead, and what can be written.
type Answer = (&'static str, &'static str, &'static [&'static str]);

const SKIP: &[&str] = &["-- tenantry: skip"];
const VERBATIM: &[&str] = &["-- tenantry: verbatim"];
const EITHER: &[&str] = &["-- tenantry: skip", "-- tenantry: verbatim"];

const FOREIGN: Answer = (
    "row-level security does not reach the rows of a foreign table: every tenant would read all of them",
    "load the rows into a table, or create it by hand where everybody may see them",
    VERBATIM,
);

/// Statements about objects that no tenant's rows are in, and that are the same in every placement.
pub(super) fn passes(node: &Node<'_>) -> bool {
    matches!(
        node,
        Node::AlterEnumStmt(_)
            | Node::AlterDomainStmt(_)
            | Node::AlterTypeStmt(_)
            | Node::AlterSeqStmt(_)
            | Node::AlterStatsStmt(_)
            | Node::AlterFunctionStmt(_)
            | Node::AlterOperatorStmt(_)
            | Node::AlterOpFamilyStmt(_)
            | Node::AlterCollationStmt(_)
            | Node::AlterTSDictionaryStmt(_)
            | Node::AlterTSConfigurationStmt(_)
            | Node::AlterExtensionStmt(_)
            | Node::AlterObjectDependsStmt(_)
            | Node::DefineStmt(_)
            | Node::CreateCastStmt(_)
            | Node::CreateConversionStmt(_)
            | Node::CreateOpClassStmt(_)
            | Node::CreateOpFamilyStmt(_)
            | Node::CreateTransformStmt(_)
            | Node::ClusterStmt(_)
            | Node::SecLabelStmt(_)
            | Node::NotifyStmt(_)
            | Node::VariableShowStmt(_)
    )
}

/// Why a statement is refused that does not pass.
pub(super) fn refused(work: &Work<'_>, node: &Node<'_>) -> Refusal {
    let (message, hint, choices) = of_rights(node)
        .or_else(|| of_rows(node))
        .or_else(|| hidden(node))
        .or_else(|| of_the_server(node))
        .or_else(|| makes_a_foreign_table(work).then_some(FOREIGN))
        .unwrap_or((
            "nobody has said what this statement means where tenants share a database",
            "leave it out, or say that it may run as it is",
            EITHER,
        ));
    let refusal = work.refuse(message).hint(hint);
    choices.iter().fold(refusal, |refusal, choice| refusal.choice(*choice))
}

/// The parser's library has no node for it.
fn makes_a_foreign_table(work: &Work<'_>) -> bool {
    ["create", "foreign", "table"].iter().enumerate().all(|(at, word)| work.tokens.is(at, word))
}

fn of_rights(node: &Node<'_>) -> Option<Answer> {
    Some(match node {
        Node::GrantRoleStmt(_) => (
            "which role is a member of which belongs to the server, and Tenantry's roles are nobody's members",
            "leave it out",
            SKIP,
        ),
        Node::AlterDefaultPrivilegesStmt(_) => {
            ("rights are Tenantry's: the application's role gets them with each table", "leave it out", SKIP)
        }
        Node::ReassignOwnedStmt(_) | Node::DropOwnedStmt(_) => (
            "owners are Tenantry's: nobody logs in as the owner of a tenant table",
            "name the objects one by one",
            SKIP,
        ),
        Node::AlterObjectSchemaStmt(_) => {
            ("the schema of a placement is Tenantry's", "put the application's tables into one schema", &[])
        }
        Node::CreateSchemaStmt(_) => {
            ("the schema of a placement is Tenantry's", "put the application's tables into one schema", SKIP)
        }
        Node::RuleStmt(_) => (
            "a rule rewrites statements after the tenant was decided",
            "use a trigger (INSTEAD OF for a view)",
            &[],
        ),
        _ => return None,
    })
}

fn of_rows(node: &Node<'_>) -> Option<Answer> {
    Some(match node {
        Node::TruncateStmt(_) => (
            "TRUNCATE empties a table of all tenants' rows, row-level security or not",
            "use DELETE",
            &[
                "-- tenantry: per-tenant, and DELETE",
                "-- tenantry: once, and DELETE",
                "-- tenantry: verbatim",
            ],
        ),
        Node::CopyStmt(of) if of.is_from && of.filename().is_none() => (
            "the rows of COPY … FROM stdin are not SQL",
            "write INSERT, or load them into a placement with psql",
            &[],
        ),
        Node::CopyStmt(_) => ("COPY reads and writes files of the server", "use INSERT", VERBATIM),
        Node::ImportForeignSchemaStmt(_) => FOREIGN,
        _ => return None,
    })
}

/// What does something else than can be read.
fn hidden(node: &Node<'_>) -> Option<Answer> {
    Some(match node {
        Node::DoStmt(_) => (
            "nobody can tell what a DO block does",
            "write its statements out, or say that it may run as it is",
            VERBATIM,
        ),
        Node::CallStmt(_) => {
            ("nobody can tell what a procedure does, and for whom", "say that it may run as it is", VERBATIM)
        }
        Node::PrepareStmt(_) | Node::ExecuteStmt(_) | Node::DeallocateStmt(_) => (
            "a statement that is prepared under a name is run by another one, which doesn't say what it does",
            "write the statement itself",
            &[],
        ),
        Node::DeclareCursorStmt(_) | Node::FetchStmt(_) | Node::ClosePortalStmt(_) => {
            ("nobody reads a cursor of a migration", "write the statement itself", SKIP)
        }
        Node::ExplainStmt(_) => (
            "nobody reads what EXPLAIN says in a migration, and with ANALYZE it does what it explains",
            "write the statement itself",
            SKIP,
        ),
        Node::ListenStmt(_) | Node::UnlistenStmt(_) => {
            ("nobody reads what a migration listens to", "leave it out", SKIP)
        }
        Node::DiscardStmt(_) => {
            ("DISCARD takes away what whoever runs the migration has set", "leave it out", SKIP)
        }
        _ => return None,
    })
}

fn of_the_server(node: &Node<'_>) -> Option<Answer> {
    let belongs = matches!(
        node,
        Node::CreateEventTrigStmt(_)
            | Node::AlterEventTrigStmt(_)
            | Node::CreateForeignServerStmt(_)
            | Node::AlterForeignServerStmt(_)
            | Node::CreateFdwStmt(_)
            | Node::AlterFdwStmt(_)
            | Node::CreateUserMappingStmt(_)
            | Node::AlterUserMappingStmt(_)
            | Node::DropUserMappingStmt(_)
            | Node::CreatePublicationStmt(_)
            | Node::AlterPublicationStmt(_)
            | Node::CreateSubscriptionStmt(_)
            | Node::AlterSubscriptionStmt(_)
            | Node::DropSubscriptionStmt(_)
            | Node::CreateRoleStmt(_)
            | Node::AlterRoleStmt(_)
            | Node::AlterRoleSetStmt(_)
            | Node::DropRoleStmt(_)
            | Node::CreatedbStmt(_)
            | Node::AlterDatabaseStmt(_)
            | Node::AlterDatabaseSetStmt(_)
            | Node::AlterDatabaseRefreshCollStmt(_)
            | Node::DropdbStmt(_)
            | Node::CreateTableSpaceStmt(_)
            | Node::AlterTableSpaceOptionsStmt(_)
            | Node::AlterTableMoveAllStmt(_)
            | Node::DropTableSpaceStmt(_)
            | Node::AlterSystemStmt(_)
            | Node::CheckPointStmt(_)
            | Node::LoadStmt(_)
            | Node::CreateAmStmt(_)
            | Node::CreatePLangStmt(_)
            | Node::AlterExtensionContentsStmt(_)
    );
    belongs.then_some((
        "it belongs to the database or the server, not to a tenant's schema",
        "run it by hand where it is needed",
        EITHER,
    ))
}

/// Kinds of objects that DROP and RENAME may name only where a placement is not all that has them.
pub(super) fn is_of_the_server(kind: nodes::ObjectType::Type) -> bool {
    use nodes::ObjectType as Type;
    matches!(
        kind,
        Type::OBJECT_ACCESS_METHOD
            | Type::OBJECT_DATABASE
            | Type::OBJECT_EVENT_TRIGGER
            | Type::OBJECT_FDW
            | Type::OBJECT_FOREIGN_SERVER
            | Type::OBJECT_FOREIGN_TABLE
            | Type::OBJECT_LANGUAGE
            | Type::OBJECT_PUBLICATION
            | Type::OBJECT_ROLE
            | Type::OBJECT_SUBSCRIPTION
            | Type::OBJECT_TABLESPACE
            | Type::OBJECT_USER_MAPPING
    )
}

/// The refusal of what changes a materialized view that is a table beside a view and a function.
pub(super) fn was_materialized(work: &Work<'_>, name: &str) -> Refusal {
    work.refuse(format!(
        "where tenants share a database, {name} is a table, and a function with its name fills it"
    ))
    .hint("drop the materialized view and create it anew")
    .choice(format!("DROP MATERIALIZED VIEW {name}; CREATE MATERIALIZED VIEW …"))
}

/// The refusal of a DROP, RENAME or ALTER of such an object.
pub(super) fn not_a_tenants(work: &Work<'_>) -> Refusal {
    let refusal = work
        .refuse("it belongs to the database or the server, not to a tenant's schema")
        .hint("run it by hand where it is needed");
    EITHER.iter().fold(refusal, |refusal, choice| refusal.choice(*choice))
}
