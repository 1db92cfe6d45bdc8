//! The parts of CREATE TABLE and ALTER TABLE as parts of the model, with the names that PostgreSQL would give them.

use super::plain::Plain;
use super::text::{self, type_name};
use crate::find::names;
use crate::name::{clip, free_name, idents};
use pg_raw_parse::{Node, nodes};
use std::collections::BTreeSet;
use tenantry_core::ident::MAX_IDENT_BYTES;
use tenantry_schema::asks_for_the_same_index;
use tenantry_schema::model::{
    Column, Constraint, ConstraintKind, Exclusion, ForeignAction, ForeignKey, Generated, Identity, IndexKey,
    SequenceOptions, UniqueKey,
};

/// What a name must not collide with, and what the statement itself has named so far.
#[derive(Debug)]
pub(crate) struct Names<'m> {
    pub taken: &'m Plain,
    pub made: BTreeSet<String>,
}

impl Names<'_> {
    /// A name as PostgreSQL makes one up; it is taken from now on.
    pub(crate) fn choose(&mut self, table: &str, middle: Option<&str>, label: &str) -> String {
        let name =
            free_name(table, middle, label, |name| self.taken.is_taken(name) || self.made.contains(name));
        self.made.insert(name.clone());
        name
    }
}

/// `a_b_c`, as far as it is of use in a name.
pub(crate) fn joined(columns: &[String]) -> String {
    clip(&columns.join("_"), MAX_IDENT_BYTES).to_owned()
}

/// Constraints that are about rows of the whole table: they are lifted out of their column.
pub(crate) fn is_key(constraint: &nodes::Constraint) -> bool {
    use nodes::ConstrType as Kind;
    matches!(
        constraint.contype,
        Kind::CONSTR_PRIMARY | Kind::CONSTR_UNIQUE | Kind::CONSTR_FOREIGN | Kind::CONSTR_EXCLUSION
    )
}

/// `DEFERRABLE` and the like, which follow the constraint that they belong to.
pub(crate) fn is_attribute(constraint: &nodes::Constraint) -> bool {
    use nodes::ConstrType as Kind;
    matches!(
        constraint.contype,
        Kind::CONSTR_ATTR_DEFERRABLE
            | Kind::CONSTR_ATTR_NOT_DEFERRABLE
            | Kind::CONSTR_ATTR_DEFERRED
            | Kind::CONSTR_ATTR_IMMEDIATE
            | Kind::CONSTR_ATTR_ENFORCED
            | Kind::CONSTR_ATTR_NOT_ENFORCED
    )
}

/// A constraint as it was written, with what follows it in a column.
#[derive(Debug, Clone)]
pub(crate) struct Written<'a> {
    pub node: &'a nodes::Constraint,
    pub attributes: Vec<&'a nodes::Constraint>,
    /// The column that it was written in.
    pub column: Option<String>,
    /// Its text, without the attributes.
    pub text: String,
    /// The name of a twin that it stands for ([`merge_twins`]).
    pub name_of_twin: Option<&'a str>,
}

impl<'a> Written<'a> {
    /// The name that was said.
    pub(crate) fn name(&self) -> Option<&'a str> {
        self.node.conname().or(self.name_of_twin)
    }

    pub(crate) fn deferrable(&self) -> (bool, bool) {
        use nodes::ConstrType as Kind;
        let has = |kind| self.attributes.iter().any(|attribute| attribute.contype == kind);
        let deferred = self.node.initdeferred || has(Kind::CONSTR_ATTR_DEFERRED);
        (self.node.deferrable || has(Kind::CONSTR_ATTR_DEFERRABLE) || deferred, deferred)
    }

    fn enforced(&self) -> bool {
        let kind = nodes::ConstrType::CONSTR_ATTR_NOT_ENFORCED;
        self.node.is_enforced && !self.attributes.iter().any(|attribute| attribute.contype == kind)
    }

    /// The columns that it is about.
    fn columns(&self, listed: &pg_raw_parse::list::NodeList) -> Vec<String> {
        match &self.column {
            Some(column) => vec![column.clone()],
            None => names(listed.iter()),
        }
    }
}

/// A column without its keys. `identity` and serial columns bring a sequence.
pub(crate) fn column<'n>(
    node: &'n nodes::ColumnDef,
    sql: &str,
    parts: impl Iterator<Item = (&'n nodes::Constraint, &'n str)>,
) -> Column {
    use nodes::ConstrType as Kind;
    let mut column = Column {
        name: node.colname().unwrap_or_default().to_owned(),
        type_name: node.type_name().map(|of| type_name(of, sql)).unwrap_or_default(),
        collation: node.coll_clause().map(|of| names(of.collname().iter()).join(".")),
        ..Column::default()
    };
    for (constraint, text) in parts {
        match constraint.contype {
            Kind::CONSTR_NOTNULL => {
                column.not_null = true;
                column.not_null_name = constraint.conname().map(ToOwned::to_owned);
            }
            Kind::CONSTR_PRIMARY => column.not_null = true,
            Kind::CONSTR_DEFAULT => column.default = Some(text::after(text, "default")),
            Kind::CONSTR_GENERATED => {
                column.generated = Some(Generated {
                    expression: text::in_parentheses(text),
                    stored: constraint.generated_kind == b's'.cast_signed(),
                });
            }
            Kind::CONSTR_IDENTITY => {
                column.not_null = true;
                column.identity = Some(Identity {
                    always: constraint.generated_when == b'a'.cast_signed(),
                    options: numbers(&column.type_name),
                    sequence: String::new(),
                    comment: None,
                    unlogged: None,
                });
            }
            _ => {}
        }
    }
    column
}

