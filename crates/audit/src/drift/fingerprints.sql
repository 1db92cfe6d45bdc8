-- One fingerprint per schema, and one per object and grant of it. Names of the schema itself and literals of policies are left out:
-- copies for different tenants differ there by design. Columns count by name, not by position.
WITH given AS (SELECT n.oid, n.nspname, quote_ident(n.nspname) || '.' AS prefix
                 FROM pg_namespace n WHERE n.nspname = ANY ($1::text[])),
relations AS (SELECT c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relispartition, c.reloptions, g.nspname, g.prefix
                FROM given g JOIN pg_class c ON c.relnamespace = g.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')),
acls(nspname, object, owner, acl) AS (
  SELECT g.nspname, 'the schema', n.nspowner, n.nspacl FROM given g JOIN pg_namespace n ON n.oid = g.oid
  UNION ALL
  SELECT g.nspname, CASE c.relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || c.relname, c.relowner, c.relacl
    FROM given g JOIN pg_class c ON c.relnamespace = g.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL
  SELECT r.nspname, 'column ' || r.relname || '.' || a.attname, 0, a.attacl
    FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT g.nspname, 'function ' || p.proname || '(' || replace(pg_get_function_identity_arguments(p.oid), g.prefix, '') || ')', p.proowner,
         coalesce(p.proacl, acldefault('f', p.proowner))
    FROM given g JOIN pg_proc p ON p.pronamespace = g.oid
  UNION ALL
  SELECT g.nspname, 'new objects (' || d.defaclobjtype::text || ')', d.defaclrole, d.defaclacl
    FROM given g JOIN pg_default_acl d ON d.defaclnamespace = g.oid),
granted AS (SELECT a.nspname, a.object, x.grantee, x.privilege_type, x.is_grantable
              FROM acls a CROSS JOIN LATERAL aclexplode(a.acl) x WHERE a.acl IS NOT NULL AND x.grantee <> a.owner),
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
  -- What was granted, without the owner's own. The application's role ($3) and the reader ($4) have other names in each pool; and a role that has
  -- something in one schema alone is that tenant's: they count by what they may, not by their names.
  SELECT a.nspname, 'grants on ' || a.object || ' to '
           || CASE WHEN a.grantee = 0 THEN 'everybody' WHEN r.rolname = ANY ($4::text[]) THEN 'the reader' WHEN r.rolname = ANY ($3::text[]) THEN 'the application' WHEN o.grantee IS NOT NULL THEN 'a role of its own' ELSE coalesce(r.rolname, 'a role that is gone') END,
         string_agg(DISTINCT a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END, ',' ORDER BY a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END)
    FROM granted a LEFT JOIN pg_roles r ON r.oid = a.grantee
    LEFT JOIN (SELECT grantee FROM granted GROUP BY 1 HAVING count(DISTINCT nspname) = 1) o ON o.grantee = a.grantee
   GROUP BY 1, 2
  UNION ALL
  SELECT g.nspname, 'type ' || t.typname, (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)
    FROM given g JOIN pg_type t ON t.typnamespace = g.oid AND t.typtype = 'e')
SELECT g.nspname::text,
       md5(coalesce(string_agg(p.object || '=' || coalesce(p.definition, ''), E'\n' ORDER BY p.object), '')),
       CASE WHEN $2::bool THEN coalesce(jsonb_object_agg(p.object, md5(coalesce(p.definition, ''))) FILTER (WHERE p.object IS NOT NULL), '{}')::text END,
       ARRAY(SELECT r.relname::text FROM relations r WHERE r.nspname = g.nspname AND r.relkind IN ('r', 'p') AND NOT r.relispartition ORDER BY 1)
  FROM given g LEFT JOIN parts p ON p.nspname = g.nspname
 GROUP BY g.nspname ORDER BY 1
