//! `row-security`: the floor that the application can't go below.

use super::{ALL, Case, Rule, SHARED_TENANT_ID, TENANT_ID, printed};
use crate::check::{Remedy, Severity};
use crate::declaration::TenantType;
use crate::model::{Model, Policy, Table};
use crate::render::text::ident;
use crate::rules::Docs;
use tenantry_core::{ContextKind, TenancyModel, quote_literal};

#[derive(Debug)]
pub(super) struct RowSecurity;

/// Lets the application see what no policy of its own decides. Only where it has no row-level security of its own.
pub(super) const ALLOW: &str = "tenantry_allow";
/// The tenant floor.
pub(super) const FLOOR: &str = "tenantry_floor";

impl Rule for RowSecurity {
    fn id(&self) -> &'static str {
        "row-security"
    }

    fn about(&self) -> &'static str {
        "Row-level security is enabled and forced on every tenant table and every partition, with one RESTRICTIVE floor \
         for PUBLIC and ALL commands. Restrictive, because permissive policies are added up: one of the application's \
         own would open what a permissive floor closes. In the schema model the floor compares the context with the \
         one tenant of the schema, once a statement."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A condition that the application forgets, a view, a report, an injected statement: the database \
                  itself adds the tenant to every one of them, for every role, the owner included. A partition or child \
                  table that is read directly has a policy of its own, because its parent's does not apply there.",
            before: "CREATE TABLE notes (id bigint PRIMARY KEY, body text);",
            after: "CREATE POLICY tenantry_floor ON notes AS RESTRICTIVE FOR ALL TO PUBLIC USING ((tenant_id = tenancy.shared_tenant_id())) WITH CHECK ((tenant_id = ( SELECT tenancy.shared_tenant_id() AS shared_tenant_id)));\n\
                    ALTER TABLE notes FORCE ROW LEVEL SECURITY",
            ignore: "The warning, where a table is really meant to be empty for the application.",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Warning, Severity::Note]
    }

    fn remedies(&self) -> &'static [Remedy] {
        &[Remedy::Compile, Remedy::Person]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for table in &mut model.tables {
            foreign_roles(table, case);
            let wants_floor = match case.tenancy {
                TenancyModel::Shared => case.is_tenant(table),
                TenancyModel::Schema => true,
                TenancyModel::Database => false,
            };
            if wants_floor {
                put_floor(table, case);
            }
        }
    }
}

/// Roles of the plain database don't exist where tenants live.
fn foreign_roles(table: &Table, case: &mut Case<'_>) {
    for policy in table.policies.iter().filter(|policy| !policy.roles.is_empty()) {
        case.error(
            format!("policy {} on {}", policy.name, table.name),
            format!("it is for {}, but placements have roles of their own", policy.roles.join(", ")),
            "make it a policy TO PUBLIC",
        );
    }
}

fn put_floor(table: &mut Table, case: &mut Case<'_>) {
    let (using, check) = floor(case);
    let floor = policy(FLOOR, false, "ALL", Some(using), Some(check));
    enforce(table, vec![floor], "the tenant floor", case);
}

/// Enables and forces row-level security with these restrictive policies, and lets through what no policy of the application's
/// own decides. For every kind of table that has a floor.
pub(super) fn enforce(table: &mut Table, floors: Vec<Policy>, what: &str, case: &mut Case<'_>) {
    let before = (table.policies.clone(), table.row_security, table.force_row_security);
    let was_allowed = table.policies.iter().any(|policy| policy.name == ALLOW);
    table.policies.retain(|policy| !is_ours(&policy.name));
    let own = table.row_security && !was_allowed;
    if !own && !table.policies.is_empty() {
        case.error(
            &table.name,
            "it has policies that are not in force, and enabling row-level security would put them in force",
            "enable row-level security in the plain schema, or drop the policies",
        );
    }
    if own && table.policies.is_empty() && case.kind(&table.name).is_some() && !table.force_row_security {
        case.warning(
            &table.name,
            "row-level security is enabled without any policy: the application's role will see no rows",
            "add a policy, or disable row-level security in the plain schema",
        );
    }
    behind_the_floor(table, case);
    if !own {
        let always = || Some("true".to_owned());
        table.policies.push(policy(ALLOW, true, "ALL", always(), always()));
    }
    table.policies.extend(floors);
    table.policies.sort_by(|a, b| a.name.cmp(&b.name));
    table.row_security = true;
    table.force_row_security = true;
    if table.policies != before.0 || !before.1 || !before.2 {
        case.change(&table.name, format!("row-level security is enabled and forced, with {what}"));
    }
}

/// PostgreSQL tests restrictive policies in the order of their names, and all permissive ones after them. One that comes before the
/// floor would be asked about rows of other tenants, and what it calls (a cast, a division, a function) can tell of them.
fn behind_the_floor(table: &Table, case: &mut Case<'_>) {
    let early = |policy: &&Policy| !policy.permissive && policy.using.is_some() && *policy.name < *FLOOR;
    for policy in table.policies.iter().filter(early) {
        case.error(
            format!("policy {} on {}", policy.name, table.name),
            format!("restrictive policies are tested in the order of their names: it would see other tenants' rows before {FLOOR} does"),
            format!("give it a name that comes later: ALTER POLICY … RENAME TO {}", ident(&format!("then_{}", policy.name))),
        );
    }
}

