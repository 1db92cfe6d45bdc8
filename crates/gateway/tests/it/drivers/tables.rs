//! The peers' own tables, as the schema engine compiles such tables for each model: pgbench's four, and `samples` with
//! a column of every type that drivers treat in a way of their own.

use super::peer::Pair;
use crate::world::World;
use tenantry_core::TenancyModel;

struct Table {
    name: &'static str,
    columns: &'static str,
    key: Option<&'static str>,
}

const PGBENCH: [Table; 4] = [
    Table {
        name: "pgbench_branches",
        columns: "bid int NOT NULL, bbalance int, filler char(88)",
        key: Some("bid"),
    },
    Table {
        name: "pgbench_tellers",
        columns: "tid int NOT NULL, bid int, tbalance int, filler char(84)",
        key: Some("tid"),
    },
    Table {
        name: "pgbench_accounts",
        columns: "aid int NOT NULL, bid int, abalance int, filler char(84)",
        key: Some("aid"),
    },
    Table {
        name: "pgbench_history",
        columns: "tid int, bid int, aid int, delta int, mtime timestamp, filler char(22)",
        key: None,
    },
];

/// What `pgbench -i` writes at scale 1.
const PGBENCH_ROWS: [(&str, &str); 3] = [
    ("pgbench_branches (bid, bbalance", "SELECT 1, 0"),
    ("pgbench_tellers (tid, bid, tbalance", "SELECT n, 1, 0 FROM generate_series(1, 10) n"),
    ("pgbench_accounts (aid, bid, abalance", "SELECT n, 1, 0 FROM generate_series(1, 100000) n"),
];

const SAMPLES: Table = Table {
    name: "samples",
    columns: "id bigint NOT NULL, number int, amount numeric(20, 4), ratio double precision, flag boolean, \
              label text, raw bytea, document jsonb, at timestamptz, day date, span interval, token uuid, \
              numbers bigint[], labels text[], mood {schema}.mood",
    key: Some("id"),
};

impl Table {
    fn sql(&self, model: TenancyModel, tenant: i64) -> String {
        let Self { name, columns, key } = self;
        let key = |lead: &str| key.map_or(String::new(), |key| format!(", PRIMARY KEY ({lead}{key})"));
        let (columns, floor) = match model {
            TenancyModel::Shared => (
                format!(
                    "{columns}, tenant_id bigint NOT NULL DEFAULT tenancy.tenant_id(){}",
                    key("tenant_id, ")
                ),
                Some("tenant_id = tenancy.tenant_id()".to_owned()),
            ),
            TenancyModel::Schema => {
                (format!("{columns}{}", key("")), Some(format!("tenancy.tenant_id() = {tenant}")))
            }
            TenancyModel::Database => (format!("{columns}{}", key("")), None),
        };
        let guard = floor.map_or(String::new(), |floor| {
            format!(
                "ALTER TABLE {{schema}}.{name} ENABLE ROW LEVEL SECURITY;
                 ALTER TABLE {{schema}}.{name} FORCE ROW LEVEL SECURITY;
                 CREATE POLICY allow ON {{schema}}.{name} AS PERMISSIVE FOR ALL TO PUBLIC
                   USING (true) WITH CHECK (true);
                 CREATE POLICY floor ON {{schema}}.{name} AS RESTRICTIVE FOR ALL TO PUBLIC
                   USING ({floor}) WITH CHECK ({floor});"
            )
        });
        format!(
            "CREATE TABLE {{schema}}.{name} ({columns});
             ALTER TABLE {{schema}}.{name} OWNER TO tenantry_owner;
             GRANT SELECT, INSERT, UPDATE, DELETE ON {{schema}}.{name} TO {{login}};
             {guard}"
        )
    }
}

/// Makes `samples` for both tenants.
pub(super) async fn samples(world: &World, pair: &Pair) {
    let mood = "CREATE TYPE {schema}.mood AS ENUM ('calm', 'curious', 'cross');
                ALTER TYPE {schema}.mood OWNER TO tenantry_owner;";
    create(world, pair, |tenant| mood.to_owned() + &SAMPLES.sql(pair.model, tenant)).await;
}

/// Makes and fills pgbench's tables for both tenants.
pub(super) async fn pgbench(world: &World, pair: &Pair) {
    create(world, pair, |tenant| PGBENCH.iter().map(|table| table.sql(pair.model, tenant)).collect()).await;
    let shared = pair.model == TenancyModel::Shared;
    for (id, _) in pair.tenants {
        let admin = world.admin_of(pair.model, id).await;
        for (target, rows) in PGBENCH_ROWS {
            let schema = schema_of(pair.model, id);
            let sql = if shared {
                let (columns, from) = rows.split_once(" FROM").unwrap_or((rows, ""));
                let from = if from.is_empty() { String::new() } else { format!(" FROM{from}") };
                format!("INSERT INTO {schema}.{target}, tenant_id) {columns}, {id}{from}")
            } else {
                format!("INSERT INTO {schema}.{target}) {rows}")
            };
            admin.batch_execute(&sql).await.unwrap();
        }
    }
}

async fn create(world: &World, pair: &Pair, sql: impl Fn(i64) -> String) {
    // Tenants of the shared model have their tables in common.
    let owners = if pair.model == TenancyModel::Shared { &pair.tenants[..1] } else { &pair.tenants[..] };
    for (id, _) in owners {
        let admin = world.admin_of(pair.model, *id).await;
        let database: String = admin.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
        let sql = sql(*id)
            .replace("{schema}", &schema_of(pair.model, *id))
            .replace("{login}", &format!("login_{database}"));
        admin.batch_execute(&sql).await.unwrap();
    }
}

fn schema_of(model: TenancyModel, tenant: i64) -> String {
    if model == TenancyModel::Schema { format!("t_{tenant}") } else { "public".to_owned() }
}
