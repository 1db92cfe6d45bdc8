//! One construct at a time: what the shared form of it is, that PostgreSQL takes it, and that it reads back as written.
//!
//! Each snapshot shows the plain SQL, what a person is told, and the statements without what every table gets.

use crate::harness::{Lab, declared, round_trip, target, target_for};
use tenantry_core::TenancyModel;
use tenantry_schema::{Model, check, compile};
use tenantry_testkit::versions_for_tests;

/// Compiles for all three models on all versions, round trip included; snapshots the shared form.
async fn shared(name: &str, sql: &str, declaration: &str) {
    let declaration_text = declaration;
    let declaration = declared(declaration);
    for version in versions_for_tests() {
        let plain = Lab::with(version, sql).await.public().await;
        let report = check(&plain, &declaration);
        let mut text = format!("{}\n", sql.trim());
        if !declaration_text.is_empty() {
            text.push_str(&format!("-- declared: {}\n", declaration_text.trim().replace('\n', "; ")));
        }
        for finding in report.for_people() {
            text.push_str(&format!("-- {finding}\n"));
        }
        for model in TenancyModel::ALL {
            if let Some(error) = report.errors(model).next() {
                text.push_str(&format!("-- not for the {model} model: {}\n", error.rule));
                continue;
            }
            let target = target_for(model, &declaration);
            let (_, compiled) = round_trip(version, &plain, &declaration, &target).await;
            if model == TenancyModel::Shared {
                text.push_str("-- becomes\n");
                let telling = compiled.statements.iter().filter(|statement| !is_routine(statement));
                text.extend(telling.map(|statement| format!("{};\n", unqualified(&plain, statement))));
            }
        }
        insta::assert_snapshot!(name, text);
    }
}

/// Older servers print `items.id` where newer ones print `id` in a view of one table: the snapshots don't care.
fn unqualified(plain: &Model, statement: &str) -> String {
    let relations =
        plain.tables.iter().map(|table| &table.name).chain(plain.views.iter().map(|view| &view.name));
    if !statement.starts_with("CREATE VIEW") {
        return statement.to_owned();
    }
    relations.fold(statement.to_owned(), |text, name| {
        text.replace(&format!("\"{name}\"."), "").replace(&format!("{name}."), "")
    })
}

/// What every placement or table gets, shown by the snapshots of the sample.
fn is_routine(statement: &str) -> bool {
    statement.starts_with("SET LOCAL")
        || statement.contains(" OWNER TO ")
        || statement.starts_with("GRANT USAGE ON SCHEMA")
        || statement.starts_with("GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE")
        || statement.contains("\"tenantry_allow\"")
        || statement.contains("\"tenantry_floor\"")
        || statement.ends_with("ROW LEVEL SECURITY")
        || statement.ends_with("IS 'tenantry:kind=tenant'")
}

#[tokio::test]
async fn foreign_keys() {
    let sql = "
CREATE TABLE nodes (
    id bigint PRIMARY KEY, code text UNIQUE, a int, b int, UNIQUE (a, b),
    parent bigint DEFAULT 1 REFERENCES nodes ON DELETE SET DEFAULT ON UPDATE CASCADE
);
CREATE TABLE leaves (
    id bigint PRIMARY KEY,
    node bigint REFERENCES nodes ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    code text REFERENCES nodes (code) MATCH FULL,
    a int, b int, FOREIGN KEY (a, b) REFERENCES nodes (a, b) MATCH FULL ON DELETE SET NULL,
    restricted bigint REFERENCES nodes ON DELETE RESTRICT
);
ALTER TABLE leaves ADD CONSTRAINT unchecked FOREIGN KEY (node) REFERENCES nodes NOT VALID;
ALTER TABLE leaves ADD CONSTRAINT half FOREIGN KEY (a, b) REFERENCES nodes (a, b) ON DELETE SET NULL (b);";
    shared("foreign_keys", sql, "").await;
}

#[tokio::test]
async fn foreign_keys_to_global_tables_and_global_uniques() {
    let sql = "
CREATE TABLE countries (code text PRIMARY KEY);
CREATE TABLE keys (id bigint PRIMARY KEY, hash text NOT NULL UNIQUE, country text REFERENCES countries);
CREATE TABLE uses (id bigint PRIMARY KEY, hash text REFERENCES keys (hash));";
    shared("global_targets", sql, "[tables]\ncountries = \"global\"\n[unique]\n\"keys.hash\" = \"global\"")
        .await;
}

