SELECT NULL::text AS schema, 'database' AS place, 'it holds ' || count(*) || ' large objects, which row-level security does not reach' AS message,
       'use bytea columns, or an object store' AS hint, jsonb_build_object('large_objects', count(*), 'owners', jsonb_agg(DISTINCT m.lomowner::regrole::text))::text AS facts
  FROM pg_largeobject_metadata m WHERE EXISTS (SELECT FROM rows_of_many) HAVING count(*) > 0
