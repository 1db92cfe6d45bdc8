SELECT NULL::text AS schema, 'publication ' || p.pubname AS place, 'subscribers get the rows of every tenant of ' || count(*) || ' tables' AS message,
       jsonb_build_object('tables', (array_agg(t.ident ORDER BY t.ident))[1:5], 'all_tables', p.puballtables,
                          'slots', (SELECT count(*) FROM pg_replication_slots r WHERE r.database = current_database()))::text AS facts
  FROM pg_publication p JOIN pg_publication_tables pt ON pt.pubname = p.pubname
  JOIN rows_of_many t ON t.nspname = pt.schemaname AND t.relname = pt.tablename
 WHERE pt.rowfilter IS NULL OR pt.rowfilter !~ t.tenant_name GROUP BY p.pubname, p.puballtables