#[tokio::test]
async fn uniques() {
    let sql = "
CREATE TABLE things (
    id bigint, PRIMARY KEY (id) INCLUDE (a), a int, b int, c text, d text,
    CONSTRAINT nulls_too UNIQUE NULLS NOT DISTINCT (a, b),
    CONSTRAINT covering UNIQUE (b) INCLUDE (c) WITH (fillfactor=70),
    CONSTRAINT later UNIQUE (c) DEFERRABLE
);
CREATE UNIQUE INDEX lowered ON things (lower(d)) WHERE a > 0;
CREATE UNIQUE INDEX tokens ON things (d);";
    shared("uniques", sql, "[unique]\n\"things.d\" = \"global\"").await;
}

#[tokio::test]
async fn exclusions() {
    let sql = "
CREATE EXTENSION btree_gist;
CREATE TABLE bookings (
    id bigint PRIMARY KEY, room int, during tstzrange, cancelled boolean,
    CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (NOT cancelled) DEFERRABLE
);";
    shared("exclusions", sql, "").await;
}

#[tokio::test]
async fn indexes() {
    let sql = "
CREATE TABLE docs (id bigint PRIMARY KEY, a int, b text, c varchar, p point, j jsonb, t tsvector, at timestamptz);
CREATE INDEX plain ON docs (a, at DESC NULLS LAST, b NULLS FIRST) WITH (fillfactor = 80);
CREATE INDEX patterns ON docs (b text_pattern_ops, c varchar_pattern_ops, b COLLATE \"C\");
CREATE INDEX expressions ON docs ((a + 1), lower(b), (j ->> 'x')) INCLUDE (c) WHERE a IS NOT NULL AND b <> '';
CREATE INDEX paths ON docs USING gin (j jsonb_path_ops);
CREATE INDEX words ON docs USING gist (t tsvector_ops (siglen = 100));
CREATE INDEX points ON docs USING spgist (p);
CREATE INDEX stretches ON docs USING brin (at) WITH (pages_per_range = 32);
CREATE INDEX hashes ON docs USING hash (b);";
    shared("indexes", sql, "").await;
    shared("indexes_with_btree_gist", &format!("CREATE EXTENSION btree_gist;{sql}"), "").await;
}

#[tokio::test]
async fn adopted_columns() {
    let sql = "
CREATE TABLE organizations (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid UNIQUE);
CREATE TABLE members (
    id bigint GENERATED BY DEFAULT AS IDENTITY, organization_id uuid, email text NOT NULL, boss bigint,
    PRIMARY KEY (id, organization_id), UNIQUE (organization_id, email),
    FOREIGN KEY (boss, organization_id) REFERENCES members (id, organization_id) ON DELETE SET NULL (boss)
);
CREATE INDEX led ON members (organization_id, boss);
CREATE INDEX last_one ON members (boss, organization_id);
CREATE TABLE notes (id bigint PRIMARY KEY, member bigint);";
    shared("adopted_columns", sql, "[tenancy]\ncolumn = \"organization_id\"\ntype = \"uuid\"").await;
}

#[tokio::test]
async fn types_sequences_and_columns() {
    let sql = r#"
CREATE TYPE mood AS ENUM ('it''s', 'back\slash', 'fine');
CREATE TYPE pair AS (a int, b text COLLATE "C");
CREATE DOMAIN amount AS numeric(10, 2) DEFAULT 0 NOT NULL CHECK (VALUE >= 0) CONSTRAINT small CHECK (VALUE < 1000);
CREATE TYPE span AS RANGE (subtype = timestamptz, multirange_type_name = spans);
COMMENT ON TYPE mood IS 'a mood';
COMMENT ON DOMAIN amount IS 'money';
CREATE SEQUENCE free AS integer INCREMENT 5 MINVALUE -10 MAXVALUE 1000 START 20 CACHE 3 CYCLE;
CREATE SEQUENCE down INCREMENT -1;
CREATE FUNCTION next_code() RETURNS text LANGUAGE sql AS $$ SELECT 'c' || nextval('free') $$;
CREATE UNLOGGED TABLE everything (
    id serial PRIMARY KEY,
    number bigint GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME numbers START 100 INCREMENT 10),
    code text DEFAULT next_code(),
    other bigint DEFAULT nextval('down'),
    mood mood DEFAULT 'fine', moods mood[], pair pair, price amount, at span, ats spans,
    name varchar(20) COLLATE "C", big text, twice int GENERATED ALWAYS AS (id * 2) STORED,
    CONSTRAINT positive CHECK (id > 0), CONSTRAINT own CHECK (id > 1) NO INHERIT
) WITH (fillfactor = 70, toast.autovacuum_enabled = false);
ALTER TABLE everything ALTER big SET STORAGE EXTERNAL, ALTER big SET COMPRESSION pglz,
    ALTER name SET STATISTICS 500, ALTER name SET (n_distinct = -0.5), REPLICA IDENTITY FULL;
ALTER TABLE everything ADD CONSTRAINT late CHECK (other < 0) NOT VALID;
CREATE STATISTICS related (dependencies) ON name, code FROM everything;
COMMENT ON TABLE everything IS 'all of it''s here';
COMMENT ON COLUMN everything.big IS 'big';
COMMENT ON CONSTRAINT positive ON everything IS 'positive';
COMMENT ON STATISTICS related IS 'related';
COMMENT ON SEQUENCE free IS 'free';
COMMENT ON FUNCTION next_code() IS 'next';"#;
    shared("types_sequences_and_columns", sql, "").await;
}

