//! `compile`: model + declaration + target → the statements that create one placement.

use crate::check::{Finding, Severity};
use crate::declaration::Declaration;
use crate::error::SchemaError;
use crate::model::{
    Definition, Dependency, Extension, Function, MaterializedView, Model, Sequence, Type, Unmodelled, View,
};
use crate::{render, rules};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tenantry_core::{ContextKind, SqlIdent, TenancyModel};

/// Where the statements are to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub model: TenancyModel,
    /// The schema that the tables are created in; it exists already.
    pub schema: SqlIdent,
    /// The NOLOGIN role that owns everything.
    pub owner: SqlIdent,
    /// The role that the application's connections have.
    pub app: SqlIdent,
    /// The role beside it that may see what that one may see, and write nothing; where there is one.
    pub reader: Option<SqlIdent>,
    pub context: ContextKind,
    /// Schema model: what the tenant column would hold for the one tenant of the schema.
    pub tenant_value: Option<String>,
}

impl Target {
    /// Gives the application's role these rights on tables, and the reader the right to see what they hold.
    pub fn grant_tables(&self, rights: &str, tables: &str) -> Vec<String> {
        let app = &self.app;
        let reader = self.reader.as_ref().filter(|_| rights.split(", ").any(|right| right == "SELECT"));
        match reader {
            None => vec![format!("GRANT {rights} ON TABLE {tables} TO {app}")],
            Some(reader) if rights == "SELECT" => {
                vec![format!("GRANT SELECT ON TABLE {tables} TO {app}, {reader}")]
            }
            Some(reader) => vec![
                format!("GRANT {rights} ON TABLE {tables} TO {app}"),
                format!("GRANT SELECT ON TABLE {tables} TO {reader}"),
            ],
        }
    }

    /// Those who may run a routine. One that has its owner's rights could write for whoever runs it: not the reader.
    pub fn callers(&self, definer: bool) -> String {
        match &self.reader {
            Some(reader) if !definer => format!("{}, {reader}", self.app),
            _ => self.app.to_string(),
        }
    }
}

/// The statements of a placement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compiled {
    /// In order, without semicolons, for one transaction.
    pub statements: Vec<String>,
    /// SHA-256, in hexadecimal digits, of the plain model and the declaration: the same for every placement of one
    /// schema version, whatever its model.
    pub fingerprint: String,
}

/// Compiles the placement, or says which findings refuse it.
///
/// The statements run in one transaction, by a superuser or a member of the owner role with CREATE on the schema; the
/// roles, the schema and, except for the database model, the isolation core exist. The first statement sets
/// `search_path` for the transaction; everything after it is unqualified.
pub fn compile(model: &Model, declaration: &Declaration, target: &Target) -> Result<Compiled, SchemaError> {
    let floor = rules::Floor { context: target.context, tenant_value: tenant_value(declaration, target)? };
    let (mut model_to_build, findings) = rules::run(model.clone(), declaration, target.model, &floor);
    let errors: Vec<Finding> =
        findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    if !errors.is_empty() {
        return Err(SchemaError::Refused(errors));
    }
    let kinds = rules::kinds(&model_to_build, declaration);
    // Partitions that Tenantry looks after are the database's to make: which there are depends on the day.
    model_to_build.tables.retain(|table| table.looked_after_for().is_none());
    let mut statements = render::render(&model_to_build, &kinds, target)?;
    if target.model == TenancyModel::Schema && rules::needs_pool(declaration) {
        // Global and scoped tables are found in the pool of the same database.
        statements[0] = format!("SET LOCAL search_path TO {}, public", target.schema);
    }
    if target.model == TenancyModel::Shared {
        statements.extend(rules::partition::statements(&model_to_build, declaration));
    }
    Ok(Compiled { statements, fingerprint: fingerprint(model, declaration) })
}

