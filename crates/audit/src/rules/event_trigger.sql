SELECT NULL::text AS schema, 'event trigger ' || e.evtname AS place, 'it runs at every ' || e.evtevent || ' of the database' AS message,
       jsonb_build_object('owner', e.evtowner::regrole::text, 'function', e.evtfoid::regprocedure::text)::text AS facts
  FROM pg_event_trigger e WHERE e.evtenabled <> 'D' AND EXISTS (SELECT FROM tables)
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')
