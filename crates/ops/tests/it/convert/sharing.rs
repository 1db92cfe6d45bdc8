//! Tables whose rows are shared by a column or by a table beside them get scopes: each tenant sees what it saw.

use super::legacy::{Legacy, details};
use crate::world::Recorder;
use std::collections::BTreeMap;
use tenantry_core::TenantKey;
use tenantry_ops::convert::{self, Convert, Phase, Tenants, Until};
use tenantry_ops::{OpsError, Silent, tenant};
use tenantry_schema::{Kind, TableEntry};
use tenantry_testkit::versions_for_tests;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

const SQL: &str = include_str!("sharing.sql");
/// What the application asks for one of its tenants, and what a tenant asks.
const BEFORE: [(&str, &str); 3] = [
    (
        "products",
        "SELECT p.id FROM products p JOIN product_tenants l ON l.product_id = p.id WHERE l.tenant_id = $1 ORDER BY 1",
    ),
    ("pages", "SELECT id FROM pages WHERE coalesce(site_id, 0) IN (0, $1) ORDER BY 1"),
    ("orders", "SELECT id FROM orders WHERE account = $1 ORDER BY 1"),
];

async fn legacy(version: u32) -> Legacy {
    Legacy::with(version, SQL).await
}

fn request(legacy: &Legacy, until: Until) -> Convert {
    let mut request = legacy.request(until);
    request.declaration.tables.clear();
    share(&mut request, "products", "product_tenants.product_id");
    share(&mut request, "pages", "site_id");
    request
}

fn share(request: &mut Convert, table: &str, via: &str) {
    let entry = TableEntry::Detailed(Box::new(details(Kind::Scoped, via)));
    request.declaration.tables.insert(table.into(), entry);
}

type Seen = BTreeMap<(i64, &'static str), Vec<i64>>;

/// The rows of each tenant, as the application finds them.
async fn seen_before(legacy: &Legacy) -> Seen {
    let admin = legacy.admin().await;
    let mut seen = Seen::new();
    for number in 1..=4 {
        for (table, sql) in BEFORE {
            let id = legacy.first + number;
            let sql = sql.replace("$1", &id.to_string());
            let rows = admin.query(&sql, &[]).await.unwrap();
            seen.insert((number, table), rows.iter().map(|row| row.get(0)).collect());
        }
    }
    seen
}

async fn seen_after(legacy: &Legacy) -> Seen {
    let mut seen = Seen::new();
    for number in 1..=4 {
        let session = legacy.enter(number).await;
        for (table, _) in BEFORE {
            let rows = session.query(&format!("SELECT id FROM {table} ORDER BY 1"), &[]).await.unwrap();
            seen.insert((number, table), rows.iter().map(|row| row.get(0)).collect());
        }
    }
    seen
}

/// The application: it shares with others, in one transaction and in two, and takes things back.
struct Sharer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<i64>,
}

impl Sharer {
    async fn start(legacy: &Legacy) -> Self {
        let mut client = legacy.old_application().await;
        let first = legacy.first;
        let (stop, mut stopped) = oneshot::channel::<()>();
        let (begun, ready) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut begun = Some(begun);
            let mut turn = 0;
            while stopped.try_recv().is_err() {
                share_something(&mut client, first, turn).await;
                turn += 1;
                if let Some(begun) = begun.take() {
                    begun.send(()).unwrap();
                }
            }
            turn
        });
        ready.await.unwrap();
        Self { stop, task }
    }

    async fn stop(self) -> i64 {
        self.stop.send(()).unwrap();
        self.task.await.unwrap()
    }
}

async fn share_something(client: &mut Client, first: i64, turn: i64) {
    const LINK: &str = "INSERT INTO product_tenants VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let one = first + 1 + turn % 4;
    let (product, page) = (1 + turn % 3000, 1 + turn % 2000);
    // A new one, without anybody for a moment.
    let sql = "INSERT INTO products (title) VALUES ('new') RETURNING id";
    let new: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
    client.execute(LINK, &[&new, &one]).await.unwrap();
    // Another set in place of the old one, as libraries do it.
    let tx = client.transaction().await.unwrap();
    tx.execute("DELETE FROM product_tenants WHERE product_id = $1", &[&product]).await.unwrap();
    for member in [one, first + 1 + (turn + 1) % 4] {
        tx.execute(LINK, &[&product, &member]).await.unwrap();
    }
    // Its orders by others go with them.
    let sql = "DELETE FROM orders WHERE product = $1 AND account NOT IN (SELECT tenant_id FROM product_tenants WHERE product_id = $1)";
    tx.execute(sql, &[&product]).await.unwrap();
    tx.commit().await.unwrap();
    let site = (turn % 3 != 0).then(|| i32::try_from(one).unwrap());
    client.execute("UPDATE pages SET site_id = $2 WHERE id = $1", &[&page, &site]).await.unwrap();
    client.execute("INSERT INTO pages (site_id, path) VALUES ($1, '/new')", &[&site]).await.unwrap();
}