/// A sequence's numbers where nothing else was said.
pub(crate) fn numbers(type_name: &str) -> SequenceOptions {
    let maximum = match type_name {
        "smallint" => i64::from(i16::MAX),
        "integer" => i64::from(i32::MAX),
        _ => i64::MAX,
    };
    SequenceOptions {
        type_name: if maximum == i64::MAX { "bigint".to_owned() } else { type_name.to_owned() },
        start: 1,
        increment: 1,
        minimum: 1,
        maximum,
        cache: 1,
        cycle: false,
    }
}

/// PRIMARY KEY, UNIQUE, EXCLUDE or CHECK as part of the model.
pub(crate) fn local(written: &Written<'_>, table: &str, names_of: &mut Names<'_>) -> Option<Constraint> {
    let kind = kind_of(written)?;
    let (middle, label) = match &kind {
        ConstraintKind::PrimaryKey(_) => (None, "pkey"),
        ConstraintKind::Unique(key) => {
            (Some(joined(&[key.columns.clone(), key.include.clone()].concat())), "key")
        }
        ConstraintKind::Exclusion(of) => (Some(joined(&key_names(&of.keys, &of.include))), "excl"),
        _ => (checked_column(written.node.raw_expr()), "check"),
    };
    let name = match written.name() {
        Some(name) => {
            names_of.made.insert(name.to_owned());
            name.to_owned()
        }
        None => names_of.choose(table, middle.as_deref(), label),
    };
    let (deferrable, deferred) = written.deferrable();
    Some(Constraint { deferrable, deferred, ..Constraint::new(name, kind) })
}

fn kind_of(written: &Written<'_>) -> Option<ConstraintKind> {
    use nodes::ConstrType as Kind;
    Some(match written.node.contype {
        Kind::CONSTR_PRIMARY => ConstraintKind::PrimaryKey(unique_key(written)),
        Kind::CONSTR_UNIQUE => ConstraintKind::Unique(unique_key(written)),
        Kind::CONSTR_EXCLUSION => ConstraintKind::Exclusion(exclusion(written)?),
        Kind::CONSTR_CHECK => ConstraintKind::Check {
            definition: check_definition(written),
            validated: written.node.initially_valid,
        },
        _ => return None,
    })
}

/// Of the keys in one statement that ask for the same index PostgreSQL makes one: the primary key, or the first. It has the first name
/// that was said.
pub(crate) fn merge_twins(keys: &mut Vec<Written<'_>>) {
    let is_primary = |written: &Written<'_>| written.node.contype == nodes::ConstrType::CONSTR_PRIMARY;
    let mut order: Vec<usize> = (0..keys.len()).filter(|at| is_indexed(&keys[*at])).collect();
    if order.len() < 2 {
        return;
    }
    order.sort_by_key(|at| !is_primary(&keys[*at]));
    let mut first: Vec<(usize, Constraint)> = Vec::new();
    let mut gone = BTreeSet::new();
    for at in order {
        let Some(kind) = kind_of(&keys[at]) else { continue };
        let (deferrable, deferred) = keys[at].deferrable();
        let this = Constraint { deferrable, deferred, ..Constraint::new(String::new(), kind) };
        match first.iter().find(|(_, other)| asks_for_the_same_index(other, &this)) {
            None => first.push((at, this)),
            Some((other, _)) => {
                let name = keys[at].name();
                if keys[*other].name().is_none() {
                    keys[*other].name_of_twin = name;
                }
                gone.insert(at);
            }
        }
    }
    let mut at = 0..;
    keys.retain(|_| at.next().is_none_or(|at| !gone.contains(&at)));
}

fn is_indexed(written: &Written<'_>) -> bool {
    is_key(written.node) && written.node.contype != nodes::ConstrType::CONSTR_FOREIGN
}

fn unique_key(written: &Written<'_>) -> UniqueKey {
    let node = written.node;
    UniqueKey {
        columns: written.columns(node.keys()),
        include: names(node.including().iter()),
        nulls_not_distinct: node.nulls_not_distinct,
        period: node.without_overlaps,
        options: text::options(node.options().iter()),
    }
}

