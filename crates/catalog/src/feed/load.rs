//! Reading routes from the catalog: all of them, or what changed since a position. Each in one snapshot, in chunks.

use super::decode::{Decoded, Entity};
use crate::connection::{Connection, Params};
use crate::error::CatalogError;
use crate::queries::{self, Query};
use crate::row::{bad, get};
use crate::tx::Isolation;

use std::time::SystemTime;
use tenantry_core::RouteTable;
use tokio::try_join;

/// Beyond this many changed entities, loading everything is cheaper.
const MAX_CHANGED: usize = 20_000;

/// How far a reader has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    pub(crate) revision: i64,
    /// When that revision was made; `None` when it is not in the log (nothing changed yet, or pruned).
    changed_at: Option<SystemTime>,
}

/// What came of looking at the catalog.
#[derive(Debug)]
pub(crate) enum Update {
    Nothing,
    /// The table after the changes, where it stands, and how many rows could not be understood.
    Changed {
        table: Box<RouteTable>,
        position: Position,
        skipped: usize,
    },
    /// The log does not lead from the reader's position to the present.
    Lost,
}

/// The catalog's log, as seen from a reader's position.
struct State {
    position: Position,
    pruned_through: i64,
    /// When the reader's own revision was made, says the log now.
    known_at: Option<SystemTime>,
}

/// Ids of changed rows, by what has to be read again.
#[derive(Debug, Default)]
struct Changed {
    tenants: Vec<i64>,
    plans: Vec<i64>,
    databases: Vec<i64>,
    clusters: Vec<i64>,
    logins: Vec<i64>,
}

/// A connection and how many rows to ask for at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) connection: &'a Connection,
    /// At least one.
    pub(crate) chunk_rows: usize,
}

impl Reader<'_> {
    /// Everything, as of one moment.
    pub(crate) async fn everything(self) -> Result<(RouteTable, Position, usize), CatalogError> {
        let ((), state) = try_join!(biased; self.begin(), self.state(Position::default()))?;
        let revision = state.position.revision;
        let mut table = RouteTable::empty();
        let mut skipped = 0;
        for (entity, query) in [
            (Entity::Database, queries::ROUTE_DATABASES_AFTER),
            (Entity::Login, queries::ROUTE_LOGINS_AFTER),
            (Entity::Tenant, queries::ROUTE_TENANTS_AFTER),
        ] {
            let mut after = Some(0);
            while let Some(start) = after {
                let mut chunk = Decoded::default();
                after = self.chunk(entity, query, start, None, &mut chunk).await?;
                skipped += chunk.skipped;
                table = table.with_changes(revision, chunk.changes);
            }
        }
        self.commit().await?;
        Ok((table.with_changes(revision, []), state.position, skipped))
    }

    /// What changed since `position`.
    pub(crate) async fn since(self, table: &RouteTable, position: Position) -> Result<Update, CatalogError> {
        let limit = rows_limit(MAX_CHANGED + 1);
        // The three are sent at once and answered in turn: one round trip, within the transaction of the first.
        let changes: Params<'_> = &[&position.revision, &limit];
        let ((), state, rows) = try_join!(
            biased;
            self.begin(),
            self.state(position),
            self.connection.query(queries::FEED_CHANGES, changes)
        )?;
        let update = if !state.continues(position) || rows.len() == MAX_CHANGED + 1 {
            Update::Lost
        } else if state.position.revision == position.revision {
            Update::Nothing
        } else {
            let decoded = self.changed(Changed::read(&rows)?).await?;
            let table = Box::new(table.with_changes(state.position.revision, decoded.changes));
            Update::Changed { table, position: state.position, skipped: decoded.skipped }
        };
        self.commit().await?;
        Ok(update)
    }

    async fn changed(self, changed: Changed) -> Result<Decoded, CatalogError> {
        let mut into = Decoded::default();
        for (entity, query, ids) in [
            (Entity::Database, queries::ROUTE_DATABASES_OF, &changed.databases),
            (Entity::Login, queries::ROUTE_LOGINS_OF, &changed.logins),
            (Entity::Tenant, queries::ROUTE_TENANTS_OF, &changed.tenants),
        ] {
            for ids in ids.chunks(self.chunk_rows) {
                let rows = self.connection.query(query, &[&ids]).await?;
                let mut found = entity.decode(&rows, &mut into)?;
                found.sort_unstable();
                let gone = ids.iter().filter(|id| found.binary_search(id).is_err());
                into.changes.extend(gone.map(|id| entity.gone(*id)));
            }
        }
        for (entity, query, parents) in [
            (Entity::Database, queries::ROUTE_DATABASES_OF_CLUSTERS, &changed.clusters),
            (Entity::Tenant, queries::ROUTE_TENANTS_OF_PLANS, &changed.plans),
        ] {
            let mut after = (!parents.is_empty()).then_some(0);
            while let Some(start) = after {
                after = self.chunk(entity, query, start, Some(parents), &mut into).await?;
            }
        }
        Ok(into)
    }

    /// Reads the rows after `start`, and says where the next chunk starts, if there may be one.
    async fn chunk(
        self,
        entity: Entity,
        query: Query,
        start: i64,
        parents: Option<&Vec<i64>>,
        into: &mut Decoded,
    ) -> Result<Option<i64>, CatalogError> {
        let limit = rows_limit(self.chunk_rows);
        let rows = match parents {
            Some(parents) => self.connection.query(query, &[&start, &limit, parents]).await?,
            None => self.connection.query(query, &[&start, &limit]).await?,
        };
        let ids = entity.decode(&rows, into)?;
        Ok(ids.last().copied().filter(|_| ids.len() == self.chunk_rows))
    }

    async fn begin(self) -> Result<(), CatalogError> {
        self.connection.batch("begin", Isolation::Snapshot.begin()).await
    }

    async fn commit(self) -> Result<(), CatalogError> {
        self.connection.batch("commit", "COMMIT").await
    }

    async fn state(self, reader: Position) -> Result<State, CatalogError> {
        const WHAT: &str = "route feed";
        let row = self.connection.query_one(queries::FEED_STATE, &[&reader.revision]).await?;
        Ok(State {
            position: Position {
                revision: get(&row, WHAT, "revision")?,
                changed_at: get(&row, WHAT, "changed_at")?,
            },
            pruned_through: get(&row, WHAT, "pruned_through")?,
            known_at: get(&row, WHAT, "known_at")?,
        })
    }
}