fn tenant_value(declaration: &Declaration, target: &Target) -> Result<Option<String>, SchemaError> {
    if target.model != TenancyModel::Schema {
        return Ok(None);
    }
    let value = target.tenant_value.clone().ok_or(SchemaError::BadTarget("the tenant's value is missing"))?;
    if !rules::is_tenant_value(&value, declaration.tenancy.value_type) {
        return Err(SchemaError::BadTarget("the tenant's value is not of the declared type"));
    }
    Ok(Some(value))
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Stands for the tables in what is hashed. No text of PostgreSQL's holds such a character.
const TABLES: &str = "\0";

/// The hash is over JSON with sorted keys and without nulls, `false`s and empty lists: a later version that adds an
/// optional field to the model gives a schema that doesn't use it the same fingerprint.
fn fingerprint(model: &Model, declaration: &Declaration) -> String {
    let mut whole = serde_json::json!({
        "model": serde_json::to_value(Rest::of(model)).unwrap_or_default(),
        "declaration": serde_json::to_value(declaration).unwrap_or_default(),
    });
    dense(&mut whole);
    // serde_json's maps are sorted by key.
    let text = whole.to_string();
    let (before, after) = text.split_once(r#""\u0000""#).unwrap_or((&text, ""));
    let mut hash = Sha256::new_with_prefix(before);
    // One by one: the tree of a large schema takes many times its size, and making it was most of compiling.
    for (at, table) in model.tables.iter().enumerate() {
        let mut table = serde_json::to_value(table).unwrap_or_default();
        dense(&mut table);
        hash.update(if at == 0 { "" } else { "," });
        hash.update(table.to_string());
    }
    hash.update(after);
    hexadecimal(&hash.finalize())
}

fn hexadecimal(digest: &[u8]) -> String {
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(HEX[usize::from(nibble)]))
        .collect()
}

/// The model as it is serialized, with one word for its tables.
#[derive(Serialize)]
struct Rest<'a> {
    types: &'a [Type],
    sequences: &'a [Sequence],
    functions: &'a [Function],
    tables: &'a [&'a str],
    views: &'a [View],
    materialized_views: &'a [MaterializedView],
    definitions: &'a [Definition],
    extensions: &'a [Extension],
    dependencies: &'a [Dependency],
    unmodelled: &'a [Unmodelled],
}

impl<'a> Rest<'a> {
    fn of(model: &'a Model) -> Self {
        // Every field is named, so that none can be forgotten.
        let Model {
            source: _,
            types,
            sequences,
            functions,
            tables,
            views,
            materialized_views,
            definitions,
            extensions,
            dependencies,
            unmodelled,
            access: _,
        } = model;
        let tables: &[&str] = if tables.is_empty() { &[] } else { &[TABLES] };
        Self {
            types,
            sequences,
            functions,
            tables,
            views,
            materialized_views,
            definitions,
            extensions,
            dependencies,
            unmodelled,
        }
    }
}

fn dense(value: &mut Value) {
    let says_something = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        _ => true,
    };
    match value {
        Value::Array(items) => items.iter_mut().for_each(dense),
        Value::Object(entries) => entries.retain(|_, value| {
            dense(value);
            says_something(value)
        }),
        _ => {}
    }
}

impl Compiled {
    /// The statements as one script, for people and for psql.
    pub fn to_sql(&self) -> String {
        let mut script = format!("-- Schema {}\nBEGIN;\n", &self.fingerprint[..12]);
        for statement in &self.statements {
            script.push('\n');
            script.push_str(statement);
            script.push_str(";\n");
        }
        script.push_str("\nCOMMIT;\n");
        script
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, Table, TypeKind};

    fn at_once(model: &Model, declaration: &Declaration) -> String {
        let mut whole = serde_json::json!({ "model": model, "declaration": declaration });
        dense(&mut whole);
        hexadecimal(&Sha256::digest(whole.to_string()))
    }

    #[test]
    fn a_fingerprint_is_that_of_the_whole() {
        let table = |name: &str| {
            let column = Column { name: "\"tables\":[".to_owned(), ..Column::default() };
            Table { name: name.to_owned(), columns: vec![column], ..Table::default() }
        };
        let kind = TypeKind::Enum { labels: vec!["a".to_owned(), String::new()] };
        let named = Type { name: "mood".to_owned(), comment: None, kind };
        let declaration: Declaration = toml::from_str("[tables]\na = \"global\"").unwrap();
        for tables in [Vec::new(), vec![table("a")], vec![table("a"), table("b"), Table::default()]] {
            for types in [Vec::new(), vec![named.clone()]] {
                let model = Model { tables: tables.clone(), types, ..Model::default() };
                assert_eq!(fingerprint(&model, &declaration), at_once(&model, &declaration));
            }
        }
    }
}
