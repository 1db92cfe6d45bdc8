//! `tenantry erd`: the schema as a picture, as each tenancy model has it.

use super::Session;
use super::schema::source::SourceArgs;
use crate::failure::Refusal;
use crate::print::Document;
use anyhow::Context;
use clap::Args;
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tenantry_core::TenancyModel;
use tenantry_erd::{Graph, Selection};
use tenantry_ops::schema::PlainSchema;

#[derive(Debug, Args)]
#[command(after_help = "A page to explore in a browser: tenantry erd schema.sql\n\
    For a README:                   tenantry erd --format mermaid --out docs/schema.md\n\
    What a move changes:            tenantry erd --diff shared,database --format text --out -")]
pub(crate) struct ErdArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// The tenancy model whose tables are drawn
    #[arg(long, default_value = "shared", value_name = "shared|schema|database")]
    model: TenancyModel,
    /// Draw what differs between two tenancy models instead
    #[arg(long, value_name = "MODEL,MODEL", value_parser = pair, conflicts_with = "model")]
    diff: Option<Pair>,
    /// What to write [default: by the ending of --out, else html]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file to write, or - for standard output [default: erd-MODEL with the format's ending]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Only tables with such names; `*` stands for any text
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',')]
    tables: Vec<String>,
    /// Only a table and its surroundings
    #[arg(long, value_name = "TABLE")]
    around: Option<String>,
    /// How many references away from that table
    #[arg(long, default_value_t = 1, value_name = "N", requires = "around")]
    distance: usize,
    /// Only the tables of one domain
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
}

type Pair = (TenancyModel, TenancyModel);

fn pair(text: &str) -> Result<Pair, String> {
    let (before, after) = text.split_once(',').ok_or("write two models: shared,database")?;
    let model = |word: &str| word.trim().parse::<TenancyModel>().map_err(|error| error.to_string());
    match (model(before)?, model(after)?) {
        (before, after) if before == after => Err("the two models are the same".to_owned()),
        both => Ok(both),
    }
}

/// What a graph is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One page to explore in a browser; it needs no network
    Html,
    /// A picture
    Svg,
    /// Markdown with one Mermaid diagram for each domain
    Mermaid,
    /// For dbdiagram.io and dbdocs
    Dbml,
    /// With --diff: the differences in words
    Text,
}

pub(crate) async fn run(session: &Session, args: ErdArgs) -> anyhow::Result<()> {
    let format = format(&args)?;
    let config = args.source.config(session)?;
    let plain = args.source.load(session, &config).await?;
    let graph = graph(&args, &plain)?;
    let json = session.printer().format == crate::print::Format::Json;
    if json && args.out.is_none() {
        return session.printer().emit(&Drawn(graph));
    }
    let text = format.write(&graph);
    let path = args.out.clone().unwrap_or_else(|| default_path(&args, format));
    if path == Path::new("-") {
        let mut out = session.printer().out();
        out.write_all(text.as_bytes())?;
        return Ok(out.flush()?);
    }
    fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
    if json {
        return session.printer().emit(&Drawn(graph));
    }
    session.printer().emit(&Written::of(&graph, &path, format))
}

fn graph(args: &ErdArgs, plain: &PlainSchema) -> anyhow::Result<Graph> {
    let of = |model| tenantry_erd::graph(&plain.model, &plain.declaration, model);
    let graph = match args.diff {
        Some((before, after)) => tenantry_erd::diff(&of(before), &of(after)),
        None => of(args.model),
    };
    let selection = Selection {
        tables: args.tables.clone(),
        around: args.around.clone().map(|table| (table, args.distance)),
        domain: args.domain.clone(),
    };
    Ok(tenantry_erd::select(graph, &selection)?)
}

fn format(args: &ErdArgs) -> Result<Format, Refusal> {
    let by_ending = || match args.out.as_ref()?.extension()?.to_str()? {
        "svg" => Some(Format::Svg),
        "md" | "markdown" | "mmd" => Some(Format::Mermaid),
        "dbml" => Some(Format::Dbml),
        "txt" => Some(Format::Text),
        _ => None,
    };
    match args.format.or_else(by_ending).unwrap_or(Format::Html) {
        Format::Text if args.diff.is_none() => Err(Refusal::input(
            "text tells differences",
            "add --diff shared,database, or choose another --format",
        )),
        format => Ok(format),
    }
}

impl Format {
    fn write(self, graph: &Graph) -> String {
        match self {
            Self::Html => tenantry_erd::html(graph),
            Self::Svg => tenantry_erd::svg(graph),
            Self::Mermaid => tenantry_erd::mermaid(graph),
            Self::Dbml => tenantry_erd::dbml(graph),
            Self::Text => tenantry_erd::summary(graph),
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Svg => "svg",
            Self::Mermaid => "md",
            Self::Dbml => "dbml",
            Self::Text => "txt",
        }
    }
}

fn default_path(args: &ErdArgs, format: Format) -> PathBuf {
    let name = match args.diff {
        Some((before, after)) => format!("erd-{before}-{after}"),
        None => format!("erd-{}", args.model),
    };
    PathBuf::from(format!("{name}.{}", format.ending()))
}

/// With `--json`: the graph itself.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Drawn(Graph);

impl Document for Drawn {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}", tenantry_erd::summary(&self.0))
    }
}

#[derive(Debug, Serialize)]
struct Written {
    path: PathBuf,
    tables: usize,
    references: usize,
    crossing: usize,
    html: bool,
}

impl Written {
    fn of(graph: &Graph, path: &Path, format: Format) -> Self {
        Self {
            path: path.to_owned(),
            tables: graph.tables.len(),
            references: graph.references.len(),
            crossing: graph.references.iter().filter(|reference| reference.crosses_tenants).count(),
            html: format == Format::Html,
        }
    }
}

impl Document for Written {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let open = if self.html { ": open it in a browser" } else { "" };
        let (path, tables, references) = (self.path.display(), self.tables, self.references);
        writeln!(out, "wrote {path} ({tables} tables, {references} references){open}")?;
        if self.crossing > 0 {
            writeln!(out, "{} references could cross tenants: they are red", self.crossing)?;
        }
        Ok(())
    }
}
