//! `view`: a view shows what its reader may see, not what its owner may.

use super::{Case, Rule, SHARED};
use crate::declaration::{Keys, Kind};
use crate::model::{Model, View};
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Views;

const INVOKER: &str = "security_invoker";

impl Rule for Views {
    fn id(&self) -> &'static str {
        "view"
    }

    fn about(&self) -> &'static str {
        "Views over shared tables are security_invoker, so that the policies of the one who reads apply. A view whose \
         GROUP BY rests on a primary key must name its columns, because that key now has the tenant in it."
    }

    fn models(&self) -> &'static [TenancyModel] {
        SHARED
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for view in &mut model.views {
            let place = format!("view {}", view.name);
            if case.declaration.tenancy.keys == Keys::Composite {
                grouping(view, case, &place);
            }
            let wanted = format!("{INVOKER}=true");
            if !view.options.contains(&wanted) {
                view.options.retain(|option| !option.starts_with(INVOKER));
                view.options.push(wanted);
                view.options.sort();
                case.change(place, "the view becomes security_invoker");
            }
        }
    }
}

fn grouping(view: &View, case: &mut Case<'_>, place: &str) {
    let tables: Vec<&str> = view
        .groups_by
        .iter()
        .map(String::as_str)
        .filter(|table| case.kind(table) == Some(Kind::Tenant))
        .collect();
    if !tables.is_empty() {
        case.error(
            place,
            format!(
                "its GROUP BY rests on the primary key of {}, which gets the tenant column",
                tables.join(", ")
            ),
            "name every selected column in GROUP BY, or declare keys = \"global-id\"",
        );
    }
}
