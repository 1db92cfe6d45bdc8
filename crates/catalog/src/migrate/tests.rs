use super::*;

fn migration(version: i32, sql: &'static str) -> Migration {
    Migration { version, name: "m", sql }
}

fn applied(migrations: &[Migration]) -> Vec<Applied> {
    migrations.iter().map(|m| Applied { version: m.version, checksum: m.checksum() }).collect()
}

#[test]
fn what_was_applied_must_be_the_beginning_of_what_is_known() {
    let known = [migration(1, "a"), migration(2, "b")];
    assert!(verify(&[], &known).is_ok());
    assert!(verify(&applied(&known[..1]), &known).is_ok());
    assert!(verify(&applied(&known), &known).is_ok());
}

#[test]
fn an_edited_migration_is_named() {
    let error = verify(
        &applied(&[migration(1, "a"), migration(2, "edited")]),
        &[migration(1, "a"), migration(2, "b")],
    );
    assert!(matches!(error, Err(CatalogError::EditedMigration { version: 2, .. })));
}

#[test]
fn a_newer_catalog_is_refused_before_anything_else_is_said_of_it() {
    let newer = applied(&[migration(1, "a"), migration(2, "b"), migration(3, "c")]);
    let error = verify(&newer, &[migration(1, "a")]).unwrap_err();
    assert!(matches!(error, CatalogError::Newer { found: 3, known: 1 }));
    assert!(error.hint().is_some());
}

#[test]
fn versions_count_up_from_one() {
    let versions: Vec<i32> = MIGRATIONS.iter().map(|m| m.version).collect();
    assert_eq!(versions, (1..).take(MIGRATIONS.len()).collect::<Vec<_>>());
}
