//! `tenantry schema init`: a first declaration, guessed from the schema.

mod existing;

use super::source::SourceArgs;
use crate::command::Session;
use crate::config::{Config, ConfigError};
use crate::failure::Refusal;
use crate::print::{BOLD, DIM, Document, WARN};
use anyhow::Context;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{env, fs};
use tenantry_core::SqlIdent;
use tenantry_ops::{ClusterAccess, schema};
use tenantry_schema::guess::{Doubt, Guess, guess};
use tenantry_schema::{Declaration, Kind, Model, TableEntry};

/// Guess the declaration ([tenancy], [tables], [unique]) for a schema, and mark what is not sure
///
/// The schema is a SQL file, or that of a database that is there (--url, or --cluster with --database): it is read and not changed.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Read a database instead: postgres://USER@HOST:PORT/DATABASE, without a password
    #[arg(long, value_name = "URL", conflicts_with_all = ["file", "cluster"])]
    url: Option<String>,
    /// A file that holds the password of the user in --url [default: the variable PGPASSWORD, if it is set]
    #[arg(long, value_name = "FILE", requires = "url")]
    password_file: Option<PathBuf>,
    /// Read this database of --cluster instead
    #[arg(long, value_name = "NAME", requires = "cluster", conflicts_with = "file")]
    database: Option<String>,
    /// The schema of that database
    #[arg(long, value_name = "NAME", default_value = "public", value_parser = ident)]
    schema: SqlIdent,
    /// The file to write, or - for standard output
    #[arg(long, value_name = "PATH", default_value = "tenantry.toml")]
    out: PathBuf,
    /// Put the guess in the place of these sections where the file is there already; its other sections stay
    #[arg(long)]
    force: bool,
}

fn ident(name: &str) -> Result<SqlIdent, tenantry_core::ident::IdentError> {
    SqlIdent::new(name)
}

pub(super) async fn run(session: &Session, args: InitArgs) -> anyhow::Result<()> {
    let model = model(session, &args).await?;
    let guess = guess(&model);
    let text = text(&args, &guess)?;
    if args.out == Path::new("-") {
        if session.printer().format == crate::print::Format::Text {
            let mut out = session.printer().out();
            out.write_all(text.as_bytes())?;
            return Ok(out.flush()?);
        }
    } else {
        write(session, &args, &guess, text)?;
    }
    session.printer().emit(&Guessed::of(&model, guess, &args.out))
}

async fn model(session: &Session, args: &InitArgs) -> anyhow::Result<Model> {
    if let Some(url) = &args.url {
        let access = access(url, args.password_file.as_deref())?;
        let database = access.maintenance_database.clone();
        return Ok(schema::read_database(&access, &database, &args.schema).await?);
    }
    if let (Some(cluster), Some(database)) = (args.source.cluster(), &args.database) {
        let access = session.config()?.cluster(cluster)?.access;
        return Ok(schema::read_database(&access, database, &args.schema).await?);
    }
    if args.source.file().is_none() && matches!(session.config(), Err(error) if is_no_file(&error)) {
        return Err(Refusal::input(
            "nothing to guess from",
            "name the SQL file with the schema: tenantry schema init schema.sql; or a database: --url postgres://…",
        )
        .into());
    }
    let config = args.source.config(session)?;
    Ok(args.source.load(session, &config).await?.model)
}

fn is_no_file(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ConfigError::NoFile))
}

/// The URL is read as one of the configuration is: the same checks, the same words.
fn access(url: &str, password_file: Option<&Path>) -> anyhow::Result<ClusterAccess> {
    let mut section = toml::Table::new();
    section.insert("url".into(), url.into());
    match password_file {
        Some(file) => {
            let file = env::current_dir()?.join(file);
            section.insert("password_file".into(), file.display().to_string().into());
        }
        None if env::var_os("PGPASSWORD").is_some() => {
            section.insert("password_env".into(), "PGPASSWORD".into());
        }
        None => {}
    }
    let clusters: toml::Table = [("url".to_owned(), section.into())].into_iter().collect();
    let whole: toml::Table = [("clusters".to_owned(), clusters.into())].into_iter().collect();
    Ok(Config::parse(PathBuf::from("--url"), whole.to_string())?.cluster("url")?.access)
}

const HEAD: &str = "# Guessed by `tenantry schema init`. Lines marked \"sure?\" are doubts: look at each, then take the mark away.\n\
                    # `tenantry schema check` says what becomes of the tables.\n\n";

fn text(args: &InitArgs, guess: &Guess) -> anyhow::Result<String> {
    let mut text = HEAD.to_owned();
    if let Some(file) = args.source.file() {
        // The configuration's paths start at its own folder.
        let beside = args.out.parent().is_none_or(|folder| folder.as_os_str().is_empty());
        let path = if beside { file.to_owned() } else { env::current_dir()?.join(file) };
        let section = toml::Table::from_iter([("file".to_owned(), path.display().to_string().into())]);
        text.extend(["[schema]\n", &section.to_string(), "\n"]);
    }
    text.push_str(&guess.to_toml());
    Ok(text)
}

fn write(session: &Session, args: &InitArgs, guess: &Guess, text: String) -> anyhow::Result<()> {
    let path = &args.out;
    let text = match fs::read_to_string(path) {
        Ok(old) if args.force => existing::replaced(path, &old, &text)?,
        Ok(old) => {
            let differences = existing::differences(path, &old, &guess.declaration);
            return Err(existing::refused(path, &differences?).into());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => text,
        Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
    };
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))?;
    session.printer().note(&format!("wrote {}", path.display()));
    Ok(())
}

#[derive(Debug, Serialize)]
struct Guessed {
    path: PathBuf,
    declaration: Declaration,
    doubts: Vec<Doubt>,
    /// Tables of each kind, partitions aside.
    counts: BTreeMap<&'static str, usize>,
}

impl Guessed {
    fn of(model: &Model, guess: Guess, path: &Path) -> Self {
        let mut counts = BTreeMap::new();
        for table in model.tables.iter().filter(|table| !table.is_partition()) {
            let kind = guess.declaration.tables.get(&table.name).map_or(Kind::Tenant, TableEntry::kind);
            *counts.entry(kind.as_str()).or_insert(0) += 1;
        }
        Self { path: path.to_owned(), declaration: guess.declaration, doubts: guess.doubts, counts }
    }
}

/// The rest stands in the file.
const SHOWN: usize = 8;

impl Document for Guessed {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let tenancy = &self.declaration.tenancy;
        let counts: Vec<String> = self.counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        writeln!(
            out,
            "tenant column {BOLD}{}{BOLD:#} ({}); tables: {}",
            tenancy.column.as_str(),
            tenancy.value_type.as_sql(),
            if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
        )?;
        if self.doubts.is_empty() {
            writeln!(out, "no doubts")?;
        } else {
            let doubts = match self.doubts.len() {
                1 => "one doubt".to_owned(),
                many => format!("{many} doubts"),
            };
            writeln!(out, "\n{doubts}, marked {BOLD}sure?{BOLD:#} in {}:", self.path.display())?;
        }
        for doubt in self.doubts.iter().take(SHOWN) {
            writeln!(out, "  {WARN}{}{WARN:#}: {}", doubt.place, doubt.message)?;
        }
        if self.doubts.len() > SHOWN {
            writeln!(out, "  {DIM}and {} more{DIM:#}", self.doubts.len() - SHOWN)?;
        }
        writeln!(out, "\nnext: tenantry schema check")
    }
}
