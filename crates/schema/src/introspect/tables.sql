-- Tables, partitioned tables and partitions. What belongs to a table comes from the other queries.
SELECT coalesce(json_agg(json_build_object(
    'name', c.relname,
    'comment', obj_description(c.oid, 'pg_class'),
    'partition_by', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
    'partition_of', CASE WHEN c.relispartition THEN (
        SELECT json_build_object('parent', p.relname, 'bounds', pg_get_expr(c.relpartbound, c.oid))
        FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
        WHERE i.inhrelid = c.oid) END,
    'inherits', CASE WHEN c.relispartition THEN '[]' ELSE coalesce((
        SELECT json_agg(p.relname ORDER BY i.inhseqno)
        FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
        WHERE i.inhrelid = c.oid), '[]') END,
    'unlogged', c.relpersistence = 'u',
    'options', to_json(coalesce(c.reloptions, '{}') || coalesce((
        SELECT array_agg('toast.' || o ORDER BY o)
        FROM pg_catalog.pg_class t, unnest(t.reloptions) o WHERE t.oid = c.reltoastrelid), '{}')),
    'replica_identity', c.relreplident,
    'row_security', c.relrowsecurity,
    'force_row_security', c.relforcerowsecurity,
    'has_grants', c.relacl IS NOT NULL,
    'of', CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END,
    'access_method', nullif(m.amname, 'heap'),
    'tablespace', s.spcname,
    -- Triggers that come with the parent and were enabled or disabled here. Foreign keys' are not meant.
    'trigger_states', CASE WHEN c.relispartition THEN coalesce((
        SELECT json_agg(json_build_object('name', t.tgname, 'enabled', t.tgenabled) ORDER BY t.tgname COLLATE "C")
        FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_trigger p ON p.oid = t.tgparentid
        WHERE t.tgrelid = c.oid AND t.tgenabled <> p.tgenabled AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint f WHERE f.oid = t.tgconstraint AND f.contype = 'f')), '[]') ELSE '[]' END
)), '[]')::text
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
