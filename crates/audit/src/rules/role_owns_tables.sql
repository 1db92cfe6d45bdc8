SELECT min(t.nspname::text) AS schema, 'role ' || a.rolname AS place,
       'it owns ' || count(*) || ' tables with tenants'' rows, and may switch their row-level security off' AS message,
       'give them to a role that nobody logs in as' AS hint,
       jsonb_build_object('tables', count(*), 'not_forced', count(*) FILTER (WHERE NOT t.relforcerowsecurity), 'examples', (array_agg(t.ident ORDER BY t.ident))[1:5])::text AS facts,
       CASE WHEN other.rolname IS NOT NULL THEN array_agg(format('ALTER TABLE %s OWNER TO %I', t.ident, other.rolname) ORDER BY t.ident) END AS fix
  FROM apps a JOIN tables t ON t.relowner = a.oid AND t.kind <> 'global'
  LEFT JOIN LATERAL (SELECT o.rolname FROM tables s JOIN pg_roles o ON o.oid = s.relowner
                      WHERE NOT o.rolcanlogin AND NOT o.rolsuper GROUP BY o.rolname ORDER BY count(*) DESC LIMIT 1) other ON true
 GROUP BY a.rolname, other.rolname
