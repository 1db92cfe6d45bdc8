//! Views.

use super::plan::Plan;
use super::{Effort, Lock};
use crate::model::{ObjectKind, View};
use crate::render::text::{assignments, ident, idents};
use crate::render::{create_view, order};

pub(super) fn views(plan: &mut Plan<'_>) {
    // The order was found before; a circle would have been an error then.
    let order = order::creation_order(plan.to).unwrap_or_default();
    for object in order.into_iter().filter(|object| object.kind == ObjectKind::View) {
        let Some(new) = plan.to.views.iter().find(|view| view.name == object.name) else { continue };
        match plan.from.views.iter().find(|view| view.name == object.name) {
            None => push(plan, new, create_view(new)),
            Some(old) if old.definition != new.definition => {
                push(plan, new, create_view(new).replacen("CREATE VIEW", "CREATE OR REPLACE VIEW", 1));
            }
            Some(old) if old.options != new.options => options(plan, old, new),
            Some(_) => {}
        }
    }
}

fn options(plan: &mut Plan<'_>, old: &View, new: &View) {
    let name = |option: &String| option.split('=').next().unwrap_or_default().to_owned();
    let kept: Vec<String> = new.options.iter().map(name).collect();
    let gone: Vec<String> = old.options.iter().map(name).filter(|name| !kept.contains(name)).collect();
    if !gone.is_empty() {
        push(plan, new, format!("ALTER VIEW {} RESET ({})", ident(&new.name), idents(&gone, ", ")));
    }
    if !new.options.is_empty() {
        push(plan, new, format!("ALTER VIEW {} SET ({})", ident(&new.name), assignments(&new.options)));
    }
}

fn push(plan: &mut Plan<'_>, view: &View, sql: String) {
    plan.push(sql, format!("view {}", view.name), Lock::AccessExclusive, &[&view.name], Effort::Moment);
}
