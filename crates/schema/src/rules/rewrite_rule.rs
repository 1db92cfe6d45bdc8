//! `rewrite-rule`: `CREATE RULE`.

use super::{Case, Rule, SHARED};
use crate::check::{Remedy, Severity};
use crate::model::{Model, RewriteRule};
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct RewriteRules;

impl Rule for RewriteRules {
    fn id(&self) -> &'static str {
        "rewrite-rule"
    }

    fn about(&self) -> &'static str {
        "Rules that rewrite statements (CREATE RULE) are kept in dedicated placements and refused in shared tables."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "What a rule puts in a statement's place runs with the rights of the table's owner, and names columns and keys as the \
                  plain schema has them. Nobody can tell for every rule that it stays within the tenant.",
            before: "CREATE TABLE notes (id bigint PRIMARY KEY, gone boolean DEFAULT false);\n\
                     CREATE RULE soft AS ON DELETE TO notes DO INSTEAD UPDATE notes SET gone = true WHERE id = OLD.id;",
            after: "CREATE TABLE notes (id bigint PRIMARY KEY, gone boolean DEFAULT false);\n\
                    CREATE FUNCTION soft() RETURNS trigger LANGUAGE plpgsql AS $$\n\
                    BEGIN\n    UPDATE notes SET gone = true WHERE id = OLD.id;\n    RETURN NULL;\nEND $$;\n\
                    CREATE TRIGGER soft BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION soft();",
            ignore: "Errors can't be ignored.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let of_tables = model.tables.iter().map(|table| (&table.name, &table.rules));
        let of_views = model.views.iter().map(|view| (&view.name, &view.rules));
        of_tables.chain(of_views).for_each(|(relation, rules)| refuse(case, relation, rules));
    }
}

fn refuse(case: &mut Case<'_>, relation: &str, rules: &[RewriteRule]) {
    for rule in rules {
        case.error(
            format!("rule {} on {relation}", rule.name),
            "what a rule puts in a statement's place runs as the owner, with the plain schema's columns and keys",
            "use a trigger (INSTEAD OF for a view), or keep it, for tenants in schemas or databases of their own",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    #[test]
    fn rules_on_tables_and_views_are_refused() {
        let sql = "CREATE TABLE t (id bigint PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t;
            CREATE RULE a AS ON DELETE TO t DO INSTEAD NOTHING; CREATE RULE b AS ON INSERT TO v DO INSTEAD INSERT INTO t VALUES (NEW.id)";
        let message = "what a rule puts in a statement's place runs as the owner, with the plain schema's columns and keys";
        hits(
            &RewriteRules,
            sql,
            "",
            &[&format!("error: rule a on t: {message}"), &format!("error: rule b on v: {message}")],
        );
    }

    #[test]
    fn what_makes_a_view_is_none_and_triggers_are_not() {
        misses(&RewriteRules, "CREATE TABLE t (id bigint); CREATE VIEW v AS SELECT id FROM t", "");
    }
}
