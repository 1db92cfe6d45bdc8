//! `policy-user-metadata`: policies do not trust what users can write into their own token.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "policy-user-metadata",
    severity: Severity::Error,
    about: "Policies do not trust what users can write into their own token.",
    docs: Docs {
        why: "`user_metadata` (and `raw_user_meta_data`) of a JWT is what the user sent when signing up or editing \
              a profile. A tenant or a role that is read from there is chosen by the user.",
        before: "CREATE POLICY claims ON memos TO app_user USING ((current_setting('request.jwt.claims', true)::jsonb \
              -> 'user_metadata' ->> 'tenant_id')::bigint = tenant_id);",
        after: "CREATE POLICY claims ON memos AS RESTRICTIVE TO app_user USING (ctx.tenant() = tenant_id);",
        ignore: "",
    },
    sql: include_str!("policy_user_metadata.sql"),
    scope: Scope::Database,
    fixing: Fixing::TABLE,
};
