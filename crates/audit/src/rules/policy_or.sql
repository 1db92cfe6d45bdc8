SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'one branch of its OR does not ask for the tenant: ' || btrim(branch.text, ' ()') AS message,
       'move what all tenants may see to a table of its own, or ask for the tenant in a restrictive policy' AS hint,
       jsonb_build_object('using', p.seen)::text AS facts
  FROM policies p
 CROSS JOIN LATERAL (SELECT b.text FROM regexp_split_to_table(p.seen, ' OR ') b(text)
                      WHERE p.seen ~ '^\(+[^()]*(\([^()]*(\([^()]*\)[^()]*)*\)[^()]*)* OR '
                        AND b.text !~ ('(^|[^a-zA-Z0-9_])' || p.tenant_name || '($|[^a-zA-Z0-9_])') LIMIT 1) branch
 WHERE p.model = 'shared' AND p.kind = 'tenant' AND p.polpermissive AND p.for_app AND p.binds_seen
   AND p.seen !~ ' AND .* OR '
   AND p.table_oid NOT IN (SELECT f.table_oid FROM floors f)
