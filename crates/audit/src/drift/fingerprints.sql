-- One fingerprint per schema, and one per object of it. Names of the schema itself and literals of policies are left out:
-- copies for different tenants differ there by design. Columns count by name, not by position.
WITH given AS (SELECT n.oid, n.nspname, quote_ident(n.nspname) || '.' AS prefix
                 FROM pg_namespace n WHERE n.nspname = ANY ($1::text[])),
relations AS (SELECT c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relispartition, c.reloptions, g.nspname, g.prefix
                FROM given g JOIN pg_class c ON c.relnamespace = g.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')),
parts(nspname, object, definition) AS (
  SELECT r.nspname, 'table ' || r.relname,
         concat_ws(';', r.relkind, r.relrowsecurity, r.relforcerowsecurity, r.relispartition, array_to_string(r.reloptions, ','))
    FROM relations r
  UNION ALL
  SELECT r.nspname, 'column ' || r.relname || '.' || a.attname,
         concat_ws(';', replace(format_type(a.atttypid, a.atttypmod), r.prefix, ''), a.attnotnull, a.attidentity, a.attgenerated,
                   replace(pg_get_expr(d.adbin, d.adrelid), r.prefix, ''))
    FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
  UNION ALL
  SELECT r.nspname, 'constraint ' || k.conname || ' on ' || r.relname,
         concat_ws(';', k.convalidated, k.condeferrable, replace(pg_get_constraintdef(k.oid), r.prefix, ''))
    FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype <> 'n'
  UNION ALL
  SELECT r.nspname, 'index ' || c.relname || ' on ' || r.relname, concat_ws(';', i.indisvalid, replace(pg_get_indexdef(c.oid), r.prefix, ''))
    FROM relations r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid
  UNION ALL
  SELECT r.nspname, 'policy ' || p.polname || ' on ' || r.relname,
         concat_ws(';', p.polcmd, p.polpermissive,
                   regexp_replace(replace(concat_ws(' / ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)), r.prefix, ''),
                                  '''[^'']*''', '?', 'g'))
    FROM relations r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL
  SELECT r.nspname, 'trigger ' || t.tgname || ' on ' || r.relname, concat_ws(';', t.tgenabled, replace(pg_get_triggerdef(t.oid), r.prefix, ''))
    FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
  UNION ALL
  SELECT r.nspname, 'view ' || r.relname, replace(pg_get_viewdef(r.oid), r.prefix, '') FROM relations r WHERE r.relkind IN ('v', 'm')
  UNION ALL
  SELECT g.nspname, 'function ' || p.proname || '(' || replace(pg_get_function_identity_arguments(p.oid), g.prefix, '') || ')',
         concat_ws(';', p.prosecdef, p.provolatile, p.proleakproof, p.proparallel, replace(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), g.prefix, ''))
    FROM given g JOIN pg_proc p ON p.pronamespace = g.oid AND p.prokind IN ('f', 'p')
  UNION ALL
  SELECT g.nspname, 'type ' || t.typname, (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)
    FROM given g JOIN pg_type t ON t.typnamespace = g.oid AND t.typtype = 'e')
SELECT g.nspname::text,
       md5(coalesce(string_agg(p.object || '=' || coalesce(p.definition, ''), E'\n' ORDER BY p.object), '')),
       CASE WHEN $2::bool THEN coalesce(jsonb_object_agg(p.object, md5(coalesce(p.definition, ''))) FILTER (WHERE p.object IS NOT NULL), '{}')::text END,
       ARRAY(SELECT r.relname::text FROM relations r WHERE r.nspname = g.nspname AND r.relkind IN ('r', 'p') AND NOT r.relispartition ORDER BY 1)
  FROM given g LEFT JOIN parts p ON p.nspname = g.nspname
 GROUP BY g.nspname ORDER BY 1
