-- Indexes: methods, expressions, predicates, operator classes and their options, collations, statistics, comments.
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE RETURN upper($1) || '!';
CREATE TABLE docs (
    id bigint, a int, b text, c varchar, p point, j jsonb, t tsvector, at timestamptz, arr int[], addr inet, "Q x" text, r int4range,
    bx box, u uuid, ch char(5)
);
CREATE INDEX plain ON docs (a, at DESC NULLS LAST, b NULLS FIRST, c DESC) WITH (fillfactor = 80, deduplicate_items = off);
CREATE INDEX patterns ON docs (b text_pattern_ops, c varchar_pattern_ops DESC, b COLLATE "C", b COLLATE "C" text_pattern_ops);
CREATE INDEX expressions ON docs ((a + 1), lower(b), (j ->> 'x'), (a IS NULL)) INCLUDE (c, u) WHERE a IS NOT NULL AND b <> 'it''s';
CREATE INDEX own_function ON docs (shout(b) COLLATE "C" text_pattern_ops DESC NULLS LAST, (b || "Q x"));
CREATE INDEX predicate_only ON docs (id) WHERE (j @> '{"a": 1}') OR a IN (1, 2, 3);
CREATE UNIQUE INDEX uniq ON docs (id, "Q x") INCLUDE (a) NULLS NOT DISTINCT WHERE a > 0;
CREATE UNIQUE INDEX uniq_expr ON docs (lower("Q x"));
CREATE INDEX "Weird ""index"" ☃" ON docs ("Q x");
CREATE INDEX paths ON docs USING gin (j jsonb_path_ops, arr, t) WITH (fastupdate = off, gin_pending_list_limit = 128);
CREATE INDEX whole ON docs USING gin (j);
CREATE INDEX words ON docs USING gist (t tsvector_ops (siglen = 100)) WITH (buffering = on);
CREATE INDEX nets ON docs USING gist (addr inet_ops);
CREATE INDEX points ON docs USING spgist (p kd_point_ops);
CREATE INDEX quads ON docs USING spgist (p);
CREATE INDEX texts ON docs USING spgist (b);
CREATE INDEX ranges ON docs USING gist (r, p);
CREATE INDEX stretches ON docs USING brin (at timestamptz_minmax_multi_ops (values_per_range = 16), id) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX bloomed ON docs USING brin (u uuid_bloom_ops (n_distinct_per_range = 50, false_positive_rate = 0.05));
CREATE INDEX covered ON docs USING brin (addr inet_inclusion_ops);
CREATE INDEX hashes ON docs USING hash (b) WITH (fillfactor = 60);
CREATE INDEX bp ON docs (ch bpchar_pattern_ops);
CREATE INDEX twice_1 ON docs (a);
CREATE INDEX twice_2 ON docs (a);
COMMENT ON INDEX expressions IS 'it''s an index';
ALTER INDEX expressions ALTER COLUMN 1 SET STATISTICS 500;
ALTER INDEX expressions ALTER COLUMN 3 SET STATISTICS 0;
ALTER TABLE docs CLUSTER ON plain;
CREATE STATISTICS "Stats 1" (ndistinct, mcv) ON a, b FROM docs;
CREATE STATISTICS all_kinds ON a, id, (a + 1), lower(b) FROM docs;
CREATE STATISTICS one_expression ON (j ->> 'x') FROM docs;
ALTER STATISTICS "Stats 1" SET STATISTICS 321;
COMMENT ON STATISTICS "Stats 1" IS 'how ''many''';
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gin;
CREATE EXTENSION hstore;
CREATE EXTENSION bloom;
CREATE EXTENSION citext;
CREATE TABLE extended (id bigint, len int, name text, tags hstore DEFAULT 'a=>1', mail citext UNIQUE CHECK (mail ~ '@'));
CREATE INDEX trgm ON extended USING gin (name gin_trgm_ops, id);
CREATE INDEX trgm_gist ON extended USING gist (name gist_trgm_ops (siglen = 32));
CREATE INDEX tag ON extended USING gin (tags);
CREATE INDEX blooming ON extended USING bloom (name, len) WITH (length = 80, col1 = 2);
