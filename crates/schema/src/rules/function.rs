//! `function`: what a function body may do behind the engine's back.

use super::query::{Shape, Token, adapt, tokens};
use super::view::shapes;
use super::{ALL, Case, Rule, printed};
use crate::check::{Remedy, Severity};
use crate::declaration::{Keys, Kind};
use crate::model::{Function, Model};
use crate::rules::Docs;
use std::collections::BTreeMap;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Functions;

impl Rule for Functions {
    fn id(&self) -> &'static str {
        "function"
    }

    fn about(&self) -> &'static str {
        "Function bodies that are text are opaque: they run as written, and what they seem to do is told. Bodies that the server \
         has parsed (BEGIN ATOMIC) are adapted. SECURITY DEFINER functions run as the owner, whom the floor binds too. LEAKPROOF \
         is refused where tenants share a database: it lets a function see rows before the floor does."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A body is a text in some language, and the server looks at it when it runs. What pins a schema is wrong in a \
                  tenant's own; what truncates is refused in shared tables; a list of columns in ON CONFLICT or a GROUP BY that \
                  rests on a key no longer fits a key that has the tenant in it; SQL that a body puts together nobody can check.",
            before: "CREATE TABLE tags (id bigint PRIMARY KEY, name text, CONSTRAINT tags_name_key UNIQUE (name));\n\
                     CREATE FUNCTION tag(wanted text) RETURNS void LANGUAGE plpgsql AS $$\n\
                     BEGIN\n    INSERT INTO tags (name) VALUES (wanted) ON CONFLICT (name) DO NOTHING;\nEND $$;",
            after: "CREATE TABLE tags (id bigint PRIMARY KEY, name text, CONSTRAINT tags_name_key UNIQUE (name));\n\
                    CREATE FUNCTION tag(wanted text) RETURNS void LANGUAGE plpgsql AS $$\n\
                    BEGIN\n    INSERT INTO tags (name) VALUES (wanted) ON CONFLICT ON CONSTRAINT tags_name_key DO NOTHING;\nEND $$;",
            ignore: "Where the body was read and does not do what it seems to: the words also count in comments and strings.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Warning, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        if model.functions.is_empty() {
            return;
        }
        let shapes = shapes(model, case);
        let schema = model.source.schema.clone();
        for function in &mut model.functions {
            let place = format!("function {}", function.object_name());
            if function.leakproof && case.tenancy.is_pooled() {
                case.error(
                    &place,
                    "it is LEAKPROOF: PostgreSQL runs it on rows before row-level security has said whose they are",
                    "leave LEAKPROOF out; whoever calls it in a WHERE must not be shown other tenants' rows",
                );
            }
            if function.security_definer && case.tenancy.is_pooled() {
                case.warning(
                    &place,
                    "it is SECURITY DEFINER: it runs as the owner of the tables, past the application's own policies",
                    "make it SECURITY INVOKER if it can be; what it reads and writes is still bound by the tenant floor, but SQL that it puts \
                     together and executes runs as the owner, who may drop the floor or TRUNCATE a table",
                );
                if !function.settings.iter().any(|setting| setting.starts_with("search_path=")) {
                    case.warning(
                        &place,
                        "it is SECURITY DEFINER without a search_path of its own: a caller's temporary table can stand in for one that it names",
                        "make it SECURITY INVOKER: a search_path that is pinned does not fit a tenant's own schema",
                    );
                }
            }
            pinned_schema(case, &place, function, &schema);
            if case.tenancy == TenancyModel::Shared {
                match &function.body {
                    Some(body) => opaque_body(case, &place, body),
                    None => parsed_body(case, &place, function, &shapes),
                }
            }
        }
    }
}

/// A tenant's own schema has another name than the one that the function names.
fn pinned_schema(case: &mut Case<'_>, place: &str, function: &Function, schema: &str) {
    if case.tenancy != TenancyModel::Schema || schema.is_empty() {
        return;
    }
    let pins =
        |setting: &&String| setting.starts_with("search_path=") && words(setting).any(|word| word == schema);
    if let Some(setting) = function.settings.iter().find(pins) {
        case.error(
            place,
            format!("it pins {setting}, but a tenant's schema has another name"),
            "drop the SET clause: the gateway sets search_path",
        );
    }
    let qualified = format!("{schema}.");
    if function.body.as_ref().is_some_and(|body| body.contains(&qualified)) {
        case.warning(
            place,
            format!("its body seems to name {qualified}…, but a tenant's schema has another name"),
            "leave the schema out: the gateway sets search_path",
        );
    }
}

