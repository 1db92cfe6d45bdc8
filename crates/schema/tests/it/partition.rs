//! Declared partitions in real databases: made, filled, read back, detached; and who may reach them past their parent.

use crate::harness::{APP, Lab, OWNER, assert_same, declared, refusal, round_trip, target, text};
use tenantry_core::TenancyModel;
use tenantry_schema::{Declaration, compile};
use tenantry_testkit::versions_for_tests;

const PLAIN: &str = "
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE);
    CREATE TABLE events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint REFERENCES users ON DELETE SET NULL,
        created_at timestamptz NOT NULL DEFAULT now(), kind mood, amount int CHECK (amount > 0),
        twice int GENERATED ALWAYS AS (amount * 2) STORED
    ) WITH (fillfactor = 70);
    CREATE INDEX events_by_user ON events (user_id, created_at DESC);
    CREATE INDEX events_bad ON events (created_at) WHERE kind = 'bad';
    ALTER TABLE events REPLICA IDENTITY FULL;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE TRIGGER touched BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE TABLE orders (id serial PRIMARY KEY, code text UNIQUE, total numeric);
    CREATE TABLE lines (id bigint PRIMARY KEY, order_id int NOT NULL REFERENCES orders ON DELETE CASCADE);
    CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body text);";

const DECLARED: &str = "[tables]
    events = { kind = \"tenant\", partition = { by = \"range\", column = \"created_at\", every = \"1 month\", ahead = 2, retain = \"24 months\" } }
    orders = { kind = \"tenant\", partition = { by = \"hash\", count = 3 } }
    notes = { kind = \"tenant\", partition = { by = \"list\" } }";

fn declaration() -> Declaration {
    declared(DECLARED)
}

/// A shared placement, compiled twice to the same statements with its partitions there.
async fn shared(version: u32) -> Lab {
    let plain = Lab::with(version, PLAIN).await.public().await;
    let (lab, _) = round_trip(version, &plain, &declaration(), &target(TenancyModel::Shared)).await;
    lab
}

#[tokio::test]
async fn the_model_that_is_read_back_compiles_to_the_same_before_and_after_create_ahead() {
    for version in versions_for_tests() {
        let plain = Lab::with(version, PLAIN).await.public().await;
        let target = target(TenancyModel::Shared);
        let (lab, first) = round_trip(version, &plain, &declaration(), &target).await;
        lab.client
            .batch_execute("SELECT * FROM tenancy.create_partitions(p_now => now() + interval '1 year')")
            .await
            .unwrap();
        lab.client
            .batch_execute("INSERT INTO events (created_at, amount, tenant_id) VALUES ('2020-02-02', 1, 5);
                            SELECT * FROM tenancy.create_partitions(); SELECT * FROM tenancy.detach_partitions()")
            .await
            .unwrap();
        let model = lab.public().await;
        assert!(model.tables.len() > plain.tables.len() + 10, "partitions are read");
        assert_same(&compile(&model, &declaration(), &target).unwrap(), &first);
    }
}

/// One definition: a partition has what its parent has.
#[tokio::test]
async fn partitions_have_what_their_parent_has_and_no_grants() {
    for version in versions_for_tests() {
        let lab = shared(version).await;
        lab.client
            .batch_execute(&format!("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {APP}"))
            .await
            .unwrap();
        lab.client
            .batch_execute("SELECT * FROM tenancy.create_partitions(p_now => now() + interval '1 year')")
            .await
            .unwrap();
        let partitions =
            "FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent
            WHERE c.relispartition AND c.relkind = 'r'";
        assert_eq!(
            text(&lab.client, &format!("SELECT count(*)::text {partitions}")).await,
            "11",
            "1+3+3, 3, 1"
        );
        let strange = format!(
            "SELECT string_agg(c.relname, ', ') {partitions} AND (
                NOT (c.relrowsecurity AND c.relforcerowsecurity)
                OR c.relowner <> '{OWNER}'::regrole OR c.relreplident <> p.relreplident
                OR has_table_privilege('{APP}', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
                OR obj_description(c.oid) <> 'tenantry:partition=of ' || p.relname || E'\\ntenantry:kind=tenant'
                OR (p.relname = 'events' AND c.reloptions <> '{{fillfactor=70}}')
                OR (SELECT array_agg((polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid),
                                      pg_get_expr(polwithcheck, polrelid)) ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid)
                   IS DISTINCT FROM
                   (SELECT array_agg((polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid),
                                      pg_get_expr(polwithcheck, polrelid)) ORDER BY polname) FROM pg_policy WHERE polrelid = p.oid)
                OR (SELECT count(*) FROM pg_index WHERE indrelid = c.oid) <> (SELECT count(*) FROM pg_index WHERE indrelid = p.oid)
                OR (SELECT count(*) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
                   <> (SELECT count(*) FROM pg_trigger WHERE tgrelid = p.oid AND NOT tgisinternal)
                OR (SELECT count(*) FROM pg_constraint WHERE conrelid = c.oid AND contype IN ('c', 'p', 'u', 'f'))
                   <> (SELECT count(*) FROM pg_constraint WHERE conrelid = p.oid AND contype IN ('c', 'p', 'u', 'f')))"
        );
        assert_eq!(text(&lab.client, &strange).await, "null");
    }
}

#[tokio::test]
async fn tenants_use_partitioned_tables_as_if_they_were_plain() {
    for version in versions_for_tests() {
        let lab = shared(version).await;
        let app = lab.app().await;
        for tenant in ["1", "2"] {
            app.batch_execute(&format!("SET tenancy.lab TO '{tenant}'")).await.unwrap();
            app.batch_execute(
                "INSERT INTO users (email) VALUES ('a@b');
                 INSERT INTO events (user_id, amount) SELECT id, 1 FROM users;
                 INSERT INTO events (amount, created_at) VALUES (1, '2019-05-05'), (1, '2099-05-05');
                 INSERT INTO orders (code) VALUES ('x'); INSERT INTO lines SELECT 1, id FROM orders;
                 INSERT INTO notes (body) VALUES ('n');
                 UPDATE events SET amount = 2 WHERE user_id IS NOT NULL; DELETE FROM users",
            )
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        }
        assert_eq!(text(&app, "SELECT string_agg(DISTINCT tenant_id || ':' || coalesce(user_id, 0) || ':' || twice, ' ') FROM events").await, "2:0:2 2:0:4");
        assert_eq!(refusal(&app, "INSERT INTO orders (code) VALUES ('x')").await, "23505");
        app.batch_execute("DELETE FROM orders").await.unwrap();
        assert_eq!(text(&app, "SELECT count(*)::text FROM lines").await, "0");
        for partition in ["events_default", "orders_h00", "notes_default"] {
            assert_eq!(refusal(&app, &format!("SELECT * FROM {partition}")).await, "42501", "{partition}");
            assert_eq!(
                refusal(&app, &format!("INSERT INTO {partition} (tenant_id) VALUES (1)")).await,
                "42501"
            );
        }
        for call in [
            "create_partitions()",
            "detach_partitions()",
            "drop_detached('events_default')",
            "create_due('events', now())",
        ] {
            // The stand-in of the core leaves them open; what they do needs the owner.
            assert_ne!(refusal(&app, &format!("SELECT tenancy.{call}")).await, "accepted", "{call}");
        }
        lab.client
            .batch_execute(&format!("SET SESSION AUTHORIZATION {OWNER}; SET tenancy.lab TO '1'"))
            .await
            .unwrap();
        assert_eq!(
            text(&lab.client, "SELECT string_agg(DISTINCT tenant_id::text, '') FROM events_default").await,
            "1",
            "the floor"
        );
    }
}

#[tokio::test]
async fn rows_of_the_default_partition_dont_block_the_right_one() {
    for version in versions_for_tests() {
        let lab = shared(version).await;
        let rows = "INSERT INTO users (email, tenant_id) OVERRIDING SYSTEM VALUE VALUES ('x', 7);
            INSERT INTO events (created_at, amount, tenant_id, user_id) SELECT now() + interval '5 months', 1, 7, id FROM users;
            INSERT INTO events (created_at, amount, tenant_id) VALUES ('2020-03-03', 1, 8), ('2020-04-04', 3, 8), ('infinity', 1, 8)";
        lab.client.batch_execute(rows).await.unwrap();
        let default = "SELECT count(*)::text FROM events_default";
        assert_eq!(text(&lab.client, default).await, "4");
        let made = "SELECT string_agg(outcome, ' ') FROM tenancy.create_partitions(p_now => now() + interval '4 months')";
        assert_eq!(
            text(&lab.client, made).await,
            "created created created created created",
            "2 old ones and 3 ahead"
        );
        assert_eq!(text(&lab.client, default).await, "1", "infinity has no month");
        assert_eq!(text(&lab.client, "SELECT count(*)::text FROM events").await, "4");
        assert_eq!(
            text(&lab.client, "SELECT twice::text FROM events_p20200401").await,
            "6",
            "generated again"
        );
        let again =
            "SELECT count(*)::text FROM tenancy.create_partitions(p_now => now() + interval '4 months')";
        assert_eq!(text(&lab.client, again).await, "0", "idempotent");
    }
}

#[tokio::test]
async fn a_partition_that_is_wanted_by_several_at_once_is_made_once() {
    for version in versions_for_tests() {
        let lab = shared(version).await;
        let mut all = Vec::new();
        for _ in 0..4 {
            let client = lab.postgres.connect(&lab.database).await.unwrap();
            all.push(tokio::spawn(async move {
                let sql = "SELECT coalesce(sum((outcome = 'created')::int), 0)::text || coalesce(min(detail), '')
                    FROM tenancy.create_partitions(p_now => now() + interval '2 years', p_lock_timeout => '20s')";
                text(&client, sql).await
            }));
        }
        let mut answers = Vec::new();
        for one in all {
            answers.push(one.await.unwrap());
        }
        answers.sort();
        assert_eq!(answers, ["0", "0", "0", "3"]);
    }
}

/// A long transaction in the way of one table: the call comes back, says so, and the other tables are served.
#[tokio::test]
async fn waiting_is_bounded_and_one_table_does_not_stop_the_others() {
    for version in versions_for_tests() {
        let lab = shared(version).await;
        lab.client
            .batch_execute(
                "CREATE TABLE other (LIKE events INCLUDING ALL) PARTITION BY RANGE (created_at);
                 SELECT tenancy.manage_partitions('other', 'range', 'created_at', '1 day', 1, NULL, NULL, '{}')",
            )
            .await
            .unwrap();
        let other = lab.postgres.connect(&lab.database).await.unwrap();
        other.batch_execute("BEGIN; LOCK TABLE ONLY events IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();
        let sql =
            "SELECT string_agg(DISTINCT parent || ' ' || outcome, ', ' ORDER BY parent || ' ' || outcome)
            FROM tenancy.create_partitions(p_now => now() + interval '1 year', p_lock_timeout => '50ms')";
        assert_eq!(text(&lab.client, sql).await, "public.events blocked, public.other created");
        other.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(text(&lab.client, sql).await, "public.events created");
    }
}

#[tokio::test]
async fn what_is_older_than_is_kept_is_detached_and_never_dropped_by_itself() {
    for version in versions_for_tests() {
        let lab = shared(version).await;
        lab.client
            .batch_execute("INSERT INTO events (created_at, amount, tenant_id) VALUES ('2020-03-03', 1, 8), ('2020-04-04', 1, 7);
                            SELECT * FROM tenancy.create_partitions()")
            .await
            .unwrap();
        let over = "SELECT string_agg(partition, ' ') FROM tenancy.list_partitions() WHERE over";
        assert_eq!(text(&lab.client, over).await, "public.events_p20200301 public.events_p20200401");
        let detached =
            "SELECT string_agg(partition || ' ' || outcome, ', ') FROM tenancy.detach_partitions()";
        assert_eq!(
            text(&lab.client, detached).await,
            "public.events_p20200301 detached, public.events_p20200401 detached"
        );
        assert_eq!(text(&lab.client, "SELECT count(*)::text FROM events").await, "0");
        let app = lab.app().await;
        app.batch_execute("SET tenancy.lab TO '7'").await.unwrap();
        assert_eq!(refusal(&app, "SELECT * FROM events_p20200301").await, "42501", "no grants");
        lab.client
            .batch_execute(&format!("GRANT SELECT ON events_p20200301, events_p20200401 TO {APP}"))
            .await
            .unwrap();
        assert_eq!(
            text(&app, "SELECT count(*)::text FROM events_p20200301").await,
            "0",
            "another tenant's, behind the floor"
        );
        assert_eq!(text(&app, "SELECT count(*)::text FROM events_p20200401").await, "1");
        assert_eq!(
            text(
                &lab.client,
                "SELECT string_agg(state, ' ') FROM tenancy.list_partitions() WHERE state = 'detached'"
            )
            .await,
            "detached detached"
        );
        assert_eq!(refusal(&lab.client, "SELECT tenancy.drop_detached('events_default')").await, "42809");
        lab.client.batch_execute("SELECT tenancy.drop_detached('events_p20200301')").await.unwrap();
        assert_eq!(text(&lab.client, "SELECT to_regclass('events_p20200301')::text").await, "null");
    }
}

#[tokio::test]
async fn a_tenant_gets_a_partition_of_its_own_and_gives_it_back() {
    for version in versions_for_tests() {
        let lab = shared(version).await;
        let run = |sql: &'static str| lab.client.batch_execute(sql);
        run("INSERT INTO notes (body, tenant_id) SELECT 'n', t FROM generate_series(1, 50), unnest(ARRAY[7, 8]) t;
             INSERT INTO tenancy.gate VALUES (7, '7', 'active')")
            .await
            .unwrap();
        assert_eq!(
            refusal(&lab.client, "SELECT tenancy.split_tenant('notes', '7')").await,
            "55006",
            "it is active"
        );
        run("UPDATE tenancy.gate SET state = 'suspended'").await.unwrap();
        let rows = "SELECT string_agg(DISTINCT tableoid::regclass || ':' || tenant_id, ' ') FROM notes";
        for _ in 0..2 {
            // Each step twice: whoever is killed after one begins again.
            for step in [
                "split_tenant",
                "split_tenant",
                "validate_split",
                "validate_split",
                "attach_split",
                "attach_split",
            ] {
                lab.client
                    .batch_execute(&format!("SELECT tenancy.{step}('notes', '7')"))
                    .await
                    .unwrap_or_else(|error| panic!("{step}: {error:?}"));
            }
            assert_eq!(text(&lab.client, rows).await, "notes_default:8 notes_t7:7");
            assert_eq!(text(&lab.client, "SELECT tenancy.split_tenant('notes', '7')").await, "there");
            let checks = "SELECT count(*)::text FROM pg_constraint WHERE conname LIKE 'tenantry%'";
            assert_eq!(text(&lab.client, checks).await, "0", "what proved it is gone");
            assert_eq!(
                refusal(&lab.client, "SELECT tenancy.merge_split('notes', '7')").await,
                "accepted",
                "nothing is loose"
            );
            for step in ["detach_split", "detach_split", "merge_split", "merge_split"] {
                lab.client
                    .batch_execute(&format!("SELECT tenancy.{step}('notes', '7')"))
                    .await
                    .unwrap_or_else(|error| panic!("{step}: {error:?}"));
            }
            assert_eq!(text(&lab.client, rows).await, "notes_default:7 notes_default:8");
            assert_eq!(text(&lab.client, "SELECT count(*)::text FROM notes").await, "100");
        }
    }
}

/// The proof that ATTACH finds in the CHECKs, so that it reads neither table.
#[tokio::test]
async fn attaching_scans_nothing() {
    for version in versions_for_tests() {
        let lab = shared(version).await;
        lab.client
            .batch_execute(
                "INSERT INTO notes (body, tenant_id) SELECT 'n', t FROM generate_series(1, 50), unnest(ARRAY[7, 8]) t;
                 SELECT tenancy.split_tenant('notes', '7'); SELECT tenancy.validate_split('notes', '7');
                 SELECT pg_stat_force_next_flush()",
            )
            .await
            .unwrap();
        let scans =
            "SELECT sum(seq_tup_read)::text FROM pg_stat_xact_user_tables WHERE relname LIKE 'notes%'";
        lab.client.batch_execute("BEGIN; SELECT tenancy.attach_split('notes', '7')").await.unwrap();
        assert_eq!(text(&lab.client, scans).await, "0");
        lab.client.batch_execute("COMMIT").await.unwrap();
        assert_eq!(text(&lab.client, "SELECT count(*)::text FROM notes_t7").await, "50");
        // Without the proof it would read: this is what the step in between is for.
        lab.client
            .batch_execute("SELECT tenancy.split_tenant('notes', '9'); INSERT INTO notes (body, tenant_id) VALUES ('n', 6); BEGIN")
            .await
            .unwrap();
        lab.client.batch_execute("SELECT tenancy.attach_split('notes', '9')").await.unwrap();
        assert_ne!(text(&lab.client, scans).await, "0");
        lab.client.batch_execute("ROLLBACK").await.unwrap();
    }
}

/// As on managed PostgreSQL: the operator owns what the owner role owns, is bound by the floor, and still makes, moves and
/// detaches what belongs elsewhere.
#[tokio::test]
async fn an_operator_who_is_no_superuser_looks_after_partitions() {
    for version in versions_for_tests() {
        let lab = shared(version).await;
        let operator = format!("operator_{}", lab.database);
        lab.client
            .batch_execute(&format!(
                "CREATE ROLE {operator}; GRANT {OWNER} TO {operator}; GRANT CREATE ON SCHEMA public TO {operator}, {OWNER};
                 GRANT ALL ON SCHEMA tenancy TO {operator}; GRANT ALL ON ALL TABLES IN SCHEMA tenancy TO {operator};
                 INSERT INTO events (created_at, amount, tenant_id) VALUES ('2020-03-03', 1, 8), ('2020-03-04', 1, 7)"
            ))
            .await
            .unwrap();
        let client = lab.postgres.connect(&lab.database).await.unwrap();
        client.batch_execute(&format!("SET SESSION AUTHORIZATION {operator}")).await.unwrap();
        assert_eq!(text(&client, "SELECT count(*)::text FROM events").await, "0", "the floor binds it");
        let made = "SELECT string_agg(partition || ' ' || outcome, ' ') FROM tenancy.create_partitions()";
        assert_eq!(text(&client, made).await, "public.events_p20200301 created");
        let detached = "SELECT string_agg(partition || ' ' || outcome, ' ') FROM tenancy.detach_partitions()";
        assert_eq!(text(&client, detached).await, "public.events_p20200301 detached");
        assert_eq!(text(&lab.client, "SELECT count(*)::text FROM events_p20200301").await, "2");
        let unbound = "SELECT string_agg(relname, ' ') FROM pg_class WHERE relname LIKE 'events%' AND relkind IN ('r', 'p')
            AND NOT (relrowsecurity AND relforcerowsecurity)";
        assert_eq!(text(&lab.client, unbound).await, "null", "every floor is back");
        drop(client);
        lab.client.batch_execute(&format!("DROP OWNED BY {operator}; DROP ROLE {operator}")).await.unwrap();
    }
}

#[tokio::test]
async fn dedicated_placements_stay_plain() {
    for version in versions_for_tests() {
        let plain = Lab::with(version, PLAIN).await.public().await;
        for model in [TenancyModel::Schema, TenancyModel::Database] {
            let (lab, compiled) = round_trip(version, &plain, &declaration(), &target(model)).await;
            assert!(!compiled.to_sql().contains("PARTITION BY"));
            assert_eq!(text(&lab.client, "SELECT count(*)::text FROM tenancy.partitioning").await, "0");
        }
    }
}

/// Any tenant may write any time; partitions are everybody's.
#[tokio::test]
async fn times_that_a_tenant_makes_up_are_in_nobodys_way() {
    for version in versions_for_tests() {
        let lab = shared(version).await;
        let app = lab.app().await;
        app.batch_execute(
            "SET tenancy.lab TO '7'; INSERT INTO events (created_at, amount) VALUES ('0044-03-15 BC', 1), ('-infinity', 1),
                 ('4714-11-24 00:00:00+00 BC', 1), ('infinity', 1), ('294276-12-31', 1), ('2020-02-02', 1)",
        )
        .await
        .unwrap();
        let made = "SELECT string_agg(partition || ' ' || outcome, ' ') FROM tenancy.create_partitions()";
        assert_eq!(text(&lab.client, made).await, "public.events_p20200201 created");
        assert_eq!(text(&lab.client, made).await, "null", "and that is all, each time");
        assert_eq!(text(&app, "SELECT count(*)::text FROM events").await, "6");
        // As many as there may be: what is ahead is made, what a tenant's rows ask for is not.
        lab.client
            .batch_execute(
                "INSERT INTO tenancy.loose_partitions SELECT n::oid, 'events', '', NULL, 'detached' FROM generate_series(900000, 901024) n;
                 INSERT INTO events (created_at, amount, tenant_id) VALUES ('2019-02-02', 1, 7)",
            )
            .await
            .unwrap();
        assert_eq!(text(&lab.client, made).await, "null");
        let ahead =
            "SELECT count(*)::text FROM tenancy.create_partitions(p_now => now() + interval '1 year')";
        assert_eq!(text(&lab.client, ahead).await, "3");
    }
}

/// What refers to a row must not go with it when the row only moves.
#[tokio::test]
async fn rows_that_are_moved_take_nothing_with_them() {
    for version in versions_for_tests() {
        let sql = "CREATE TABLE events (id bigint, at date NOT NULL, PRIMARY KEY (id, at));
            CREATE TABLE details (id bigint PRIMARY KEY, event bigint, at date, FOREIGN KEY (event, at) REFERENCES events ON DELETE CASCADE)";
        let plain = Lab::with(version, sql).await.public().await;
        let declaration = declared(
            "[tables]\nevents = { kind = \"tenant\", partition = { by = \"range\", column = \"at\", every = \"1 month\" } }",
        );
        let (lab, _) = round_trip(version, &plain, &declaration, &target(TenancyModel::Shared)).await;
        let operator = format!("operator_{}", lab.database);
        lab.client
            .batch_execute(&format!(
                "CREATE ROLE {operator}; GRANT {OWNER} TO {operator}; GRANT CREATE ON SCHEMA public TO {operator}, {OWNER};
                 GRANT ALL ON SCHEMA tenancy TO {operator}; GRANT ALL ON ALL TABLES IN SCHEMA tenancy TO {operator};
                 INSERT INTO events (id, at, tenant_id) VALUES (1, '2020-03-03', 8);
                 INSERT INTO details (id, event, at, tenant_id) VALUES (1, 1, '2020-03-03', 8)"
            ))
            .await
            .unwrap();
        let client = lab.postgres.connect(&lab.database).await.unwrap();
        client.batch_execute(&format!("SET SESSION AUTHORIZATION {operator}")).await.unwrap();
        let made = "SELECT string_agg(outcome, ' ') FROM tenancy.create_partitions()";
        assert_eq!(text(&client, made).await, "blocked", "it may not keep the foreign key out of it");
        let details = "SELECT count(*)::text FROM details";
        assert_eq!(text(&lab.client, details).await, "1");
        assert_eq!(text(&lab.client, made).await, "created");
        assert_eq!(text(&lab.client, details).await, "1");
        assert_eq!(text(&lab.client, "SELECT count(*)::text FROM events_p20200301").await, "1");
        drop(client);
        lab.client.batch_execute(&format!("DROP OWNED BY {operator}; DROP ROLE {operator}")).await.unwrap();
    }
}

#[tokio::test]
async fn a_tenant_may_be_called_like_a_word_of_bounds() {
    for version in versions_for_tests() {
        let lab = Lab::new(version).await;
        lab.client
            .batch_execute(
                "CREATE TABLE notes (id bigint, tenant_id text) PARTITION BY LIST (tenant_id);
                 SELECT tenancy.manage_partitions('notes', 'list', 'tenant_id', NULL, NULL, NULL, NULL, '{}');
                 INSERT INTO notes VALUES (1, 'modulus'), (2, 'other');
                 SELECT tenancy.split_tenant('notes', 'modulus'); SELECT tenancy.validate_split('notes', 'modulus');
                 SELECT tenancy.attach_split('notes', 'modulus')",
            )
            .await
            .unwrap();
        assert_eq!(text(&lab.client, "SELECT count(*)::text FROM notes_tmodulus").await, "1");
        assert_eq!(text(&lab.client, "SELECT tenancy.detach_split('notes', 'modulus')").await, "leaving");
    }
}
