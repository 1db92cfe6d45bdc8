//! Scopes: who sees which rows, whoever asks, and what becomes of them when a tenant goes.

use super::{BOTH, DENIED, SEEN, refusal, stage, text};
use crate::world::key;
use tenantry_core::{ContextKind, ErrorKind};
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::tenant::DataLoss;
use tenantry_ops::{Silent, scope, tenant};
use tenantry_testkit::versions_for_tests;

#[tokio::test]
async fn each_placement_sees_its_scopes() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let stage = stage(version, kind).await;
            stage.fill().await;
            for (name, rows) in [("acme", "1 3 5"), ("globex", "2 3 4 5"), ("solo", "4 5"), ("own", "")] {
                let session = stage.inside(name).await;
                assert_eq!(text(&session, SEEN).await, rows, "{name} {version} {kind:?}");
            }
            for name in ["acme", "solo"] {
                let session = stage.inside(name).await;
                session.batch_execute("INSERT INTO products (sku) VALUES ('mine'); INSERT INTO products_overrides (id, price) VALUES (5, 50)").await.unwrap();
                session
                    .batch_execute("INSERT INTO lines (id, product_id) SELECT id, id FROM products")
                    .await
                    .unwrap();
                assert_eq!(
                    text(&session, "SELECT price::text FROM products_merged WHERE id = 5").await,
                    "50"
                );
                assert_eq!(
                    refusal(&session, "INSERT INTO lines (id, product_id) VALUES (1000, 2)").await,
                    "23503",
                    "{name}"
                );
                assert_eq!(refusal(&session, "INSERT INTO countries VALUES ('DE')").await, DENIED);
            }
            let globex = stage.inside("globex").await;
            assert_eq!(text(&globex, SEEN).await, "2 3 4 5", "what others made is theirs");
            assert_eq!(text(&globex, "SELECT price::text FROM products_merged WHERE id = 5").await, "5");
            // A context that was left shows nothing, not even everybody's rows.
            globex.batch_execute("SELECT tenancy.challenge()").await.unwrap();
            assert_eq!(text(&globex, SEEN).await, "");
        }
    }
}

