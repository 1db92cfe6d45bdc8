//! `overrides`: what a tenant changes for itself on a shared row.
//!
//! The scoped table keeps its name and means the rows as they are shared. `<table>_overrides` is a tenant table with the same
//! key, in which a null means "as shared". `<table>_merged` is a view of both: the rows as this tenant sees them.

use super::{ALL, Case, Docs, Rule, names, printed};
use crate::check::Severity;
use crate::declaration::{Declaration, Kind, TableEntry};
use crate::model::{
    Column, Constraint, ConstraintKind, Dependency, ForeignAction, ForeignKey, Model, Object, ObjectKind,
    Table, UniqueKey, View,
};
use crate::read::rank;
use tenantry_core::{SqlIdent, TenancyModel};

#[derive(Debug)]
pub(super) struct Overrides;

/// How the line of the companion's comment starts.
const LINE: &str = "tenantry:overrides=";

impl Rule for Overrides {
    fn id(&self) -> &'static str {
        "overrides"
    }

    fn about(&self) -> &'static str {
        "A scoped table with declared overrides gets a companion: `<table>_overrides`, a tenant table with the same key and the \
         columns that may be overridden, all nullable. The view `<table>_merged` shows each row with the tenant's values, where it \
         has any. The table itself stays what it is under its own name."
    }

    fn docs(&self) -> Docs {
        Docs {
            why: "A tenant that wants another price for a shared product would need a copy of the product, which then no longer \
                  follows the original.",
            before: "CREATE TABLE products (id bigint PRIMARY KEY, name text, price bigint);\n\
                     -- tenantry.toml\n\
                     [tables]\n\
                     products = { kind = \"scoped\", overrides = [\"price\"] }",
            after: "CREATE TABLE products_overrides ( id bigint NOT NULL, price bigint, …;\n\
                    CREATE VIEW products_merged … COALESCE(o.price, s.price) AS price",
            ignore: "",
        }
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn severities(&self) -> &'static [Severity] {
        &[Severity::Error, Severity::Note]
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        let declaration = case.declaration;
        for (name, columns) in declared(declaration) {
            let place = format!("[tables] {name}");
            if declaration.tables.get(name).map(TableEntry::kind) != Some(Kind::Scoped) {
                case.error(
                    place,
                    "overrides are for scoped tables",
                    "leave `overrides` out, or declare it \"scoped\"",
                );
                continue;
            }
            // In a schema placement that is read back, the table itself is the pool's.
            let Some(table) = model.table(name).cloned() else { continue };
            if fits(&table, columns, case, &place) {
                companion(model, &table, columns, case);
                merged(model, &table, columns, case);
            }
        }
    }
}

fn declared(declaration: &Declaration) -> impl Iterator<Item = (&str, &[String])> {
    declaration.tables.iter().filter_map(|(name, entry)| match entry {
        TableEntry::Detailed(details) if !details.overrides.is_empty() => {
            Some((name.as_str(), details.overrides.as_slice()))
        }
        _ => None,
    })
}

/// The companions that a plain schema does not have yet: they hold tenants' rows, so erasing and moving must know of them.
pub(crate) fn companions<'a>(
    model: &'a Model,
    declaration: &'a Declaration,
) -> impl Iterator<Item = String> + 'a {
    let scoped = declared(declaration).filter(|(name, _)| model.table(name).is_some());
    scoped.map(|(name, _)| names::cut(name, "_overrides")).filter(|name| model.table(name).is_none())
}

/// Whether a table holds the overrides of another: its comment says so, and it has the name that we give.
pub(crate) fn is_companion(table: &Table) -> bool {
    let mut of =
        table.comment.iter().flat_map(|comment| comment.lines()).filter_map(|line| line.strip_prefix(LINE));
    of.any(|of| names::cut(of, "_overrides") == table.name)
}

fn fits(table: &Table, columns: &[String], case: &mut Case<'_>, place: &str) -> bool {
    let Some(key) = table.primary_key() else {
        case.error(place, "overrides go by the primary key, and it has none", "add one");
        return false;
    };
    for name in columns {
        let (message, hint) = match table.column(name) {
            None => {
                let near = names::nearest(name, table.columns.iter().map(|column| column.name.as_str()));
                let hint =
                    near.map_or_else(|| "name a column".to_owned(), |near| format!("did you mean {near:?}?"));
                (format!("{} has no column {name:?}", table.name), hint)
            }
            Some(column) if key.columns.contains(name) || column.generated.is_some() => {
                (format!("{name} is part of the key, or generated"), "override other columns".to_owned())
            }
            Some(_) => continue,
        };
        case.error(place, message, hint);
        return false;
    }
    true
}

