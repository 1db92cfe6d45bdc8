-- Every table of the product: its kind as its comment tells it, the columns that may be a tenant's, and what it refers to.
SELECT c.oid::int8, n.nspname::text, c.relname::text,
       (SELECT substring(d.description FROM 'tenantry:kind=([a-z]+)') FROM pg_description d
         WHERE d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0),
       coalesce((SELECT i.inhparent::int8 FROM pg_inherits i WHERE i.inhrelid = c.oid LIMIT 1), 0),
       ARRAY(SELECT DISTINCT k.confrelid::int8 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'),
       ARRAY(SELECT a.attname::text FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND (a.attname = $1::text
                  OR a.attname ~ '^(tenant|organi[sz]ation|org|account|workspace|company|team|customer|merchant|shop|store|site|school|clinic|project|client|group|user|owner)_?(id|uuid|key|guid)$'
                  OR a.attname IN ('tenant', 'organization', 'organisation', 'org', 'workspace', 'company'))
              ORDER BY a.attnum),
       ARRAY(SELECT DISTINCT a.attname::text FROM pg_policy p JOIN pg_depend d
               ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = c.oid AND d.refobjsubid > 0
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
              WHERE p.polrelid = c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'tenancy')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY 2, 3
