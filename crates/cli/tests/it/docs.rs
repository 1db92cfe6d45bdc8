//! The reference pages are made from the code: they must not be stale. `tenantry generate docs` makes them again.

use crate::binary::Place;
use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn the_reference_is_fresh() {
    let place = Place::new();
    let said = place.run(&["generate", "docs", "made"]);
    assert_eq!(said.code, Some(0), "{said}");
    for entry in fs::read_dir(place.path().join("made")).unwrap() {
        let made = entry.unwrap().path();
        let kept = Path::new(ROOT).join("docs/reference").join(made.file_name().unwrap());
        let [made, kept_text] = [&made, &kept].map(|path| fs::read_to_string(path).unwrap_or_default());
        assert!(made == kept_text, "{} is stale: run `tenantry generate docs`", kept.display());
    }
}

#[test]
fn every_key_is_documented() {
    let schema = fs::read_to_string(Path::new(ROOT).join("docs/reference/tenantry.schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let definitions = schema["$defs"].as_object().unwrap();
    for (name, definition) in definitions.iter().filter(|(name, _)| name.ends_with("Section")) {
        assert!(definition["description"].is_string(), "{name} is not documented");
        for (key, property) in definition["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{name}.{key} is not documented");
        }
    }
}

/// The example is read up to the point where its secrets are missing.
#[test]
fn the_example_is_a_valid_configuration() {
    let example = fs::read_to_string(Path::new(ROOT).join("tenantry.example.toml")).unwrap();
    let said = Place::new().with("tenantry.toml", &example).run(&["tenant", "list"]);
    assert_eq!(said.code, Some(2), "{said}");
    assert!(said.err.starts_with("error: can't read the password from secrets/catalog.password"), "{said}");
}
