//! The tenant column: one that tables have already, or a new one.

use super::facts::Facts;
use super::words::{TenantWord, column_stem, is_bookkeeping, plain, tenant_word};
use super::{Doubts, Weight};
use crate::declaration::{Tenancy, TenantType};
use std::collections::BTreeMap;
use tenantry_core::SqlIdent;

/// What is known of the tenant.
pub(super) struct Adopted<'a> {
    pub(super) column: SqlIdent,
    pub(super) value_type: TenantType,
    /// Tables have the column already.
    pub(super) is_there: bool,
    /// The table that has one row for each tenant.
    pub(super) root: Option<&'a str>,
}

/// A column that several tables have.
struct Candidate<'a> {
    name: &'a str,
    word: TenantWord,
    types: BTreeMap<&'a str, usize>,
    tables: usize,
}

pub(super) fn adopt<'a>(facts: &Facts<'a>, doubts: &mut Doubts) -> Adopted<'a> {
    let candidates = candidates(facts);
    let place = || "[tenancy] column".to_owned();
    let all = facts.tables.iter().filter(|table| !is_bookkeeping(&table.name)).count();
    let mut fitting = candidates.iter().filter(|candidate| candidate.is_common(all));
    let Some(best) = fitting.next() else {
        return none(facts, &candidates, doubts);
    };
    let (type_name, of_type) =
        best.types.iter().max_by_key(|(_, count)| **count).map_or(("", 0), |(name, count)| (*name, *count));
    let Some(value_type) = value_type(type_name) else {
        doubts.push(Weight::Foundation, place(), format!(
            "{} of {all} tables have a column {}, but its type is {type_name}: to adopt it, make it bigint, uuid or text",
            best.tables, best.name
        ));
        return fresh(facts);
    };
    let Ok(column) = SqlIdent::new(best.name) else { return fresh(facts) };
    if of_type < best.tables {
        let types: Vec<&str> = best.types.keys().copied().collect();
        doubts.push(
            Weight::Foundation,
            "[tenancy] type".to_owned(),
            format!(
                "{} is not of the same type everywhere ({}): make it {} in all tables",
                best.name,
                types.join(", "),
                value_type.as_sql()
            ),
        );
    }
    for other in fitting.filter(|other| other.tables * 3 >= best.tables) {
        doubts.push(
            Weight::Foundation,
            place(),
            format!(
                "{} tables have {}, {} have {}: if the latter tells your customers apart, write that one",
                best.tables, best.name, other.tables, other.name
            ),
        );
    }
    if best.tables * 2 < all && best.word != TenantWord::Likely {
        doubts.push(
            Weight::Foundation,
            place(),
            format!(
                "{} is adopted because of its name, and only {} of {all} tables have it",
                best.name, best.tables
            ),
        );
    }
    Adopted { root: root(facts, best), column, value_type, is_there: true }
}

impl Candidate<'_> {
    /// In enough tables that it is no accident.
    fn is_common(&self, all: usize) -> bool {
        match self.word {
            TenantWord::Certain => true,
            TenantWord::Likely => self.tables >= 3 && self.tables * 10 >= all * 3,
            TenantWord::Perhaps => self.tables >= 4 && self.tables * 10 >= all * 6,
        }
    }
}

/// Columns with a tenant's name: the surest name first, of equal ones the most common.
fn candidates<'a>(facts: &Facts<'a>) -> Vec<Candidate<'a>> {
    let mut found: BTreeMap<&str, Candidate<'_>> = BTreeMap::new();
    for table in &facts.tables {
        for column in &table.columns {
            let Some(word) = tenant_word(&column_stem(&column.name)) else { continue };
            // The root's own key is no reference to it.
            if column_stem(&column.name) == plain(&table.name) {
                continue;
            }
            let entry = found.entry(&column.name).or_insert(Candidate {
                name: &column.name,
                word,
                types: BTreeMap::new(),
                tables: 0,
            });
            entry.tables += 1;
            *entry.types.entry(&column.type_name).or_insert(0) += 1;
        }
    }
    let mut found: Vec<Candidate<'_>> = found.into_values().collect();
    found.sort_by(|a, b| {
        let certain = |candidate: &Candidate<'_>| candidate.word == TenantWord::Certain;
        (certain(b), b.tables, b.word).cmp(&(certain(a), a.tables, a.word)).then_with(|| a.name.cmp(b.name))
    });
    found
}

fn value_type(type_name: &str) -> Option<TenantType> {
    match type_name {
        "bigint" => Some(TenantType::Bigint),
        "uuid" => Some(TenantType::Uuid),
        "text" => Some(TenantType::Text),
        _ => None,
    }
}

/// What the column refers to; without foreign keys, what is called like it.
fn root<'a>(facts: &Facts<'a>, candidate: &Candidate<'_>) -> Option<&'a str> {
    let mut targets: BTreeMap<&str, usize> = BTreeMap::new();
    for table in &facts.tables {
        for link in facts.links(&table.name).iter().filter(|link| link.columns == [candidate.name]) {
            *targets.entry(link.target).or_insert(0) += 1;
        }
    }
    let referred =
        targets.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0))).map(|(name, _)| name);
    let called = || facts.tables.iter().find(|table| plain(&table.name) == column_stem(candidate.name));
    referred.or_else(|| called().map(|table| table.name.as_str()))
}

fn fresh<'a>(_facts: &Facts<'a>) -> Adopted<'a> {
    let default = Tenancy::default();
    Adopted { column: default.column, value_type: default.value_type, is_there: false, root: None }
}

/// No column is common enough: each tenant is to have the whole schema for itself, unless some table looks like tenants.
fn none<'a>(facts: &Facts<'a>, candidates: &[Candidate<'_>], doubts: &mut Doubts) -> Adopted<'a> {
    let tenants = facts
        .tables
        .iter()
        .filter(|table| tenant_word(&plain(&table.name)).is_some_and(|word| word > TenantWord::Perhaps));
    let referred = tenants.map(|table| (facts.referrers(&table.name).count(), table.name.as_str()));
    let most =
        referred.filter(|(count, _)| *count >= 2).max_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.cmp(a.1)));
    if let Some((count, table)) = most {
        let column = candidates.iter().find(|candidate| column_stem(candidate.name) == plain(table));
        let hint = column.map_or(String::new(), |column| format!(" (column = \"{}\")", column.name));
        doubts.push(Weight::Foundation, "[tenancy] column".to_owned(), format!(
            "{count} foreign keys lead to {table}: if it holds your customers, this schema is not single-tenant, and their \
             key should be adopted{hint}; as it is, each tenant gets its own {table}"
        ));
    }
    fresh(facts)
}
