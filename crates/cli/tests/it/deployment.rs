//! A deployment of Tenantry on a PostgreSQL of its own: `cluster add` makes roles that belong to the whole server.

use crate::binary::{Place, Said};
use std::process::Command;
use tenantry_testkit::{Postgres, PostgresOptions};

pub(crate) struct Deployment {
    pub(crate) postgres: Postgres,
    pub(crate) place: Place,
}

impl Deployment {
    /// With a database for the catalog, and this configuration behind the first lines of `[clusters.main]`.
    pub(crate) async fn new(version: u32, config: &str) -> Self {
        let options = PostgresOptions { version: Some(version), ..PostgresOptions::default() };
        let postgres = Postgres::start(options).await.unwrap();
        postgres.connect("postgres").await.unwrap().batch_execute("CREATE DATABASE tenantry").await.unwrap();
        let url = format!("postgres://{}@{}:{}", postgres.superuser(), postgres.host(), postgres.port());
        let config = format!(
            "[catalog]\nurl = \"{url}/tenantry\"\npassword_env = \"SUPER\"\n\
             [secrets]\nmaster_key_env = \"MASTER\"\n\
             [clusters.main]\nurl = \"{url}/postgres\"\npassword_env = \"SUPER\"\n{config}"
        );
        Self {
            postgres,
            place: Place::new().with("tenantry.toml", &config).with("password", "open sesame\n"),
        }
    }

    /// With the schema of the examples.
    pub(crate) fn with_sample_schema(self) -> Self {
        let schema = include_str!("../../../../examples/sample/schema.sql");
        Self { place: self.place.with("schema.sql", schema), ..self }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.command();
        command.env("SUPER", self.postgres.password().expose()).env("MASTER", "5a".repeat(32)).args(args);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        Said::from(self.command(args).output().unwrap())
    }

    /// Runs what must succeed.
    pub(crate) fn does(&self, args: &[&str]) -> Said {
        let said = self.run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {said}");
        said
    }
}
