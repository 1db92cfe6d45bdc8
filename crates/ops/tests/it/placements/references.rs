//! References to shared rows: who refers to a row keeps seeing it, and checks that are deferred.

use super::{BOTH, refusal, stage, text};
use crate::world::key;
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::tenant::DataLoss;
use tenantry_ops::{Silent, tenant};
use tenantry_testkit::versions_for_tests;

/// Rows that others refer to don't go where those can't see them: the one tenant that still does could delete them, and with a
/// cascade the others' rows too.
#[tokio::test]
async fn shared_rows_stay_in_sight_of_those_who_refer_to_them() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let stage = stage(version, kind).await;
            let admin = stage.fill().await;
            let id = |name: &str| stage.tenants[name].id;
            for (name, product) in [("globex", 3), ("solo", 4)] {
                let line = format!("INSERT INTO lines (id, product_id) VALUES (1, {product})");
                stage.inside(name).await.batch_execute(&line).await.unwrap();
            }
            let scope_of =
                |product: i64| format!("SELECT scope_id::text FROM public.products WHERE id = {product}");
            for (product, name) in [(3, "globex"), (4, "solo")] {
                let before = text(&admin, &scope_of(product)).await;
                let without =
                    format!("SELECT tenancy.change_scope({before}, '{{}}', ARRAY[{}], true)", id(name));
                let error = admin.batch_execute(&without).await.unwrap_err();
                let error = error.as_db_error().unwrap();
                assert_eq!(error.code().code(), "23503", "{version} {kind:?} {name}: {error:?}");
                let expected = format!("rows of tenant {} in ", id(name));
                assert!(error.message().starts_with(&expected) && error.hint().is_some(), "{error:?}");
                assert_eq!(text(&admin, &scope_of(product)).await, before);
                let fold = format!("SELECT tenancy.fold_tenant({})", id(name));
                assert_eq!(refusal(&admin, &fold).await, "23503", "{version} {kind:?} {name}");
            }
            // Nobody but those who stay refers to it.
            let before = text(&admin, &scope_of(3)).await;
            let without =
                format!("SELECT tenancy.change_scope({before}, '{{}}', ARRAY[{}], true)", id("acme"));
            admin.batch_execute(&without).await.unwrap();
            assert_eq!(text(&admin, &scope_of(3)).await, stage.own("globex").await.to_string());
            // What goes with its tenant holds up nothing.
            tenant::drop(
                &stage.world.control,
                &key("solo"),
                DataLoss::Accept,
                &FenceOptions::default(),
                &Silent,
            )
            .await
            .unwrap();
            assert_eq!(text(&admin, &scope_of(4)).await, stage.own("globex").await.to_string());
        }
    }
}

/// A check that is due at the end of the transaction has nothing to say about a row that is not there any more; and a row that its
/// writer can't see, or has left behind in another context, is there.
#[tokio::test]
async fn a_deferred_check_lets_deleted_rows_be() {
    for version in versions_for_tests() {
        for kind in BOTH {
            let stage = stage(version, kind).await;
            let admin = stage.fill().await;
            for name in ["acme", "solo"] {
                let session = stage.inside(name).await;
                let begin =
                    "BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO lines (id, product_id) VALUES (9, 2)";
                for rest in [
                    "DELETE FROM lines WHERE id = 9",
                    "UPDATE lines SET product_id = 5 WHERE id = 9; DELETE FROM lines",
                ] {
                    let deleted = format!("{begin}; {rest}; COMMIT");
                    assert_eq!(
                        refusal(&session, &deleted).await,
                        "accepted",
                        "{version} {kind:?} {name}: {rest}"
                    );
                }
                for rest in [
                    "UPDATE lines SET country = NULL WHERE id = 9",
                    "UPDATE lines SET id = 10 WHERE id = 9",
                    "SELECT tenancy.challenge()",
                    "SELECT 1",
                ] {
                    let kept = format!("{begin}; {rest}; COMMIT");
                    assert_eq!(refusal(&session, &kept).await, "23503", "{version} {kind:?} {name}: {rest}");
                }
            }
            // A policy of the application's own hides the row from its writer.
            admin
                .batch_execute(
                    "CREATE POLICY hidden ON public.lines AS RESTRICTIVE FOR SELECT USING (id <> 9)",
                )
                .await
                .unwrap();
            let session = stage.inside("acme").await;
            let hidden = "BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO lines (id, product_id) VALUES (9, 2); COMMIT";
            assert_eq!(refusal(&session, hidden).await, "23503", "{version} {kind:?}");
        }
    }
}
