//! Every rule: its example is found, what it recommends is not, and its fix makes the finding go away.

use crate::lab::{Lab, lines};
use tenantry_audit::{Report, Rule, fix, registry};
use tenantry_testkit::versions_for_tests;

/// Examples that SQL in one database can't set up. Each has a test of its own, or says why it can't have one.
const ELSEWHERE: &[&str] = &[
    // Another session, another server, files of the server.
    "role-in-use",
    "statement-without-tenant",
    "minor-version",
    "server-binary-replaced",
    "two-phase",
    "host-authentication",
    // Databases of Tenantry's alone.
    "reader-rights",
    // An extension that is not everywhere.
    "index-vector",
];

/// The rules are spread over several tests, so that they run side by side.
const PARTS: usize = 8;

macro_rules! parts {
    ($($name:ident $part:literal),*) => {$(
        #[tokio::test]
        async fn $name() {
            let mut wrong = Vec::new();
            for version in versions_for_tests() {
                for (_, rule) in registry().iter().enumerate().filter(|(at, _)| at % PARTS == $part) {
                    if !ELSEWHERE.contains(&rule.id)
                        && let Err(problem) = hits_and_misses(version, rule).await
                    {
                        wrong.push(format!("{} on {version}: {problem}", rule.id));
                    }
                }
            }
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    )*};
}

parts!(rules_of_part_0 0, rules_of_part_1 1, rules_of_part_2 2, rules_of_part_3 3, rules_of_part_4 4, rules_of_part_5 5,
       rules_of_part_6 6, rules_of_part_7 7);

async fn hits_and_misses(version: u32, rule: &Rule) -> Result<(), String> {
    let only = [rule.id];
    let lab = Lab::new(version).await;
    lab.tried(rule.docs.before).await?;
    let (report, _) = lab.audit(&only).await;
    if !report.skipped.is_empty() {
        return Err(format!("{:#?}", lines(&report)));
    }
    if !report.findings.iter().any(|finding| finding.rule == rule.id) {
        return Err("its example is not found".into());
    }
    mended(&lab, &report, rule).await?;

    let lab = Lab::new(version).await;
    lab.tried(rule.docs.after).await?;
    let found = lab.lines(&only).await;
    // The roles of the server are those of all labs: other labs' own are for their tests. The lab's own role is told by its
    // whole name, since app_user_1 is the beginning of app_user_12.
    let found: Vec<_> = found.iter().filter(|line| !is_of_another_lab(line, &lab)).collect();
    if found.is_empty() { Ok(()) } else { Err(format!("found where it should not be: {found:#?}")) }
}

fn is_of_another_lab(line: &str, lab: &Lab) -> bool {
    let mut named = line
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("app_user_") || word.starts_with("app_owner_"))
        .peekable();
    named.peek().is_some() && named.all(|word| word != lab.user() && word != lab.fill("app_owner"))
}

/// Where the rule has fixes, they apply, and then it finds nothing any more.
async fn mended(lab: &Lab, report: &Report, rule: &Rule) -> Result<(), String> {
    let plan = fix::plan(report, &lab.database);
    if plan.is_empty() {
        return Ok(());
    }
    let mut admin = tenantry_audit::connect(&lab.access()).await.unwrap();
    for batch in fix::apply(&mut admin, &plan).await.unwrap() {
        if let Some(error) = batch.error {
            return Err(format!("its fix fails: {error}: {:?}", batch.statements));
        }
    }
    let left = lab.lines(&[rule.id]).await;
    let mut fixed = report.clone();
    fixed.findings.retain(|finding| !finding.fix.is_empty());
    let still: Vec<_> = lines(&fixed).into_iter().filter(|line| left.contains(line)).collect();
    if still.is_empty() { Ok(()) } else { Err(format!("left after its fix: {still:#?}")) }
}

#[tokio::test]
async fn a_careful_database_is_clean() {
    for version in versions_for_tests() {
        let lab = Lab::new(version).await;
        let found = lab.lines(&[]).await;
        let known = [
            "policy-no-floor",
            "surface-beyond-privileges",
            "host-authentication",
            "role-password",
            "server-binary-replaced",
        ];
        let unknown: Vec<_> = found
            .iter()
            .filter(|line| !known.iter().any(|rule| line.contains(&format!("[{rule}]"))))
            .collect();
        assert!(unknown.is_empty(), "{version}: {unknown:#?}");
    }
}