fn rows_limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

impl State {
    /// Whether the log leads from the reader's position to the present: nothing after it was pruned, and it still is
    /// the same history. It is not after a restore, or a failover to a replica that had missed the last commits.
    fn continues(&self, reader: Position) -> bool {
        let in_reach = reader.revision >= self.pruned_through && reader.revision <= self.position.revision;
        // At the horizon itself the row is gone, rightly.
        let same_history = reader.revision == self.pruned_through || self.known_at == reader.changed_at;
        in_reach && same_history
    }
}

impl Changed {
    fn read(rows: &[tokio_postgres::Row]) -> Result<Self, CatalogError> {
        const WHAT: &str = "route change";
        let mut changed = Self::default();
        for row in rows {
            let id = get::<i64>(row, WHAT, "entity_id")?;
            match get::<&str>(row, WHAT, "entity")? {
                "tenant" => changed.tenants.push(id),
                "plan" => changed.plans.push(id),
                "database" => changed.databases.push(id),
                "cluster" => changed.clusters.push(id),
                "login" => changed.logins.push(id),
                other => return Err(bad(WHAT, format!("entity is {other:?}"))),
            }
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn state(revision: i64, pruned_through: i64, known_at: Option<SystemTime>) -> State {
        State { position: Position { revision, changed_at: Some(at(0)) }, pruned_through, known_at }
    }

    #[test]
    fn a_log_continues_only_the_history_that_the_reader_knows() {
        let reader = Position { revision: 10, changed_at: Some(at(10)) };
        assert!(state(10, 0, Some(at(10))).continues(reader));
        assert!(state(15, 9, Some(at(10))).continues(reader));
        // Pruned up to what was read: nothing is missing.
        assert!(state(15, 10, None).continues(reader));
        assert!(!state(15, 11, None).continues(reader), "pruned beyond");
        assert!(!state(9, 0, None).continues(reader), "went back");
        assert!(!state(15, 0, Some(at(11))).continues(reader), "another history");
        assert!(!state(15, 0, None).continues(reader), "a history without it");
        assert!(state(3, 0, None).continues(Position::default()), "from the very beginning");
    }
}
