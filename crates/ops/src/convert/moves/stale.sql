-- Rows of another tenant than their parent. Those that somebody holds are left for another pass.
WITH stale AS MATERIALIZED (
  SELECT c.ctid AS place, p.{{column}} AS tenant FROM ONLY public.{{table}} c JOIN public.{{parent}} p ON {{join}}
   WHERE c.{{column}} <> p.{{column}} LIMIT 5000 FOR NO KEY UPDATE OF c SKIP LOCKED)
UPDATE ONLY public.{{table}} c SET {{column}} = stale.tenant FROM stale WHERE c.ctid = stale.place
