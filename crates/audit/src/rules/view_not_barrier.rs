//! `view-not-barrier`: a view that keeps tenants apart by its own WHERE is a security barrier, over tables with
//! row-level security.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "view-not-barrier",
    severity: Severity::Warning,
    about: "A view that keeps tenants apart by its own WHERE is a security barrier, over tables with row-level \
          security.",
    docs: Docs {
        why: "Without `security_barrier` a cheap function of the reader's (`COST 0.0000001`, RAISE NOTICE) runs \
              before the view's WHERE and sees every row. Even with it, a view protects only who cannot read the \
              table.",
        before: r"CREATE TABLE bare (tenant_id bigint NOT NULL, id bigint, PRIMARY KEY (tenant_id, id));
CREATE VIEW mine AS SELECT * FROM bare WHERE tenant_id = ctx.tenant(); GRANT SELECT ON mine TO app_user;",
        after: r"CREATE TABLE bare (tenant_id bigint NOT NULL, id bigint, PRIMARY KEY (tenant_id, id));
CREATE VIEW mine WITH (security_barrier = true) AS SELECT * FROM bare WHERE tenant_id = ctx.tenant(); GRANT SELECT ON mine TO app_user;",
        ignore: "",
    },
    sql: include_str!("view_not_barrier.sql"),
    scope: Scope::Database,
    fixing: Fixing { order: 20, ..Fixing::QUIET },
};
