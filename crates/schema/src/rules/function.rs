//! `function`: what a function body may do behind the engine's back.

use super::{ALL, Case, Rule};
use crate::model::{Function, Model};
use tenantry_core::TenancyModel;

#[derive(Debug)]
pub(super) struct Functions;

impl Rule for Functions {
    fn id(&self) -> &'static str {
        "function"
    }

    fn about(&self) -> &'static str {
        "Function bodies are opaque: they run as written. Those that pin a schema, truncate, or name the columns of a \
         unique constraint behave differently where tables are shared; SECURITY DEFINER ones run as the owner, whom \
         the floor binds too."
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for function in &model.functions {
            let place = format!("function {}", function.object_name());
            if function.security_definer && case.tenancy.is_pooled() {
                case.warning(
                    &place,
                    "it is SECURITY DEFINER: it runs as the owner of the tables, past the application's own policies",
                    "make it SECURITY INVOKER if it can be; the tenant floor holds either way",
                );
            }
            pinned_schema(case, &place, function, &model.source.schema);
            if case.tenancy == TenancyModel::Shared {
                opaque_body(case, &place, function);
            }
        }
    }
}

/// A tenant's own schema has another name than the one that the function names.
fn pinned_schema(case: &mut Case<'_>, place: &str, function: &Function, schema: &str) {
    if case.tenancy != TenancyModel::Schema || schema.is_empty() {
        return;
    }
    let pins =
        |setting: &&String| setting.starts_with("search_path=") && words(setting).any(|word| word == schema);
    if let Some(setting) = function.settings.iter().find(pins) {
        case.error(
            place,
            format!("it pins {setting}, but a tenant's schema has another name"),
            "drop the SET clause: the gateway sets search_path",
        );
    }
    let qualified = format!("{schema}.");
    if function.body.as_ref().is_some_and(|body| body.contains(&qualified)) {
        case.warning(
            place,
            format!("its body seems to name {qualified}…, but a tenant's schema has another name"),
            "leave the schema out: the gateway sets search_path",
        );
    }
}

fn opaque_body(case: &mut Case<'_>, place: &str, function: &Function) {
    let Some(body) = function.body.as_ref().map(|body| body.to_lowercase()) else { return };
    let all: Vec<&str> = words(&body).collect();
    if all.contains(&"truncate") {
        case.warning(
            place,
            "its body seems to TRUNCATE, which the application's role may not do in shared tables",
            "use DELETE",
        );
    }
    if all.windows(2).any(|pair| pair == ["on", "conflict"]) {
        case.warning(
            place,
            "its body seems to use ON CONFLICT; unique keys of shared tables start with the tenant column",
            "use ON CONFLICT ON CONSTRAINT <name>: names are the same in every model",
        );
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}
