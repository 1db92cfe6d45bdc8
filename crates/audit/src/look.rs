//! What there is to audit: the database's origin, its schemas, the kind of every table, and the application's roles.
//!
//! Tenantry's own databases describe themselves (the isolation core, comments of tables). Of others, what was declared is
//! believed, and what was not is guessed.

mod kinds;

use crate::drift::{self, Copy};
use crate::error::Doing;
use crate::{AuditError, Skipped};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tenantry_core::{ContextKind, ErrorKind, SqlIdent, TenancyModel, reader_of};
use tenantry_schema::{Declaration, Keys, Model, TenantType, introspection, introspection_settings, read};
use tokio_postgres::{Client, Transaction};

const SERVER: &str = include_str!("look/server.sql");
const CORE: &str = include_str!("look/core.sql");
const PLACEMENTS: &str = include_str!("look/placements.sql");
const ROLES: &str = include_str!("look/roles.sql");

/// How many different shapes of schemas are read in full. The others are compared with the first alone.
const MAX_SHAPES: usize = 16;

/// What is known before anybody looks.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// What the database is called in findings; its own name if empty.
    pub label: String,
    /// This schema alone.
    pub schema: Option<String>,
    /// What was declared, if something was.
    pub declaration: Option<Declaration>,
    /// The column that says whose a row is.
    pub tenant_column: Option<SqlIdent>,
    /// The application's roles; guessed if empty.
    pub roles: Vec<String>,
}

/// Who made the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    Tenantry(ContextKind),
    ByHand,
}

/// A schema with tables.
#[derive(Debug, Clone)]
pub struct Space {
    pub name: String,
    pub model: TenancyModel,
    /// Schema model: the tenant's value.
    pub value: Option<String>,
    /// What introspection read; `None` where another schema of the same shape was read.
    pub facts: Option<Model>,
}

/// A table as the rules' queries get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) tenant: Option<String>,
}

/// What there is to audit.
#[derive(Debug)]
pub struct Found {
    pub label: String,
    pub server: String,
    pub version: u32,
    /// Whether row-level security does not bind the audit's own role.
    pub sees_all: bool,
    pub home: Home,
    pub declaration: Declaration,
    /// Something says which column is the tenant's.
    pub has_column: bool,
    pub spaces: Vec<Space>,
    pub roles: Vec<String>,
    pub copies: Vec<Copy>,
    pub(crate) tables: Vec<Listed>,
    /// One schema alone was asked for.
    pub(crate) partial: bool,
    pub(crate) skipped: Vec<Skipped>,
}

/// Looks, inside the audit's transaction.
pub async fn look(tx: &mut Transaction<'_>, ask: &Ask) -> Result<Found, AuditError> {
    const WHAT: &str = "looking at the database";
    let row = tx.query_one(SERVER, &[]).await.doing(WHAT)?;
    let ours: bool = row.get(4);
    let name: String = row.get(0);
    let version = u32::try_from(row.get::<_, i32>(2)).unwrap_or(0);
    if version < 150_000 {
        return Err(AuditError::refused(
            ErrorKind::NotSupported,
            format!("PostgreSQL {} is older than 15", row.get::<_, String>(1)),
            "the oldest version that can be audited is 15",
        ));
    }
    let mut found = Found {
        label: if ask.label.is_empty() { name } else { ask.label.clone() },
        server: row.get(1),
        version,
        sees_all: row.get(3),
        home: Home::ByHand,
        declaration: ask.declaration.clone().unwrap_or_default(),
        has_column: true,
        spaces: Vec::new(),
        roles: ask.roles.clone(),
        copies: Vec::new(),
        tables: Vec::new(),
        partial: ask.schema.is_some(),
        skipped: Vec::new(),
    };
    if ours {
        core(tx, &mut found).await?;
    }
    let rows = kinds::rows(tx, ask).await?;
    if !ours {
        let names: BTreeSet<&str> = rows.iter().map(|row| row.schema.as_str()).collect();
        let space = |name: &str| Space {
            name: name.to_owned(),
            model: TenancyModel::Shared,
            value: None,
            facts: None,
        };
        found.spaces = names.into_iter().map(space).collect();
    }
    if let Some(only) = &ask.schema {
        found.spaces.retain(|space| space.name == *only);
        if found.spaces.is_empty() {
            return Err(AuditError::refused(
                ErrorKind::InvalidInput,
                format!("database {:?} has no schema {only:?} with tables of the product", found.label),
                "look at the schemas with psql's \\dn",
            ));
        }
    }
    read_spaces(tx, &mut found).await?;
    match found.home {
        Home::Tenantry(_) => kinds::of_ours(&mut found, ask, &rows),
        Home::ByHand => kinds::of_others(&mut found, ask, &rows),
    }
    if found.roles.is_empty() {
        let wanted: BTreeSet<(&str, &str)> = found
            .tables
            .iter()
            .filter(|table| table.kind == "tenant")
            .map(|table| (table.schema.as_str(), table.name.as_str()))
            .collect();
        let oids: Vec<String> = rows
            .iter()
            .filter(|row| wanted.contains(&(row.schema.as_str(), row.name.as_str())))
            .map(|row| row.oid.to_string())
            .collect();
        let oids = format!("{{{}}}", oids.join(","));
        let roles = tx.query(ROLES, &[&oids]).await.doing("looking for the application's roles")?;
        found.roles = roles.iter().map(|row| row.get(0)).collect();
    }
    Ok(found)
}

