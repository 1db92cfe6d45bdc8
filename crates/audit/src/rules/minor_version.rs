//! `minor-version`: the server runs a minor release without known holes in what keeps tenants apart.

use crate::rule::{Fixing, Rule, Scope};
use tenantry_schema::{Docs, Severity};

pub(super) const RULE: Rule = Rule {
    id: "minor-version",
    severity: Severity::Error,
    about: "The server runs a minor release without known holes in what keeps tenants apart.",
    docs: Docs {
        why: "Fixed in minor releases: rows of another role shown through cached plans (CVE-2023-2455, \
              CVE-2024-10976, CVE-2026-14666), MERGE that did not enforce policies (CVE-2023-39418), SET ROLE that \
              came undone (CVE-2024-10978), statistics that leak through partitions and views (CVE-2025-8713), \
              CREATE STATISTICS in any schema (CVE-2025-12817), output plug-ins (CVE-2026-6471); and what lets any login \
              run code as the server, where no policy holds (CVE-2026-6473, CVE-2026-14680, CVE-2026-16239).",
        before: "-- PostgreSQL 15.18",
        after: "-- PostgreSQL 15.19 or newer",
        ignore: "",
    },
    sql: include_str!("minor_version.sql"),
    scope: Scope::Server,
    fixing: Fixing::QUIET,
};