fn companion(model: &mut Model, table: &Table, columns: &[String], case: &mut Case<'_>) {
    let name = names::cut(&table.name, "_overrides");
    case.kinds.insert(name.clone(), Kind::Tenant);
    if let Some(known) = model.table(&name) {
        if !is_companion(known) {
            let hint = "rename it: the name is for the overrides of the scoped table";
            case.error(&name, "a table of this name is there already", hint);
        }
        return;
    }
    case.change(&name, format!("the table for each tenant's {} is added", columns.join(", ")));
    let key = table.primary_key().map(|key| key.columns.clone()).unwrap_or_default();
    let copied = |column: &Column, not_null: bool| Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        collation: column.collation.clone(),
        not_null,
        ..Column::default()
    };
    let of = |names: &[String], not_null: bool| -> Vec<Column> {
        names.iter().filter_map(|name| table.column(name)).map(|column| copied(column, not_null)).collect()
    };
    let primary = case.fresh_name(model, &name, &[], "pkey");
    let reference = case.fresh_name(model, &name, &key, "fkey");
    let mut constraints = vec![
        Constraint::new(primary, ConstraintKind::PrimaryKey(unique(&key))),
        Constraint::new(reference, ConstraintKind::ForeignKey(to_row(&table.name, &key))),
    ];
    constraints.sort_by(|a, b| rank(a).cmp(&rank(b)));
    case.is_taken_now(&name);
    model.tables.push(Table {
        name,
        comment: Some(format!("{LINE}{}", table.name)),
        replica_identity: 'd',
        columns: [of(&key, true), of(columns, false)].concat(),
        constraints,
        ..Table::default()
    });
    model.tables.sort_by(|a, b| a.name.cmp(&b.name));
}

fn unique(columns: &[String]) -> UniqueKey {
    UniqueKey {
        columns: columns.to_vec(),
        include: Vec::new(),
        nulls_not_distinct: false,
        period: false,
        options: Vec::new(),
    }
}

/// An override goes with its row.
fn to_row(target: &str, key: &[String]) -> ForeignKey {
    ForeignKey {
        columns: key.to_vec(),
        target_schema: None,
        target: target.to_owned(),
        target_columns: key.to_vec(),
        full: false,
        full_check: None,
        on_update: ForeignAction::NoAction,
        on_delete: ForeignAction::Cascade,
        on_delete_columns: Vec::new(),
        validated: true,
        enforced: true,
        period: false,
    }
}

fn merged(model: &mut Model, table: &Table, columns: &[String], case: &mut Case<'_>) {
    let name = names::cut(&table.name, "_merged");
    let definition = definition(table, columns, case);
    let invoker = "security_invoker=true".to_owned();
    if let Some(known) = model.views.iter_mut().find(|view| view.name == name) {
        known.definition = definition;
        known.options = vec![invoker];
    } else {
        case.change(&name, format!("the view of {} with each tenant's values is added", table.name));
        model.views.push(View { name: name.clone(), definition, options: vec![invoker], ..View::default() });
        model.views.sort_by(|a, b| a.name.cmp(&b.name));
    }
    for rests_on in [table.name.clone(), names::cut(&table.name, "_overrides")] {
        let edge = Dependency {
            from: Object { kind: ObjectKind::View, name: name.clone() },
            to: Object { kind: ObjectKind::Table, name: rests_on },
            soft: false,
        };
        if !model.dependencies.contains(&edge) {
            model.dependencies.push(edge);
        }
    }
    model.dependencies.sort();
}

/// As the server prints it.
fn definition(table: &Table, overridden: &[String], case: &Case<'_>) -> String {
    let name = |name: &str| SqlIdent::new(name).map_or_else(|_| name.to_owned(), |name| printed(&name));
    let shown: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.name != super::scope::COLUMN)
        .map(|column| {
            let column_name = name(&column.name);
            if overridden.contains(&column.name) {
                format!("COALESCE(o.{column_name}, s.{column_name}) AS {column_name}")
            } else {
                format!("s.{column_name}")
            }
        })
        .collect();
    let key = table.primary_key().map(|key| key.columns.clone()).unwrap_or_default();
    let on: Vec<String> = key.iter().map(|column| format!("(o.{0} = s.{0})", name(column))).collect();
    let on = if on.len() == 1 { format!("({})", on[0]) } else { format!("({})", on.join(" AND ")) };
    let pool = if case.tenancy == TenancyModel::Schema { "public." } else { "" };
    format!(
        " SELECT {}\n   FROM ({pool}{} s\n     LEFT JOIN {} o ON {on});",
        shown.join(",\n    "),
        name(&table.name),
        name(&names::cut(&table.name, "_overrides"))
    )
}
