-- Triggers of tables and views, without those that a partition inherits and those of foreign keys.
SELECT coalesce(json_agg(json_build_object(
    'table', r.relname,
    'name', t.tgname,
    'comment', obj_description(t.oid, 'pg_trigger'),
    'definition', pg_get_triggerdef(t.oid, true),
    'enabled', t.tgenabled
)), '[]')::text
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class r ON r.oid = t.tgrelid
WHERE r.relnamespace = current_schema()::regnamespace AND r.relkind IN ('r', 'p', 'v') AND r.relpersistence <> 't'
    AND NOT t.tgisinternal AND t.tgparentid = 0
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e')
