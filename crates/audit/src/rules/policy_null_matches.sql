SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'without a context it matches rows: ' || coalesce(p.seen, p.checked) AS message,
       'compare with =, which is not true for NULL' AS hint,
       jsonb_build_object('using', p.seen, 'check', p.checked)::text AS facts
  FROM policies p
 WHERE p.kind = 'tenant' AND p.model = 'shared'
   AND concat(p.seen, ' ', p.checked) ~ ('(IS DISTINCT FROM|COALESCE\(\(?' || p.tenant_name || '|[( ]' || p.tenant_name || ' IS NULL|current_setting\([^)]*\)\)? IS NULL)')
