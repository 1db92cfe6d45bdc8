-- Materialized views. Their columns, indexes and statistics come from the queries for those of tables.
SELECT coalesce(json_agg(json_build_object(
    'name', v.relname,
    'comment', obj_description(v.oid, 'pg_class'),
    'definition', pg_get_viewdef(v.oid),
    'options', to_json(coalesce(v.reloptions, '{}') || coalesce((
        SELECT array_agg('toast.' || o ORDER BY o)
        FROM pg_catalog.pg_class t, unnest(t.reloptions) o WHERE t.oid = v.reltoastrelid), '{}')),
    'populated', v.relispopulated,
    'access_method', nullif(m.amname, 'heap'),
    'tablespace', s.spcname,
    'groups_by', coalesce((
        SELECT json_agg(DISTINCT t.relname)
        FROM pg_catalog.pg_rewrite w
        JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
            AND d.refclassid = 'pg_catalog.pg_constraint'::regclass
        JOIN pg_catalog.pg_constraint c ON c.oid = d.refobjid
        JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
        WHERE w.ev_class = v.oid), '[]')
)), '[]')::text
FROM pg_catalog.pg_class v
LEFT JOIN pg_catalog.pg_am m ON m.oid = v.relam
LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = v.reltablespace
WHERE v.relnamespace = current_schema()::regnamespace AND v.relkind = 'm'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = v.oid AND d.deptype = 'e')
