//! What becomes of scoped tables and of what refers to them.

use super::super::lab::{compiles_to, hits, plain};
use super::*;
use crate::check;

const SCOPED: &str = "[tables]\nproducts = \"scoped\"\n";
const MEMBERS: &str = "[tables]\nproducts = { kind = \"scoped\", writable_by = \"members\" }\n";
const TABLE: &str = "CREATE TABLE products (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sku text UNIQUE, at timestamptz);
    CREATE INDEX by_time ON products (at DESC) WHERE at IS NOT NULL;";

#[test]
fn column_uniques_indexes_and_floor() {
    let expected = [
        "change: by_time on products: the index is led by scope_id",
        "change: products: row-level security is enabled and forced, with the scopes that a tenant sees, and those it writes",
        "change: products.scope_id: the scope column is added",
        "change: products_at_scope_id_idx on products: an index (at, scope_id) is added",
        "change: products_sku_key on products: the unique constraint becomes (scope_id, sku)",
        "note: products: its ids are unique over all tenants: an INSERT that names one learns whether it is taken",
    ];
    hits(&Scopes, TABLE, SCOPED, &expected);
    compiles_to(
        TABLE,
        SCOPED,
        "CREATE INDEX by_time ON products USING btree (scope_id, at DESC) WHERE (at IS NOT NULL)",
    );
    compiles_to(
        TABLE,
        SCOPED,
        "CREATE INDEX products_at_scope_id_idx ON products USING btree (at DESC, scope_id) WHERE (at IS NOT NULL)",
    );
    compiles_to(TABLE, SCOPED, "PRIMARY KEY (id)");
    compiles_to(TABLE, SCOPED, "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE products");
}

#[test]
fn who_writes() {
    let own = "FOR UPDATE TO PUBLIC USING ((scope_id = (SELECT tenancy.own_scope() AS own_scope)))";
    compiles_to(TABLE, SCOPED, own);
    let members = "FOR INSERT TO PUBLIC WITH CHECK ((scope_id = ANY ((SELECT tenancy.writable_scopes() AS writable_scopes)::bigint[])))";
    compiles_to(TABLE, MEMBERS, members);
}

fn says(sql: &str, declaration: &str) -> Vec<String> {
    let mut all = Vec::new();
    for version in tenantry_testkit::versions_for_tests() {
        let report = check(&plain(version, sql), &super::super::lab::declared(declaration));
        let mine = report
            .findings
            .iter()
            .filter(|finding| finding.rule == "scope" && finding.severity == Severity::Error);
        all = mine.map(|finding| format!("{}: {}", finding.place, finding.message)).collect();
    }
    all
}

#[test]
fn references_that_cant_be_kept() {
    let to = |rest: &str| format!("{TABLE} {rest}");
    let tenant = "CREATE TABLE notes (id bigint PRIMARY KEY); ALTER TABLE products ADD note bigint CONSTRAINT of_note REFERENCES notes";
    assert_eq!(
        says(&to(tenant), SCOPED),
        [
            "of_note on products: a scoped table refers to the tenant table notes: others who see the row would refer to it too"
        ]
    );
    let global = "CREATE TABLE plans (product bigint CONSTRAINT of_product REFERENCES products)";
    assert_eq!(
        says(&to(global), &format!("{SCOPED}plans = \"global\"")),
        [
            "of_product on plans: a global table refers to the scoped table products, of which not everybody sees every row"
        ]
    );
    let sku = "CREATE TABLE lines (sku text CONSTRAINT of_sku REFERENCES products (sku))";
    assert_eq!(says(&to(sku), SCOPED), ["of_sku on lines: (sku) of products is unique within a scope only"]);
    assert!(says(&to(sku), &format!("{SCOPED}[unique]\n\"products.sku\" = \"global\"")).is_empty());
    let cascade =
        "CREATE TABLE lines (product bigint CONSTRAINT of_product REFERENCES products ON DELETE CASCADE)";
    assert_eq!(
        says(&to(cascade), MEMBERS),
        [
            "of_product on lines: members may write products, so one of them would delete or change others' rows here"
        ]
    );
    assert!(says(&to(cascade), SCOPED).is_empty());
    // Of scoped rows too: they may be another tenant's own, or the operator's.
    let parts =
        "CREATE TABLE parts (product bigint CONSTRAINT of_product REFERENCES products ON DELETE SET NULL)";
    let other = format!("{MEMBERS}parts = \"scoped\"");
    let error = "of_product on parts: members may write products, so one of them would delete or change others' rows here";
    assert_eq!(says(&to(parts), &other), [error]);
    let itself =
        "ALTER TABLE products ADD part_of bigint CONSTRAINT of_whole REFERENCES products ON DELETE CASCADE";
    assert_eq!(says(&to(itself), MEMBERS), [error.replace("of_product on parts", "of_whole on products")]);
    assert!(says(&to(parts), &format!("{SCOPED}parts = \"scoped\"")).is_empty());
}

#[test]
fn references_get_a_trigger_that_asks_for_visibility() {
    let sql = format!("{TABLE} CREATE TABLE lines (product bigint CONSTRAINT of_product REFERENCES products DEFERRABLE INITIALLY DEFERRED);
        ALTER TABLE products ADD part_of bigint CONSTRAINT of_whole REFERENCES products;");
    compiles_to(
        &sql,
        SCOPED,
        "CREATE CONSTRAINT TRIGGER tenantry_scope_of_product AFTER INSERT OR UPDATE OF product, tenant_id ON lines DEFERRABLE \
         INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tenancy.check_scope('of_product', '', 'products', 'product', 'id', 'tenant_id')",
    );
    compiles_to(&sql, SCOPED, "tenancy.check_scope('of_whole', '', 'products', 'part_of', 'id', '')");
}

#[test]
fn a_column_of_that_name_must_fit() {
    let sql = "CREATE TABLE products (id bigint PRIMARY KEY, scope_id text)";
    assert_eq!(
        says(sql, SCOPED),
        ["products.scope_id: a scoped table has a column of this name that is no plain bigint"]
    );
}
