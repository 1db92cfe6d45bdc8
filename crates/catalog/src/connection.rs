//! One connection to the catalog's database: statements prepared once, every wait bounded.

use crate::CatalogConfig;
use crate::error::{CatalogError, ServerError};
use crate::queries::Query;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tenantry_tls::DriverStream;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Row, Socket, Statement};

/// How much longer than the server's own `statement_timeout` we wait for its answer.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];
pub(crate) type Driver = tokio_postgres::Connection<Socket, DriverStream<Socket>>;

/// A client, the task that moves its bytes, and the statements it has prepared.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
    driver: JoinHandle<()>,
    statements: Mutex<HashMap<&'static str, Statement>>,
    place: String,
    deadline: Duration,
    pub(crate) version_checked: bool,
}

impl Connection {
    pub(crate) async fn open(config: &CatalogConfig) -> Result<Self, CatalogError> {
        Self::open_with(config, |mut driver| async move {
            // The client learns of the end by itself; what the server says besides (notices) is not for us.
            while let Some(Ok(_)) = next_message(&mut driver).await {}
        })
        .await
    }

    /// Opens a connection that `drive` moves the bytes of, in a task that ends with the connection.
    pub(crate) async fn open_with<F>(
        config: &CatalogConfig,
        drive: impl FnOnce(Driver) -> F + Send,
    ) -> Result<Self, CatalogError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut driver_config = config.driver();
        let tls = tenantry_tls::Driver::new(&config.tls)
            .map_err(|source| CatalogError::Tls { place: config.place(), source: Box::new(source) })?;
        tls.apply(&mut driver_config);
        let connecting = driver_config.connect(tls);
        let (client, connection) = match tokio::time::timeout(config.connect_timeout, connecting).await {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => return Err(refused(config, error.into())),
            Err(_) => {
                return Err(CatalogError::TimedOut {
                    place: config.place(),
                    seconds: config.connect_timeout.as_secs(),
                });
            }
        };
        Ok(Self {
            client,
            driver: tokio::spawn(drive(connection)),
            statements: Mutex::default(),
            place: config.place(),
            deadline: config.statement_timeout + GRACE,
            version_checked: false,
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(crate) async fn query(&self, query: Query, params: Params<'_>) -> Result<Vec<Row>, CatalogError> {
        let run = async {
            let statement = self.statement(query).await?;
            self.client.query(&statement, params).await
        };
        self.bounded(query.name, run).await
    }

    pub(crate) async fn query_opt(
        &self,
        query: Query,
        params: Params<'_>,
    ) -> Result<Option<Row>, CatalogError> {
        let mut rows = self.query(query, params).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            count => {
                Err(CatalogError::BadRow { what: query.name, reason: format!("{count} rows instead of one") })
            }
        }
    }

    pub(crate) async fn query_one(&self, query: Query, params: Params<'_>) -> Result<Row, CatalogError> {
        let row = self.query_opt(query, params).await?;
        row.ok_or_else(|| CatalogError::BadRow { what: query.name, reason: "no row instead of one".into() })
    }

    pub(crate) async fn execute(&self, query: Query, params: Params<'_>) -> Result<u64, CatalogError> {
        let run = async {
            let statement = self.statement(query).await?;
            self.client.execute(&statement, params).await
        };
        self.bounded(query.name, run).await
    }

    /// Runs several statements without parameters. `what` names them in errors.
    pub(crate) async fn batch(&self, what: &'static str, sql: &str) -> Result<(), CatalogError> {
        self.bounded(what, self.client.batch_execute(sql)).await
    }

    async fn statement(&self, query: Query) -> Result<Statement, tokio_postgres::Error> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(query.name).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(query.sql).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(query.name, statement.clone());
        Ok(statement)
    }

    async fn bounded<T>(
        &self,
        query: &'static str,
        run: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, CatalogError> {
        match tokio::time::timeout(self.deadline, run).await {
            Ok(result) => result.map_err(|error| CatalogError::Server { query, source: error.into() }),
            Err(_) => {
                Err(CatalogError::TimedOut { place: self.place.clone(), seconds: self.deadline.as_secs() })
            }
        }
    }
}

impl Drop for Connection {
    /// Closes the socket at once: the server ends an open transaction and frees its locks.
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The next thing the server says without being asked; `None` at the end.
pub(crate) async fn next_message(driver: &mut Driver) -> Option<Result<AsyncMessage, tokio_postgres::Error>> {
    std::future::poll_fn(|cx| driver.poll_message(cx)).await
}

fn refused(config: &CatalogConfig, source: ServerError) -> CatalogError {
    let place = config.place();
    if source.is(&SqlState::INVALID_CATALOG_NAME) {
        return CatalogError::NoDatabase { database: config.database.clone(), source };
    }
    if source.is(&SqlState::INVALID_PASSWORD) || source.is(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) {
        return CatalogError::AuthenticationFailed { place, user: config.user.clone(), source };
    }
    CatalogError::Unreachable { place, source }
}
