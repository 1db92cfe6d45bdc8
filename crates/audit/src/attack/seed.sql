-- Tables that a row can be made up for: no foreign keys to tables of tenants, the fewest columns to fill first; with the
-- statement, and a column to update.
SELECT c.oid::regclass::text, x.insert, x.key, child.name
  FROM pg_class c
 CROSS JOIN LATERAL (
   SELECT format('INSERT INTO %s (%s) VALUES (%s)', c.oid::regclass,
            string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE need.value IS NOT NULL),
            string_agg(need.value, ', ' ORDER BY a.attnum) FILTER (WHERE need.value IS NOT NULL)) AS insert,
          count(*) FILTER (WHERE need.value IS NOT NULL) AS needed,
          bool_and(need.possible) AS possible,
          (array_agg(quote_ident(a.attname) ORDER BY a.attnotnull, a.attnum) FILTER (WHERE a.attgenerated = '' AND a.attidentity <> 'a' AND a.attname <> $2::text))[1] AS key
     FROM pg_attribute a
     LEFT JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_type b ON b.oid = t.typbasetype
    CROSS JOIN LATERAL (
      SELECT CASE WHEN a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' OR NOT a.attnotnull THEN NULL
             ELSE CASE coalesce(b.typcategory, t.typcategory)
               WHEN 'N' THEN '1' WHEN 'S' THEN quote_literal('aa') WHEN 'B' THEN 'true' WHEN 'A' THEN quote_literal('{}')
               WHEN 'D' THEN 'now()' WHEN 'T' THEN quote_literal('1 hour') WHEN 'R' THEN quote_literal('empty')
               WHEN 'E' THEN (SELECT quote_literal(e.enumlabel) FROM pg_enum e WHERE e.enumtypid = coalesce(b.oid, t.oid) ORDER BY e.enumsortorder LIMIT 1)
               ELSE CASE coalesce(b.typname, t.typname) WHEN 'uuid' THEN 'gen_random_uuid()' WHEN 'json' THEN quote_literal('{}')
                      WHEN 'jsonb' THEN quote_literal('{}') WHEN 'bytea' THEN quote_literal('') WHEN 'inet' THEN quote_literal('127.0.0.1') END
             END END AS value,
             a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' OR NOT a.attnotnull
               OR coalesce(b.typcategory, t.typcategory) IN ('N', 'S', 'B', 'A', 'D', 'T', 'R', 'E')
               OR coalesce(b.typname, t.typname) IN ('uuid', 'json', 'jsonb', 'bytea', 'inet') AS possible) need
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) x
  LEFT JOIN LATERAL (SELECT i.inhrelid::regclass::text AS name FROM pg_inherits i WHERE i.inhparent = c.oid ORDER BY i.inhrelid LIMIT 1) child ON true
 WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND x.possible AND x.key IS NOT NULL
   AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'
                     AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey) AND a.attnotnull AND a.attname <> $2::text))
 ORDER BY x.needed, c.relname LIMIT 20
