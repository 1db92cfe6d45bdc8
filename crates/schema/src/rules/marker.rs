//! `marker`: a database describes itself.

use super::{ALL, Case, Rule};
use crate::model::Model;
use tenantry_core::TenancyModel;

/// How the marker's line of a table's comment starts.
pub const MARKER: &str = "tenantry:kind=";

#[derive(Debug)]
pub(super) struct Marker;

impl Rule for Marker {
    fn id(&self) -> &'static str {
        "marker"
    }

    fn about(&self) -> &'static str {
        "The comment of every table has a line that says its kind, so that operations and audits can tell without the \
         declaration. The rest of the comment is kept."
    }

    fn models(&self) -> &'static [TenancyModel] {
        ALL
    }

    fn apply(&self, model: &mut Model, case: &mut Case<'_>) {
        for table in &mut model.tables {
            let Some(kind) = case.kind(&table.name) else { continue };
            let marker = format!("{MARKER}{kind}");
            let kept = table.comment.iter().flat_map(|comment| comment.lines());
            let mut lines: Vec<&str> = kept.filter(|line| !line.starts_with(MARKER)).collect();
            lines.push(&marker);
            let comment = lines.join("\n");
            if table.comment.as_deref() != Some(comment.as_str()) {
                table.comment = Some(comment);
                case.change(&table.name, format!("the comment says {marker}"));
            }
        }
    }
}
