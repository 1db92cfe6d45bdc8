-- "C" collation: the keys with a prefix are those from the prefix up to the prefix followed by something above 'z'.
WHERE (cardinality($1::text[]) = 0 OR t.state = ANY ($1))
    AND ($2::text IS NULL OR l.model = $2)
    AND ($3::text IS NULL OR l.database IN (
        SELECT b.id FROM tenantry.databases b JOIN tenantry.clusters c ON c.id = b.cluster WHERE c.name = $3))
    AND ($4::text IS NULL OR p.name = $4)
    AND ($5::text IS NULL OR (t.key >= $5 AND t.key < $5 || '~'))
    AND ($6::text IS NULL OR t.key > $6)
ORDER BY t.key
LIMIT $7
