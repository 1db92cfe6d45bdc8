//! Tables that are made after something else: `LIKE` a table, `OF` a type, partitions with columns and constraints of their own.
//! What they are made after is known, so in shared tables the whole table is written out.

use super::Script;
use super::create::{Reading, rank};
use super::element::{Names, joined, key_names};
use super::work::Work;
use crate::Refusal;
use crate::name::{ident, object_name};
use crate::parse::parse;
use pg_raw_parse::{Node, nodes};
use tenantry_schema::model::{Column, Constraint, ConstraintKind, Index, IndexKey, Table, TypeKind};

/// What `INCLUDING` says, by the bits that the grammar has for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Including(u32);

impl Including {
    const COMMENTS: u32 = 1;
    const COMPRESSION: u32 = 1 << 1;
    const CONSTRAINTS: u32 = 1 << 2;
    const DEFAULTS: u32 = 1 << 3;
    const GENERATED: u32 = 1 << 4;
    const IDENTITY: u32 = 1 << 5;
    const INDEXES: u32 = 1 << 6;
    const STATISTICS: u32 = 1 << 7;
    const STORAGE: u32 = 1 << 8;

    fn has(self, what: u32) -> bool {
        self.0 & what != 0
    }
}

impl Script {
    /// The columns of `LIKE t`. Its keys, checks and indexes follow when the table's own have their names.
    pub(super) fn read_like(
        &self,
        work: &Work<'_>,
        like: &nodes::TableLikeClause,
        reading: &mut Reading<'_>,
    ) -> Result<(), Refusal> {
        let relation = like.relation().ok_or_else(|| work.refuse("LIKE what was not found"))?;
        self.own_schema(work, relation)?;
        let name = relation.relname().unwrap_or_default();
        let Some(source) = self.model.table(name) else {
            let message = format!("LIKE {name}: only tables are known with the types of their columns");
            return Err(work.refuse_at(relation.location, message).hint("write the columns out"));
        };
        let including = Including(like.options);
        if including.has(Including::STATISTICS) && !source.statistics.is_empty() {
            return Err(work
                .refuse_at(
                    relation.location,
                    format!("LIKE {name} would copy its extended statistics, whose names nobody has said"),
                )
                .hint("leave them out and write CREATE STATISTICS")
                .choice("EXCLUDING STATISTICS"));
        }
        if source.columns.iter().any(|column| column.type_name.is_empty()) {
            let message = format!(
                "LIKE {name}: it was made from a query, and the types of its columns are the server's"
            );
            return Err(work.refuse_at(relation.location, message).hint("write the columns out"));
        }
        // From 18 on a NOT NULL has a name, which is copied.
        let names = self.model.source.version >= 180_000;
        let copies = source.columns.iter().map(|column| {
            let usual = || object_name(name, Some(&column.name), "not_null");
            let not_null_name = column.not_null_name.clone().unwrap_or_else(usual);
            let not_null_name = Some(not_null_name).filter(|_| column.not_null && names);
            Column { not_null_name, ..like_column(column, including) }
        });
        reading.table.columns.extend(copies);
        reading.likes.push((name.to_owned(), including));
        reading.expanded = true;
        Ok(())
    }

