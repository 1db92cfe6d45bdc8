-- Rows that say the same in several tenants. Grouped by a hash: a group is 16 bytes and two counters, however wide its rows
-- are, and what does not fit into work_mem goes to disk.
WITH said AS (
  SELECT md5(jsonb_build_object({{pairs}})::text)::uuid AS hash, t.{{tenant}} AS tenant
    FROM public.{{table}} t
), things AS MATERIALIZED (
  SELECT s.hash, count(*) AS copies, count(DISTINCT s.tenant) AS tenants
    FROM said s GROUP BY s.hash HAVING count(DISTINCT s.tenant) > 1
), most AS (
  SELECT * FROM things ORDER BY tenants DESC, copies DESC, hash LIMIT {{examples}}
)
SELECT (SELECT count(*) FROM public.{{table}}), whole.things, whole.spare,
       (SELECT left(jsonb_strip_nulls(jsonb_build_object({{pairs}}))::text, 160) FROM public.{{table}} t
         WHERE md5(jsonb_build_object({{pairs}})::text)::uuid = m.hash LIMIT 1),
       coalesce(m.tenants, 0), coalesce(m.copies, 0)
  FROM (SELECT count(*) AS things, coalesce(sum(copies - 1), 0)::bigint AS spare FROM things) whole
  LEFT JOIN most m ON true
 ORDER BY m.tenants DESC, m.copies DESC, m.hash