#[tokio::test]
async fn nothing_reaches_another_scope() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let stage = stage(version, kind).await;
            let admin = stage.fill().await;
            let (own, globex, both) =
                (stage.own("acme").await, stage.own("globex").await, stage.share(&["acme", "globex"]).await);
            let snapshot = "SELECT string_agg(p::text, ' ' ORDER BY p) FROM (SELECT p::text FROM public.products p WHERE id <> 1
                UNION ALL SELECT b::text FROM public.boards b WHERE id NOT IN (1, 3)
                UNION ALL SELECT s::text FROM tenancy.scopes s UNION ALL SELECT t::text FROM tenancy.tenant_scopes t) x (p)";
            let before = text(&admin, snapshot).await;
            let session = stage.inside("acme").await;
            for attempt in [
                "INSERT INTO products (sku, scope_id) VALUES ('x', 0)".to_owned(),
                format!("INSERT INTO products (sku, scope_id) VALUES ('x', {globex})"),
                format!("INSERT INTO products (sku, scope_id) VALUES ('x', {both})"),
                format!("UPDATE products SET scope_id = {globex}"),
                "UPDATE products SET scope_id = 0 WHERE id = 1".to_owned(),
                "INSERT INTO products (id, sku) VALUES (4, 'x') ON CONFLICT (id) DO UPDATE SET price = 0".to_owned(),
                "MERGE INTO products p USING (SELECT 3 AS id) s ON p.id = s.id WHEN MATCHED THEN UPDATE SET price = 0".to_owned(),
                "INSERT INTO boards (name, scope_id) VALUES ('x', 0)".to_owned(),
                format!("INSERT INTO boards (name, scope_id) VALUES ('x', {globex})"),
                format!("UPDATE boards SET scope_id = {globex} WHERE id = 3"),
                "SELECT * FROM tenancy.scopes".to_owned(),
                "SELECT * FROM tenancy.tenant_scopes".to_owned(),
                "SELECT tenancy.scope_for(1)".to_owned(),
                "SELECT tenancy.register_tenant(99)".to_owned(),
                format!("SELECT tenancy.repoint_scope({globex}, {own})"),
                format!("SELECT tenancy.change_scope({both}, '{{}}', '{{}}', true)"),
                format!("SELECT tenancy.drop_scope({both})"),
                "SELECT tenancy.fold_tenant(1)".to_owned(),
                format!("SELECT tenancy.scope_rows({globex})"),
                "SELECT * FROM tenancy.scoped_tables()".to_owned(),
                "CREATE OR REPLACE FUNCTION tenancy.visible_scopes() RETURNS bigint[] LANGUAGE sql RETURN '{0,1,2}'::bigint[]".to_owned(),
                "ALTER FUNCTION tenancy.visible_scopes() OWNER TO CURRENT_USER".to_owned(),
                "TRUNCATE products".to_owned(),
            ] {
                assert_eq!(refusal(&session, &attempt).await, DENIED, "{version} {kind:?}: {attempt}");
            }
            let copy = refusal(&session, "COPY products (sku, scope_id) FROM STDIN").await;
            assert_ne!(copy, "accepted", "COPY goes past policies, so PostgreSQL refuses it");
            let outside = format!(
                "SELECT tenancy.scope_within({globex}, {globex})::text || tenancy.scope_within({own}, 0)::text"
            );
            assert_eq!(text(&session, &outside).await, "falsetrue", "of strange scopes nothing is told");
            assert_eq!(
                text(&session, "SELECT tenancy.visible_scopes()::text").await,
                format!("{{0,{own},{both}}}")
            );
            // Without a word about columns; shared boards may be written by members.
            session.batch_execute("UPDATE products SET price = 0; UPDATE boards SET name = 'x'; DELETE FROM products; DELETE FROM boards").await.unwrap();
            assert_eq!(text(&admin, snapshot).await, before, "{version} {kind:?}");
            let left = "SELECT count(*)::text FROM public.boards WHERE id IN (1, 3)";
            assert_eq!(text(&admin, left).await, "0", "what it may, it may");
        }
    }
}

#[tokio::test]
async fn scopes_are_the_same_for_the_same_set_whoever_asks_first() {
    for version in versions_for_tests() {
        let stage = stage(version, ContextKind::Carrier).await;
        let [a, b, c] = ["acme", "globex", "solo"].map(|name| stage.tenants[name].id.to_string());
        let mut all = Vec::new();
        for order in [[&a, &b, &c], [&c, &b, &a], [&b, &a, &c], [&b, &c, &a]] {
            let admin = stage.admin().await;
            let sql =
                format!("SELECT tenancy.scope_for({}, {}, {}, {0})::text", order[0], order[1], order[2]);
            all.push(tokio::spawn(async move { text(&admin, &sql).await }));
        }
        let mut ids = Vec::new();
        for one in all {
            ids.push(one.await.unwrap());
        }
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
        let admin = stage.admin().await;
        let wrong = "SELECT string_agg(t.tenant::text, ',') FROM tenancy.tenant_scopes t WHERE t.scopes IS DISTINCT FROM
            (SELECT array_agg(s.id ORDER BY s.id) FROM tenancy.scopes s WHERE s.id = 0 OR t.tenant = ANY (s.members))";
        assert_eq!(text(&admin, wrong).await, "", "what is kept beside the tenants is what the scopes say");
        assert_eq!(
            refusal(&admin, "SELECT tenancy.scope_for(1234567)").await,
            "23503",
            "nobody knows that tenant"
        );
        assert_eq!(
            text(
                &admin,
                &format!("SELECT tenancy.change_scope({}, '{{}}', ARRAY[{c}]::bigint[])::text", ids[0])
            )
            .await,
            text(&admin, &format!("SELECT tenancy.scope_for({b}, {a})::text")).await
        );
    }
}

