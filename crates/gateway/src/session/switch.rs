//! Switching the tenant within a connection: `SET tenantry.tenant = 'globex'`, `RESET tenantry.tenant` and
//! `SHOW tenantry.tenant`, as a simple Query between transactions. The gateway answers them itself.
//!
//! The guarantee does not rest on recognising these texts: what is not recognised reaches the server, where it is a setting
//! without a meaning, and the session ends as soon as the server says that it is there (`hold.rs`).

use super::Session;
use crate::error::ClientError;
use crate::lex::TenantStatement;
use tenantry_core::ErrorKind;
use tenantry_wire::backend::{self, TransactionStatus};

impl Session {
    /// Answers a statement about the tenant. No server connection is held.
    pub(super) fn answer_tenant(&mut self, statement: TenantStatement) {
        let outcome = match statement {
            TenantStatement::Show => {
                self.show_tenant();
                Ok("SHOW")
            }
            TenantStatement::Set(key) => self.switch_to(&key).map(|()| "SET"),
            TenantStatement::Reset => {
                self.act_for(self.home);
                Ok("RESET")
            }
            TenantStatement::Local => Err(ClientError::new(
                ErrorKind::NotSupported,
                "the tenant can't be switched for one transaction only",
            )
            .with_hint(
                "SET tenantry.tenant = 'KEY' before the transaction, and RESET tenantry.tenant behind it",
            )),
        };
        let out = &mut self.client.outbuf;
        match outcome {
            Ok(command) => backend::command_complete(out, command),
            Err(error) => super::refuse::error(out, &error),
        }
        backend::ready_for_query(out, TransactionStatus::Idle);
    }

    fn switch_to(&mut self, key: &str) -> Result<(), ClientError> {
        let table = std::sync::Arc::clone(&self.routes.borrow());
        let binding = table.login(&self.login_name).filter(|login| login.id == self.login);
        // The same words for a tenant that is not the login's: it learns nothing of others.
        let tenant = table
            .tenant_by_key(key)
            .filter(|tenant| binding.is_some_and(|login| login.binding.allows(tenant.id)))
            .ok_or_else(|| {
                ClientError::new(ErrorKind::UnknownTenant, format!("tenant {key:?} does not exist"))
                    .with_hint("tenantry.tenant is the key of a tenant that this login may act for")
            })?;
        self.act_for(Some(tenant.id));
        Ok(())
    }

    fn act_for(&mut self, tenant: Option<tenantry_core::TenantId>) {
        self.count_bytes();
        self.tenant = tenant;
        self.target = None;
        self.listed.set_tenant(tenant);
    }

    fn show_tenant(&mut self) {
        let table = std::sync::Arc::clone(&self.routes.borrow());
        let key = self.tenant.and_then(|id| table.tenant(id)).map_or("", |tenant| tenant.key.as_str());
        backend::row_description(&mut self.client.outbuf, &["tenantry.tenant"]);
        backend::data_row(&mut self.client.outbuf, &[Some(key.as_bytes())]);
    }
}

/// Where a statement about the tenant can't be carried out.
pub(super) fn too_late() -> ClientError {
    ClientError::new(ErrorKind::InvalidInput, "the tenant can't be switched here")
        .with_sqlstate("25001")
        .with_hint("send SET tenantry.tenant = 'KEY' as a simple query of its own, between transactions")
}
