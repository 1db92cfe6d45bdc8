//! `index-not-leakproof`: indexed columns of tables with row-level security have operators that are leakproof.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "index-not-leakproof",
    severity: Severity::Note,
    about: "Indexed columns of tables with row-level security have operators that are leakproof.",
    docs: Docs {
        why: "A condition of the query is used as an index condition only if its operator's function is LEAKPROOF; \
              otherwise the policy must come first, and the index is not used. That is so for LIKE and regular \
              expressions, jsonb, full text, arrays, ranges, numeric, enums, citext, and expressions such as \
              lower(x): all rows of the tenant are read, 5 to 35 ms instead of 0.02 (10,000 rows).",
        before: r"CREATE TABLE docs (tenant_id bigint NOT NULL, id bigint NOT NULL, data jsonb, PRIMARY KEY (tenant_id, id));
ALTER TABLE docs ENABLE ROW LEVEL SECURITY; CREATE POLICY tenant ON docs USING (tenant_id = ctx.tenant()); CREATE INDEX docs_data ON docs USING gin (data);",
        after: r"CREATE TABLE docs (tenant_id bigint NOT NULL, id bigint NOT NULL, data jsonb, kind text GENERATED ALWAYS AS (data->>'kind') STORED, PRIMARY KEY (tenant_id, id));
ALTER TABLE docs ENABLE ROW LEVEL SECURITY; CREATE POLICY tenant ON docs USING (tenant_id = ctx.tenant()); CREATE INDEX docs_kind ON docs (tenant_id, kind);",
        ignore: "Tenants with few rows; or the tenants that need the index get a schema or a database of their own, \
              where no policy stands in its way.",
    },
    sql: include_str!("index_not_leakproof.sql"),
    scope: Scope::Database,
    fixing: Fixing::QUIET,
};