#[tokio::test]
async fn removing_a_tenant_folds_its_scopes() {
    for version in versions_for_tests() {
        let stage = stage(version, ContextKind::Carrier).await;
        let admin = stage.fill().await;
        let of_three = stage.share(&["acme", "globex", "solo"]).await;
        // With what the scope of globex and solo has already, the first can't be together; the second can.
        let rows = format!(
            "INSERT INTO public.products (id, sku, scope_id) VALUES (6, 'p4', {of_three});
             INSERT INTO public.boards (id, name, scope_id) VALUES (6, 'b6', {})",
            stage.share(&["acme", "solo"]).await
        );
        admin.batch_execute(&rows).await.unwrap();
        let acme = stage.inside("acme").await;
        acme.batch_execute("INSERT INTO products (sku) VALUES ('mine'); INSERT INTO products_overrides (id, price) VALUES (5, 1), (1, 1);
                            INSERT INTO lines (id, product_id) VALUES (1, 1)").await.unwrap();
        drop(acme);
        // Of globex there is one row alone, in its own scope: that is data too.
        let careful = tenant::drop(
            &stage.world.control,
            &key("globex"),
            DataLoss::Refuse,
            &FenceOptions::default(),
            &Silent,
        )
        .await;
        assert_eq!(careful.unwrap_err().kind(), ErrorKind::WouldLoseData);
        let dropped = tenant::drop(
            &stage.world.control,
            &key("acme"),
            DataLoss::Accept,
            &FenceOptions::default(),
            &Silent,
        )
        .await;
        dropped.unwrap();
        let (globex, solo) = (stage.inside("globex").await, stage.inside("solo").await);
        assert_eq!(text(&globex, SEEN).await, "2 3 4 5 6");
        assert_eq!(text(&solo, SEEN).await, "4 5 6");
        assert_eq!(text(&solo, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM boards").await, "4 5 6");
        assert_eq!(
            text(&globex, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM boards").await,
            "2 3 4 5"
        );
        let wrong = "SELECT string_agg(t.tenant::text, ',') FROM tenancy.tenant_scopes t WHERE t.scopes IS DISTINCT FROM
            (SELECT array_agg(s.id ORDER BY s.id) FROM tenancy.scopes s WHERE s.id = 0 OR t.tenant = ANY (s.members))";
        assert_eq!(text(&admin, wrong).await, "");
        let left = "SELECT (SELECT count(*) FROM public.products WHERE id = 1 OR sku = 'mine') || ' ' ||
            (SELECT count(*) FROM public.products_overrides) || ' ' || (SELECT count(*) FROM public.lines)";
        assert_eq!(text(&admin, left).await, "0 0 0", "nothing of its own is left");
    }
}

#[tokio::test]
async fn operators_explain_who_sees_what() {
    for version in versions_for_tests() {
        let stage = stage(version, ContextKind::Carrier).await;
        stage.fill().await;
        let (control, pool) = (&stage.world.control, stage.world.pool.as_str());
        let all = scope::list(control, pool, false).await.unwrap();
        let mut members: Vec<String> = all.iter().map(|scope| scope.members.join("+")).collect();
        members.sort();
        assert_eq!(members, ["", "acme+globex", "globex+solo"]);
        let row = scope::of_row(control, pool, "products", "4").await.unwrap();
        assert_eq!(row.members, ["globex", "solo"]);
        let seen = scope::seen_by(control, pool, &key("acme")).await.unwrap();
        assert_eq!(
            seen.iter().map(|scope| scope.members.join("+")).collect::<Vec<_>>(),
            ["", "acme", "acme+globex"]
        );
        let (_, rows) = scope::show(control, pool, row.id).await.unwrap();
        assert_eq!(
            rows.iter().map(|rows| format!("{} {}", rows.table, rows.rows)).collect::<Vec<_>>(),
            ["public.boards 1", "public.products 1"]
        );
        assert_eq!(
            scope::of_row(control, pool, "lines", "1").await.unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
}
