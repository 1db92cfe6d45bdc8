//! The tenant that a connection acts for, where its login may act for several: `SET tenantry.tenant = 'globex'` and `RESET`
//! between transactions, `SET` and `SET LOCAL` as a transaction's first statement, and a comment `/*tenant='globex'*/` in the
//! manner of sqlcommenter on a transaction's first statement. The gateway answers the statements itself (`own.rs`).
//!
//! So that the first statement can choose, a client that may choose is told that its transaction has begun before any server
//! knows: BEGIN leaves for the server with the transaction's first statement. That saves it a round trip, too.
//!
//! The guarantee does not rest on recognising these texts. What is read from them leads to tenants that the login may act for,
//! or nowhere; what is not recognised reaches the server, where it is a setting without a meaning, and the session ends as soon
//! as the server says that it is there (`hold.rs`).

use super::Session;
use super::hold::Hold;
use super::transaction::{Pipeline, Transaction};
use crate::error::ClientError;
use crate::lex::{self, Own, Special, TenantStatement};
use bytes::BytesMut;
use std::sync::Arc;
use tenantry_core::{ErrorKind, LoginBinding, TenantId};
use tenantry_wire::backend::TransactionStatus;
use tenantry_wire::frame;
use tenantry_wire::frontend::{self, tag};

/// Where a client may choose its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Its login is bound to one.
    None,
    /// Between transactions: it keeps a server connection.
    Between,
    InTransactions,
}

impl Choice {
    pub(super) fn of(binding: &LoginBinding, hold: Hold) -> Self {
        match (binding, hold) {
            (LoginBinding::Only(tenants), _) if tenants.len() < 2 => Self::None,
            (_, Hold::Transaction) => Self::InTransactions,
            _ => Self::Between,
        }
    }
}

/// What a client has chosen that may choose its tenant. Nothing, between transactions.
#[derive(Default)]
pub(super) struct Switching {
    /// A transaction that the client has begun and no server knows of.
    begun: Option<Begun>,
    scope: Option<Scope>,
    /// The client's portal of a statement that the gateway answers.
    pub(super) portal: Option<OwnPortal>,
}

/// A portal of a statement that the gateway answers.
pub(super) struct OwnPortal {
    pub(super) name: Box<[u8]>,
    pub(super) special: Special,
    /// It has been executed, which it can be once.
    pub(super) done: bool,
}

struct Begun {
    text: Box<str>,
    /// One of its statements has failed: nothing more but its end.
    failed: bool,
}

/// A transaction that has a tenant of its own, and whom the connection acts for behind it.
struct Scope {
    committed: Option<TenantId>,
    rolled_back: Option<TenantId>,
}

/// Where a message belongs that says something about the tenant or about transactions.
pub(super) enum Place {
    /// To the server connection that the session has.
    Here,
    /// That connection is given back first.
    Elsewhere,
    /// The server's answers decide.
    Later,
    /// Another message goes to the server.
    Instead(BytesMut),
    /// It is refused, where PostgreSQL would refuse it.
    Refused(ClientError),
}

impl Session {
    /// What a text says about the tenant, or about a transaction that may choose one.
    pub(super) fn special_of(&self, sql: &[u8]) -> Option<Special> {
        if self.choice != Choice::None {
            return lex::special(sql);
        }
        lex::tenant_statement(sql).map(|statement| Special { own: Some(Own::Tenant(statement)), hint: None })
    }

    /// What a statement says about it that is being prepared. One with parameters is nobody's but the server's.
    pub(super) fn special_prepared(&self, parse: &frontend::Parse<'_>) -> Option<Special> {
        if parse.rest.starts_with(&[0, 0]) { self.special_of(parse.query) } else { None }
    }

    /// What a message says about it.
    pub(super) fn special_in(&self, header: frame::Header) -> Option<Special> {
        let body = &self.client.inbuf[frame::HEADER..header.len];
        match header.tag {
            tag::QUERY => self.special_of(body.strip_suffix(b"\0")?),
            tag::PARSE => self.special_prepared(&frontend::Parse::decode(body).ok()?),
            tag::BIND if self.statements.special => {
                self.special_named(frontend::Bind::decode(body).ok()?.statement).cloned()
            }
            tag::DESCRIBE if self.statements.special => {
                let describe = frontend::Describe::decode(body).ok()?;
                let statement = describe.kind == frontend::STATEMENT;
                statement.then(|| self.special_named(describe.name).cloned())?
            }
            _ => None,
        }
    }

    fn special_named(&self, name: &[u8]) -> Option<&Special> {
        if name.is_empty() {
            return self.unnamed_special.as_deref().filter(|_| self.unnamed_id != 0);
        }
        self.statements.get(name)?.special.as_deref()
    }

