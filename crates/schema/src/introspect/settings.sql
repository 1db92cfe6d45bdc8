SET LOCAL TimeZone TO 'UTC';
SET LOCAL DateStyle TO 'ISO, YMD';
SET LOCAL IntervalStyle TO 'postgres';
SET LOCAL bytea_output TO 'hex';
SET LOCAL extra_float_digits TO 1;
SET LOCAL quote_all_identifiers TO off;
SET LOCAL jit TO off;
