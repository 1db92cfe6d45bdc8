SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'it names one tenant: ' || coalesce(p.seen, p.checked) AS message,
       'compare with the context, and give the operator a role of its own' AS hint,
       jsonb_build_object('using', p.seen, 'check', p.checked)::text AS facts
  FROM policies p
 WHERE p.model = 'shared' AND p.kind = 'tenant'
   AND concat(p.seen, ' ', p.checked) ~ ('[( ]' || p.tenant_name || '\)?(::[a-z ]+)? = (ANY \(ARRAY\[)?\(?(''[^'']+''|[0-9]+)')
