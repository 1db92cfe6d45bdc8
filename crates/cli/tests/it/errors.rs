//! What is refused, and in which words.

use crate::binary::Place;
use insta::assert_snapshot;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn with_config(text: &str) -> Place {
    Place::new().with("tenantry.toml", text)
}

#[test]
fn no_configuration() {
    assert_snapshot!(Place::new().run(&["tenant", "list"]));
}

#[test]
fn a_configuration_that_is_not_there() {
    assert_snapshot!(Place::new().run(&["--config", "nowhere.toml", "tenant", "list"]));
}

#[test]
fn an_unknown_key() {
    assert_snapshot!(with_config("[gateway]\nmax_client = 100\n").run(&["serve"]));
}

#[test]
fn an_inline_password() {
    let config = "[clusters.main]\nurl = \"postgres://postgres@db1/postgres\"\npassword = \"hunter2\"\n";
    assert_snapshot!(with_config(config).run(&["cluster", "check", "main"]));
}

#[test]
fn a_password_in_a_url() {
    let config = "[catalog]\nurl = \"postgres://me:hunter2@db1/tenantry\"\n";
    let said = with_config(config).run(&["tenant", "list"]);
    assert!(!said.to_string().contains("hunter2"));
    assert_snapshot!(said);
}

#[test]
fn broken_toml() {
    assert_snapshot!(with_config("[catalog\nurl = 5\n").run(&["tenant", "list"]));
}

#[test]
fn a_wrong_type() {
    assert_snapshot!(with_config("[gateway]\nmax_clients = \"many\"\n").run(&["serve"]));
}

#[test]
fn a_cluster_that_is_not_configured() {
    let config = "[clusters.main]\nurl = \"postgres://postgres@db1/postgres\"\n";
    assert_snapshot!(with_config(config).run(&["cluster", "add", "mian", "--dry-run"]));
}

#[test]
fn a_catalog_that_does_not_answer() {
    let place = with_config("[catalog]\nurl = \"postgres://me@127.0.0.1:1/tenantry\"\n");
    let said = place.run(&["tenant", "list"]);
    assert_eq!(said.code, Some(8), "{said}");
    assert!(said.err.starts_with("error: can't reach the catalog at 127.0.0.1:1/tenantry\n"), "{said}");
    assert!(said.err.contains("\nhint: "), "{said}");
}

#[test]
fn a_missing_secret() {
    let config = "[catalog]\nurl = \"postgres://me@127.0.0.1:1/x\"\npassword_env = \"TENANTRY_TEST_UNSET\"\n";
    assert_snapshot!(with_config(config).run(&["tenant", "list"]));
}

#[test]
fn a_secret_that_everybody_can_read_is_warned_about() {
    let config = "[catalog]\nurl = \"postgres://me@127.0.0.1:1/x\"\npassword_file = \"p\"\n";
    let place = with_config(config).with("p", "secret\n");
    fs::set_permissions(place.path().join("p"), fs::Permissions::from_mode(0o644)).unwrap();
    let warning = "warning: every user of this machine can read the secret in p (chmod o-r it)\n";
    assert!(place.run(&["tenant", "list"]).err.starts_with(warning));
    fs::set_permissions(place.path().join("p"), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!place.run(&["tenant", "list"]).err.contains("warning"));
}

#[test]
fn bad_arguments() {
    let place = Place::new();
    assert_snapshot!("a_bad_key", place.run(&["tenant", "create", "Acme"]));
    assert_snapshot!("a_bad_model", place.run(&["tenant", "create", "acme", "--model", "row"]));
    assert_snapshot!("a_login_for_nobody", place.run(&["login", "create", "app"]));
    assert_snapshot!("a_login_with_a_dot", place.run(&["login", "create", "app.x", "--all-tenants"]));
}

#[test]
fn errors_as_json() {
    let said = Place::new().run(&["--json", "tenant", "list"]);
    let document: serde_json::Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!(document["error"]["kind"], "invalid_input");
    assert!(document["error"]["hint"].is_string());
    assert_eq!(said.out, "");
}

#[test]
fn output_is_coloured_only_when_asked_for() {
    assert!(!Place::new().run(&["tenant", "list"]).err.contains('\u{1b}'));
    assert!(Place::new().run(&["--color", "always", "tenant", "list"]).err.contains('\u{1b}'));
}