fn exclusion(written: &Written<'_>) -> Option<Exclusion> {
    let node = written.node;
    let elements = text::exclusion_elements(&written.text)?;
    if elements.len() != node.exclusions().len() {
        return None;
    }
    let mut keys = Vec::new();
    let mut operators = Vec::new();
    for (pair, (element, operator)) in node.exclusions().iter().zip(elements) {
        let Node::IndexElem(of) = pair.as_node_list()?.first()? else { return None };
        keys.push(index_key(of, &element));
        operators.push(operator);
    }
    Some(Exclusion {
        method: node.access_method().unwrap_or("gist").to_owned(),
        keys,
        operators,
        include: names(node.including().iter()),
        predicate: match node.where_clause() {
            Node::None => None,
            _ => Some(text::in_parentheses(&text::after_last(&written.text, "where"))),
        },
        options: text::options(node.options().iter()),
    })
}

/// An index element. `text` is what was written.
pub(crate) fn index_key(node: &nodes::IndexElem, text: &str) -> IndexKey {
    let descending = node.ordering == nodes::SortByDir::SORTBY_DESC;
    let nulls_first = match node.nulls_ordering {
        nodes::SortByNulls::SORTBY_NULLS_FIRST => true,
        nodes::SortByNulls::SORTBY_NULLS_LAST => false,
        _ => descending,
    };
    IndexKey {
        column: node.name().map(ToOwned::to_owned),
        expression: node.name().is_none().then(|| text::expression_of(text)),
        collation: (!node.collation().is_empty()).then(|| names(node.collation().iter()).join(".")),
        opclass: (!node.opclass().is_empty()).then(|| names(node.opclass().iter()).join(".")),
        opclass_options: text::options(node.opclassopts().iter()),
        descending,
        nulls_first,
        ..IndexKey::default()
    }
}

/// `ChooseIndexColumnNames`.
pub(crate) fn key_names(keys: &[IndexKey], include: &[String]) -> Vec<String> {
    let mut chosen: Vec<String> = Vec::new();
    let columns = keys.iter().map(|key| key.column.clone().unwrap_or_else(|| "expr".to_owned()));
    for name in columns.chain(include.iter().cloned()) {
        let mut unique = name.clone();
        let mut number = 0;
        while chosen.contains(&unique) {
            number += 1;
            unique = format!("{name}{number}");
        }
        chosen.push(unique);
    }
    chosen
}

fn check_definition(written: &Written<'_>) -> String {
    let inherit = if written.node.is_no_inherit { " NO INHERIT" } else { "" };
    let text = text::in_parentheses_after(&written.text, "check");
    let valid = if written.node.initially_valid { "" } else { " NOT VALID" };
    format!("CHECK ({text}){inherit}{valid}")
}

/// The one column that an expression is about.
fn checked_column(expression: Node<'_>) -> Option<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![expression];
    while let Some(node) = open.pop() {
        match node {
            Node::ColumnRef(of) => {
                found.extend(names(of.fields().iter()).pop());
            }
            other => crate::parse::children(other, |child| open.push(child)),
        }
    }
    if found.len() == 1 { found.pop_first() } else { None }
}

/// A foreign key. `key_of` gives a table's primary key.
pub(crate) fn foreign_key(
    written: &Written<'_>,
    table: &str,
    names_of: &mut Names<'_>,
    key_of: impl Fn(&str) -> Vec<String>,
) -> Option<Constraint> {
    let node = written.node;
    let target = node.pktable()?;
    let columns = written.columns(node.fk_attrs());
    let mut target_columns = names(node.pk_attrs().iter());
    if target_columns.is_empty() {
        target_columns = key_of(target.relname()?);
    }
    if target_columns.len() != columns.len() {
        return None;
    }
    let name = match node.conname() {
        Some(name) => {
            names_of.made.insert(name.to_owned());
            name.to_owned()
        }
        None => names_of.choose(table, Some(&joined(&columns)), "fkey"),
    };
    let full = node.fk_matchtype == b'f'.cast_signed();
    let key = ForeignKey {
        full_check: (full && columns.len() > 1).then(|| full_check(&columns)),
        columns,
        target_schema: target.schemaname().map(ToOwned::to_owned),
        target: target.relname()?.to_owned(),
        target_columns,
        full,
        on_update: action(node.fk_upd_action),
        on_delete: action(node.fk_del_action),
        on_delete_columns: names(node.fk_del_set_cols().iter()),
        validated: node.initially_valid,
        enforced: written.enforced(),
        period: node.fk_with_period,
    };
    let (deferrable, deferred) = written.deferrable();
    Some(Constraint { deferrable, deferred, ..Constraint::new(name, ConstraintKind::ForeignKey(key)) })
}

/// As introspection says it.
fn full_check(columns: &[String]) -> String {
    format!("CHECK ((num_nulls({}) = ANY (ARRAY[0, {}])))", idents(columns), columns.len())
}

fn action(letter: std::ffi::c_char) -> ForeignAction {
    match letter.cast_unsigned() {
        b'r' => ForeignAction::Restrict,
        b'c' => ForeignAction::Cascade,
        b'n' => ForeignAction::SetNull,
        b'd' => ForeignAction::SetDefault,
        _ => ForeignAction::NoAction,
    }
}
