-- One range of blocks. Rows that somebody holds are skipped: the next pass finds them.
WITH batch AS MATERIALIZED (
  SELECT t.ctid AS place, {{value}} AS tenant
    FROM ONLY {{table}} t{{tables}}
   WHERE t.ctid >= $1::text::tid AND t.ctid < $2::text::tid AND t.{{column}} IS NULL AND {{condition}}
     FOR NO KEY UPDATE OF t SKIP LOCKED)
UPDATE ONLY {{table}} t SET {{column}} = batch.tenant FROM batch WHERE t.ctid = batch.place
