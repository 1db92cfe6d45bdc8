SELECT NULL::text AS schema, 'role ' || a.rolname AS place, 'it may use the language ' || string_agg(quote_ident(l.lanname), ', ' ORDER BY l.lanname) || ': DO blocks and functions of its own' AS message,
       jsonb_build_object('languages', jsonb_agg(l.lanname))::text AS facts,
       ARRAY[format('REVOKE USAGE ON LANGUAGE %s FROM PUBLIC, %I', string_agg(quote_ident(l.lanname), ', ' ORDER BY l.lanname), a.rolname)] AS fix
  FROM apps a JOIN pg_language l ON l.lanpltrusted AND has_language_privilege(a.oid, l.oid, 'USAGE')
 WHERE NOT a.rolsuper AND EXISTS (SELECT FROM spaces WHERE model <> 'database') AND EXISTS (SELECT FROM tables WHERE kind = 'tenant')
 GROUP BY a.rolname
