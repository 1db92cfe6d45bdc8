//! `extension`: extensions exist once per database, so a tenant's own schema may not find them.

use super::{Case, Rule};
use crate::check::{Remedy, Severity};
use crate::model::Model;
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Extensions;

/// These only add operator classes, which are found by type and not by search_path.
const OPERATOR_CLASSES_ONLY: &[&str] = &["btree_gist", "btree_gin"];

impl Rule for Extensions {
    fn id(&self) -> &'static str {
        "extension"
    }

    fn about(&self) -> &'static str {
        "An extension lives in one schema of the database. In the schema model a session's search_path is the \
         tenant's schema alone, so types and functions of extensions are not found there by their bare name."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A type that a session can't find is an error at run time, in the schema model alone: the same \
                  statement works elsewhere.",
            before: "CREATE EXTENSION citext;\n\
                     CREATE TABLE users (id bigint PRIMARY KEY, email citext);",
            after: "CREATE SCHEMA extensions;\n\
                    CREATE EXTENSION citext SCHEMA extensions;\n\
                    CREATE TABLE users (id bigint PRIMARY KEY, email extensions.citext);",
            ignore: "Where no tenant will ever have a schema of its own, or the application names the extension's \
                     schema itself.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        &[TenancyModel::Schema]
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Warning]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let reachable = |name: &str| OPERATOR_CLASSES_ONLY.contains(&name);
        for extension in model.extensions.iter().filter(|extension| extension.schema.is_none()) {
            let place = format!("extension {}", extension.name);
            if reachable(&extension.name) {
                continue;
            }
            // An operator class or an operator of it can't be named without its schema either.
            let mut users = extension.relations.clone();
            users.extend(extension.users.iter().map(|user| user.name.clone()));
            users.sort();
            users.dedup();
            if users.is_empty() {
                case.warning(
                    place,
                    "its functions and operators are not on the search_path of a tenant's schema",
                    "name them with their schema in SQL, or use the shared or the database model",
                );
            } else {
                case.error(
                    place,
                    format!("{} use it, and a tenant's schema can't reach it yet", users.join(", ")),
                    "use the shared or the database model, or put the extension into a schema of its own",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    #[test]
    fn types_and_functions_of_extensions_in_the_schema_itself() {
        let sql = "CREATE EXTENSION citext; CREATE TABLE t (id bigint PRIMARY KEY, c citext)";
        hits(
            &Extensions,
            sql,
            "",
            &["error: extension citext: t use it, and a tenant's schema can't reach it yet"],
        );
        let message = "its functions and operators are not on the search_path of a tenant's schema";
        hits(
            &Extensions,
            "CREATE EXTENSION pg_trgm",
            "",
            &[&format!("warning: extension pg_trgm: {message}")],
        );
    }

    #[test]
    fn operator_classes_and_extensions_elsewhere() {
        misses(&Extensions, "CREATE EXTENSION btree_gist; CREATE EXTENSION btree_gin", "");
        misses(
            &Extensions,
            "CREATE SCHEMA x; CREATE EXTENSION citext SCHEMA x; CREATE TABLE t (c x.citext)",
            "",
        );
    }
}
