-- Every policy once, with what the rules ask of it; they get it as $2, because printing two thousand expressions for each
-- of twenty rules took seconds.
, policies AS MATERIALIZED (
  SELECT p.oid, p.polname, p.polcmd, p.polpermissive, p.polroles, x.seen, x.checked,
         CASE WHEN p.polcmd IN ('a', 'w', '*') THEN coalesce(x.checked, CASE WHEN p.polcmd <> 'a' THEN x.seen END) END AS written,
         x.seen ~ x.word AS binds_seen, coalesce(x.checked, x.seen) ~ x.word AS binds_written,
         EXISTS (SELECT FROM apps a, unnest(p.polroles) r(oid)
                  WHERE CASE WHEN r.oid = 0 THEN true ELSE pg_has_role(a.oid, r.oid, 'USAGE') END) AS for_app,
         t.oid AS table_oid, t.relname, t.nspname, t.ident, t.model, t.kind, t.tenant_name, t.relrowsecurity
    FROM pg_policy p JOIN tables t ON t.oid = p.polrelid
    CROSS JOIN LATERAL (SELECT pg_get_expr(p.polqual, p.polrelid) AS seen, pg_get_expr(p.polwithcheck, p.polrelid) AS checked,
      '(^|[^a-zA-Z0-9_])"?' || regexp_replace(coalesce(t.tenant_name, ' '), '([^a-zA-Z0-9_])', '\\\1', 'g') || '"?($|[^a-zA-Z0-9_])' AS word) x)
SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]')::text FROM policies p