/// The policies that rules put: the allowing one, the floor, and a scoped table's floors of single commands.
fn is_ours(name: &str) -> bool {
    let Some(command) = name.strip_prefix(FLOOR) else { return name == ALLOW };
    matches!(command, "" | "_insert" | "_update" | "_delete")
}

pub(super) fn policy(
    name: &str,
    permissive: bool,
    command: &str,
    using: Option<String>,
    check: Option<String>,
) -> Policy {
    Policy {
        name: name.to_owned(),
        comment: None,
        permissive,
        command: command.to_owned(),
        roles: Vec::new(),
        using,
        check,
    }
}

/// What the floor asks of rows that are seen, and of rows that are written, as the server prints it back.
///
/// Tables that tenants share ask for the tenant that may have rows there; a tenant with a schema of its own has none, even if it
/// names such a table in full. Compared with a column, a carrier stands bare: the planner sees its value, and an index is asked
/// once. A row that is written is compared by itself, so there a sub-select makes the call once a statement: with it, an INSERT of
/// one row costs a microsecond more, and one of a thousand a fifth less. A signed context is verified at each call, so it is
/// never called bare. Nor is one in a tenant's own schema, where nothing of the row takes part: PostgreSQL would test a bare
/// comparison for each row.
///
/// A function rather than the expression inside it: whatever changes the carrier would have to lock every tenant's tables to say so.
fn floor(case: &Case<'_>) -> (String, String) {
    let tenancy = &case.declaration.tenancy;
    if let Some(value) = &case.floor.tenant_value {
        let literal = quote_literal(value);
        let same = format!(
            "(( SELECT {TENANT_ID} AS tenant_id) = {}::{})",
            literal.trim_start(),
            tenancy.value_type.as_sql()
        );
        return (same.clone(), same);
    }
    let column = printed(&tenancy.column);
    let once = format!("({column} = ( SELECT {SHARED_TENANT_ID} AS shared_tenant_id))");
    match case.floor.context {
        ContextKind::Carrier => (format!("({column} = {SHARED_TENANT_ID})"), once),
        ContextKind::Signed => (once.clone(), once),
    }
}

/// Whether a text can be the value of the tenant column.
pub(crate) fn is_value(value: &str, value_type: TenantType) -> bool {
    match value_type {
        TenantType::Bigint => value.parse::<i64>().is_ok(),
        TenantType::Uuid => {
            let groups: Vec<usize> = value.split('-').map(str::len).collect();
            groups == [8, 4, 4, 4, 12] && value.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
        }
        TenantType::Text => !value.is_empty() && !value.contains('\0'),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lab::{hits, misses};
    use super::*;

    const FLOOR_PUT: &str = "change: t: row-level security is enabled and forced, with the tenant floor";

    #[test]
    fn every_table_that_tenants_share_gets_the_floor() {
        hits(&RowSecurity, "CREATE TABLE t (id bigint)", "", &[FLOOR_PUT]);
        let partitions =
            "CREATE TABLE t (at date) PARTITION BY RANGE (at); CREATE TABLE t_rest PARTITION OF t DEFAULT";
        hits(&RowSecurity, partitions, "", &[FLOOR_PUT, &FLOOR_PUT.replacen("t:", "t_rest:", 1)]);
        let own = "CREATE TABLE t (id bigint); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (id > 0)";
        hits(&RowSecurity, own, "", &[FLOOR_PUT]);
    }

    #[test]
    fn policies_that_would_mean_something_else() {
        let idle = "error: t: it has policies that are not in force, and enabling row-level security would put them in force";
        hits(
            &RowSecurity,
            "CREATE TABLE t (id bigint); CREATE POLICY p ON t USING (id > 0)",
            "",
            &[idle, FLOOR_PUT],
        );
        let shut = "warning: t: row-level security is enabled without any policy: the application's role will see no rows";
        hits(
            &RowSecurity,
            "CREATE TABLE t (id bigint); ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            "",
            &[shut, FLOOR_PUT],
        );
        let named = "CREATE ROLE clerk; CREATE TABLE t (id bigint); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
            CREATE POLICY p ON t TO clerk USING (true)";
        let expected = "error: policy p on t: it is for clerk, but placements have roles of their own";
        hits(&RowSecurity, named, "", &[expected, FLOOR_PUT]);
    }

    #[test]
    fn policies_that_would_be_asked_before_the_floor() {
        let policies = "CREATE TABLE t (id bigint); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
            CREATE POLICY all_of_them ON t USING (id > 0);
            CREATE POLICY \"Early\" ON t AS RESTRICTIVE USING (1 / id > 0);
            CREATE POLICY checked ON t AS RESTRICTIVE FOR INSERT WITH CHECK (1 / id > 0);
            CREATE POLICY until ON t AS RESTRICTIVE USING (1 / id > 0)";
        let early = "error: policy Early on t: restrictive policies are tested in the order of their names: it would see other \
                     tenants' rows before tenantry_floor does";
        hits(&RowSecurity, policies, "", &[early, FLOOR_PUT]);
    }

    #[test]
    fn schemas_without_tables() {
        misses(&RowSecurity, "CREATE TYPE mood AS ENUM ('a')", "");
    }
}
