//! The reference of the configuration, made from the doc comments of its types: a page for people and a JSON schema
//! for editors.

use super::file::ConfigFile;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Sections in the order in which a person meets them.
const SECTIONS: [(&str, &str); 11] = [
    ("catalog", "[catalog]"),
    ("secrets", "[secrets]"),
    ("clusters", "[clusters.NAME]"),
    ("gateway", "[gateway]"),
    ("gateway.tls", "[gateway.tls]"),
    ("schema", "[schema]"),
    ("tenancy", "[tenancy]"),
    ("tables", "[tables]"),
    ("unique", "[unique]"),
    ("ignore", "[[ignore]]"),
    ("plans", "[plans.NAME]"),
];

/// The JSON schema of `tenantry.toml`.
pub(crate) fn json_schema() -> anyhow::Result<String> {
    let mut schema = schema();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".into(), "tenantry.toml".into());
    }
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

/// The page.
pub(crate) fn markdown() -> anyhow::Result<String> {
    let schema = schema();
    let mut out =
        String::from("# Configuration: `tenantry.toml`\n\n<!-- Made by `tenantry generate docs`. -->\n\n");
    writeln!(out, "{}\n", text(&schema))?;
    out.push_str(
        "The file is named by `--config` or `TENANTRY_CONFIG`; otherwise it is `tenantry.toml` in the working directory. \
         Flags win over the environment, the environment over the file, the file over the defaults. A key that is not \
         listed here is refused. Editors complete and check the file with [`tenantry.schema.json`](tenantry.schema.json).\n",
    );
    for (name, title) in SECTIONS {
        let section = name.split('.').fold(&schema, |node, key| &resolve(&schema, node)["properties"][key]);
        write!(out, "\n## `{title}`\n\n")?;
        match section.get("additionalProperties").or_else(|| section.get("items")) {
            Some(item) => entries(&mut out, &schema, name, item)?,
            None => keys(&mut out, &schema, resolve(&schema, section))?,
        }
    }
    Ok(out)
}

fn schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<ConfigFile>().into()
}

/// A section whose keys are names of the user's own.
fn entries(out: &mut String, schema: &Value, name: &str, item: &Value) -> anyhow::Result<()> {
    let item = resolve(schema, item);
    match name {
        "tables" => {
            writeln!(out, "The name of a table, and what it is: a word, or a table with these keys.\n")?;
            let details = item["anyOf"].as_array().and_then(|forms| forms.last()).unwrap_or(item);
            words(out, schema, &Value::from("Kind"))?;
            keys(out, schema, resolve(schema, details))
        }
        "unique" => {
            writeln!(
                out,
                "`\"TABLE.COLUMN\"` or `\"TABLE.COLUMN, COLUMN\"`, and within what it is unique.\n"
            )?;
            words(out, schema, &Value::from("UniqueScope"))
        }
        _ => keys(out, schema, item),
    }
}

/// The table of a section's keys.
fn keys(out: &mut String, schema: &Value, section: &Value) -> anyhow::Result<()> {
    if !text(section).is_empty() && section.get("properties").is_some() {
        writeln!(out, "{}\n", text(section))?;
    }
    writeln!(out, "| key | type | default | meaning |\n|---|---|---|---|")?;
    let none = Map::new();
    let required = section["required"].as_array().cloned().unwrap_or_default();
    for (key, property) in section["properties"].as_object().unwrap_or(&none) {
        let default = match property.get("default") {
            _ if required.contains(&Value::from(key.as_str())) => "required".to_owned(),
            None | Some(Value::Null) => String::new(),
            Some(value) => format!("`{value}`"),
        };
        let meaning = text(property);
        writeln!(out, "| `{key}` | {} | {default} | {meaning} |", kind(schema, property))?;
    }
    Ok(())
}

/// The words of an enumeration, each with its meaning.
fn words(out: &mut String, schema: &Value, name: &Value) -> anyhow::Result<()> {
    let definition = &schema["$defs"][name.as_str().unwrap_or_default()];
    for form in definition["oneOf"].as_array().into_iter().flatten() {
        writeln!(out, "- `{}`: {}", form["const"], text(form))?;
    }
    writeln!(out)?;
    Ok(())
}

/// Follows a reference, alone, as the one item of `allOf`, or as the item of an optional section.
fn resolve<'a>(schema: &'a Value, node: &'a Value) -> &'a Value {
    let target = node.get("$ref").or_else(|| {
        let forms = node.get("anyOf").or_else(|| node.get("allOf"))?.as_array()?;
        if forms.iter().filter(|form| form.get("$ref").is_some()).count() != 1 {
            return None;
        }
        forms.iter().find_map(|form| form.get("$ref"))
    });
    match target.and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/")) {
        Some(name) => &schema["$defs"][name],
        None => node,
    }
}

/// A key's type in words.
fn kind(schema: &Value, property: &Value) -> String {
    let property = resolve(schema, property);
    let values: Vec<&Value> = property["oneOf"]
        .as_array()
        .map(|forms| forms.iter().filter_map(|form| form.get("const")).collect())
        .or_else(|| property["enum"].as_array().map(|values| values.iter().collect()))
        .unwrap_or_default();
    if !values.is_empty() {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    let name = match &property["type"] {
        Value::Array(names) => names.first().and_then(Value::as_str),
        name => name.as_str(),
    };
    match name {
        Some("array") => format!("list of {}", kind(schema, &property["items"])),
        Some("integer") => "number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some(name) => name.to_owned(),
        None => "table".to_owned(),
    }
}

/// A description on one line.
fn text(node: &Value) -> String {
    node["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
