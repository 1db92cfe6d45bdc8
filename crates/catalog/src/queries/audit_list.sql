SELECT id, at, actor, action, subject, tenant, details
FROM tenantry.audit
WHERE ($1::bigint IS NULL OR tenant = $1)
    AND ($2::text IS NULL OR subject = $2)
    AND ($3::bigint IS NULL OR id < $3)
ORDER BY id DESC
LIMIT $4