/// The application makes products that nobody sees for a moment. A run that meets one stops and says "run the same command
/// again"; so does this, as often as a person would.
async fn run_as_told(legacy: &Legacy) -> convert::Converted {
    let mut refused = Vec::new();
    for _ in 0..10 {
        match convert::run(&legacy.world.control, &request(legacy, Until::Observe), &Silent).await {
            Ok(done) => return done,
            Err(error) if error.to_string().contains("shared with no tenant") => {
                refused.push(error.to_string());
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("refused again and again: {refused:?}")
}

#[tokio::test]
async fn each_tenant_sees_what_it_saw() {
    for version in versions_for_tests() {
        let legacy = legacy(version).await;
        let sharer = Sharer::start(&legacy).await;
        let done = run_as_told(&legacy).await;
        assert_eq!((done.phase, done.tenants), (Phase::Observing, 4));
        assert!(done.notes.iter().any(|note| note.contains("product_tenants is left in place")), "{done:?}");
        assert!(done.notes.iter().any(|note| note.contains("pages.site_id is left in place")), "{done:?}");
        assert!(sharer.stop().await > 0);
        let before = seen_before(&legacy).await;
        let done =
            convert::run(&legacy.world.control, &request(&legacy, Until::Enforce), &Silent).await.unwrap();
        assert_eq!(done.phase, Phase::Enforced);
        assert_eq!(seen_after(&legacy).await, before);
        assert!(before.values().all(|rows| rows.len() > 10), "there was something to see");
        one_scope_for_each_set(&legacy).await;
        assert_eq!(legacy.one("SELECT count(*) FROM products WHERE touched > 0").await, 0);
        assert_eq!(legacy.one("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zzz%'").await, 0);
        legacy.assert_rules_content(&request(&legacy, Until::Enforce).declaration).await;
        // A shared row can't be changed by a member, a reference to what is not seen is refused.
        let session = legacy.enter(1).await;
        let hidden = "SELECT p.id FROM products p WHERE NOT EXISTS (SELECT FROM product_tenants l WHERE l.product_id = p.id AND l.tenant_id = ";
        let hidden = legacy.one(&format!("{hidden}{}) LIMIT 1", legacy.first + 1)).await;
        let order = "INSERT INTO orders (account, product) VALUES ($1, $2)";
        let refused = session.execute(order, &[&(legacy.first + 1), &hidden]).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "23503");
        let renamed =
            session.execute("UPDATE products SET title = 'mine' WHERE scope_id <> tenancy.own_scope()", &[]);
        assert_eq!(renamed.await.unwrap(), 0);
        session.execute("INSERT INTO products (title) VALUES ('own')", &[]).await.unwrap();
    }
}

/// Scopes are of the sets that there are, or were; none twice.
async fn one_scope_for_each_set(legacy: &Legacy) {
    let sets = "SELECT count(*) FROM tenancy.scopes WHERE id <> 0";
    assert_eq!(legacy.one(sets).await, 15);
    let wrong = "SELECT count(*) FROM products p JOIN tenancy.scopes s ON s.id = p.scope_id
                  WHERE s.members <> ARRAY(SELECT tenant_id FROM product_tenants l WHERE l.product_id = p.id ORDER BY 1)";
    assert_eq!(legacy.one(wrong).await, 0);
}

#[tokio::test]
async fn it_goes_on_wherever_it_was_stopped() {
    let legacy = legacy(15).await;
    let before = seen_before(&legacy).await;
    let request = request(&legacy, Until::Enforce);
    let mut stops = 0;
    loop {
        let recorder = Recorder::stopping_before(stops);
        match convert::run(&legacy.world.control, &request, &recorder).await {
            Ok(done) => break assert_eq!(done.phase, Phase::Enforced),
            Err(OpsError::Stopped(_)) => stops += 1,
            Err(error) => panic!("after {stops} stops: {error:?}"),
        }
        assert!(stops < 400, "it gets further each time: {:?}", recorder.lines());
    }
    assert!(stops > 15, "{stops}");
    assert_eq!(seen_after(&legacy).await, before);
}

#[tokio::test]
async fn rows_of_nobody_are_reported_before_anything_is_in_force() {
    let legacy = legacy(15).await;
    let admin = legacy.admin().await;
    admin
        .batch_execute(
            "DELETE FROM orders WHERE product = 7; DELETE FROM product_tenants WHERE product_id = 7;
             UPDATE pages SET site_id = 77 WHERE id = 9;
             DELETE FROM product_tenants WHERE (product_id, tenant_id) = (SELECT product, account FROM orders WHERE id = 1)",
        )
        .await
        .unwrap();
    let ask = request(&legacy, Until::Enforce);
    let said = convert::run(&legacy.world.control, &ask, &Silent).await.unwrap_err().to_string();
    assert!(said.contains("1 rows of products are shared with no tenant that there is, by product_tenants, such as {\"id\": 7"), "{said}");
    assert!(
        said.contains("1 rows of pages are shared with no tenant that there is, by the column site_id"),
        "{said}"
    );
    assert!(
        said.contains(
            "1 rows of orders refer to a row of products that is not shared with them (orders_product_fkey)"
        ),
        "{said}"
    );
    assert_eq!(legacy.one("SELECT count(*) FROM pg_policy").await, 0);
    admin
        .batch_execute(&format!(
            "INSERT INTO product_tenants VALUES (7, {}); UPDATE pages SET site_id = 0 WHERE id = 9; DELETE FROM orders WHERE id = 1",
            legacy.first + 1
        ))
        .await
        .unwrap();
    let observe = request(&legacy, Until::Observe);
    convert::run(&legacy.world.control, &observe, &Silent).await.unwrap();
    // What becomes nobody's while it is observed is found as well.
    admin
        .batch_execute(
            "DELETE FROM product_tenants WHERE product_id = 8; DELETE FROM orders WHERE product = 8",
        )
        .await
        .unwrap();
    let said = convert::run(&legacy.world.control, &ask, &Silent).await.unwrap_err().to_string();
    assert!(said.contains("1 rows of products are shared with no tenant that there is"), "{said}");
    admin.batch_execute("DELETE FROM products WHERE id = 8").await.unwrap();
    let before = seen_before(&legacy).await;
    convert::run(&legacy.world.control, &ask, &Silent).await.unwrap();
    assert_eq!(seen_after(&legacy).await, before);
}

#[tokio::test]
async fn the_visibility_of_references_is_kept_from_enforcing_on() {
    let legacy = legacy(15).await;
    convert::run(&legacy.world.control, &request(&legacy, Until::Observe), &Silent).await.unwrap();
    let kept = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'tenantry_scope%'";
    assert_eq!(legacy.one(kept).await, 0);
    convert::run(&legacy.world.control, &request(&legacy, Until::Enforce), &Silent).await.unwrap();
    assert!(legacy.one(kept).await >= 2, "orders and product_tenants refer to products");
}

#[tokio::test]
async fn abort_puts_everything_back() {
    let legacy = legacy(15).await;
    let ask = request(&legacy, Until::Enforce);
    let before = legacy.schema().await;
    for stop in [10, 20, 35] {
        let stopped = convert::run(&legacy.world.control, &ask, &Recorder::stopping_before(stop)).await;
        assert!(matches!(stopped, Err(OpsError::Stopped(_))), "{stop}");
        convert::abort(&legacy.world.control, &ask, &Silent).await.unwrap();
        assert_eq!(legacy.schema().await, before, "stopped before step {stop}");
        assert_eq!(legacy.one("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenancy%'").await, 0);
    }
}

#[tokio::test]
async fn one_tenant_owns_all_scopes() {
    let legacy = legacy(15).await;
    let mut ask = request(&legacy, Until::Observe);
    let key = TenantKey::new(format!("only-{}", legacy.first)).unwrap();
    ask.tenants = Tenants::One(key.clone());
    let said = convert::run(&legacy.world.control, &ask, &Silent).await.unwrap_err().to_string();
    assert!(
        said.contains("all rows are one tenant's, and pages is declared to be shared by several"),
        "{said}"
    );
    // Of several tenants, as it is.
    legacy.admin().await.batch_execute("DROP TABLE product_tenants").await.unwrap();
    for table in ["products", "pages"] {
        ask.declaration.tables.insert(table.into(), TableEntry::Kind(Kind::Scoped));
    }
    convert::run(&legacy.world.control, &ask, &Silent).await.unwrap();
    let old = legacy.old_application().await;
    old.execute("INSERT INTO products (title) VALUES ('late')", &[]).await.unwrap();
    ask.until = Until::Enforce;
    convert::run(&legacy.world.control, &ask, &Silent).await.unwrap();
    let info = tenant::show(&legacy.world.control, &key).await.unwrap();
    let session = legacy.world.enter(&info).await.unwrap();
    for (table, rows) in [("products", 3001_i64), ("pages", 2000)] {
        let seen: i64 =
            session.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap().get(0);
        assert_eq!(seen, rows);
    }
}

#[tokio::test]
async fn what_cannot_be_shared_says_why() {
    let legacy = legacy(15).await;
    let refusal = async |table: &str, via: Option<&str>| {
        let mut ask = request(&legacy, Until::Observe);
        match via {
            Some(via) => share(&mut ask, table, via),
            None => drop(ask.declaration.tables.insert(table.into(), TableEntry::Kind(Kind::Scoped))),
        }
        let error = convert::run(&legacy.world.control, &ask, &Silent).await.unwrap_err();
        format!("{error} / {}", error.hint().unwrap_or_default())
    };
    let said = refusal("products", None).await;
    assert!(said.contains("nothing says which tenants see the rows that are there"), "{said}");
    let said = refusal("products", Some("product_tenants.product")).await;
    assert!(said.contains("product_tenants has no column \"product\""), "{said}");
    let said = refusal("pages", Some("site")).await;
    assert!(said.contains("it has no such column"), "{said}");
    let admin = legacy.admin().await;
    admin
        .batch_execute(
            "ALTER TABLE product_tenants DROP CONSTRAINT product_tenants_pkey, ADD PRIMARY KEY (tenant_id, product_id);
             UPDATE pages SET site_id = NULL WHERE site_id = 0;
             ALTER TABLE pages ADD CONSTRAINT pages_site FOREIGN KEY (site_id) REFERENCES accounts",
        )
        .await
        .unwrap();
    let said = refusal("products", Some("product_tenants.product_id")).await;
    assert!(
        said.contains("CREATE INDEX CONCURRENTLY ON product_tenants (product_id)")
            || said.contains("DROP CONSTRAINT pages_site"),
        "{said}"
    );
    let said = refusal("pages", Some("site_id")).await;
    assert!(said.contains("ALTER TABLE pages DROP CONSTRAINT pages_site"), "{said}");
    let plan = convert::plan(&legacy.world.control, &request(&legacy, Until::Observe)).await;
    assert!(plan.is_err(), "the dry run says so as well");
}

/// Ids that are texts: their numbers are the tenants'.
#[tokio::test]
async fn ids_of_type_text_are_numbers() {
    let legacy = legacy(15).await;
    let admin = legacy.admin().await;
    admin
        .batch_execute(
            "DROP TABLE product_tenants, pages, orders, products;
             CREATE TABLE shops (id text PRIMARY KEY, slug text NOT NULL UNIQUE, title text NOT NULL);
             INSERT INTO shops SELECT id::text, slug, title FROM accounts;
             DROP TABLE accounts; ALTER TABLE shops RENAME TO accounts;
             CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account text NOT NULL REFERENCES accounts);
             INSERT INTO orders (account) SELECT id FROM accounts, generate_series(1, 3);
             INSERT INTO accounts VALUES ('acme', 'acme', 'Acme')",
        )
        .await
        .unwrap();
    let mut ask = legacy.request(Until::Enforce);
    ask.declaration.tables.clear();
    ask.declaration.tenancy.value_type = tenantry_schema::TenantType::Text;
    let said = convert::run(&legacy.world.control, &ask, &Silent).await.unwrap_err().to_string();
    assert!(said.contains("accounts.id holds \"acme\", and a tenant's id is a positive number"), "{said}");
    admin.batch_execute("DELETE FROM accounts WHERE id = 'acme'").await.unwrap();
    convert::run(&legacy.world.control, &ask, &Silent).await.unwrap();
    let session = legacy.enter(2).await;
    let seen: i64 = session.query_one("SELECT count(*) FROM orders", &[]).await.unwrap().get(0);
    assert_eq!(seen, 3);
}
