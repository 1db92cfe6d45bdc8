-- Views. groups_by lists tables whose primary key lets the view select columns that its GROUP BY does not name.
-- updatable is the bit mask of pg_relation_is_updatable (4 UPDATE, 8 INSERT, 16 DELETE), INSTEAD OF triggers counted.
SELECT coalesce(json_agg(json_build_object(
    'name', v.relname,
    'comment', obj_description(v.oid, 'pg_class'),
    'definition', pg_get_viewdef(v.oid),
    'options', coalesce(to_json(v.reloptions), '[]'),
    'updatable', pg_relation_is_updatable(v.oid, true),
    'column_comments', coalesce((
        SELECT json_agg(json_build_object('column', a.attname, 'comment', col_description(v.oid, a.attnum))
                        ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = v.oid AND a.attnum > 0 AND col_description(v.oid, a.attnum) IS NOT NULL), '[]'),
    'column_defaults', coalesce((
        SELECT json_agg(json_build_object('column', a.attname, 'default', pg_get_expr(d.adbin, d.adrelid))
                        ORDER BY a.attnum)
        FROM pg_catalog.pg_attrdef d
        JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        WHERE d.adrelid = v.oid), '[]'),
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
WHERE v.relnamespace = current_schema()::regnamespace AND v.relkind = 'v' AND v.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = v.oid AND d.deptype = 'e')
