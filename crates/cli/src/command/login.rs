//! `tenantry login`: who may connect to the gateway.

use super::Session;
use crate::failure::Refusal;
use crate::print::{Document, Printer, confirm, grid, read_password};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use tenantry_core::{PoolMode, TenantKey};
use tenantry_ops::Control;
use tenantry_ops::login::{self, LoginChange, LoginScope, LoginSummary};

#[derive(Debug, Subcommand)]
pub(crate) enum LoginCommand {
    /// Create a login, or give an existing one this password and these tenants
    Create(CreateArgs),
    /// Change a login; its password and tenants stay
    Set(SetArgs),
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
    #[arg(long = "tenant", value_name = "KEY", required_unless_present_any = ["all_tenants", "admin"])]
    tenants: Vec<TenantKey>,
    /// It may act for every tenant, and switch between them
    #[arg(long, conflicts_with = "tenants")]
    all_tenants: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The login's name
    name: String,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct ChangeArgs {
    /// How long its clients keep a server connection: for a transaction, for the whole session, or either: then a client asks
    /// for a session with -c tenantry.pool_mode=session in its options
    #[arg(long, value_name = "MODE")]
    pool_mode: Option<PoolMode>,
    /// It may use the gateways' console: psql's database `admin`, where everybody's connections are seen and ended
    #[arg(long)]
    admin: bool,
    /// It may not
    #[arg(long, conflicts_with = "admin")]
    no_admin: bool,
    /// It may read its tenants' rows and write nothing, whatever SQL it sends; who is connected can't from the next transaction on
    #[arg(long)]
    read_only: bool,
    /// It may read and write
    #[arg(long, conflicts_with = "read_only")]
    read_write: bool,
    /// It may not connect any more; who is connected is refused at the next transaction
    #[arg(long)]
    disable: bool,
    /// It may again
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// From then on it may not connect: 2027-01-31, 2027-01-31T12:00:00Z, or none
    #[arg(long, value_name = "TIME")]
    valid_until: Option<String>,
    /// Connections at once, at one gateway, or none
    #[arg(long, value_name = "N", value_parser = limit)]
    connection_limit: Option<Bound>,
    /// A name in a client's certificate (common name, DNS name, mail address or URI) that stands for the password; may be repeated.
    /// Takes the place of those before
    #[arg(long = "certificate", value_name = "NAME")]
    certificates: Vec<String>,
    /// Only the password counts
    #[arg(long, conflicts_with = "certificates")]
    no_certificates: bool,
}

/// The word for taking a bound away.
const NONE: &str = "none";

impl ChangeArgs {
    fn is_empty(&self) -> bool {
        let Self {
            pool_mode,
            admin,
            no_admin,
            read_only,
            read_write,
            disable,
            enable,
            valid_until,
            connection_limit,
            certificates,
            no_certificates,
        } = self;
        let words = pool_mode.is_none() && valid_until.is_none() && connection_limit.is_none();
        words
            && certificates.is_empty()
            && ![admin, no_admin, read_only, read_write, disable, enable, no_certificates].contains(&&true)
    }
}

fn limit(text: &str) -> Result<Bound, String> {
    match text {
        NONE => Ok(Bound(None)),
        number => match number.parse() {
            Ok(number) if number > 0 => Ok(Bound(Some(number))),
            _ => Err("it is a number from 1, or none".to_owned()),
        },
    }
}

/// A number, or that there is none.
#[derive(Debug, Clone, Copy)]
struct Bound(Option<u32>);

impl From<ChangeArgs> for LoginChange {
    fn from(args: ChangeArgs) -> Self {
        let admin = (args.admin || args.no_admin).then_some(args.admin);
        let read_only = (args.read_only || args.read_write).then_some(args.read_only);
        let disabled = (args.disable || args.enable).then_some(args.disable);
        let certificates =
            (args.no_certificates || !args.certificates.is_empty()).then_some(args.certificates);
        Self {
            pool_mode: args.pool_mode,
            admin,
            read_only,
            disabled,
            valid_until: args.valid_until.map(|at| (at != NONE).then_some(at)),
            max_connections: args.connection_limit.map(|limit| limit.0),
            certificates,
        }
    }
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
            login::create(&control, &args.name, &password, &scope, &args.change.into()).await?;
            emit(printer, &control, &args.name).await
        }
        LoginCommand::Set(args) => {
            if args.change.is_empty() {
                return Err(
                    Refusal::input("nothing to change", "say what: see tenantry login set --help").into()
                );
            }
            let (_, control) = session.control().await?;
            login::set(&control, &args.name, &args.change.into()).await?;
            emit(printer, &control, &args.name).await
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

async fn emit(printer: Printer, control: &Control, name: &str) -> anyhow::Result<()> {
    let logins = login::list(control).await?;
    let login = logins.into_iter().find(|login| login.name == name);
    let login = login
        .ok_or_else(|| Refusal::input("the login is gone already", "list them with: tenantry login list"))?;
    printer.emit(&LoginDocument::from(login))
}

/// A login as shown.
#[derive(Debug, Serialize)]
struct LoginDocument {
    name: String,
    /// `null` is every tenant.
    tenants: Option<Vec<TenantKey>>,
    pool_mode: PoolMode,
    admin: bool,
    read_only: bool,
    disabled: bool,
    valid_until: Option<String>,
    /// `null` is no limit.
    connection_limit: Option<u32>,
    /// Names of client certificates that stand for the password.
    certificates: Vec<String>,
}

impl From<LoginSummary> for LoginDocument {
    fn from(login: LoginSummary) -> Self {
        let tenants = match login.scope {
            LoginScope::All => None,
            LoginScope::Only(tenants) => Some(tenants),
        };
        Self {
            name: login.name,
            tenants,
            pool_mode: login.pool_mode,
            admin: login.admin,
            read_only: login.read_only,
            disabled: login.disabled,
            valid_until: login.valid_until,
            connection_limit: login.max_connections,
            certificates: login.certificates,
        }
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

/// Where it is said that a login is read-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Here,
    Elsewhere,
}

impl LoginDocument {
    /// What keeps it from connecting or writing, or stands for its password; empty for most.
    fn bounds(&self, read_only: Told) -> String {
        let mut words = Vec::new();
        if self.disabled {
            words.push("disabled".to_owned());
        }
        if self.read_only && read_only == Told::Here {
            words.push("read-only".to_owned());
        }
        words.extend(self.valid_until.iter().map(|at| format!("until {at}")));
        words.extend(self.connection_limit.map(|limit| format!("{limit} connections")));
        if !self.certificates.is_empty() {
            words.push(format!("certificate {}", self.certificates.join(" or ")));
        }
        words.join(", ")
    }
}

impl Document for LoginDocument {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mode = match self.pool_mode {
            PoolMode::Transaction => "",
            PoolMode::Session => "; its clients keep a server connection for the session",
            PoolMode::Either => "; its clients may keep a server connection for the session",
        };
        let admin = if self.admin { ", and use the console" } else { "" };
        let bounds = self.bounds(Told::Elsewhere);
        let bounds = if bounds.is_empty() { bounds } else { format!(" ({bounds})") };
        let rights = if self.read_only { ", and only read" } else { "" };
        writeln!(out, "login {} may act for {}{rights}{admin}{mode}{bounds}", self.name, self.tenants())
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
        let mut table = grid(["LOGIN", "TENANTS", "POOL MODE", "CONSOLE", "BOUNDS"]);
        for login in &self.logins {
            table.row([
                login.name.clone(),
                login.tenants(),
                login.pool_mode.to_string(),
                if login.admin { "yes" } else { "no" }.to_owned(),
                login.bounds(Told::Here),
            ]);
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