#[tokio::test]
async fn partitions() {
    let sql = "
CREATE TABLE logs (
    id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, region text NOT NULL, note text CHECK (note <> ''),
    PRIMARY KEY (id, at, region), UNIQUE (note, at, region)
) PARTITION BY RANGE (at);
CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('2026-01-01') PARTITION BY LIST (region);
CREATE TABLE logs_old_eu PARTITION OF logs_old FOR VALUES IN ('eu', 'uk');
CREATE TABLE logs_old_rest PARTITION OF logs_old DEFAULT;
CREATE TABLE logs_new PARTITION OF logs (note DEFAULT 'new') DEFAULT;
CREATE INDEX by_note ON logs (note);
CREATE INDEX only_new ON logs_new (region);
CREATE TABLE refs (log bigint, at timestamptz, region text, FOREIGN KEY (log, at, region) REFERENCES logs);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER everywhere BEFORE INSERT ON logs FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER here AFTER UPDATE ON logs_new FOR EACH ROW WHEN (NEW.note IS NULL) EXECUTE FUNCTION nothing();
ALTER TABLE logs_new DISABLE TRIGGER here;";
    shared("partitions", sql, "").await;
    shared("partitions_global_id", sql, "[tenancy]\nkeys = \"global-id\"").await;
}

