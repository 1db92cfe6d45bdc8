//! Names and comments on their way into other languages. A name of PostgreSQL may hold anything but a zero byte.

/// Text of an XML or HTML element, or of an attribute in double quotes.
pub(crate) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars().map(visible) {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Characters that are no text (control characters are forbidden in XML) or that turn the direction of what follows.
pub(crate) fn visible(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => ' ',
        '\u{0}'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{fffe}'
        | '\u{ffff}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    }
}

/// On one line, without what could turn or break it.
pub(crate) fn line(text: &str) -> String {
    text.chars().map(visible).collect()
}
