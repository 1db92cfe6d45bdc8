SELECT p.nspname::text AS schema, format('policy %s on %s', p.polname, p.relname) AS place,
       'it calls ' || f.oid::regproc::text || ' for every row' || CASE f.provolatile WHEN 'v' THEN ' (it is VOLATILE)' ELSE '' END AS message,
       'write (SELECT ' || f.oid::regproc::text || '(…)), so that it runs once per statement' AS hint,
       jsonb_build_object('function', f.oid::regprocedure::text, 'language', l.lanname, 'volatility', f.provolatile)::text AS facts
  FROM policies p
  JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass
  JOIN pg_proc f ON f.oid = d.refobjid JOIN pg_language l ON l.oid = f.prolang
 -- Whoever declares that a call costs less than PostgreSQL takes for granted (100) has thought of it.
 WHERE (l.lanname NOT IN ('sql', 'c', 'internal') AND f.procost >= 100 OR f.provolatile = 'v' OR f.prosecdef)
   AND concat(p.seen, ' ', p.checked) ~ ('[^a-z_."]' || regexp_replace(f.oid::regproc::text, '([.$])', '\\\1', 'g') || '\(')
   AND regexp_replace(concat(p.seen, ' ', p.checked), '\( SELECT ' || regexp_replace(f.oid::regproc::text, '([.$])', '\\\1', 'g') || '\(', '', 'g')
       ~ (regexp_replace(f.oid::regproc::text, '([.$])', '\\\1', 'g') || '\(')
