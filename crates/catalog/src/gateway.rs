//! Gateways' acknowledgements: which revision of the catalog each gateway serves.

use crate::error::CatalogError;
use crate::queries;
use crate::row::get;
use crate::tx::Tx;
use std::net::SocketAddr;
use std::time::SystemTime;

/// A gateway that was heard of lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its own name for itself, such as `<host>:<port>/<start>`.
    pub id: String,
    /// It serves this revision or a later one.
    pub revision: i64,
    pub seen_at: SystemTime,
}

impl Tx {
    /// Announces a gateway: where others pass cancel requests on to it, if it takes them. Gives its number, or `None` when a
    /// thousand gateways are there already.
    pub async fn register_gateway(
        &self,
        id: &str,
        peer: Option<SocketAddr>,
    ) -> Result<Option<u16>, CatalogError> {
        let peer = peer.map(|peer| peer.to_string());
        let row = self.query_one(queries::GATEWAY_REGISTER, &[&id, &peer]).await?;
        let number = get::<Option<i32>>(&row, "gateway", "number")?;
        Ok(number.and_then(|number| u16::try_from(number).ok()))
    }

    /// The newest revision of the routes that this transaction sees. A gateway that serves it, or a later one, has heard
    /// of everything committed before.
    pub async fn route_revision(&self) -> Result<i64, CatalogError> {
        const NO_READER: i64 = 0;
        let row = self.query_one(queries::FEED_STATE, &[&NO_READER]).await?;
        get(&row, "route feed", "revision")
    }

    /// The gateways heard of lately, by id.
    pub async fn gateways(&self) -> Result<Vec<Gateway>, CatalogError> {
        let rows = self.query(queries::GATEWAY_LIST, &[]).await?;
        let read = |row| {
            Ok(Gateway {
                id: get(row, "gateway", "id")?,
                revision: get(row, "gateway", "revision")?,
                seen_at: get(row, "gateway", "seen_at")?,
            })
        };
        rows.iter().map(read).collect()
    }
}
