-- More ids to give out, behind those that are there.
INSERT INTO tenancy_convert.reserved (number, tenant)
SELECT greatest((SELECT coalesce(max(r.number), 0) FROM tenancy_convert.reserved r),
                (SELECT CASE WHEN g.is_called THEN g.last_value ELSE 0 END FROM tenancy_convert.given g)) + i.number, i.tenant
  FROM unnest($1::bigint[]) WITH ORDINALITY i(tenant, number)
