SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'it casts the column ' || quote_ident(p.tenant_name) || ', so that no index on it can be used' AS message,
       'cast what the column is compared with' AS hint,
       jsonb_build_object('using', p.seen)::text AS facts
  FROM policies p
 WHERE p.kind = 'tenant' AND p.seen ~ ('\(' || p.tenant_name || '\)::(?!' || (SELECT format_type(a.atttypid, NULL) FROM pg_attribute a WHERE a.attrelid = p.table_oid AND a.attname = p.tenant_name) || ')')