    /// What else `INCLUDING` asks for.
    pub(super) fn finish_likes(&self, reading: &mut Reading<'_>, names_of: &mut Names<'_>) {
        for (name, including) in std::mem::take(&mut reading.likes) {
            if let Some(source) = self.model.table(&name) {
                like_constraints(&mut reading.table, source, including, names_of);
            }
        }
        reading.table.constraints.sort_by(|a, b| rank(a).cmp(&rank(b)));
        reading.table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// The columns of `OF type`, before what the statement says of them.
    pub(super) fn read_type(
        &self,
        work: &Work<'_>,
        of: &nodes::TypeName,
        reading: &mut Reading<'_>,
    ) -> Result<(), Refusal> {
        let path = crate::find::names(of.names().iter().map(Node::String));
        self.own_path(work, &path)?;
        let name = path.last().map(String::as_str).unwrap_or_default();
        let known = self.model.types.iter().find(|known| known.name == name).map(|known| &known.kind);
        let Some(TypeKind::Composite { attributes }) = known else {
            let message = format!("OF {name}: the attributes of the type are not known");
            return Err(work.refuse_at(of.location, message).hint("write the columns out"));
        };
        reading.table.columns.extend(attributes.iter().map(|attribute| Column {
            name: attribute.name.clone(),
            type_name: attribute.type_name.clone(),
            collation: attribute.collation.clone(),
            ..Column::default()
        }));
        reading.table.of = Some(ident(name));
        reading.expanded = true;
        Ok(())
    }
}

/// Puts what a statement says of columns into the columns that are there already.
pub(super) fn merge(columns: &mut [Column], said: Vec<Column>) -> Result<(), String> {
    for of in said {
        let Some(column) = columns.iter_mut().find(|column| column.name == of.name) else {
            return Err(of.name);
        };
        column.not_null |= of.not_null;
        column.not_null_name = of.not_null_name.or(column.not_null_name.take());
        column.default = of.default.or(column.default.take());
        column.generated = of.generated.or(column.generated.take());
    }
    Ok(())
}

fn like_column(column: &Column, including: Including) -> Column {
    Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        collation: column.collation.clone(),
        not_null: column.not_null,
        default: column.default.clone().filter(|_| including.has(Including::DEFAULTS)),
        generated: column.generated.clone().filter(|_| including.has(Including::GENERATED)),
        identity: column.identity.clone().filter(|_| including.has(Including::IDENTITY)).map(|identity| {
            // A sequence of its own.
            tenantry_schema::model::Identity {
                sequence: String::new(),
                comment: None,
                unlogged: None,
                ..identity
            }
        }),
        storage: column.storage.filter(|_| including.has(Including::STORAGE)),
        compression: column.compression.filter(|_| including.has(Including::COMPRESSION)),
        comment: column.comment.clone().filter(|_| including.has(Including::COMMENTS)),
        not_null_no_inherit: column.not_null_no_inherit,
        ..Column::default()
    }
}

fn like_constraints(table: &mut Table, source: &Table, including: Including, names_of: &mut Names<'_>) {
    let comments = including.has(Including::COMMENTS);
    for constraint in &source.constraints {
        let copy = match &constraint.kind {
            ConstraintKind::Check { definition, .. } if including.has(Including::CONSTRAINTS) => Constraint {
                kind: ConstraintKind::Check {
                    definition: definition.trim_end_matches(" NOT VALID").to_owned(),
                    validated: true,
                },
                comment: constraint.comment.clone().filter(|_| comments),
                ..constraint.clone()
            },
            ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_) | ConstraintKind::Exclusion(_)
                if including.has(Including::INDEXES) =>
            {
                super::partition::of_constraint(constraint, &table.name, names_of)
            }
            _ => continue,
        };
        let copy = Constraint {
            inherited: false,
            index_comment: copy.index_comment.filter(|_| comments),
            replica_identity: false,
            clustered: false,
            ..copy
        };
        table.constraints.push(copy);
    }
    if including.has(Including::INDEXES) {
        for index in &source.indexes {
            let called: Vec<IndexKey> = index.keys.iter().map(called).collect();
            let middle = joined(&key_names(&called, &index.include));
            let name = names_of.choose(&table.name, Some(&middle), "idx");
            table.indexes.push(Index {
                name,
                comment: index.comment.clone().filter(|_| comments),
                replica_identity: false,
                clustered: false,
                ..index.clone()
            });
        }
    }
}

/// A key under the name that the index's column has: that of an expression is what a result would be called.
fn called(key: &IndexKey) -> IndexKey {
    let figured = key.expression.as_ref().and_then(|text| {
        let parsed = parse(&format!("SELECT {text}")).ok()?;
        match parsed.stmts().next()? {
            Node::SelectStmt(select) => {
                Some(crate::find::figure_name(select.target_list().iter().next()?.val()))
            }
            _ => None,
        }
    });
    let figured = figured.map(|name| if name == "?column?" { "expr".to_owned() } else { name });
    IndexKey { column: key.column.clone().or(figured), ..IndexKey::default() }
}
