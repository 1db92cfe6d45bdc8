, installed AS (
  SELECT format('%I.pg_stat_statements', n.nspname) AS view FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
   WHERE e.extname = 'pg_stat_statements' AND current_setting('shared_preload_libraries') ~ 'pg_stat_statements'),
seen AS (
  SELECT m[1] AS queryid, m[2]::bigint AS calls, m[3] AS ident
    FROM installed i
   CROSS JOIN LATERAL regexp_matches(query_to_xml(format(
     $q$SELECT s.queryid, s.calls, t.ident FROM %s s
          JOIN unnest(%L::text[], %L::text[], %L::text[]) t(ident, relname, tenant) ON s.query ~ ('(from|join|update|FROM|JOIN|UPDATE)\s+(only\s+)?("?\w+"?\.)?"?' || t.relname || '"?(\s|$)')
         WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.query ~* '^\s*(select|update|delete|with)'
           AND s.query !~* ('\m' || t.tenant || '\M') AND s.calls > 10 ORDER BY s.calls DESC LIMIT 50$q$, i.view,
     (SELECT array_agg(t.ident ORDER BY t.oid) FROM rows_of_many t WHERE NOT t.relispartition), (SELECT array_agg(t.relname::text ORDER BY t.oid) FROM rows_of_many t WHERE NOT t.relispartition),
     (SELECT array_agg(t.tenant_name::text ORDER BY t.oid) FROM rows_of_many t WHERE NOT t.relispartition)), false, false, '')::text,
     '<queryid>(-?\d+)</queryid>\s*<calls>(\d+)</calls>\s*<ident>([^<]+)</ident>', 'g') m)
SELECT t.nspname::text AS schema, t.relname::text AS place,
       count(*) || ' kinds of statements on it do not name ' || quote_ident(t.tenant_name) || ' (' || sum(s.calls) || ' calls)' AS message,
       'add the tenant to the WHERE clause; look at them by queryid in pg_stat_statements' AS hint,
       jsonb_build_object('queryids', (array_agg(s.queryid ORDER BY s.calls DESC))[1:10], 'calls', sum(s.calls))::text AS facts
  FROM seen s JOIN rows_of_many t ON t.ident = s.ident GROUP BY t.nspname, t.relname, t.tenant_name
