-- The schema `tenantry` as text, from pg_catalog: the same on every version of PostgreSQL.
-- Since 18, NOT NULL is a constraint of its own; it is shown with its column alone.
SELECT string_agg(line, E'\n' ORDER BY part, object, place, line) FROM (
    SELECT 1 AS part, c.relname::text AS object, a.attnum::integer AS place,
        format('table %s: %s %s%s%s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
            CASE WHEN a.attcollation <> t.typcollation THEN ' collate ' || l.collname ELSE '' END,
            CASE a.attidentity WHEN '' THEN '' ELSE ' identity ' || a.attidentity::text END,
            ' default ' || pg_get_expr(d.adbin, d.adrelid)) AS line
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'tenantry'::regnamespace AND c.relkind = 'r'
    UNION ALL
    SELECT 2, r.relname, 0, format('constraint %s.%s: %s', r.relname, n.conname, pg_get_constraintdef(n.oid))
    FROM pg_constraint n JOIN pg_class r ON r.oid = n.conrelid
    WHERE n.connamespace = 'tenantry'::regnamespace AND n.contype <> 'n'
    UNION ALL
    SELECT 3, tablename, 0, format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'tenantry'
    UNION ALL
    SELECT 4, sequencename, 0, format('sequence %s: %s cycle %s', sequencename, data_type, cycle)
    FROM pg_sequences WHERE schemaname = 'tenantry'
    UNION ALL
    SELECT 5, r.relname, 0, pg_get_triggerdef(g.oid)
    FROM pg_trigger g JOIN pg_class r ON r.oid = g.tgrelid
    WHERE r.relnamespace = 'tenantry'::regnamespace AND NOT g.tgisinternal
    UNION ALL
    SELECT 6, p.proname, 0, pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = 'tenantry'::regnamespace
) AS lines
