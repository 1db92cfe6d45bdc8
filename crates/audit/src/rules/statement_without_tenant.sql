SELECT 'database' AS place, 'statements that do not name the tenant' AS message,
       format($q$SELECT t.schema, t.name AS place,
                        count(*) || ' kinds of statements on it do not name ' || quote_ident(t.tenant) || ' (' || sum(s.calls) || ' calls)' AS message,
                        'add the tenant to the WHERE clause; look at them by queryid in pg_stat_statements' AS hint,
                        jsonb_build_object('queryids', (array_agg(s.queryid::text ORDER BY s.calls DESC))[1:10], 'calls', sum(s.calls))::text AS facts
                   FROM %I.pg_stat_statements s
                   JOIN unnest(%L::text[], %L::text[], %L::text[]) t(schema, name, tenant)
                     ON s.query ~ ('(from|join|update|FROM|JOIN|UPDATE)\s+((only|ONLY)\s+)?("?\w+"?\.)?"?' || t.name || '"?(\s|$)')
                  WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.query ~* '^\s*(select|update|delete|with)'
                    AND s.query !~* ('\m' || t.tenant || '\M') AND s.calls > 10
                  GROUP BY t.schema, t.name, t.tenant$q$, n.nspname,
              (SELECT array_agg(t.nspname::text ORDER BY t.oid) FROM rows_of_many t WHERE NOT t.relispartition),
              (SELECT array_agg(t.relname::text ORDER BY t.oid) FROM rows_of_many t WHERE NOT t.relispartition),
              (SELECT array_agg(t.tenant_name::text ORDER BY t.oid) FROM rows_of_many t WHERE NOT t.relispartition)) AS "then"
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname = 'pg_stat_statements' AND current_setting('shared_preload_libraries') ~ 'pg_stat_statements' AND EXISTS (SELECT FROM rows_of_many)
