INSERT INTO tenancy.gate (tenant, key, value, epoch, state, placement)
SELECT n, 't' || n, n::text, 1, 'active', '{}' FROM generate_series(1, {last}) n;
