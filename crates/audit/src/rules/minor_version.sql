, server AS (SELECT coalesce((g->>'version')::int, current_setting('server_version_num')::int) AS version FROM given),
-- As the CVE records say it; 18.5 was never released.
fixed(major, minor, cve) AS (VALUES
  (15, 3, 'CVE-2023-2455'), (15, 4, 'CVE-2023-39418'), (15, 9, 'CVE-2024-10976'), (15, 9, 'CVE-2024-10978'), (15, 14, 'CVE-2025-8713'), (15, 15, 'CVE-2025-12817'), (15, 19, 'CVE-2026-14666'), (15, 18, 'CVE-2026-6473'), (15, 19, 'CVE-2026-6471'), (15, 19, 'CVE-2026-14680'), (15, 19, 'CVE-2026-16239'),
  (16, 5, 'CVE-2024-10976'), (16, 5, 'CVE-2024-10978'), (16, 10, 'CVE-2025-8713'), (16, 11, 'CVE-2025-12817'), (16, 15, 'CVE-2026-14666'), (16, 14, 'CVE-2026-6473'), (16, 15, 'CVE-2026-6471'), (16, 15, 'CVE-2026-14680'), (16, 15, 'CVE-2026-16239'),
  (17, 1, 'CVE-2024-10976'), (17, 1, 'CVE-2024-10978'), (17, 6, 'CVE-2025-8713'), (17, 7, 'CVE-2025-12817'), (17, 11, 'CVE-2026-14666'), (17, 10, 'CVE-2026-6473'), (17, 11, 'CVE-2026-6471'), (17, 11, 'CVE-2026-14680'), (17, 11, 'CVE-2026-16239'),
  (18, 1, 'CVE-2025-12817'), (18, 6, 'CVE-2026-14666'), (18, 4, 'CVE-2026-6473'), (18, 6, 'CVE-2026-6471'), (18, 6, 'CVE-2026-14680'), (18, 6, 'CVE-2026-16239'))
SELECT NULL::text AS schema, 'server' AS place,
       'PostgreSQL ' || s.version / 10000 || '.' || s.version % 10000 || ' has published holes: ' || string_agg(f.cve, ', ' ORDER BY f.minor, f.cve) AS message,
       'install ' || f.major || '.' || max(f.minor) || ' or newer, and restart the server' AS hint,
       jsonb_build_object('version', s.version, 'cves', jsonb_agg(f.cve ORDER BY f.minor, f.cve))::text AS facts, 'SHOW server_version' AS proof
  FROM server s JOIN fixed f ON f.major = s.version / 10000 AND f.minor > s.version % 10000 GROUP BY s.version, f.major
