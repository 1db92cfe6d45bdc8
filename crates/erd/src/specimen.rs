//! Graphs for tests.

use crate::domain;
use crate::graph::{Change, Column, Graph, Key, Reference, Table};
use tenantry_schema::Kind;

/// A table: `id`, so many other columns, and one column for each reference.
pub(crate) fn table(name: &str, columns: usize) -> Table {
    let mut all = vec![column("id")];
    all[0].primary = true;
    all.extend((0..columns).map(|nth| column(&format!("column_{nth}"))));
    Table {
        name: name.to_owned(),
        kind: Some(Kind::Tenant),
        domain: String::new(),
        comment: None,
        columns: all,
        primary_key: Some(Key {
            name: format!("{name}_pkey"),
            columns: vec!["id".to_owned()],
            change: Change::Same,
        }),
        uniques: Vec::new(),
        indexes: Vec::new(),
        partition_by: None,
        partitions: Vec::new(),
        inherits: Vec::new(),
        external: false,
        change: Change::Same,
    }
}

pub(crate) fn column(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        type_name: "bigint".to_owned(),
        not_null: true,
        primary: false,
        foreign: false,
        unique: false,
        tenant: false,
        default: None,
        generated: false,
        identity: false,
        comment: None,
        change: Change::Same,
    }
}

/// A graph of tables, and of references by their places.
pub(crate) fn graph(mut tables: Vec<Table>, edges: &[(usize, usize)]) -> Graph {
    let mut references = Vec::new();
    for (nth, (from, to)) in edges.iter().enumerate() {
        let name = format!("ref_{nth}_id");
        let target = tables[*to].name.clone();
        let mut column = column(&name);
        column.foreign = true;
        tables[*from].columns.push(column);
        references.push(Reference {
            name: format!("reference_{nth}"),
            table: tables[*from].name.clone(),
            columns: vec![name],
            target,
            target_columns: vec!["id".to_owned()],
            on_update: "NO ACTION",
            on_delete: "CASCADE",
            optional: nth % 3 == 0,
            to_one: nth % 5 == 0,
            crosses_tenants: nth % 7 == 0,
            change: Change::Same,
        });
    }
    let title = "shared".to_owned();
    let mut graph =
        Graph { title, is_difference: false, domains: Vec::new(), tables, references, enums: Vec::new() };
    graph.tables.sort_by(|a, b| a.name.cmp(&b.name));
    domain::divide(&mut graph);
    graph
}
