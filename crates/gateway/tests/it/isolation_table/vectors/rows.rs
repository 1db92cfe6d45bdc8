//! Attempts on rows that row-level security, or a privilege, should keep.

use super::{Class, REFUSED, RUNS, Vector};

const fn rows(name: &'static str, tries: &'static [&'static str], meets: [&'static str; 3]) -> Vector {
    super::vector(name, Class::Rows, tries, meets)
}

/// The floor leaves nothing of them, and in another database the name means nothing.
const THEIRS: [&str; 3] = ["-", "-", "0A000"];
const PLANTED: [&str; 3] = ["42501", "42501", "0A000"];

pub(super) const VECTORS: &[Vector] = &[
    rows("reading the other's rows by their name", &["SELECT body FROM {theirs}"], THEIRS),
    rows("`INSERT` into the other's rows", &["INSERT INTO {plant}"], PLANTED),
    rows("`UPDATE` without a condition", &["UPDATE notes SET body = body"], RUNS),
    rows("`UPDATE … RETURNING`", &["UPDATE notes SET slug = slug RETURNING body"], RUNS),
    rows("`DELETE` without a condition", &["BEGIN", "DELETE FROM notes RETURNING body", "ROLLBACK"], RUNS),
    rows("`UPDATE` of the other's rows", &["UPDATE {update} SET body = 'broken' {where}"], THEIRS),
    rows("`DELETE` of the other's rows", &["DELETE FROM {theirs}"], THEIRS),
    rows("moving a row to the other", &["UPDATE notes SET tenant_id = {other}"], ["42501", "42703", "42703"]),
    rows(
        "`ON CONFLICT DO UPDATE` of the other's key",
        &[
            "BEGIN",
            "INSERT INTO notes (id, slug, body) VALUES (1001, 'new', 'x') ON CONFLICT {key} DO UPDATE SET body = 'broken'",
            "ROLLBACK",
        ],
        RUNS,
    ),
    rows(
        "`MERGE`",
        &[
            "MERGE INTO notes n USING (VALUES (1001)) v (id) ON n.id = v.id WHEN MATCHED THEN UPDATE SET body = 'broken'",
        ],
        RUNS,
    ),
    rows("`COPY … TO STDOUT`", &["COPY notes (id, body) TO STDOUT"], RUNS),
    rows("`COPY` of the other's rows", &["COPY (SELECT body FROM {theirs}) TO STDOUT"], THEIRS),
    rows("`COPY` to a file of the server", &["COPY notes TO '/tmp/leak'"], REFUSED),
    rows("`COPY` to a program", &["COPY notes TO PROGRAM 'cat'"], REFUSED),
    rows("`TRUNCATE`", &["TRUNCATE notes"], REFUSED),
    rows("`DROP TABLE`", &["DROP TABLE notes"], REFUSED),
    rows(
        "`ALTER TABLE … DISABLE ROW LEVEL SECURITY`",
        &["ALTER TABLE notes DISABLE ROW LEVEL SECURITY"],
        REFUSED,
    ),
    rows("`DROP POLICY`", &["DROP POLICY floor ON notes"], ["42501", "42501", "42704"]),
    rows("`CREATE POLICY`", &["CREATE POLICY mine ON notes USING (true)"], REFUSED),
    rows(
        "`CREATE TRIGGER`",
        &[
            "CREATE TRIGGER t BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ],
        REFUSED,
    ),
    rows("`CREATE RULE`", &["CREATE RULE r AS ON INSERT TO notes DO ALSO NOTHING"], REFUSED),
    rows("`GRANT`", &["GRANT SELECT ON notes TO PUBLIC"], REFUSED),
    rows(
        "a leaky function in the condition",
        &[
            "CREATE FUNCTION pg_temp.leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'",
            "SELECT count(*) FROM notes WHERE pg_temp.leak(body)",
        ],
        REFUSED,
    ),
    rows("an error that tells the value", &["SELECT body::int FROM notes"], ["22P02"; 3]),
    rows(
        "views and materialized views",
        &[
            "CREATE VIEW public.v AS SELECT * FROM notes",
            "CREATE MATERIALIZED VIEW public.m AS SELECT * FROM notes",
        ],
        REFUSED,
    ),
    rows(
        "`CREATE FUNCTION`",
        &["CREATE FUNCTION public.peek() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
        REFUSED,
    ),
    rows("`CREATE EXTENSION`", &["CREATE EXTENSION plpgsql_missing"], ["0A000"; 3]),
    rows("foreign servers", &["CREATE SERVER s FOREIGN DATA WRAPPER missing"], ["42704"; 3]),
    rows("publications", &["CREATE PUBLICATION p FOR ALL TABLES"], REFUSED),
    rows("replication slots", &["SELECT pg_create_logical_replication_slot('s', 'pgoutput')"], REFUSED),
    rows("`query_to_xml()`", &["SELECT query_to_xml('SELECT * FROM notes', true, true, '')"], REFUSED),
    rows("`ts_stat()`", &["SELECT * FROM ts_stat('SELECT to_tsvector(body) FROM notes')"], REFUSED),
    rows("statistics of columns", &["SELECT * FROM pg_stats"], REFUSED),
    rows("statistics as they are stored", &["SELECT * FROM pg_statistic"], REFUSED),
    rows("reading files of the server", &["SELECT pg_read_file('PG_VERSION')"], REFUSED),
];
