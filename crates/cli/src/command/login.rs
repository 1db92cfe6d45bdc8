//! `tenantry login`: who may connect to the gateway.

use super::Session;
use crate::failure::Refusal;
use crate::print::{Document, confirm, grid, read_password};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use tenantry_core::TenantKey;
use tenantry_ops::login::{self, LoginScope, LoginSummary};

#[derive(Debug, Subcommand)]
pub(crate) enum LoginCommand {
    /// Create a login, or give an existing one this password and these tenants
    Create(CreateArgs),
    /// List the logins
    #[command(visible_alias = "ls")]
    List,
    /// Remove a login; its open connections stay until they end
    Drop(DropArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The login's name
    name: String,
    /// Read the password from this file, or from standard input (-); otherwise it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A tenant it may act for; may be repeated
    #[arg(long = "tenant", value_name = "KEY", required_unless_present = "all_tenants")]
    tenants: Vec<TenantKey>,
    /// It may act for every tenant, one for each connection
    #[arg(long, conflicts_with = "tenants")]
    all_tenants: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DropArgs {
    /// The login's name
    name: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(session: &Session, command: LoginCommand) -> anyhow::Result<()> {
    let printer = session.printer();
    match command {
        LoginCommand::Create(args) => {
            if args.name.contains('.') {
                return Err(Refusal::input(
                    "a login's name has no dot: LOGIN.TENANT names both",
                    "choose another name",
                )
                .into());
            }
            let scope = if args.all_tenants { LoginScope::All } else { LoginScope::Only(args.tenants) };
            let (_, control) = session.control().await?;
            let password = read_password(printer, args.password_file.as_deref(), &args.name)?;
            login::create(&control, &args.name, &password, &scope).await?;
            printer.emit(&LoginDocument::from(LoginSummary { name: args.name, scope }))
        }
        LoginCommand::List => {
            let (_, control) = session.control().await?;
            let logins = login::list(&control).await?.into_iter().map(LoginDocument::from).collect();
            printer.emit(&LoginList { logins })
        }
        LoginCommand::Drop(args) => {
            let (_, control) = session.control().await?;
            if !args.yes {
                confirm(
                    printer,
                    &format!("login {:?} will not be able to connect any more", args.name),
                    &args.name,
                )?;
            }
            login::drop(&control, &args.name).await?;
            printer.emit(&Dropped { login: args.name })
        }
    }
}

/// A login as shown.
#[derive(Debug, Serialize)]
struct LoginDocument {
    name: String,
    /// `null` is every tenant.
    tenants: Option<Vec<TenantKey>>,
}

impl From<LoginSummary> for LoginDocument {
    fn from(login: LoginSummary) -> Self {
        let tenants = match login.scope {
            LoginScope::All => None,
            LoginScope::Only(tenants) => Some(tenants),
        };
        Self { name: login.name, tenants }
    }
}

impl LoginDocument {
    fn tenants(&self) -> String {
        match &self.tenants {
            None => "all tenants".to_owned(),
            Some(keys) if keys.is_empty() => "none".to_owned(),
            Some(keys) => keys.iter().map(TenantKey::as_str).collect::<Vec<_>>().join(", "),
        }
    }
}

impl Document for LoginDocument {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "login {} may act for {}", self.name, self.tenants())
    }
}

#[derive(Debug, Serialize)]
struct LoginList {
    logins: Vec<LoginDocument>,
}

impl Document for LoginList {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.logins.is_empty() {
            return writeln!(out, "no logins yet: tenantry login create NAME --tenant KEY");
        }
        let mut table = grid(["LOGIN", "TENANTS"]);
        for login in &self.logins {
            table.row([login.name.clone(), login.tenants()]);
        }
        table.write(out)
    }
}

#[derive(Debug, Serialize)]
struct Dropped {
    login: String,
}

impl Document for Dropped {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "login {} is gone", self.login)
    }
}
