-- Ids that are given out from now on are greater than all that were brought along.
SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('tenantry.tenants', 'id'),
                         greatest(s.last_value, (SELECT max(t.id) FROM tenantry.tenants t)))
  FROM tenantry.tenants_id_seq s
 WHERE s.last_value < (SELECT max(t.id) FROM tenantry.tenants t)
