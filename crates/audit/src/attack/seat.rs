//! Where the attacker sits: a session of the application's role, inside a tenant.

use crate::access::connect_bare;
use crate::error::Doing;
use crate::{Access, AuditError};
use tenantry_core::{ContextKey, Epoch, ErrorKind, Nonce, SqlIdent, TenantId};
use tokio_postgres::{Client, NoTls};

/// How sessions get into the tenant.
#[derive(Debug, Clone)]
pub enum Seat {
    /// Tenantry's: a token over the nonce of the session.
    Token(Box<Token>),
    /// By hand: the application's role, and the statement with which the application enters a tenant.
    Statement { access: Access, role: Option<SqlIdent>, enter: String },
}

/// What a session of Tenantry's is opened with.
#[derive(Debug, Clone)]
pub struct Token {
    pub access: Access,
    pub schema: SqlIdent,
    pub key: ContextKey,
    pub tenant: TenantId,
    pub epoch: Epoch,
}

impl Seat {
    /// Whether the session is the role's own, so that there is nobody to go back to.
    pub(crate) fn is_login(&self) -> bool {
        match self {
            Self::Token(_) => true,
            Self::Statement { role, .. } => role.is_none(),
        }
    }

    /// A session that is inside the tenant.
    pub(crate) async fn inside(&self) -> Result<Client, AuditError> {
        let client = self.outside(None).await?;
        match self {
            Self::Token(token) => token.enter(&client).await?,
            Self::Statement { enter, .. } => {
                client.batch_execute(enter).await.doing("entering the tenant (--enter)")?;
            }
        }
        Ok(client)
    }

    /// A context that is local to transactions has to be entered in each.
    pub(crate) async fn enter_in_transaction(&self, client: &Client) -> Result<(), AuditError> {
        match self {
            Self::Token(_) => Ok(()),
            Self::Statement { enter, .. } => {
                client.batch_execute(enter).await.doing("entering the tenant (--enter)")
            }
        }
    }

    async fn outside(&self, options: Option<&str>) -> Result<Client, AuditError> {
        let (access, role) = match self {
            Self::Token(token) => (&token.access, None),
            Self::Statement { access, role, .. } => (access, role.as_ref()),
        };
        let client = match options {
            None => connect_bare(access).await?,
            Some(options) => {
                let mut config = access.config();
                config.options(options);
                let connected = config.connect(NoTls).await;
                let (client, connection) = connected.map_err(|source| AuditError::connect(access, source))?;
                tokio::spawn(async move { drop(connection.await) });
                client
            }
        };
        if let Self::Token(token) = self {
            client
                .batch_execute(&format!("SET search_path = {}", token.schema))
                .await
                .doing("opening the attacker's session")?;
        }
        client
            .batch_execute("SET statement_timeout = '30s'; SET lock_timeout = '2s'")
            .await
            .doing("opening the attacker's session")?;
        if let Some(role) = role {
            let sql = format!("SET SESSION AUTHORIZATION {role}");
            client.batch_execute(&sql).await.doing("becoming the application's role (--as-role)")?;
        }
        Ok(client)
    }

    /// A session outside, with options in the startup packet; or the SQLSTATE it was refused with.
    pub(crate) async fn with_options(&self, options: &str) -> Result<Client, String> {
        self.outside(Some(options)).await.map_err(|error| sqlstate(&error))
    }

    /// The attacker's login on another database.
    pub(crate) async fn connect_to(&self, database: &str) -> Result<Client, String> {
        let access = match self {
            Self::Token(token) => &token.access,
            Self::Statement { access, .. } => access,
        };
        let elsewhere = Access { database: database.to_owned(), ..access.clone() };
        connect_bare(&elsewhere).await.map_err(|error| sqlstate(&error))
    }
}

fn sqlstate(error: &AuditError) -> String {
    match error {
        AuditError::Connect { source, .. } | AuditError::Server { source, .. } => {
            source.code().map_or_else(|| "connection refused".to_owned(), |code| code.code().to_owned())
        }
        other => other.to_string(),
    }
}

impl Token {
    /// Enters as the gateway does.
    async fn enter(&self, client: &Client) -> Result<(), AuditError> {
        const WHAT: &str = "entering the tenant";
        let nonce: Option<String> =
            client.query_one("SELECT tenancy.challenge()", &[]).await.doing(WHAT)?.get(0);
        let nonce = Nonce::new(nonce.unwrap_or_default());
        let token = self.key.sign(self.tenant, self.epoch, &nonce);
        let args: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&token.key.get(), &token.tenant.get(), &token.epoch.get(), &token.mac];
        let answer: String =
            client.query_one("SELECT tenancy.enter($1, $2, $3, $4)", &args).await.doing(WHAT)?.get(0);
        if answer == "entered" {
            return Ok(());
        }
        Err(AuditError::refused(
            ErrorKind::Conflict,
            format!("the database answered {answer:?} when the throw-away tenant was to be entered"),
            "run `tenantry cluster check`",
        ))
    }
}