#[tokio::test]
async fn views_and_functions() {
    let sql = "
CREATE TABLE plans (id bigint PRIMARY KEY, name text);
CREATE TABLE items (id bigint PRIMARY KEY, name text, plan bigint REFERENCES plans);
CREATE VIEW b_named AS SELECT * FROM items WHERE name IS NOT NULL WITH LOCAL CHECK OPTION;
CREATE VIEW a_over AS SELECT id, upper(name) AS name FROM b_named;
CREATE VIEW c_barrier WITH (security_barrier) AS SELECT i.id, p.name FROM items i JOIN plans p ON p.id = i.plan;
COMMENT ON VIEW a_over IS 'over';
COMMENT ON COLUMN a_over.name IS 'upper';
CREATE FUNCTION first_item() RETURNS items LANGUAGE sql STABLE AS 'SELECT * FROM items ORDER BY id LIMIT 1';
CREATE FUNCTION count_over(minimum bigint DEFAULT 0, OUT n bigint) LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT count(*) FROM a_over WHERE id > minimum; END;
CREATE PROCEDURE clear() LANGUAGE plpgsql AS $$ BEGIN TRUNCATE items; END $$;
CREATE FUNCTION put(i bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN INSERT INTO items (id) VALUES (i) ON CONFLICT (id) DO NOTHING; END $$;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER write INSTEAD OF INSERT ON a_over FOR EACH ROW EXECUTE FUNCTION instead();
COMMENT ON TRIGGER write ON a_over IS 'nothing is written';";
    shared("views_and_functions", sql, "[tables]\nplans = \"global\"").await;
}

#[tokio::test]
async fn policies_of_the_application_stay() {
    let sql = "
CREATE TABLE secrets (id bigint PRIMARY KEY, public boolean);
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON secrets FOR SELECT USING (public);
CREATE POLICY writable ON secrets FOR INSERT WITH CHECK (NOT public);
COMMENT ON POLICY readable ON secrets IS 'who reads';
CREATE TABLE open (id bigint PRIMARY KEY);";
    let declaration = declared("");
    for version in versions_for_tests() {
        let plain = Lab::with(version, sql).await.public().await;
        for model in TenancyModel::ALL {
            let (_, compiled) = round_trip(version, &plain, &declaration, &target(model)).await;
            let policies: Vec<_> = compiled
                .statements
                .iter()
                .filter(|statement| statement.contains("POLICY"))
                .cloned()
                .collect();
            insta::assert_snapshot!(format!("policies_{model}"), policies.join(";\n"));
        }
    }
}

#[tokio::test]
async fn names_that_need_quotes() {
    let sql = r#"
CREATE TABLE "Order" ("Id" bigint PRIMARY KEY, "user" text UNIQUE, "a""b" int CHECK ("a""b" > 0));
CREATE TABLE "été, 1.5" (id bigint PRIMARY KEY, "order" bigint REFERENCES "Order" ON DELETE SET NULL);
CREATE INDEX "My Index" ON "Order" (lower("user"));
CREATE VIEW "V w" AS SELECT "Id" FROM "Order";
CREATE FUNCTION "Do It"("Arg" text) RETURNS text LANGUAGE sql AS 'SELECT "Arg"';
CREATE TYPE "Kind" AS ENUM ('A');"#;
    shared("names_that_need_quotes", sql, "[tenancy]\ncolumn = \"Tenant\"").await;
}

#[tokio::test]
async fn a_text_tenant_and_its_literal() {
    let plain = Lab::with(15, "CREATE TABLE items (id bigint PRIMARY KEY)").await.public().await;
    let declaration = declared("[tenancy]\ntype = \"text\"");
    let mut target = target(TenancyModel::Schema);
    target.tenant_value = Some(r"o'h\o".to_owned());
    let compiled = compile(&plain, &declaration, &target).unwrap();
    let floor = compiled.statements.iter().find(|statement| statement.contains("tenantry_floor")).unwrap();
    assert!(floor.contains(r"AS tenant_id) = E'o''h\\o'::text)"), "{floor}");
}

/// What older servers don't have. (`WITHOUT OVERLAPS` on plain columns takes btree_gist.)
#[tokio::test]
async fn what_came_with_18() {
    let sql = "
CREATE EXTENSION btree_gist;
CREATE TABLE rooms (id bigint, during tstzrange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE stays (
    id bigint PRIMARY KEY, room bigint, during tstzrange, nights int, twice int GENERATED ALWAYS AS (nights * 2) VIRTUAL,
    label text CONSTRAINT labelled NOT NULL,
    FOREIGN KEY (room, PERIOD during) REFERENCES rooms (id, PERIOD during),
    CONSTRAINT hoped CHECK (nights > 0) NOT ENFORCED
);
ALTER TABLE stays ADD CONSTRAINT vague FOREIGN KEY (id) REFERENCES stays NOT ENFORCED;";
    let newest = versions_for_tests().into_iter().filter(|version| *version >= 18);
    for version in newest {
        let plain = Lab::with(version, sql).await.public().await;
        for model in TenancyModel::ALL {
            let (_, compiled) = round_trip(version, &plain, &declared(""), &target(model)).await;
            if model == TenancyModel::Shared {
                let telling: Vec<_> =
                    compiled.statements.iter().filter(|statement| !is_routine(statement)).cloned().collect();
                insta::assert_snapshot!("what_came_with_18", telling.join(";\n"));
            }
        }
    }
}