    /// In a transaction that no server knows of, or in none.
    pub(super) fn status(&self) -> TransactionStatus {
        match self.switching.as_ref().and_then(|switching| switching.begun.as_ref()) {
            None => TransactionStatus::Idle,
            Some(begun) if begun.failed => TransactionStatus::Failed,
            Some(_) => TransactionStatus::InTransaction,
        }
    }

    /// How the transaction begins that the client believes to be in.
    pub(super) fn begun(&self) -> Option<&str> {
        let begun = self.switching.as_ref()?.begun.as_ref()?;
        Some(&begun.text)
    }

    /// Something failed in a transaction that no server knows of.
    pub(super) fn fail_begun(&mut self) {
        if let Some(begun) = self.switching.as_mut().and_then(|switching| switching.begun.as_mut()) {
            begun.failed = true;
        }
    }

    /// Carries out a statement that is the gateway's to answer; returns its command tag.
    pub(super) fn run_own(&mut self, own: &Own) -> Result<&'static str, ClientError> {
        let failed = self.status() == TransactionStatus::Failed;
        match own {
            Own::Commit | Own::Rollback => {
                let rolled_back = failed || *own == Own::Rollback;
                self.end_scope(rolled_back);
                return Ok(if rolled_back { "ROLLBACK" } else { "COMMIT" });
            }
            _ if failed => return Err(aborted()),
            Own::Begin(text) => {
                let switching = self.switching.get_or_insert_default();
                switching.begun.get_or_insert_with(|| Begun { text: text.clone(), failed: false });
                return Ok("BEGIN");
            }
            Own::Tenant(_) => {}
        }
        let Own::Tenant(statement) = own else { return Ok("") };
        match statement {
            TenantStatement::Show => return Ok("SHOW"),
            TenantStatement::Set(key) => {
                let tenant = self.tenant_called(key)?;
                self.stay_with(Some(tenant));
            }
            TenantStatement::Reset => {
                self.stay_with(self.home);
                return Ok("RESET");
            }
            TenantStatement::Local(key) => {
                let tenant = self.tenant_called(key)?;
                if self.begun().is_none() {
                    return Err(no_transaction());
                }
                self.act_in_scope(tenant);
            }
        }
        Ok("SET")
    }

    /// What a statement's comment says, whose transaction begins.
    pub(super) fn follow_hint(&mut self, key: &str) -> Result<(), ClientError> {
        let tenant = self.tenant_called(key)?;
        self.act_in_scope(tenant);
        Ok(())
    }

    fn tenant_called(&self, key: &str) -> Result<TenantId, ClientError> {
        let table = Arc::clone(&self.routes.borrow());
        let binding = table.login(&self.login_name).filter(|login| login.id == self.login);
        // The same words for a tenant that is not the login's: it learns nothing of others.
        let tenant = table.tenant_by_key(key).map(|tenant| tenant.id);
        let tenant = tenant.filter(|tenant| binding.is_some_and(|login| login.binding.allows(*tenant)));
        tenant.ok_or_else(|| {
            ClientError::new(ErrorKind::UnknownTenant, format!("tenant {key:?} does not exist"))
                .with_hint("tenantry.tenant is the key of a tenant that this login may act for")
        })
    }

    /// Acts for a tenant until the transaction is over.
    fn act_in_scope(&mut self, tenant: TenantId) {
        let before = self.tenant;
        let switching = self.switching.get_or_insert_default();
        switching.scope.get_or_insert(Scope { committed: before, rolled_back: before });
        self.act_for(Some(tenant));
    }

    /// Acts for a tenant from now on; in a transaction, unless it is rolled back.
    fn stay_with(&mut self, tenant: Option<TenantId>) {
        let before = self.tenant;
        if let Some(switching) = self.switching.as_mut().filter(|switching| switching.begun.is_some()) {
            let scope = switching.scope.get_or_insert(Scope { committed: before, rolled_back: before });
            scope.committed = tenant;
        }
        self.act_for(tenant);
    }

    /// The transaction is over: whom does the connection act for now?
    pub(super) fn end_scope(&mut self, rolled_back: bool) {
        let Some(switching) = &mut self.switching else { return };
        switching.begun = None;
        if let Some(scope) = switching.scope.take() {
            let tenant = if rolled_back { scope.rolled_back } else { scope.committed };
            if tenant != self.tenant {
                self.act_for(tenant);
            }
        }
    }

    /// Whether the connection acts for another tenant when the transaction that begins now is over.
    pub(super) fn is_scoped(&self) -> bool {
        let scope = self.switching.as_ref().and_then(|switching| switching.scope.as_ref());
        scope.is_some_and(|scope| scope.committed != self.tenant || scope.rolled_back != self.tenant)
    }

    fn act_for(&mut self, tenant: Option<TenantId>) {
        self.count_bytes();
        self.tenant = tenant;
        self.target = None;
        self.listed.set_tenant(tenant);
    }

    pub(super) fn tenant_key(&self) -> Box<str> {
        let table = self.routes.borrow();
        self.tenant.and_then(|id| table.tenant(id)).map_or("", |tenant| tenant.key.as_str()).into()
    }

    /// Where a message belongs that is special, while a server connection is held.
    pub(super) fn place(
        &self,
        transaction: &mut Transaction,
        header: frame::Header,
        special: &Special,
    ) -> Place {
        let tag = header.tag;
        let own = match &special.own {
            Some(Own::Begin(_)) if self.choice == Choice::None || transaction.hold != Hold::Transaction => {
                None
            }
            Some(Own::Commit | Own::Rollback) => None,
            own => own.as_ref(),
        };
        let mut refused = own.is_some().then(too_late);
        if own.is_none() {
            let Some(key) = &special.hint else { return Place::Here };
            match self.tenant_called(key) {
                Ok(tenant) if tenant == transaction.target.tenant => return Place::Here,
                Ok(_) => refused = Some(too_late_for_hint()),
                Err(error) => refused = Some(error),
            }
        }
        let idle = transaction.status == TransactionStatus::Idle;
        if idle && transaction.pipeline.is_open() && tag == tag::QUERY {
            // A pipeline without its Sync; a simple Query ends it.
            transaction.inject_sync();
            return Place::Later;
        }
        if transaction.pipeline == Pipeline::Closed && transaction.owes_client() {
            return Place::Later;
        }
        let between = idle && transaction.pipeline == Pipeline::Closed;
        let may_leave = match transaction.hold {
            Hold::Transaction => true,
            Hold::Pinned => false,
            Hold::Session => own.is_some(),
        };
        if between && may_leave {
            return Place::Elsewhere;
        }
        match (own, tag) {
            (Some(Own::Begin(_)), _) => Place::Here,
            (Some(Own::Tenant(TenantStatement::Show)), tag::QUERY | tag::PARSE) => {
                Place::Instead(self.shown_by_the_server(header))
            }
            _ => Place::Refused(refused.unwrap_or_else(too_late)),
        }
    }

    /// The tenant as a statement that a server can answer.
    fn shown_by_the_server(&self, header: frame::Header) -> BytesMut {
        let key = self.tenant_key().replace('\'', "''");
        let sql = format!("SELECT '{key}'::pg_catalog.text AS \"tenantry.tenant\"");
        let mut message = BytesMut::new();
        let body = &self.client.inbuf[frame::HEADER..header.len];
        match frontend::Parse::decode(body) {
            Ok(parse) if header.tag == tag::PARSE => frontend::parse(&mut message, parse.name, &sql, &[]),
            _ => frontend::query(&mut message, &sql),
        }
        message
    }
}

