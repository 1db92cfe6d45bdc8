-- Views over everything, materialized views with all that hangs on them, rewrite rules.
CREATE TABLE items (id bigint PRIMARY KEY, name text, price numeric, parent bigint, at timestamptz, gone int, j jsonb);
ALTER TABLE items DROP COLUMN gone;
CREATE TABLE log (item bigint, what text, at timestamptz DEFAULT now());
CREATE FUNCTION priced(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN $1 * 1.19;
CREATE VIEW zz_first AS SELECT id, name FROM items;
CREATE VIEW aa_on_zz AS SELECT z.*, priced(2) AS p FROM zz_first z WHERE z.name <> 'it''s';
CREATE VIEW "Mixed View" ("Col A", b) WITH (security_barrier = true, security_invoker = true) AS SELECT id, upper(name) FROM items;
CREATE VIEW checked AS SELECT * FROM items WHERE price > 0 WITH CASCADED CHECK OPTION;
CREATE VIEW checked_locally WITH (check_option = local) AS SELECT id, price FROM items WHERE price < 10;
ALTER VIEW checked ALTER COLUMN name SET DEFAULT 'unnamed', ALTER COLUMN at SET DEFAULT now();
CREATE RECURSIVE VIEW tree (id, path) AS
    SELECT id, ARRAY[id] FROM items WHERE parent IS NULL
    UNION ALL SELECT i.id, t.path || i.id FROM items i JOIN tree t ON i.parent = t.id;
CREATE VIEW grouped AS SELECT i.id, i.name, count(l.*) AS n, sum(sum(i.price)) OVER w AS s
    FROM items i LEFT JOIN log l ON l.item = i.id GROUP BY i.id WINDOW w AS (PARTITION BY i.name ORDER BY i.id);
CREATE VIEW complicated AS
    WITH recent AS MATERIALIZED (SELECT * FROM log WHERE at > now() - '1 day'::interval)
    SELECT DISTINCT ON (i.id) i.id, (SELECT max(r.at) FROM recent r WHERE r.item = i.id) AS latest,
        CASE WHEN EXISTS (SELECT FROM log WHERE item = i.id) THEN 'y' ELSE 'n' END AS logged, x.value, i.j -> 'a' ->> 'b' AS ab
    FROM items i CROSS JOIN LATERAL jsonb_array_elements(i.j) WITH ORDINALITY x(value, n)
    WHERE i.price = ANY (ARRAY[1.5, 2.5]) ORDER BY i.id, x.n DESC NULLS LAST LIMIT 10;
CREATE VIEW constants AS VALUES (1, 'a'), (2, NULL);
CREATE VIEW united AS SELECT id FROM items UNION SELECT item FROM log EXCEPT SELECT 5;
CREATE VIEW row_of AS SELECT items AS whole, items.* FROM items;
COMMENT ON VIEW checked IS 'a ''view''';
COMMENT ON COLUMN checked.name IS 'defaulted';
CREATE FUNCTION reads_view() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM checked; END;
CREATE VIEW on_function AS SELECT reads_view() AS n;
CREATE MATERIALIZED VIEW totals WITH (autovacuum_enabled = false, fillfactor = 70) AS
    SELECT i.id, sum(price) AS total, name || '!' AS named, j FROM items i GROUP BY i.id;
CREATE UNIQUE INDEX totals_id ON totals (id) INCLUDE (total);
CREATE INDEX totals_named ON totals (lower(named) text_pattern_ops DESC) WHERE total > 5;
ALTER MATERIALIZED VIEW totals CLUSTER ON totals_id;
ALTER MATERIALIZED VIEW totals ALTER COLUMN j SET STORAGE EXTERNAL, ALTER COLUMN named SET STATISTICS 55, ALTER COLUMN j SET COMPRESSION pglz,
    ALTER COLUMN total SET (n_distinct = 5);
COMMENT ON MATERIALIZED VIEW totals IS 'it''s stored';
COMMENT ON COLUMN totals.total IS 'sum';
COMMENT ON INDEX totals_id IS 'the key';
CREATE STATISTICS totals_stats ON id, named FROM totals;
CREATE MATERIALIZED VIEW "Never Filled" AS SELECT total FROM totals WITH NO DATA;
CREATE MATERIALIZED VIEW aa_over_it AS SELECT id AS totals_id, n FROM totals CROSS JOIN on_function;
CREATE VIEW over_stored AS SELECT * FROM aa_over_it;
CREATE RULE logged AS ON INSERT TO items WHERE (NEW.price > 100) DO ALSO INSERT INTO log (item, what) VALUES (NEW.id, 'it''s dear');
CREATE RULE "No Delete" AS ON DELETE TO log DO INSTEAD NOTHING;
CREATE RULE several AS ON UPDATE TO log DO ALSO (INSERT INTO log (item) VALUES (OLD.item); DELETE FROM items WHERE id = NEW.item);
ALTER TABLE log DISABLE RULE several;
COMMENT ON RULE logged ON items IS 'a ''rule''';
CREATE RULE into_items AS ON INSERT TO "Mixed View" DO INSTEAD INSERT INTO items (id, name) VALUES (NEW."Col A", NEW.b) RETURNING id, name;
