//! `tenantry schema compile`.

use super::source::SourceArgs;
use crate::command::Session;
use crate::config::ContextChoice;
use crate::print::Document;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use tenantry_core::{ContextKind, SqlIdent, TenancyModel, reader_of};
use tenantry_schema::{Compiled, Target};

#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// The tenancy model to compile for
    #[arg(long, default_value = "shared", value_name = "shared|schema|database")]
    model: TenancyModel,
    /// The schema that gets the tables [default: public; in the schema model t_1]
    #[arg(long, value_name = "NAME", value_parser = ident)]
    into: Option<SqlIdent>,
    /// The application's login role, which gets the grants [default: that of the pool `app`, or of tenant 1]
    #[arg(long, value_name = "NAME", value_parser = ident)]
    role: Option<SqlIdent>,
    /// The login role of read-only logins, which may see what that one may see [default: the one beside the default of --role]
    #[arg(long, value_name = "NAME", value_parser = ident)]
    reader: Option<SqlIdent>,
    /// The tenant's id, in the schema model
    #[arg(long, default_value = "1", value_name = "ID")]
    tenant: String,
    /// How the database proves the tenant
    #[arg(long, value_enum, default_value = "carrier")]
    context: ContextChoice,
}

fn ident(name: &str) -> Result<SqlIdent, tenantry_core::ident::IdentError> {
    SqlIdent::new(name)
}

pub(super) async fn run(session: &Session, args: CompileArgs) -> anyhow::Result<()> {
    let config = args.source.config(session)?;
    let plain = args.source.load(session, &config).await?;
    let target = target(&args)?;
    let compiled = tenantry_schema::compile(&plain.model, &plain.declaration, &target)?;
    session.printer().emit(&Printed { model: args.model, into: target.schema, compiled })
}

fn target(args: &CompileArgs) -> anyhow::Result<Target> {
    let (schema, role) = match args.model {
        TenancyModel::Shared => ("public".to_owned(), "tenantry_app_app".to_owned()),
        TenancyModel::Schema => (format!("t_{}", args.tenant), "tenantry_app_app".to_owned()),
        TenancyModel::Database => ("public".to_owned(), format!("tenantry_t{}", args.tenant)),
    };
    let given =
        |given: &Option<SqlIdent>, default: String| given.clone().map_or_else(|| SqlIdent::new(default), Ok);
    let reader = match (&args.reader, &args.role) {
        (Some(reader), _) => Some(reader.clone()),
        (None, None) => Some(SqlIdent::new(reader_of(&role))?),
        (None, Some(_)) => None,
    };
    Ok(Target {
        model: args.model,
        schema: given(&args.into, schema)?,
        owner: SqlIdent::new("tenantry_owner")?,
        app: given(&args.role, role)?,
        reader,
        context: match args.context {
            ContextChoice::Signed => ContextKind::Signed,
            ContextChoice::Carrier | ContextChoice::Strongest => ContextKind::Carrier,
        },
        tenant_value: (args.model == TenancyModel::Schema).then(|| args.tenant.clone()),
    })
}

#[derive(Debug, Serialize)]
struct Printed {
    model: TenancyModel,
    into: SqlIdent,
    #[serde(flatten, serialize_with = "compiled")]
    compiled: Compiled,
}

fn compiled<S: serde::Serializer>(compiled: &Compiled, out: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields<'a> {
        fingerprint: &'a str,
        statements: &'a [String],
    }
    Fields { fingerprint: &compiled.fingerprint, statements: &compiled.statements }.serialize(out)
}

impl Document for Printed {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "-- {} model, schema {}, fingerprint {}",
            self.model, self.into, self.compiled.fingerprint
        )?;
        writeln!(out, "BEGIN;")?;
        for statement in &self.compiled.statements {
            writeln!(out, "\n{};", statement.trim_end().trim_end_matches(';'))?;
        }
        writeln!(out, "\nCOMMIT;")
    }
}
