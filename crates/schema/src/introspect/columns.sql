-- Columns of tables and materialized views. A partition's identity is its parent's (15 keeps none there, 17 a copy), so it is left out.
-- Of a column's options only those that people set: 15.20 keeps a number of its own there (pg_attver), on every column.
-- A NOT NULL is a constraint from 18 on; its name is given only where it is not the one that the server would choose, and
-- not where a partition has its parent's.
SELECT coalesce(json_agg(json_build_object(
    'table', c.relname,
    'position', a.attnum,
    'name', a.attname,
    'type', format_type(a.atttypid, a.atttypmod),
    'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
    'not_null', a.attnotnull,
    'inherited', NOT a.attislocal AND NOT c.relispartition,
    -- Without constraints to tell: if a parent has it, it is the parent's.
    'not_null_inherited', CASE
        WHEN n.oid IS NULL THEN NOT a.attislocal AND NOT c.relispartition AND EXISTS (
            SELECT FROM pg_catalog.pg_inherits i
            JOIN pg_catalog.pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname
            WHERE i.inhrelid = c.oid AND p.attnotnull)
        WHEN c.relispartition THEN n.coninhcount > 0 AND NOT n.convalidated
        ELSE NOT n.conislocal END,
    'not_null_name', CASE
        WHEN n.conname = u.chosen AND (u.digits = '' OR u.is_cut) THEN NULL
        WHEN n.coninhcount = 0 THEN n.conname
        WHEN NOT c.relispartition THEN CASE WHEN n.conislocal THEN n.conname END
        WHEN NOT EXISTS (
            SELECT FROM pg_catalog.pg_inherits i
            JOIN pg_catalog.pg_constraint p ON p.conrelid = i.inhparent AND p.contype = 'n' AND p.conname = n.conname
            WHERE i.inhrelid = c.oid) THEN n.conname END,
    'not_null_unvalidated', n.oid IS NOT NULL AND NOT n.convalidated,
    'not_null_no_inherit', n.oid IS NOT NULL AND n.connoinherit,
    'not_null_comment', CASE WHEN n.oid IS NOT NULL THEN obj_description(n.oid, 'pg_constraint') END,
    'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    'generated', CASE WHEN a.attgenerated <> '' THEN json_build_object(
        'expression', pg_get_expr(d.adbin, d.adrelid), 'stored', a.attgenerated = 's') END,
    'identity', CASE WHEN a.attidentity <> '' AND NOT c.relispartition THEN (
        SELECT json_build_object(
            'always', a.attidentity = 'a',
            'sequence', q.relname,
            'options', json_build_object(
                'type', format_type(s.seqtypid, NULL), 'start', s.seqstart, 'increment', s.seqincrement,
                'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle),
            'comment', obj_description(q.oid, 'pg_class'),
            'unlogged', CASE WHEN q.relpersistence <> c.relpersistence THEN q.relpersistence = 'u' END)
        FROM pg_catalog.pg_depend i
        JOIN pg_catalog.pg_class q ON q.oid = i.objid
        JOIN pg_catalog.pg_sequence s ON s.seqrelid = q.oid
        WHERE i.classid = 'pg_catalog.pg_class'::regclass AND i.refclassid = 'pg_catalog.pg_class'::regclass
            AND i.refobjid = c.oid AND i.refobjsubid = a.attnum AND i.deptype = 'i') END,
    'storage', CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END,
    'compression', nullif(a.attcompression, ''),
    'statistics', CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END,
    'options', coalesce((
        SELECT json_agg(o ORDER BY o) FROM unnest(a.attoptions) o WHERE o LIKE 'n\_distinct%'), '[]'),
    'comment', col_description(c.oid, a.attnum)
)), '[]')::text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_constraint n ON n.conrelid = c.oid AND n.contype = 'n' AND n.conkey[1] = a.attnum
-- The name that the server chooses for a NOT NULL: of 63 bytes 10 are taken, and the longer part is cut first, between
-- characters (as a cast to name does). Where what is left is taken by another table's, it gets a number.
LEFT JOIN LATERAL (
    SELECT p.digits, r.room < p.long1 + p.long2 AS is_cut,
        substr((repeat('x', 63 - r.first) || c.relname)::name::text, 64 - r.first) || '_'
            || substr((repeat('x', 63 - r.second) || a.attname)::name::text, 64 - r.second) || '_not_null' || p.digits AS chosen
    FROM (SELECT coalesce(substring(n.conname FROM '_not_null([0-9]+)$'), '') AS digits,
              octet_length(c.relname::text) AS long1, octet_length(a.attname::text) AS long2) p
    CROSS JOIN LATERAL (SELECT 53 - length(p.digits) AS room) w
    CROSS JOIN LATERAL (SELECT w.room, CASE
              WHEN p.long1 + p.long2 <= w.room OR p.long1 <= (w.room + 1) / 2 THEN p.long1
              WHEN p.long2 <= w.room / 2 THEN w.room - p.long2
              ELSE (w.room + 1) / 2 END AS first) f
    CROSS JOIN LATERAL (SELECT f.room, f.first, least(p.long2, f.room - f.first) AS second) r
) u ON n.oid IS NOT NULL
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                    WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
