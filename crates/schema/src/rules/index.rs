//! `index`: indexes that a tenant's queries can use.

use super::unique::lead_index;
use super::{Case, Rule, SHARED};
use crate::check::{Remedy, Severity};
use crate::declaration::Keys;
use crate::model::{Index, IndexKey, Model};
use crate::rules::Docs;
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Indexes;

impl Rule for Indexes {
    fn id(&self) -> &'static str {
        "index"
    }

    fn about(&self) -> &'static str {
        "B-tree indexes of shared tenant tables are led by the tenant column (partial and expression indexes keep \
         their predicate and expressions), GiST and GIN ones where btree_gist and btree_gin are there. Other methods stay as \
         they are, and so does an index whose key is unique over all tenants by itself."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "The floor adds the tenant to every query. An index that does not begin with it finds the rows of all tenants and \
                  throws nearly all of them away.",
            before: "CREATE TABLE orders (id bigint PRIMARY KEY, placed_on date, open boolean);\n\
                     CREATE INDEX orders_by_date ON orders (placed_on DESC) WHERE open;",
            after: "CREATE INDEX orders_by_date ON orders USING btree (tenant_id, placed_on DESC) WHERE open",
            ignore: "The notes, where an index serves the operator's own queries over all tenants, or there are few tenants.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let with =
            Extensions { gist: model.has_extension("btree_gist"), gin: model.has_extension("btree_gin") };
        for at in 0..model.tables.len() {
            if !case.is_tenant(&model.tables[at]) {
                continue;
            }
            let global = global_keys(model, at, case);
            let table = &mut model.tables[at];
            let name = table.name.clone();
            for index in table.indexes.iter_mut().filter(|index| !index.unique) {
                if !names_tenant(index, case.column()) && !holds_a_global_key(index, &global) {
                    lead(index, &name, with, case);
                }
            }
        }
    }
}

/// Which methods learn of equality by an extension.
#[derive(Debug, Clone, Copy)]
struct Extensions {
    gist: bool,
    gin: bool,
}

/// Column sets that are unique over all tenants: the primary key where ids are global, and what `[unique]` names.
fn global_keys(model: &Model, at: usize, case: &Case<'_>) -> Vec<Vec<String>> {
    let table = &model.tables[at];
    let mut keys = case.globally_unique(model.root(&table.name)).to_vec();
    if case.declaration.tenancy.keys == Keys::GlobalId {
        keys.extend(table.primary_key().map(|key| key.columns.clone()));
    }
    keys
}

fn holds_a_global_key(index: &Index, global: &[Vec<String>]) -> bool {
    let has = |column: &String| index.keys.iter().any(|key| key.column.as_ref() == Some(column));
    index.method == "btree" && global.iter().any(|columns| columns.iter().all(has))
}

fn lead(index: &mut Index, table: &str, with: Extensions, case: &mut Case<'_>) {
    let place = format!("{} on {table}", index.name);
    match index.method.as_str() {
        "btree" => {}
        "gist" if with.gist => {}
        "gin" if with.gin => {}
        _ => return left_alone(index, table, case, place),
    }
    let tenant = case.column().to_owned();
    lead_index(index, &tenant);
    case.change(place, format!("the index is led by {tenant}"));
}

/// For B-trees the tenant must come first; elsewhere it is enough that it is there.
fn names_tenant(index: &Index, tenant: &str) -> bool {
    let is_tenant = |key: &IndexKey| key.column.as_deref() == Some(tenant);
    if index.method == "btree" {
        index.keys.first().is_some_and(is_tenant)
    } else {
        index.keys.iter().any(is_tenant)
    }
}

fn left_alone(index: &Index, table: &str, case: &mut Case<'_>, place: String) {
    let tenant = case.column();
    let column = index.keys.first().and_then(|key| key.column.as_deref()).unwrap_or("…");
    let (message, hint) = match index.method.as_str() {
        "gin" => (
            "a gin index is left as it is: leading it by the tenant takes the extension btree_gin",
            "add CREATE EXTENSION btree_gin to the schema, if tenants are many and the index is used (see the rule leakproof)".to_owned(),
        ),
        "gist" => (
            "a gist index is left as it is: leading it by the tenant takes the extension btree_gist",
            "add CREATE EXTENSION btree_gist to the schema".to_owned(),
        ),
        "brin" => (
            "a brin index is left as it is: it helps only where rows lie in its order",
            "partition the table, or use a btree index".to_owned(),
        ),
        "hash" => (
            "a hash index has one column, so it can't be led by the tenant",
            format!("use a btree index: CREATE INDEX ON {table} ({column}) becomes ({tenant}, {column})"),
        ),
        "hnsw" | "ivfflat" => (
            "a vector index is left as it is: it finds neighbours among all tenants' rows and filters afterwards, so \
             small tenants may get too few",
            "scan on until there are enough (SET hnsw.iterative_scan = 'strict_order'); partition the table by tenant (partition = { by = \"list\" }); \
             or give big tenants a schema of their own, whose index holds their rows alone. A partial index for a tenant helps only \
             queries that name the tenant themselves, as a constant"
                .to_owned(),
        ),
        _ => (
            "the index is left as it is: its method can't be led by the tenant",
            "use a btree index if it fits".to_owned(),
        ),
    };
    case.note(place, message, hint);
}

