-- Indexes, with those that back a constraint (they carry its keys, INCLUDE columns and options).
-- An operator class is given where the server would not choose it by itself; a collation where it is not the key's own.
-- pg_get_indexdef(index, key, false) prints the bare key, in parentheses where it needs them.
WITH found AS MATERIALIZED (
    SELECT i.*
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class r ON r.oid = i.indrelid
    WHERE r.relnamespace = current_schema()::regnamespace AND r.relkind IN ('r', 'p', 'm') AND r.relpersistence <> 't'
        AND i.indislive
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e')
),
key AS MATERIALIZED (
    SELECT i.indexrelid, json_agg(json_build_object(
        'column', a.attname,
        'expression', CASE WHEN i.indkey[k] = 0 THEN pg_get_indexdef(i.indexrelid, k + 1, false) END,
        'collation', CASE
            WHEN i.indcollation[k] <> 0 AND i.indcollation[k] <> coalesce(a.attcollation, t.typcollation)
            THEN i.indcollation[k]::regcollation::text END,
        'opclass', CASE
            WHEN x.options IS NOT NULL OR NOT o.opcdefault OR (o.opcintype <> t.oid AND EXISTS (
                SELECT FROM pg_catalog.pg_opclass own
                WHERE own.opcmethod = o.opcmethod AND own.opcdefault AND own.opcintype = t.oid))
            THEN CASE WHEN pg_opclass_is_visible(o.oid) THEN quote_ident(o.opcname)
                      ELSE format('%I.%I', n.nspname, o.opcname) END END,
        'opclass_options', coalesce(x.options, '[]'),
        'descending', i.indoption[k] & 1 = 1,
        'nulls_first', i.indoption[k] & 2 = 2,
        'statistics', CASE WHEN i.indkey[k] = 0 AND ia.attstattarget >= 0 THEN ia.attstattarget END)
        ORDER BY k) AS keys
    FROM found i
    CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) k
    JOIN pg_catalog.pg_attribute ia ON ia.attrelid = i.indexrelid AND ia.attnum = k + 1
    -- 15.20 keeps a number of its own among the options of every column.
    CROSS JOIN LATERAL (
        SELECT json_agg(v) AS options FROM unnest(ia.attoptions) v WHERE v NOT LIKE 'pg\_attver=%') x
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k] AND i.indkey[k] <> 0
    JOIN pg_catalog.pg_type t ON t.oid = coalesce(a.atttypid, ia.atttypid)
    JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k]
    JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
    GROUP BY i.indexrelid
)
SELECT coalesce(json_agg(json_build_object(
    'table', r.relname,
    'name', c.relname,
    'comment', obj_description(c.oid, 'pg_class'),
    'constraint', n.conname,
    'method', m.amname,
    'unique', i.indisunique,
    'nulls_not_distinct', i.indnullsnotdistinct,
    'keys', k.keys,
    'include', CASE WHEN i.indnatts > i.indnkeyatts THEN (
        SELECT json_agg(a.attname ORDER BY at)
        FROM generate_series(i.indnkeyatts, i.indnatts - 1) at
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[at]) ELSE '[]' END,
    'predicate', pg_get_expr(i.indpred, i.indrelid),
    'options', coalesce(to_json(c.reloptions), '[]'),
    'replica_identity', i.indisreplident,
    'clustered', i.indisclustered,
    'invalid', NOT i.indisvalid,
    -- Valid trees of indexes are found again by their definition when a partition is attached; unfinished ones are not.
    'attached_to', CASE WHEN c.relispartition THEN (
        SELECT p.relname
        FROM pg_catalog.pg_inherits h
        JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
        JOIN pg_catalog.pg_index pi ON pi.indexrelid = p.oid AND NOT pi.indisvalid
        WHERE h.inhrelid = c.oid) END,
    'tablespace', s.spcname
)), '[]')::text
FROM key k
-- Not `found` again: joining it would take the square of its rows.
JOIN pg_catalog.pg_index i ON i.indexrelid = k.indexrelid
JOIN pg_catalog.pg_class r ON r.oid = i.indrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am m ON m.oid = c.relam
LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_constraint n ON n.conindid = c.oid AND n.conrelid = i.indrelid AND n.contype IN ('p', 'u', 'x')