fn opaque_body(case: &mut Case<'_>, place: &str, body: &str) {
    let body = body.to_lowercase();
    let all: Vec<&str> = words(&body).collect();
    if all.contains(&"truncate") {
        case.warning(
            place,
            "its body seems to TRUNCATE, which the application's role may not do in shared tables",
            "use DELETE",
        );
    }
    // ON CONFLICT ON CONSTRAINT and ON CONFLICT DO NOTHING need no list of columns.
    if all.windows(3).any(|next| next[..2] == ["on", "conflict"] && !["on", "do"].contains(&next[2])) {
        case.warning(
            place,
            "its body seems to name columns in ON CONFLICT; unique keys of shared tables start with the tenant column",
            "use ON CONFLICT ON CONSTRAINT <name>: names are the same in every model",
        );
    }
    if case.declaration.tenancy.keys == Keys::Composite && all.windows(2).any(|pair| pair == ["group", "by"])
    {
        case.note(
            place,
            "its body seems to GROUP BY; where that rests on a primary key, shared tables refuse it",
            "name every selected column in GROUP BY, or write the body as BEGIN ATOMIC",
        );
    }
    // `EXECUTE FUNCTION` and `EXECUTE PROCEDURE` belong to triggers.
    if all.windows(2).any(|pair| pair[0] == "execute" && !["function", "procedure", "on"].contains(&pair[1]))
    {
        case.note(
            place,
            "its body seems to run SQL that it puts together, which nobody can check",
            "see that it names no schema and no keys, and runs in every model",
        );
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// A body that the server has parsed is printed by it, so its parts can be found for certain.
fn parsed_body(case: &mut Case<'_>, place: &str, function: &mut Function, shapes: &BTreeMap<String, Shape>) {
    let printed = printed(&case.declaration.tenancy.column);
    let conflicts = conflict_lists(&function.definition, shapes, case);
    for (at, _) in conflicts.iter().rev() {
        function.definition.insert_str(*at, &format!("{printed}, "));
    }
    for (_, table) in conflicts {
        case.change(place, format!("ON CONFLICT of {table} starts with {printed}"));
    }
    // Which keys its GROUP BYs rest on is not known; one more column with one value changes no group.
    let adapted = adapt(&function.definition, shapes, |_| true, case.column(), &printed);
    function.definition = adapted.text;
    if adapted.regrouped {
        case.change(place, format!("{printed} joins the primary keys in its GROUP BY"));
    }
}

/// Where the lists of ON CONFLICT begin that lack the tenant, each with its table.
fn conflict_lists(
    definition: &str,
    shapes: &BTreeMap<String, Shape>,
    case: &Case<'_>,
) -> Vec<(usize, String)> {
    let tokens = tokens(definition);
    let mut targets: BTreeMap<usize, String> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = |ahead: usize| tokens.get(at + ahead);
        let follows = |ahead: usize, word: &str| next(ahead).is_some_and(|token| token.is(word));
        if token.is("INSERT") && follows(1, "INTO") {
            targets.extend(next(2).and_then(Token::name).map(|name| (token.group, name.into_owned())));
        }
        if !(token.is("ON") && follows(1, "CONFLICT") && follows(2, "(")) {
            continue;
        }
        let Some(table) = targets.get(&token.group) else { continue };
        let inside: Vec<&Token<'_>> = tokens[at + 3..]
            .iter()
            .take_while(|token| !(token.is(")") && token.group == tokens[at + 2].group))
            .collect();
        if case.kind(table) == Some(Kind::Tenant) && !is_settled(&inside, table, shapes, case) {
            found.push((tokens[at + 2].at.end, table.clone()));
        }
    }
    found
}

/// The list starts with the tenant, or names what is unique over all tenants.
fn is_settled(list: &[&Token<'_>], table: &str, shapes: &BTreeMap<String, Shape>, case: &Case<'_>) -> bool {
    let columns: Option<Vec<String>> = list
        .iter()
        .filter(|token| !token.is(","))
        .map(|token| token.name().map(std::borrow::Cow::into_owned))
        .collect();
    let same =
        |global: &Vec<String>| columns.as_ref().is_some_and(|columns| super::same_columns(columns, global));
    let starts_with_tenant = list.first().and_then(|token| token.name()).as_deref() == Some(case.column());
    let by_id = shapes.get(table).is_some_and(|shape| !shape.composite && same(&shape.key));
    starts_with_tenant || by_id || case.globally_unique(table).iter().any(same)
}

#[cfg(test)]
mod tests {
    use super::super::lab::{compiles_to, hits, misses};
    use super::*;

    const T: &str = "CREATE TABLE t (id bigint PRIMARY KEY, a int, b text UNIQUE);";

    fn plpgsql(body: &str) -> String {
        format!("{T} CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN {body}; END $f$")
    }

    fn atomic(body: &str) -> String {
        format!("{T} CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC {body}; END")
    }

    #[test]
    fn what_bodies_seem_to_do() {
        let f = |what: &str| format!("function f(): its body seems to {what}");
        hits(
            &Functions,
            &plpgsql("TRUNCATE t"),
            "",
            &[&format!(
                "warning: {}",
                f("TRUNCATE, which the application's role may not do in shared tables")
            )],
        );
        let conflict =
            f("name columns in ON CONFLICT; unique keys of shared tables start with the tenant column");
        hits(
            &Functions,
            &plpgsql("INSERT INTO t (b) VALUES ('') ON CONFLICT (b) DO NOTHING"),
            "",
            &[&format!("warning: {conflict}")],
        );
        let grouped = f("GROUP BY; where that rests on a primary key, shared tables refuse it");
        hits(&Functions, &plpgsql("PERFORM count(*) FROM t GROUP BY id"), "", &[&format!("note: {grouped}")]);
        let dynamic = f("run SQL that it puts together, which nobody can check");
        hits(&Functions, &plpgsql("EXECUTE 'SELECT 1'"), "", &[&format!("note: {dynamic}")]);
        let named = f("name public.…, but a tenant's schema has another name");
        hits(&Functions, &plpgsql("PERFORM 1 FROM public.t"), "", &[&format!("warning: {named}")]);
    }

    #[test]
    fn whose_rights_and_which_path() {
        let definer = "warning: function f(): it is SECURITY DEFINER: it runs as the owner of the tables, past the application's own policies";
        let path = "warning: function f(): it is SECURITY DEFINER without a search_path of its own: \
                    a caller's temporary table can stand in for one that it names";
        let sql = |with: &str| format!("CREATE FUNCTION f() RETURNS int LANGUAGE sql {with} AS 'SELECT 1'");
        hits(&Functions, &sql("SECURITY DEFINER"), "", &[definer, path]);
        hits(&Functions, &sql("SECURITY DEFINER SET search_path = pg_catalog"), "", &[definer]);
        let pins = "error: function f(): it pins search_path=public, but a tenant's schema has another name";
        hits(&Functions, &sql("SET search_path = public"), "", &[pins]);
        misses(&Functions, &sql(""), "");
    }

    #[test]
    fn what_runs_before_the_floor() {
        let sql = |with: &str| {
            format!("CREATE FUNCTION f(text) RETURNS boolean LANGUAGE sql IMMUTABLE {with} AS 'SELECT true'")
        };
        let error = "error: function f(text): it is LEAKPROOF: PostgreSQL runs it on rows before row-level security has said whose they are";
        hits(&Functions, &sql("LEAKPROOF"), "", &[error]);
        misses(&Functions, &sql("NOT LEAKPROOF"), "");
    }

    #[test]
    fn what_is_the_same_in_every_model() {
        misses(&Functions, &plpgsql("INSERT INTO t (b) VALUES ('') ON CONFLICT DO NOTHING"), "");
        misses(
            &Functions,
            &plpgsql("INSERT INTO t (b) VALUES ('') ON CONFLICT ON CONSTRAINT t_b_key DO NOTHING"),
            "",
        );
        misses(&Functions, &plpgsql("PERFORM count(*) FROM t"), "");
    }

    #[test]
    fn parsed_bodies_name_the_tenant() {
        let insert = |conflict: &str| {
            atomic(&format!("INSERT INTO t (id, b) SELECT a, b FROM t ON CONFLICT {conflict} DO NOTHING"))
        };
        let starts = "change: function f(): ON CONFLICT of t starts with tenant_id";
        hits(&Functions, &insert("(id)"), "", &[starts]);
        compiles_to(&insert("(id)"), "", "ON CONFLICT(tenant_id, id) DO NOTHING");
        misses(&Functions, &insert("(id)"), "[tenancy]\nkeys = \"global-id\"");
        misses(&Functions, &insert("(b)"), "[unique]\n\"t.b\" = \"global\"");
        misses(&Functions, &insert("(id)"), "[tables]\nt = \"global\"");
        misses(&Functions, &insert("ON CONSTRAINT t_b_key"), "");
        let grouped = atomic("SELECT a, b, count(*) FROM t GROUP BY id");
        hits(
            &Functions,
            &grouped,
            "",
            &["change: function f(): tenant_id joins the primary keys in its GROUP BY"],
        );
        misses(&Functions, &atomic("SELECT a, count(*) FROM t GROUP BY a"), "");
    }
}
