//! A table's box.

use super::put;
use crate::graph::{Change, Column, Graph, Table};
use crate::layout::{BETWEEN, MARKS, NAME, SIDE, SMALL, TEXT, short_type};
use crate::layout::{HEADER, ROW, Row, TableBox};
use crate::measure::{fit, width};
use crate::text::xml;

pub(super) fn table(out: &mut String, graph: &Graph, at: usize, table: &Table, place: &TableBox) {
    let change = table.change.word();
    put(
        out,
        format_args!(
            "<g class=\"table {} {change}\" id=\"table-{at}\" data-table=\"{at}\" transform=\"translate({:.1} {:.1})\">\
         <title>{}</title>\n<rect class=\"body\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\"/>\
         <path class=\"head\" d=\"M0 {HEADER}V6a6 6 0 0 1 6 -6H{:.1}a6 6 0 0 1 6 6V{HEADER}z\"/>\
         <g clip-path=\"url(#erd-box)\">\n",
            table.kind_word(),
            place.x,
            place.y,
            xml(&sentence(graph, table)),
            place.width,
            place.height,
            place.width - 6.0,
        ),
    );
    header(out, table, place);
    for (nth, row) in place.rows.iter().enumerate() {
        let top = HEADER + f64::from(u32::try_from(nth).unwrap_or(0)) * ROW;
        match row {
            Row::Column(column) => column_row(out, &table.columns[*column], top, place.width),
            Row::More(count) => {
                let words =
                    if *count == 1 { "1 more column".to_owned() } else { format!("{count} more columns") };
                put(
                    out,
                    format_args!(
                        "<text class=\"more\" x=\"{:.1}\" y=\"{:.1}\">\u{2026} {words}</text>\n",
                        SIDE + MARKS,
                        top + 14.0
                    ),
                );
            }
        }
    }
    put(
        out,
        format_args!(
            "</g><rect class=\"frame\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\"/>",
            place.width, place.height
        ),
    );
    overview(out, table, place);
    out.push_str("</g>\n");
}

/// The name in large letters, for pages that are looked at from afar.
fn overview(out: &mut String, table: &Table, place: &TableBox) {
    let (lines, size) = (1..=3)
        .map(|count| {
            let lines = broken(&table.name, count);
            let size = largest(&lines, place);
            (lines, size)
        })
        .fold((Vec::new(), 0.0), |best, next| if next.1 > best.1 + 1.0 { next } else { best });
    let count = f64::from(u32::try_from(lines.len()).unwrap_or(1));
    let first = place.height / 2.0 + size * (0.35 - (count - 1.0) * LINE / 2.0);
    put(out, format_args!("<text class=\"far\" style=\"font-size:{size:.1}px\">"));
    for (line, nth) in lines.iter().zip(0_u32..) {
        let (x, y) = (place.width / 2.0, first + f64::from(nth) * size * LINE);
        let shown = fit(line, size, place.width - 12.0);
        put(out, format_args!("<tspan x=\"{x:.1}\" y=\"{y:.1}\">{}</tspan>", xml(&shown)));
    }
    out.push_str("</text>");
}

/// From one line to the next, in font sizes.
const LINE: f64 = 1.15;

fn largest(lines: &[String], place: &TableBox) -> f64 {
    let widest = lines.iter().map(|line| width(line, 1.0)).fold(f64::MIN_POSITIVE, f64::max);
    let count = f64::from(u32::try_from(lines.len()).unwrap_or(1));
    let high = (place.height - 12.0) / (count * LINE);
    ((place.width - 24.0) / widest).min(high).clamp(12.0, 40.0)
}

/// A name in so many lines of about the same length, broken behind underscores.
fn broken(name: &str, count: usize) -> Vec<String> {
    let room = name.chars().count().div_ceil(count);
    let mut lines: Vec<String> = vec![String::new()];
    for word in name.split_inclusive('_') {
        let left = lines.len() < count;
        if let Some(line) = lines.last_mut() {
            let before = line.chars().count();
            // A line may be a little too long rather than much too short.
            if before > 0 && left && before + word.chars().count() / 2 > room {
                lines.push(word.to_owned());
            } else {
                line.push_str(word);
            }
        }
    }
    lines
}

/// The table in words.
fn sentence(graph: &Graph, table: &Table) -> String {
    let out = graph.references.iter().filter(|reference| reference.table == table.name).count();
    let into = graph.references.iter().filter(|reference| reference.target == table.name).count();
    let mut text = format!(
        "{}, {} table, {} columns, refers to {out}, referred to by {into}",
        table.name,
        table.kind_word(),
        table.columns.len()
    );
    if table.change != Change::Same {
        text.push_str(", ");
        text.push_str(table.change.word());
    }
    if !table.partitions.is_empty() {
        put(&mut text, format_args!(", {} partitions", table.partitions.len()));
    }
    text
}

fn header(out: &mut String, table: &Table, place: &TableBox) {
    let kind = table.kind_word();
    let kind_width = width(kind, SMALL);
    let mark = mark(&table.change);
    let name = format!("{mark}{}", table.name);
    let name = fit(&name, NAME, place.width - 2.0 * SIDE - kind_width - BETWEEN);
    put(
        out,
        format_args!(
            "<text class=\"name\" x=\"{SIDE}\" y=\"20\">{}</text><text class=\"kind\" x=\"{:.1}\" y=\"19\">{kind}</text>\n",
            xml(&name),
            place.width - SIDE
        ),
    );
}

fn mark(change: &Change) -> &'static str {
    match change {
        Change::Same => "",
        Change::Added => "+ ",
        Change::Removed => "\u{2212} ",
        Change::Changed(_) => "~ ",
    }
}

fn column_row(out: &mut String, column: &Column, top: f64, box_width: f64) {
    let change = column.change.word();
    let tenant = if column.tenant { " tenant-column" } else { "" };
    put(out, format_args!("<g class=\"row {change}{tenant}\">"));
    if column.change != Change::Same {
        put(
            out,
            format_args!(
                "<rect class=\"wash\" x=\"1\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{ROW}\"/>",
                box_width - 2.0
            ),
        );
    }
    let baseline = top + 14.0;
    let marks = marks(column);
    if !marks.is_empty() {
        put(out, format_args!("<text class=\"marks\" x=\"{SIDE}\" y=\"{baseline:.1}\">{marks}</text>"));
    }
    let room = box_width - 2.0 * SIDE - MARKS;
    let name = format!("{}{}", mark(&column.change), column.name);
    let whole = short_type(&column.type_name);
    // The type gives way first, then the name.
    let least = width(&whole, SMALL).min(room * 0.38);
    let name = fit(&name, TEXT, room - BETWEEN - least);
    let type_name = fit(&whole, SMALL, room - BETWEEN - width(&name, TEXT));
    let null = if column.not_null { "" } else { " null" };
    put(
        out,
        format_args!(
            "<text class=\"column{null}\" x=\"{:.1}\" y=\"{baseline:.1}\">{}</text>\
         <text class=\"type\" x=\"{:.1}\" y=\"{baseline:.1}\">{}</text></g>\n",
            SIDE + MARKS,
            xml(&name),
            box_width - SIDE,
            xml(&type_name)
        ),
    );
}

fn marks(column: &Column) -> &'static str {
    match (column.primary, column.foreign, column.unique) {
        (true, true, _) => "PK FK",
        (true, false, _) => "PK",
        (false, true, true) => "U FK",
        (false, true, false) => "FK",
        (false, false, true) => "U",
        (false, false, false) => "",
    }
}