fn no_transaction() -> ClientError {
    ClientError::new(
        ErrorKind::InvalidInput,
        "SET LOCAL tenantry.tenant can only be used in transaction blocks",
    )
    .with_sqlstate("25P01")
    .with_hint("BEGIN first; or SET tenantry.tenant = 'KEY', which stays until RESET tenantry.tenant")
}

pub(super) fn aborted() -> ClientError {
    ClientError::new(
        ErrorKind::InvalidInput,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
    .with_sqlstate("25P02")
}

/// Where a statement about the tenant can't be carried out.
pub(super) fn too_late() -> ClientError {
    ClientError::new(ErrorKind::InvalidInput, "the tenant can't be switched here")
        .with_sqlstate("25001")
        .with_hint("SET tenantry.tenant between transactions or as a transaction's first statement, by itself; what a session keeps (temporary tables, cursors WITH HOLD) must be gone")
}

fn too_late_for_hint() -> ClientError {
    ClientError::new(ErrorKind::InvalidInput, "the comment of this statement names another tenant than that of its transaction")
        .with_sqlstate("25001")
        .with_hint("name the tenant in the transaction's first statement; in pool mode session, with SET tenantry.tenant")
}

/// What a transaction for one tenant may not leave behind on a connection that acts for another one next.
pub(super) fn kept_elsewhere(need: &str) -> ClientError {
    ClientError::new(
        ErrorKind::NotSupported,
        format!("a transaction with a tenant of its own left something behind that needs its server connection: {need}"),
    )
    .with_hint("SET tenantry.tenant for the session, or drop it before the transaction ends")
}
