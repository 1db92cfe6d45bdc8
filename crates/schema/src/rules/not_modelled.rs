//! `not-modelled`: what the model can't hold is refused or reported, never lost.

use super::{ALL, Case, Rule};
use crate::check::{Remedy, Severity};
use crate::model::Model;
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct NotModelled;

impl Rule for NotModelled {
    fn id(&self) -> &'static str {
        "not-modelled"
    }

    fn about(&self) -> &'static str {
        "Objects that Tenantry does not understand would be missing in a placement, or would not be isolated in it \
         (foreign tables know no row-level security, other schemas are not read)."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "What is left out silently is missed when a tenant uses it, or is a hole: foreign tables know no row-level security, \
                  a second schema would not be isolated at all.",
            before: "CREATE SCHEMA billing;\nCREATE TABLE billing.invoices (id bigint PRIMARY KEY);",
            after: "CREATE TABLE billing_invoices (id bigint PRIMARY KEY);",
            ignore: "The warnings: once you have created the object where it is needed, or know that it is not.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Warning]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for object in &model.unmodelled {
            report(case, &object.kind, format!("{} {}", object.kind, object.name));
        }
    }
}

fn report(case: &mut Case<'_>, kind: &str, place: String) {
    match kind {
        "foreign table" => case.error(
            place,
            "row-level security does not exist for foreign tables",
            "put it into another schema of the database that is not read, copy its rows into a table, or let the application \
             connect to that server itself",
        ),
        "schema" => case.error(
            place,
            "only one schema is read, and this one holds tables too",
            "put the application's tables into one schema; what belongs to the operator alone belongs into another database",
        ),
        "parent in another schema" => {
            case.error(place, "it inherits from a table that is not read", "put both into one schema");
        }
        "partition that is being detached" => case.error(
            place,
            "DETACH PARTITION CONCURRENTLY was interrupted",
            "finish it: ALTER TABLE … DETACH PARTITION … FINALIZE",
        ),
        "disabled foreign key" => case.error(
            place,
            "its triggers are disabled, so rows are not checked",
            "enable them: ALTER TABLE … ENABLE TRIGGER ALL",
        ),
        "tablespace" | "invalid index" => case.warning(
            place,
            format!("placements don't get the {kind}: they use the default"),
            "nothing to do, unless you need it there",
        ),
        "comment" => case.warning(
            place,
            "placements don't get this comment: their schema is Tenantry's, and a partition's keys are its parent's",
            "nothing to do, unless something reads it: comments on tables, columns and the parent's own keys are kept",
        ),
        "event trigger" | "publication" | "foreign server" | "language" | "security label" | "transform" => case.warning(
            place,
            "it belongs to the database, not to the schema, and is not carried over",
            "create it by hand where it is needed",
        ),
        kind => case.error(
            place,
            format!("objects of the kind {kind:?} are not carried over"),
            "put it into an extension, or leave it out",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    #[test]
    fn what_would_not_be_isolated_is_refused() {
        let sql = "CREATE SCHEMA billing; CREATE TABLE billing.t (id int)";
        hits(
            &NotModelled,
            sql,
            "",
            &["error: schema billing: only one schema is read, and this one holds tables too"],
        );
        let sql = "CREATE TYPE shell";
        hits(
            &NotModelled,
            sql,
            "",
            &["error: base type shell: objects of the kind \"base type\" are not carried over"],
        );
    }

    #[test]
    fn what_belongs_to_the_database_is_told() {
        let told = "it belongs to the database, not to the schema, and is not carried over";
        let sql = "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()";
        hits(&NotModelled, sql, "", &[&format!("warning: event trigger e: {told}")]);
        let sql = "CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t";
        hits(&NotModelled, sql, "", &[&format!("warning: publication p: {told}")]);
    }

    #[test]
    fn comments_that_have_no_place() {
        let told = "placements don't get this comment: their schema is Tenantry's, and a partition's keys are its parent's";
        hits(
            &NotModelled,
            "COMMENT ON SCHEMA public IS 'ours'",
            "",
            &[&format!("warning: comment on the schema: {told}")],
        );
        let sql = "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (at int, p int CONSTRAINT k REFERENCES p) PARTITION BY LIST (at);
            CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1); COMMENT ON CONSTRAINT k ON t IS 'kept'";
        misses(&NotModelled, sql, "");
        super::super::lab::compiles_to(sql, "", "COMMENT ON CONSTRAINT k ON t IS 'kept'");
        let sql = sql.replace("k ON t IS", "k ON t_1 IS");
        hits(&NotModelled, &sql, "", &[&format!("warning: comment on k of t_1: {told}")]);
    }

    #[test]
    fn ordinary_objects_and_empty_schemas() {
        misses(
            &NotModelled,
            "CREATE SCHEMA empty; CREATE TABLE t (id int); CREATE VIEW v AS SELECT id FROM t",
            "",
        );
    }
}
