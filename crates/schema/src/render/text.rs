//! Small pieces of SQL text.

use crate::model::SequenceOptions;
use std::fmt::{self, Write as _};
use tenantry_core::ident::MAX_IDENT_BYTES;
use tenantry_core::quote_literal;

/// Appends formatted text.
pub(crate) fn add(sql: &mut String, text: fmt::Arguments<'_>) {
    sql.write_fmt(text).expect("a String takes everything");
}

/// A name in quotes. Names come from the catalog, so they are never too long or empty.
pub(crate) fn ident(name: &str) -> String {
    if name.contains('"') { format!("\"{}\"", name.replace('"', "\"\"")) } else { format!("\"{name}\"") }
}

/// Names in quotes, with something between them.
pub(crate) fn idents<T: AsRef<str>>(names: &[T], between: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| ident(name.as_ref())).collect();
    quoted.join(between)
}

/// The name that the server chooses for something of a relation and a column: of the parts the longer is cut first.
pub(crate) fn chosen_name(first: &str, second: Option<&str>, label: &str) -> String {
    let room = MAX_IDENT_BYTES - label.len() - 1 - usize::from(second.is_some());
    let mut lengths = (first.len(), second.map_or(0, str::len));
    while lengths.0 + lengths.1 > room {
        if lengths.0 > lengths.1 { lengths.0 -= 1 } else { lengths.1 -= 1 }
    }
    let cut = |text: &'_ str, bytes: usize| text[..text.floor_char_boundary(bytes)].to_owned();
    let second = second.map_or_else(String::new, |second| format!("_{}", cut(second, lengths.1)));
    format!("{}{second}_{label}", cut(first, lengths.0))
}

/// A literal without the space that `quote_literal` may put before it.
pub(crate) fn literal(value: &str) -> String {
    quote_literal(value).trim_start().to_owned()
}

/// ` WITH (name = 'value', …)` of `name=value` pairs, or nothing.
pub(crate) fn options(pairs: &[String]) -> String {
    if pairs.is_empty() { String::new() } else { format!(" WITH ({})", assignments(pairs)) }
}

/// `name = 'value', …` of `name=value` pairs. The part before a dot (`toast.`) is a name of its own.
pub(crate) fn assignments(pairs: &[String]) -> String {
    let written: Vec<String> = pairs
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => {
                format!("{} = {}", idents(&name.split('.').collect::<Vec<_>>(), "."), literal(value))
            }
            None => ident(pair),
        })
        .collect();
    written.join(", ")
}

/// The options of a sequence that are not what the server would choose.
pub(crate) fn sequence_options(options: &SequenceOptions) -> String {
    let (lowest, highest) = match options.type_name.as_str() {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let ascending = options.increment > 0;
    let minimum = if ascending { 1 } else { lowest };
    let maximum = if ascending { highest } else { -1 };
    let start = if ascending { options.minimum } else { options.maximum };
    let mut sql = String::new();
    for (word, value, default) in [
        ("INCREMENT BY", options.increment, 1),
        ("MINVALUE", options.minimum, minimum),
        ("MAXVALUE", options.maximum, maximum),
        ("START WITH", options.start, start),
        ("CACHE", options.cache, 1),
    ] {
        if value != default {
            add(&mut sql, format_args!(" {word} {value}"));
        }
    }
    if options.cycle {
        sql.push_str(" CYCLE");
    }
    sql
}