#[cfg(test)]
mod tests {
    use super::super::lab::{compiles_to, hits, misses};
    use super::*;

    const T: &str = "CREATE TABLE t (id bigint PRIMARY KEY, a int, b text, j jsonb, p point, r int4range);";
    const LED: &str = "change: i on t: the index is led by tenant_id";

    fn on(index: &str) -> String {
        format!("{T} CREATE INDEX i ON t {index}")
    }

    #[test]
    fn btree_indexes_are_led_by_the_tenant_and_keep_everything_else() {
        let sql = on(
            "(a DESC NULLS LAST, lower(b), b text_pattern_ops) INCLUDE (j) WITH (fillfactor = 80) WHERE a > 0",
        );
        hits(&Indexes, &sql, "", &[LED]);
        let kept = "(tenant_id, a DESC NULLS LAST, lower(b), b text_pattern_ops) INCLUDE (j) WITH (fillfactor = '80') WHERE (a > 0)";
        compiles_to(&sql, "", kept);
    }

    #[test]
    fn gist_and_gin_where_an_extension_knows_equality() {
        let left = |what: &str| {
            format!(
                "note: i on t: a {what} index is left as it is: leading it by the tenant takes the extension btree_{what}"
            )
        };
        hits(&Indexes, &on("USING gist (r)"), "", &[&left("gist")]);
        hits(&Indexes, &on("USING gin (j)"), "", &[&left("gin")]);
        hits(&Indexes, &format!("CREATE EXTENSION btree_gist; {}", on("USING gist (r)")), "", &[LED]);
        hits(&Indexes, &format!("CREATE EXTENSION btree_gin; {}", on("USING gin (j)")), "", &[LED]);
    }

    #[test]
    fn methods_that_cant_be_led() {
        let hash = "note: i on t: a hash index has one column, so it can't be led by the tenant";
        hits(&Indexes, &on("USING hash (b)"), "", &[hash]);
        hits(
            &Indexes,
            &on("USING brin (a)"),
            "",
            &["note: i on t: a brin index is left as it is: it helps only where rows lie in its order"],
        );
        hits(
            &Indexes,
            &on("USING spgist (p)"),
            "",
            &["note: i on t: the index is left as it is: its method can't be led by the tenant"],
        );
    }

    /// On a model: the servers of the tests have no pgvector.
    #[test]
    fn vector_indexes_are_left_alone() {
        for method in ["hnsw", "ivfflat"] {
            let index = Index {
                name: "i".to_owned(),
                method: method.to_owned(),
                keys: vec![IndexKey::of_column("v")],
                ..Index::default()
            };
            let table =
                crate::model::Table { name: "t".to_owned(), indexes: vec![index], ..Default::default() };
            let model = Model { tables: vec![table], ..Model::default() };
            let report = crate::check(&model, &crate::Declaration::default());
            let told: Vec<_> = report.findings.iter().filter(|found| found.rule == "index").collect();
            assert_eq!(told.len(), 1, "{told:#?}");
            assert_eq!(
                told[0].models,
                [TenancyModel::Shared],
                "a schema's index holds its tenant's rows alone"
            );
            assert!(told[0].hint.as_ref().is_some_and(|hint| hint.contains("by = \"list\"")), "{told:#?}");
            assert!(
                report.findings.iter().all(|found| found.rule != "leakproof"),
                "ordering is not bound by it"
            );
        }
    }

    #[test]
    fn keys_that_are_unique_over_all_tenants() {
        let sql =
            "CREATE TABLE t (id bigint PRIMARY KEY, hash text UNIQUE, a int); CREATE INDEX i ON t (hash, a)";
        misses(&Indexes, sql, "[unique]\n\"t.hash\" = \"global\"");
        hits(&Indexes, sql, "", &[LED]);
        misses(
            &Indexes,
            "CREATE TABLE t (id uuid PRIMARY KEY, a int); CREATE INDEX i ON t (id, a)",
            "[tenancy]\nkeys = \"global-id\"",
        );
    }

    #[test]
    fn led_already_and_global_tables() {
        misses(&Indexes, "CREATE TABLE t (tenant_id bigint, a int); CREATE INDEX ON t (tenant_id, a)", "");
        misses(&Indexes, &on("(a)"), "[tables]\nt = \"global\"");
    }
}
