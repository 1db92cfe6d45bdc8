//! Kinds of errors, and what each means on every surface: SQLSTATE, exit code, metric label.

/// What went wrong, in the terms of whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself is wrong; nothing was changed.
    InvalidInput,
    /// No tenant could be resolved, or the sources disagree.
    NoTenant,
    /// The tenant does not exist.
    UnknownTenant,
    /// The tenant exists but is not served now (suspended, being made, being moved).
    TenantUnavailable,
    /// Wrong user, password or certificate.
    AuthenticationFailed,
    /// The login may not act for that tenant.
    NotAllowed,
    /// The client broke the protocol.
    ProtocolViolation,
    /// A feature that is not offered here.
    NotSupported,
    /// A limit of the tenant or of the gateway was reached.
    LimitReached,
    /// The database server can't be reached, or the connection to it was lost.
    ServerUnavailable,
    /// The gateway is shutting down.
    ShuttingDown,
    /// It exists already, or something is in the way.
    Conflict,
    /// Refused because data would be lost.
    WouldLoseData,
    /// A defect of Tenantry itself.
    Internal,
}

impl ErrorKind {
    /// The five characters that a PostgreSQL client sees.
    pub const fn sqlstate(self) -> &'static str {
        self.row().0
    }

    /// The exit code of the command line.
    pub const fn exit_code(self) -> u8 {
        self.row().1
    }

    /// The value of the `error` label in metrics.
    pub const fn label(self) -> &'static str {
        self.row().2
    }

    /// The one table.
    const fn row(self) -> (&'static str, u8, &'static str) {
        match self {
            Self::InvalidInput => ("22023", 2, "invalid_input"),
            Self::NoTenant => ("08004", 3, "no_tenant"),
            Self::UnknownTenant => ("3D000", 3, "unknown_tenant"),
            Self::TenantUnavailable => ("57P03", 4, "tenant_unavailable"),
            Self::AuthenticationFailed => ("28P01", 5, "authentication_failed"),
            Self::NotAllowed => ("42501", 5, "not_allowed"),
            Self::ProtocolViolation => ("08P01", 1, "protocol_violation"),
            Self::NotSupported => ("0A000", 6, "not_supported"),
            Self::LimitReached => ("53400", 7, "limit_reached"),
            Self::ServerUnavailable => ("08006", 8, "server_unavailable"),
            Self::ShuttingDown => ("57P01", 8, "shutting_down"),
            Self::Conflict => ("55006", 9, "conflict"),
            Self::WouldLoseData => ("55000", 10, "would_lose_data"),
            Self::Internal => ("XX000", 70, "internal"),
        }
    }
}
