//! What a declaration may say, and what is said to one that is wrong.

use crate::harness::{Lab, declared, target};
use tenantry_core::TenancyModel;
use tenantry_schema::{Declaration, Keys, Kind, Origin, SchemaError, TenantType, Unnamed, check, compile};

const SCHEMA: &str = "
CREATE TABLE countries (code text PRIMARY KEY);
CREATE TABLE posts (id bigint PRIMARY KEY, slug text UNIQUE, author text, UNIQUE (author, slug));
CREATE TABLE comments (id bigint PRIMARY KEY, post_id bigint REFERENCES posts);
CREATE TABLE logs (id bigint, at date) PARTITION BY RANGE (at);
CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');";

async fn told(declaration: &str) -> Vec<String> {
    let model = Lab::with(15, SCHEMA).await.public().await;
    let report = check(&model, &declared(declaration));
    let errors =
        report.findings.iter().filter(|finding| finding.severity == tenantry_schema::Severity::Error);
    errors
        .map(|error| format!("{}: {} ({})", error.place, error.message, error.hint.as_deref().unwrap()))
        .collect()
}

#[test]
fn the_default_is_bigint_composite_and_every_table_a_tenant_table() {
    let declaration = Declaration::default();
    assert_eq!(declared(""), declaration);
    assert_eq!(declaration.tenancy.column.as_str(), "tenant_id");
    assert_eq!(declaration.tenancy.value_type, TenantType::Bigint);
    assert_eq!((declaration.tenancy.keys, declaration.tenancy.default), (Keys::Composite, Unnamed::Tenant));
}

#[test]
fn all_of_it_parses_and_survives_its_own_text() {
    let text = r#"
[tenancy]
column = "account_id"
type = "uuid"
keys = "global-id"
default = "refuse"
[tables]
countries = "global"
products = "scoped"
comments = { kind = "tenant", via = "posts.post_id" }
events = { kind = "tenant", partition = { by = "range", column = "at", every = "1 month" } }
orders = { kind = "tenant", partition = { by = "hash", count = 16 } }
[unique]
"api_keys.token_hash" = "global""#;
    let declaration = declared(text);
    assert_eq!(declaration.tables["products"].kind(), Kind::Scoped);
    assert!(declaration.tables["orders"].partition().is_some());
    assert_eq!(declared(&toml::to_string(&declaration).unwrap()), declaration);
}

#[test]
fn unknown_keys_and_words_are_refused() {
    for wrong in [
        "[tenancy]\ncolum = \"x\"",
        "[tenancy]\ntype = \"int\"",
        "[tenancy]\ncolumn = \"\"",
        "[tables]\na = \"tennant\"",
        "[tables]\na = { kind = \"tenant\", vai = \"b.c\" }",
        "[tables]\na = { kind = \"tenant\", partition = { by = \"week\" } }",
        "[unique]\n\"a.b\" = \"tenant\"",
        "[scopes]\na = 1",
    ] {
        assert!(toml::from_str::<Declaration>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_wrong_word_is_answered_with_the_choices() {
    let error = toml::from_str::<Declaration>("[tables]\na = \"tennant\"").unwrap_err().to_string();
    assert!(
        error.contains("unknown variant `tennant`, expected one of `tenant`, `global`, `scoped`"),
        "{error}"
    );
    let error =
        toml::from_str::<Declaration>("[tables]\na = { kind = \"tenant\", vai = \"b.c\" }").unwrap_err();
    assert!(error.to_string().contains("unknown field `vai`"), "{error}");
    let error = toml::from_str::<Declaration>("[tables]\na = 1").unwrap_err().to_string();
    assert!(error.contains("expected \"tenant\", \"global\""), "{error}");
}

#[tokio::test]
async fn names_that_are_not_there_get_a_suggestion() {
    let wrong = r#"
[tables]
countires = "global"
nonsense = "global"
logs_2026 = "global"
comments = { kind = "tenant", via = "post.post" }
posts = { kind = "tenant", via = "comments" }
[unique]
"post.slug" = "global"
"posts.author" = "global"
"comments.id" = "global"
"posts" = "global""#;
    insta::assert_snapshot!(told(wrong).await.join("\n"));
}

#[tokio::test]
async fn what_is_not_offered_yet_says_so() {
    let wrong = r#"
[tables]
posts = "scoped"
logs = { kind = "tenant", partition = { by = "hash", count = 4 } }"#;
    insta::assert_snapshot!(told(wrong).await.join("\n"));
}

#[tokio::test]
async fn unclassified_tables_stop_everything() {
    let declaration =
        declared("[tenancy]\ndefault = \"refuse\"\n[tables]\ncountries = \"global\"\nlogs = \"tenant\"");
    let model = Lab::with(15, SCHEMA).await.public().await;
    let report = check(&model, &declaration);
    let kinds: Vec<_> =
        report.tables.iter().map(|table| (table.table.as_str(), table.kind, table.origin)).collect();
    assert_eq!(
        kinds,
        [
            ("comments", None, Origin::Default),
            ("countries", Some(Kind::Global), Origin::Declared),
            ("logs", Some(Kind::Tenant), Origin::Declared),
            ("logs_2026", Some(Kind::Tenant), Origin::Parent),
            ("posts", None, Origin::Default),
        ]
    );
    for model_of_target in TenancyModel::ALL {
        let error = compile(&model, &declaration, &target(model_of_target)).unwrap_err();
        let SchemaError::Refused(findings) = &error else { panic!("{error}") };
        assert_eq!(findings.len(), 2);
        assert!(error.hint().unwrap().starts_with("add it to [tables]"));
    }
}

#[tokio::test]
async fn a_schema_target_needs_a_value_of_the_declared_type() {
    let model = Lab::with(15, SCHEMA).await.public().await;
    for (declaration, value, fits) in [
        ("", None, false),
        ("", Some("5"), true),
        ("", Some("5; DROP"), false),
        ("[tenancy]\ntype = \"uuid\"", Some("5"), false),
        ("[tenancy]\ntype = \"uuid\"", Some("01890a5d-ac96-774b-bcce-b302099a8057"), true),
        ("[tenancy]\ntype = \"text\"", Some("it's"), true),
        ("[tenancy]\ntype = \"text\"", Some(""), false),
    ] {
        let mut target = target(TenancyModel::Schema);
        target.tenant_value = value.map(ToOwned::to_owned);
        let compiled = compile(&model, &declared(declaration), &target);
        assert_eq!(compiled.is_ok(), fits, "{declaration} {value:?}");
    }
}
