//! The plain schema's SQL, and a server to read it with.

use crate::command::Session;
use crate::config::{Config, ConfigError};
use crate::wiring::{self, Bench};
use anyhow::Context;
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use tenantry_ops::schema::{self, PlainSchema, Source};

#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// The SQL file [default: file of [schema] in the configuration]
    file: Option<PathBuf>,
    /// The cluster that reads it, in a scratch database that is removed afterwards [default: the first; without a
    /// cluster in the configuration, a PostgreSQL started for it]
    #[arg(long)]
    cluster: Option<String>,
}

impl SourceArgs {
    /// What another command has for them.
    pub(crate) fn of(file: Option<PathBuf>, cluster: Option<String>) -> Self {
        Self { file, cluster }
    }

    /// The SQL file that was named.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The cluster that was named.
    pub(crate) fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// The configuration, or an empty one when only a file was named.
    pub(crate) fn config(&self, session: &Session) -> anyhow::Result<Config> {
        match session.config() {
            Err(error)
                if self.file.is_some() && matches!(error.downcast_ref(), Some(ConfigError::NoFile)) =>
            {
                Ok(Config::empty())
            }
            result => result,
        }
    }

    pub(crate) fn source(&self, config: &Config) -> anyhow::Result<Source> {
        let missing = || ConfigError::Missing {
            key: "[schema] file".into(),
            hint: "name the SQL file, there or as an argument".into(),
        };
        let path = self.file.clone().or_else(|| config.schema_file()).ok_or_else(missing)?;
        read(&path)
    }

    /// Reads the schema with a cluster of the configuration, or with a PostgreSQL started for it.
    pub(crate) async fn load(&self, session: &Session, config: &Config) -> anyhow::Result<PlainSchema> {
        let source = self.source(config)?;
        let named = self.cluster.clone().or_else(|| config.cluster_names().next().map(str::to_owned));
        let bench = if let Some(name) = &named {
            Bench::configured(config, name).await?
        } else {
            session.printer().note("starting a PostgreSQL to read the schema with");
            Bench::started().await?
        };
        let loaded = schema::load(&bench.control, &bench.cluster, &source, &config.declaration()).await;
        bench.stop().await;
        Ok(loaded?)
    }
}

fn read(path: &Path) -> anyhow::Result<Source> {
    let sql = fs::read_to_string(path).with_context(|| wiring::unreadable("the schema", path))?;
    Ok(Source { file: path.display().to_string(), sql })
}
