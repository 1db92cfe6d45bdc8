-- Rewrite rules of tables and views, without the one that makes a view a view.
-- The server always prints the schema of the relation itself, so it is taken off here.
SELECT coalesce(json_agg(json_build_object(
    'table', r.relname,
    'name', w.rulename,
    'comment', obj_description(w.oid, 'pg_rewrite'),
    'definition', overlay(t.text PLACING ' TO ' || quote_ident(r.relname) FROM strpos(t.text, t.place) FOR length(t.place)),
    'enabled', w.ev_enabled
)), '[]')::text
FROM pg_catalog.pg_rewrite w
JOIN pg_catalog.pg_class r ON r.oid = w.ev_class
CROSS JOIN LATERAL (
    SELECT rtrim(pg_get_ruledef(w.oid), ';') AS text, format(' TO %I.%I', current_schema(), r.relname) AS place) t
WHERE r.relnamespace = current_schema()::regnamespace AND r.relkind IN ('r', 'p', 'v') AND w.rulename <> '_RETURN'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e')
