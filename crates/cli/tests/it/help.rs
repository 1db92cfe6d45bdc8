//! The help of every command.

use crate::binary::Place;

#[test]
fn of_the_program() {
    insta::assert_snapshot!(Place::new().run(&["--help"]));
}

#[test]
fn nothing_at_all_is_answered_with_help() {
    let said = Place::new().run(&[]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("Usage: tenantry"), "{said}");
}

/// The reference page holds all of them; here is one of each kind.
#[test]
fn of_a_command() {
    insta::assert_snapshot!("help_of_demo", Place::new().run(&["demo", "--help"]));
    insta::assert_snapshot!("help_of_tenant_create", Place::new().run(&["tenant", "create", "--help"]));
}

#[test]
fn a_mistyped_command_gets_a_suggestion() {
    let said = Place::new().run(&["tennant", "list"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("a similar subcommand exists: 'tenant'"), "{said}");
}
