//! Databases to read plain schemas from and to build placements in, with stand-ins for roles and the tenant context.

use tenantry_core::{ContextKind, SqlIdent, TenancyModel};
use tenantry_schema::{
    Compiled, Declaration, Model, Target, TenantType, compile, introspection, introspection_settings,
    needs_pool, read,
};
use tenantry_testkit::{Postgres, fresh_database, shared};
use tokio_postgres::Client;

pub(crate) const OWNER: &str = "tenantry_owner";
pub(crate) const APP: &str = "tenantry_app_lab";

/// Roles and a context that is a plain setting: good enough to see policies at work, no boundary at all.
const CORE: &str = include_str!("../data/core.sql");
/// These parts of the isolation core are the real ones.
const PARTITIONS: &str = include_str!("../../../ops/src/isolation/partitions.sql");
const PARTITIONS_LIST: &str = include_str!("../../../ops/src/isolation/partitions_list.sql");
const SCOPES: &str = include_str!("../../../ops/src/isolation/scopes.sql");

pub(crate) type Facts = Vec<(String, String)>;

/// An empty database with the stand-ins.
pub(crate) struct Lab {
    pub(crate) postgres: &'static Postgres,
    pub(crate) database: String,
    pub(crate) client: Client,
}

impl Lab {
    pub(crate) async fn new(version: u32) -> Self {
        let postgres = shared(version).await;
        let database = fresh_database(postgres, "schema").await;
        let client = postgres.connect(&database).await.unwrap();
        client.batch_execute(CORE).await.unwrap();
        let scopes = SCOPES.replace("{{type}}", "bigint");
        for part in [PARTITIONS, PARTITIONS_LIST, &scopes] {
            client.batch_execute(part).await.unwrap();
        }
        Self { postgres, database, client }
    }

    /// A database that holds a plain schema in `public`.
    pub(crate) async fn with(version: u32, sql: &str) -> Self {
        let lab = Self::new(version).await;
        lab.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?}"));
        lab
    }

    /// Makes the stand-in for the context return another type.
    async fn context_of_type(&self, sql_type: &str) {
        for name in ["tenant_id", "shared_tenant_id"] {
            let function = format!(
                "DROP FUNCTION tenancy.{name}();
                 CREATE FUNCTION tenancy.{name}() RETURNS {sql_type} LANGUAGE sql STABLE PARALLEL SAFE
                     RETURN nullif(current_setting('tenancy.lab', true), '')::{sql_type}"
            );
            self.client.batch_execute(&function).await.unwrap();
        }
    }

    pub(crate) async fn facts(&self, schema: &SqlIdent) -> Facts {
        self.client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.unwrap();
        self.client.batch_execute(&introspection_settings(schema)).await.unwrap();
        let mut facts = Facts::new();
        for query in introspection() {
            let rows = self.client.query(query.sql, &[]).await;
            let rows = rows.unwrap_or_else(|error| panic!("{}: {error:?}", query.name));
            assert_eq!(rows.len(), 1, "{}", query.name);
            facts.push((query.name.to_owned(), rows[0].get(0)));
        }
        self.client.batch_execute("COMMIT").await.unwrap();
        facts
    }

    pub(crate) async fn model(&self, schema: &SqlIdent) -> Model {
        read(&self.facts(schema).await).unwrap()
    }

    pub(crate) async fn public(&self) -> Model {
        self.model(&ident("public")).await
    }

    /// Runs what was compiled, in one transaction, as its caller is told to.
    pub(crate) async fn apply(&self, compiled: &Compiled, schema: &SqlIdent) {
        self.client.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {schema}; BEGIN")).await.unwrap();
        for statement in &compiled.statements {
            let done = self.client.batch_execute(statement).await;
            done.unwrap_or_else(|error| panic!("{statement}\n{error:?}"));
        }
        self.client.batch_execute("COMMIT").await.unwrap();
    }

    /// A connection that is the application.
    pub(crate) async fn app(&self) -> Client {
        let client = self.postgres.connect(&self.database).await.unwrap();
        client.batch_execute(&format!("SET SESSION AUTHORIZATION {APP}")).await.unwrap();
        client
    }
}

pub(crate) fn ident(name: &str) -> SqlIdent {
    SqlIdent::new(name).unwrap()
}

/// The declaration's sections from their text.
pub(crate) fn declared(text: &str) -> Declaration {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn target(model: TenancyModel) -> Target {
    let is_schema = model == TenancyModel::Schema;
    Target {
        model,
        schema: ident(if is_schema { "t_5" } else { "public" }),
        owner: ident(OWNER),
        app: ident(APP),
        reader: None,
        context: ContextKind::Carrier,
        tenant_value: is_schema.then(|| "5".to_owned()),
    }
}

/// The same, for a tenant column of the declared type.
pub(crate) fn target_for(model: TenancyModel, declaration: &Declaration) -> Target {
    let mut target = target(model);
    if declaration.tenancy.value_type == TenantType::Uuid {
        let value = || "00000000-0000-0000-0000-000000000005".to_owned();
        target.tenant_value = target.tenant_value.map(|_| value());
    }
    target
}

/// Reads a plain schema, compiles it, applies it to another database, reads that and compiles it again: the statements
/// must be the same. Returns them.
pub(crate) async fn round_trip(
    version: u32,
    plain: &Model,
    declaration: &Declaration,
    target: &Target,
) -> (Lab, Compiled) {
    let compiled = compile(plain, declaration, target).unwrap_or_else(|error| panic!("{error:?}"));
    let lab = Lab::new(version).await;
    lab.context_of_type(declaration.tenancy.value_type.as_sql()).await;
    if target.model == TenancyModel::Schema && needs_pool(declaration) {
        let pool = Target {
            model: TenancyModel::Shared,
            schema: ident("public"),
            tenant_value: None,
            ..target.clone()
        };
        lab.apply(
            &compile(plain, declaration, &pool).unwrap_or_else(|error| panic!("{error:?}")),
            &pool.schema,
        )
        .await;
    }
    lab.apply(&compiled, &target.schema).await;
    let again = compile(&lab.model(&target.schema).await, declaration, target).unwrap();
    let in_schema = target.model == TenancyModel::Schema;
    let same = |statement: &String| match statement {
        // A trigger that is as it should be stays as the server prints it, without quotes.
        trigger if trigger.starts_with("CREATE CONSTRAINT TRIGGER ") => trigger.replace('"', ""),
        // A view over the pool's table reads back with the pool's name in it.
        other if in_schema => other.replace(" public.", " "),
        other => other.clone(),
    };
    let bare = |compiled: &Compiled| Compiled {
        statements: compiled.statements.iter().map(same).collect(),
        ..compiled.clone()
    };
    assert_same(&bare(&again), &bare(&compiled));
    (lab, compiled)
}

pub(crate) fn assert_same(again: &Compiled, first: &Compiled) {
    for (again, first) in again.statements.iter().zip(&first.statements) {
        assert_eq!(again, first, "compiled again, a statement is another one");
    }
    assert_eq!(again.statements.len(), first.statements.len());
}

pub(crate) async fn text(client: &Client, sql: &str) -> String {
    let row = client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
    row.get::<_, Option<String>>(0).unwrap_or_else(|| "null".to_owned())
}

/// The SQLSTATE that a statement ends with.
pub(crate) async fn refusal(client: &Client, sql: &str) -> String {
    match client.batch_execute(sql).await {
        Ok(()) => "accepted".to_owned(),
        Err(error) => error.code().map_or_else(|| error.to_string(), |state| state.code().to_owned()),
    }
}
