//! `row-security`: the floor that the application can't go below.

use super::{ALL, Case, Rule, TENANT_ID, printed};
use crate::declaration::TenantType;
use crate::model::{Model, Policy, Table};
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

    fn models(&self) -> &'static [TenancyModel] {
        ALL
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
    let before = table.clone();
    let was_allowed = table.policies.iter().any(|policy| policy.name == ALLOW);
    table.policies.retain(|policy| policy.name != ALLOW && policy.name != FLOOR);
    let own = table.row_security && !was_allowed;
    if !own && !table.policies.is_empty() {
        case.error(
            &table.name,
            "it has policies that are not in force, and enabling row-level security would put them in force",
            "enable row-level security in the plain schema, or drop the policies",
        );
    }
    if own && table.policies.is_empty() && case.kind(&table.name).is_some() && !before.force_row_security {
        case.warning(
            &table.name,
            "row-level security is enabled without any policy: the application's role will see no rows",
            "add a policy, or disable row-level security in the plain schema",
        );
    }
    if !own {
        table.policies.push(policy(ALLOW, true, "true".to_owned()));
    }
    table.policies.push(policy(FLOOR, false, floor(case)));
    table.policies.sort_by(|a, b| a.name.cmp(&b.name));
    table.row_security = true;
    table.force_row_security = true;
    if *table != before {
        case.change(&table.name, "row-level security is enabled and forced, with the tenant floor");
    }
}

fn policy(name: &str, permissive: bool, expression: String) -> Policy {
    Policy {
        name: name.to_owned(),
        comment: None,
        permissive,
        command: "ALL".to_owned(),
        roles: Vec::new(),
        using: Some(expression.clone()),
        check: Some(expression),
    }
}

/// The floor's expression, written as the server prints it back.
///
/// Compared with a column, a carrier stands bare: it costs about a microsecond, and the planner sees its value. A signed
/// context is verified at each call, so a sub-select makes that once a statement instead of once a row. So does it in a
/// tenant's own schema, where nothing of the row takes part: PostgreSQL would test a bare comparison for each row.
fn floor(case: &Case<'_>) -> String {
    let once = format!("( SELECT {TENANT_ID} AS tenant_id)");
    match (&case.floor.tenant_value, case.floor.context) {
        (Some(value), _) => {
            let literal = quote_literal(value);
            let value_type = case.declaration.tenancy.value_type;
            format!("({once} = {}::{})", literal.trim_start(), value_type.as_sql())
        }
        (None, ContextKind::Carrier) => {
            format!("({} = {TENANT_ID})", printed(&case.declaration.tenancy.column))
        }
        (None, ContextKind::Signed) => format!("({} = {once})", printed(&case.declaration.tenancy.column)),
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
