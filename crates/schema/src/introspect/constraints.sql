-- Constraints of tables. Left out: what a partition inherits from its parent's foreign keys, constraint triggers
-- (see triggers.sql) and NOT NULL (see columns.sql). The keys of an exclusion constraint are those of its index.
-- to_jsonb(c) ->> 'x' reads a catalog column that older servers don't have.
SELECT coalesce(json_agg(json_build_object(
    'table', r.relname,
    'name', c.conname,
    'comment', obj_description(c.oid, 'pg_constraint'),
    'kind', CASE c.contype WHEN 'p' THEN 'primary-key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign-key'
                           WHEN 'c' THEN 'check' ELSE 'exclusion' END,
    'columns', coalesce((
        SELECT json_agg(a.attname ORDER BY k.ord)
        FROM unnest(c.conkey) WITH ORDINALITY k (attnum, ord)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum), '[]'),
    -- An unvalidated one of a partition is named too: it can't be there before its parent's.
    'inherited', c.contype = 'c' AND c.coninhcount > 0
        AND CASE WHEN r.relispartition THEN NOT c.convalidated ELSE NOT c.conislocal END,
    'deferrable', c.condeferrable,
    'deferred', c.condeferred,
    'validated', c.convalidated,
    'enforced', coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true),
    'period', coalesce((to_jsonb(c) ->> 'conperiod')::boolean, false),
    'definition', CASE WHEN c.contype = 'c' THEN pg_get_constraintdef(c.oid) END,
    'operators', CASE WHEN c.contype = 'x' THEN (
        SELECT json_agg(CASE WHEN pg_operator_is_visible(o.oid) THEN o.oprname
                             ELSE format('OPERATOR(%I.%s)', n.nspname, o.oprname) END ORDER BY k.ord)
        FROM unnest(c.conexclop) WITH ORDINALITY k (oid, ord)
        JOIN pg_catalog.pg_operator o ON o.oid = k.oid
        JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace) END,
    'references', CASE WHEN c.contype = 'f' THEN json_build_object(
        'schema', CASE WHEN f.relnamespace <> r.relnamespace THEN f.relnamespace::regnamespace::text END,
        'table', f.relname,
        'columns', (
            SELECT json_agg(a.attname ORDER BY k.ord)
            FROM unnest(c.confkey) WITH ORDINALITY k (attnum, ord)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum),
        'full', c.confmatchtype = 'f',
        -- MATCH FULL over several columns, said as a check, just as the server prints one.
        'full_check', CASE WHEN c.confmatchtype = 'f' AND cardinality(c.conkey) > 1 THEN (
            SELECT format('CHECK ((num_nulls(%s) = ANY (ARRAY[0, %s])))',
                          string_agg(quote_ident(a.attname), ', ' ORDER BY k.ord), cardinality(c.conkey))
            FROM unnest(c.conkey) WITH ORDINALITY k (attnum, ord)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) END,
        'on_update', c.confupdtype,
        'on_delete', c.confdeltype,
        'on_delete_columns', coalesce((
            SELECT json_agg(a.attname ORDER BY k.ord)
            FROM unnest(c.confdelsetcols) WITH ORDINALITY k (attnum, ord)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum), '[]')) END
)), '[]')::text
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_class r ON r.oid = c.conrelid
LEFT JOIN pg_catalog.pg_class f ON f.oid = c.confrelid
WHERE r.relnamespace = current_schema()::regnamespace AND r.relkind IN ('r', 'p') AND r.relpersistence <> 't'
    AND c.contype IN ('p', 'u', 'f', 'c', 'x')
    AND NOT (c.contype = 'f' AND c.conparentid <> 0)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e')
