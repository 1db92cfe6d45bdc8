//! CHECK constraints.

use super::column::validate;
use super::leftover::is_leftover;
use super::plan::{Kept, Plan};
use super::same;
use super::{Effort, Lock};
use crate::model::{Constraint, Model, Table};
use crate::render::constraint::written;
use crate::render::text::ident;

pub(super) fn checks(plan: &mut Plan<'_>) {
    for table in plan.kept() {
        for old in own(table.old) {
            if !own(table.new).any(|new| new.name == old.name) && !is_inherited(plan.from, plan, table, old) {
                let place = same::place(&old.name, &table.old.name);
                plan.moment(&table.old.name, place, &format!("DROP CONSTRAINT {}", ident(&old.name)));
            }
        }
        for new in own(table.new) {
            if !is_inherited(plan.to, plan, table, new) {
                bring(plan, table, new);
            }
        }
    }
}

fn own(table: &Table) -> impl Iterator<Item = &Constraint> {
    table.constraints.iter().filter(|constraint| same::is_check(constraint) && !is_leftover(&constraint.name))
}

/// Whether a parent has it too, so that it follows the parent's.
fn is_inherited(model: &Model, plan: &Plan<'_>, table: Kept<'_>, check: &Constraint) -> bool {
    let parents = plan.parents(table.new);
    let named = parents.iter().filter_map(|parent| model.table(&parent.name));
    named.flat_map(own).any(|parent| parent.name == check.name && same::constraint(parent, check))
}

fn bring(plan: &mut Plan<'_>, table: Kept<'_>, new: &Constraint) {
    let old = own(table.old).find(|old| old.name == new.name);
    let wanted = same::is_validated(new);
    let place = same::place(&new.name, &table.new.name);
    let stays = old.is_some_and(|old| same::constraint(old, new) && (wanted || !same::is_validated(old)));
    if stays {
        if wanted && !old.is_some_and(same::is_validated) {
            validate(plan, &table.new.name, &new.name, place);
        }
        return;
    }
    let later = wanted && plan.is_online(&table.new.name);
    let added = if later { same::not_valid(new) } else { new.clone() };
    let effort = if wanted && !later { Effort::Scan } else { Effort::Moment };
    plan.together(|plan| {
        if old.is_some() {
            let drop = format!("DROP CONSTRAINT {}", ident(&new.name));
            plan.moment(&table.new.name, place.clone(), &drop);
        }
        let sql = format!("ALTER TABLE {} ADD {}", ident(&table.new.name), written(&added));
        plan.push(sql, place.clone(), Lock::AccessExclusive, &[&table.new.name], effort);
    });
    if later {
        validate(plan, &table.new.name, &new.name, place);
    }
}
