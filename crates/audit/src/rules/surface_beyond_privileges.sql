SELECT NULL::text AS schema, 'database' AS place,
       string_agg(quote_ident(a.rolname), ', ' ORDER BY a.rolname) || ' can LISTEN and NOTIFY, LOCK TABLE, EXPLAIN, change its own password and raise its timeouts: no privilege stops that' AS message,
       'let only a gateway that refuses these statements connect' AS hint,
       jsonb_build_object('lockable_tables', max(l.n), 'explainable_tables', max(l.readable))::text AS facts
  FROM apps a
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE has_table_privilege(a.oid, t.oid, 'UPDATE, DELETE')) AS n,
                            count(*) FILTER (WHERE has_table_privilege(a.oid, t.oid, 'SELECT')) AS readable FROM rows_of_many t) l
 WHERE l.readable > 0 AND NOT (SELECT (g->>'ours')::bool FROM given) HAVING count(*) > 0