async fn core(tx: &Transaction<'_>, found: &mut Found) -> Result<(), AuditError> {
    const WHAT: &str = "reading the isolation core";
    let Some(row) = tx.query_opt(CORE, &[]).await.doing(WHAT)? else { return Ok(()) };
    let context = if row.get::<_, &str>(0) == "signed" { ContextKind::Signed } else { ContextKind::Carrier };
    found.home = Home::Tenantry(context);
    if found.declaration == Declaration::default() {
        found.declaration.tenancy.value_type = match row.get(1) {
            "uuid" => TenantType::Uuid,
            "text" => TenantType::Text,
            _ => TenantType::Bigint,
        };
    }
    if found.roles.is_empty() {
        found.roles = row.get(2);
    }
    for row in tx.query(PLACEMENTS, &[]).await.doing(WHAT)? {
        let model = row.get::<_, &str>(1).parse().unwrap_or(TenancyModel::Shared);
        found.spaces.push(Space { name: row.get(0), model, value: row.get(2), facts: None });
    }
    Ok(())
}

/// Reads one schema of each shape.
async fn read_spaces(tx: &mut Transaction<'_>, found: &mut Found) -> Result<(), AuditError> {
    found.copies = drift::copies(tx, found).await?;
    let mut shapes: BTreeSet<(TenancyModel, String)> = BTreeSet::new();
    for space in &mut found.spaces {
        let Some(copy) = found.copies.iter().find(|copy| copy.schema == space.name) else { continue };
        if shapes.len() >= MAX_SHAPES || !shapes.insert((space.model, copy.fingerprint.clone())) {
            continue;
        }
        match read_model(tx, &space.name).await {
            Ok(model) => space.facts = Some(model),
            Err(error @ AuditError::Connect { .. }) => return Err(error),
            Err(error) => found.skipped.push(Skipped {
                rule: "schema",
                database: found.label.clone(),
                reason: format!("schema {}: {error}", space.name),
            }),
        }
    }
    Ok(())
}

/// One schema's model, in the caller's transaction. Its search_path is pg_catalog again afterwards.
pub(crate) async fn read_model(tx: &mut Transaction<'_>, schema: &str) -> Result<Model, AuditError> {
    let name = SqlIdent::new(schema).map_err(|error| {
        AuditError::refused(ErrorKind::InvalidInput, error.to_string(), "name another schema")
    })?;
    let part = tx.savepoint("introspection").await.doing("reading a schema")?;
    part.batch_execute(&introspection_settings(&name)).await.doing("reading a schema")?;
    let mut facts = Vec::new();
    for query in introspection() {
        let row =
            part.query_one(query.sql, &[]).await.doing(&format!("reading the schema's {}", query.name))?;
        facts.push((query.name.to_owned(), row.get(0)));
    }
    part.batch_execute("SET LOCAL search_path TO pg_catalog").await.doing("reading a schema")?;
    part.commit().await.doing("reading a schema")?;
    Ok(read(&facts)?)
}

/// Begins the transaction that an audit reads in.
pub(crate) async fn begin(client: &mut Client) -> Result<Transaction<'_>, AuditError> {
    client
        .build_transaction()
        .read_only(true)
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .start()
        .await
        .doing("starting the audit")
}

impl Found {
    /// What the rules' queries get as `$1`.
    pub fn scope(&self) -> String {
        let schemas: Vec<Value> = self
            .spaces
            .iter()
            .map(|space| json!({"name": space.name, "model": space.model.as_str()}))
            .collect();
        let tables: Vec<Value> = self
            .tables
            .iter()
            .map(|table| json!({"schema": table.schema, "name": table.name, "kind": table.kind, "tenant": table.tenant}))
            .collect();
        let column = self.has_column.then(|| self.declaration.tenancy.column.as_str());
        json!({
            "apps": self.roles, "schemas": schemas, "tables": tables, "column": column,
            "ours": self.home != Home::ByHand, "partial": self.partial, "readers": self.expected_readers(),
        })
        .to_string()
    }

    /// The readers among the roles.
    pub(crate) fn readers(&self) -> Vec<&str> {
        let is_reader = |role: &&String| self.roles.iter().any(|app| reader_of(app) == **role);
        self.roles.iter().filter(is_reader).map(String::as_str).collect()
    }

    /// Each application's role with the reader that should be beside it, in a database of ours.
    fn expected_readers(&self) -> Vec<Value> {
        let readers = if self.home == Home::ByHand { return Vec::new() } else { self.readers() };
        let apps = self.roles.iter().filter(|role| !readers.contains(&role.as_str()));
        apps.map(|app| json!({"app": app, "reader": reader_of(app)})).collect()
    }

    /// Whether tenants' rows stand side by side in some table.
    pub fn has_shared_rows(&self) -> bool {
        self.has_column
            && self.tables.iter().any(|table| table.kind == "tenant" && self.is_shared(&table.schema))
    }

    fn is_shared(&self, schema: &str) -> bool {
        self.spaces.iter().any(|space| space.name == schema && space.model == TenancyModel::Shared)
    }

    /// Names of tables by kind, for the engine's declaration.
    pub(crate) fn kinds_in(&self, schema: &str) -> BTreeMap<&str, &'static str> {
        let tables = self.tables.iter().filter(|table| table.schema == schema);
        tables.map(|table| (table.name.as_str(), table.kind)).collect()
    }
}

/// How most primary keys of tenant tables are made.
pub(crate) fn usual_keys(model: &Model, column: &str) -> Keys {
    let keys = model
        .tables
        .iter()
        .filter(|table| table.column(column).is_some())
        .filter_map(|table| table.primary_key());
    let (with, without): (Vec<_>, Vec<_>) =
        keys.partition(|key| key.columns.iter().any(|name| name == column));
    if without.len() > with.len() { Keys::GlobalId } else { Keys::Composite }
}
