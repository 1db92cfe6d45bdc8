//! Whole databases that were made by hand: what is found out about them, what is found, and how much of it can be mended.

use crate::lab::{Lab, lines};
use tenantry_audit::{connect, fix};
use tenantry_testkit::versions_for_tests;

/// As many products begin: ids of their own, a tenant column that came later, policies on some tables.
const PRODUCT: &str = "
    CREATE ROLE app_owner NOLOGIN; CREATE ROLE app_user LOGIN PASSWORD 'x';
    GRANT USAGE ON SCHEMA public TO app_user; GRANT USAGE, CREATE ON SCHEMA public TO app_owner;
    CREATE TABLE organizations (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE users (id bigint PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, email text NOT NULL UNIQUE);
    CREATE TABLE projects (id bigint PRIMARY KEY, organization_id bigint NOT NULL REFERENCES organizations, lead_id bigint REFERENCES users ON DELETE CASCADE, name text);
    CREATE INDEX projects_name ON projects (name);
    CREATE TABLE tasks (id bigint PRIMARY KEY, organization_id bigint, project_id bigint REFERENCES projects ON DELETE CASCADE, title text);
    CREATE TABLE comments (id bigint PRIMARY KEY, task_id bigint NOT NULL REFERENCES tasks, body text);
    CREATE TABLE currencies (code text PRIMARY KEY);
    ALTER TABLE users ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON users USING (organization_id = current_setting('app.org')::bigint);
    GRANT ALL ON ALL TABLES IN SCHEMA public TO app_user;
    INSERT INTO organizations VALUES (1, 'a'), (2, 'b');
    INSERT INTO users VALUES (1, 1, 'a@a'), (2, 2, 'b@b');
    INSERT INTO projects VALUES (1, 1, 2, 'p'), (2, 2, 2, 'q');
    INSERT INTO tasks VALUES (1, 1, 1, 't'), (2, NULL, 2, 'u');";

const FOUND: &[&str] = &[
    "error[row-security-off] projects",
    "error[row-security-off] tasks",
    "warning[row-security-not-forced] users",
    "error[context-forgeable] setting app.org",
    "warning[policy-setting] policy own on users",
    "error[foreign-key] projects_lead_id_fkey on projects",
    "error[cascade-across-tenants] tasks_project_id_fkey on tasks",
    "error[tenant-column-missing] comments",
    "error[tenant-column-nullable] tasks.organization_id",
    "warning[unique] users_email_key on users",
    "note[index] projects_name on projects",
    "warning[index-for-tenant] projects",
    "error[grant-truncate] tasks",
    "error[rows-of-nobody] tasks: 1 rows",
    "error[rows-across-tenants] projects_lead_id_fkey on projects: 1 rows",
];

#[tokio::test]
async fn a_product_as_many_are_is_understood() {
    for version in versions_for_tests() {
        let lab = Lab::empty(version).await;
        lab.run(PRODUCT).await;
        let (report, found) = lab.audit(&[]).await;
        let summary = &report.audited[0];
        assert_eq!(
            (summary.origin.as_str(), summary.tenant_column.as_deref()),
            ("by-hand", Some("organization_id")),
            "{version}"
        );
        assert!(found.roles.contains(&lab.user()), "{version}: {:?}", found.roles);
        let lines = lines(&report);
        for wanted in FOUND {
            assert!(lines.iter().any(|line| line.starts_with(wanted)), "{wanted} on {version}: {lines:#?}");
        }
        for quiet in ["currencies", "organizations"] {
            let about: Vec<_> = lines
                .iter()
                .filter(|line| {
                    line.contains(&format!("] {quiet}:")) && line.starts_with("error[tenant")
                        || line.contains(&format!("[row-security-off] {quiet}"))
                })
                .collect();
            assert!(about.is_empty(), "{version}: {about:?}");
        }
    }
}

/// Everything that has statements is mended, after the data were put right by hand; what is left needs a person.
#[tokio::test]
async fn what_can_be_mended_is() {
    for version in versions_for_tests() {
        let lab = Lab::empty(version).await;
        lab.run(PRODUCT).await;
        lab.run(
            "UPDATE tasks SET organization_id = 2 WHERE id = 2; UPDATE projects SET lead_id = 1 WHERE id = 1",
        )
        .await;
        let (report, _) = lab.audit(&[]).await;
        let plan = fix::plan(&report, &lab.database);
        let script = fix::script(&plan);
        assert!(
            script.starts_with("SET lock_timeout") && script.contains("-- keeps out everybody"),
            "{script}"
        );
        let mut admin = connect(&lab.access()).await.unwrap();
        let applied = fix::apply(&mut admin, &plan).await.unwrap();
        let failed: Vec<_> = applied.into_iter().filter(|applied| applied.error.is_some()).collect();
        assert!(failed.is_empty(), "{version}: {failed:#?}");
        let (report, _) = lab.audit(&[]).await;
        let more = fix::script(&fix::plan(&report, &lab.database));
        assert_eq!(more, "SET lock_timeout = '3s';\n", "{version}: one run settles it");
        let left: Vec<_> = lines(&report).into_iter().filter(|line| line.starts_with("error")).collect();
        let persons = ["context-forgeable", "tenant-column-missing", "host-authentication", "minor-version"];
        let unexpected: Vec<_> = left
            .iter()
            .filter(|line| !persons.iter().any(|rule| line.contains(&format!("[{rule}]"))))
            .collect();
        assert!(unexpected.is_empty(), "{version}: {unexpected:#?}");
    }
}

#[tokio::test]
async fn schemas_of_tenants_that_differ_are_told() {
    for version in versions_for_tests() {
        let known = tenantry_audit::known_rules().into_iter().find(|rule| rule.id == "schema-drift").unwrap();
        for (sql, drifts) in [(known.docs.before, true), (known.docs.after, false)] {
            let lab = Lab::empty(version).await;
            lab.run(sql).await;
            let (_, found) = lab.audit(&[]).await;
            let findings = tenantry_audit::drift(&found.copies);
            assert_eq!(!findings.is_empty(), drifts, "{version}: {findings:#?}");
            if drifts {
                assert!(findings[0].message.contains("column notes.body"), "{findings:#?}");
            }
        }
    }
}

/// Two tenants' own roles may do the same under different names; what somebody was granted in one schema alone is told.
#[tokio::test]
async fn grants_that_differ_between_schemas_are_told() {
    let lab = Lab::empty(versions_for_tests()[0]).await;
    lab.run(
        "CREATE ROLE app_owner_1 NOLOGIN; CREATE ROLE app_owner_2 NOLOGIN; CREATE ROLE app_user NOLOGIN;
         CREATE SCHEMA t_1; CREATE TABLE t_1.notes (id bigint PRIMARY KEY); CREATE TABLE t_1.tags (id bigint PRIMARY KEY);
         CREATE SCHEMA t_2; CREATE TABLE t_2.notes (id bigint PRIMARY KEY); CREATE TABLE t_2.tags (id bigint PRIMARY KEY);
         GRANT SELECT, INSERT ON t_1.notes TO app_owner_1; GRANT INSERT, SELECT ON t_2.notes TO app_owner_2;
         GRANT SELECT ON t_1.tags, t_2.tags TO app_user",
    )
    .await;
    let (_, found) = lab.audit(&["no-primary-key"]).await;
    assert_eq!(tenantry_audit::drift(&found.copies), [], "the same rights under other names");
    lab.run("GRANT UPDATE (id) ON t_2.tags TO app_user; REVOKE INSERT ON t_2.notes FROM app_owner_2").await;
    let (_, found) = lab.audit(&["no-primary-key"]).await;
    let findings = tenantry_audit::drift(&found.copies);
    let said = findings.iter().map(|finding| finding.message.as_str()).collect::<String>();
    assert!(said.contains(&lab.fill("grants on column tags.id to app_user")), "{said}");
    assert!(said.contains("another grants on table notes to a role of its own"), "{said}");
}

/// Hundreds of identical schemas cost one look each, and no finding.
#[tokio::test]
async fn many_copies_are_one_shape() {
    let lab = Lab::empty(versions_for_tests()[0]).await;
    let one = "CREATE SCHEMA t_%1$s; CREATE TABLE t_%1$s.notes (id bigint PRIMARY KEY, body text); CREATE TABLE t_%1$s.tags (id bigint PRIMARY KEY)";
    lab.run(&format!("DO $do$ BEGIN FOR i IN 1..100 LOOP EXECUTE format('{one}', i); END LOOP; END $do$"))
        .await;
    lab.run("ALTER TABLE t_42.notes ADD extra text").await;
    let (_, found) = lab.audit(&["no-primary-key"]).await;
    assert_eq!(
        found.spaces.iter().filter(|space| space.facts.is_some()).count(),
        2,
        "one of each shape is read"
    );
    let findings = tenantry_audit::drift(&found.copies);
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].place.object == "schema t_42"
            && findings[0].message.contains("column notes.extra is more"),
        "{findings:#?}"
    );
}
