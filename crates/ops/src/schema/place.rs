//! Places in a text: where in the user's file the server found an error.
//!
//! The server mostly says where. Where it only fails a statement, that statement is counted and looked for here; the
//! splitting is for messages alone, and nothing is ever run by it.

use crate::error::SqlPlace;

/// The place of the server's 1-based character position.
pub(crate) fn of_position(sql: &str, position: usize) -> Option<SqlPlace> {
    let before: String = sql.chars().take(position.checked_sub(1)?).collect();
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let text = sql.split('\n').nth(line)?.trim_end_matches('\r');
    Some(SqlPlace { line: line + 1, column: column + 1, text: text.to_owned() })
}

/// The place where the statement with this index begins.
pub(crate) fn of_statement(sql: &str, index: usize) -> Option<SqlPlace> {
    let offset = *starts(sql).get(index)?;
    of_position(sql, sql.get(..offset)?.chars().count() + 1)
}

/// Where each statement begins, in bytes.
fn starts(sql: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let (mut open, mut body, mut last_word) = (false, 0_u32, "");
    let mut at = 0;
    while at < sql.len() {
        let rest = &sql[at..];
        let length = token(rest);
        let text = &rest[..length];
        let is_blank = text.trim().is_empty() || text.starts_with("--") || text.starts_with("/*");
        if text == ";" && body == 0 {
            open = false;
        } else if !is_blank {
            if !open {
                starts.push(at);
                open = true;
            }
            // BEGIN ATOMIC … END: a routine's body, in which semicolons separate nothing for us.
            match text.to_ascii_lowercase().as_str() {
                "atomic" if last_word.eq_ignore_ascii_case("begin") => body += 1,
                "case" if body > 0 => body += 1,
                "end" => body = body.saturating_sub(1),
                _ => {}
            }
            last_word = text;
        }
        at += length;
    }
    starts
}

/// The length of the first token: a comment, a string, a name, blanks, or one character.
fn token(rest: &str) -> usize {
    let mut chars = rest.chars();
    let Some(first) = chars.next() else { return 0 };
    let up_to = |end: Option<usize>| end.unwrap_or(rest.len());
    match first {
        '-' if rest.starts_with("--") => up_to(rest.find('\n')),
        '/' if rest.starts_with("/*") => comment(rest),
        '\'' | '"' => up_to(rest[1..].find(first).map(|end| end + 2)),
        'e' | 'E' if rest[1..].starts_with('\'') => escaped(rest),
        '$' => dollar(rest).unwrap_or(1),
        c if c.is_whitespace() => up_to(rest.find(|c: char| !c.is_whitespace())),
        c if c.is_alphanumeric() || c == '_' => {
            up_to(rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')))
        }
        c => c.len_utf8(),
    }
}

/// Comments nest.
fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_u32, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// `E'…'`, in which a backslash takes the next character along.
fn escaped(rest: &str) -> usize {
    let mut taken = false;
    for (at, c) in rest.char_indices().skip(2) {
        match c {
            _ if taken => taken = false,
            '\\' => taken = true,
            '\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `$tag$…$tag$`.
fn dollar(rest: &str) -> Option<usize> {
    let tag_end = rest[1..].find('$')? + 2;
    let tag = &rest[..tag_end];
    let inner = &tag[1..tag.len() - 1];
    let is_tag = inner.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !inner.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| rest[tag_end..].find(tag).map_or(rest.len(), |end| tag_end + end + tag.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let sql = "-- é\r\nCREATE TABEL t ();\n";
        let place = of_position(sql, 14).unwrap();
        assert_eq!((place.line, place.column, place.text.as_str()), (2, 8, "CREATE TABEL t ();"));
        assert_eq!(of_position(sql, 0), None);
        assert_eq!(of_position("x", 2).unwrap().column, 2);
    }

    #[test]
    fn statements_are_found_past_everything_that_holds_semicolons() {
        let sql = "-- a;\nSELECT ';', \";\", E'\\';', $$;$$, $x$ $$;$$ $x$, $1 /* ; /* ; */ ; */;;\n\
                   CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;\n\
                   BEGIN; SELECT 'it''s; é'; END;\n  third";
        let found: Vec<&str> =
            starts(sql).into_iter().map(|at| sql[at..].split_whitespace().next().unwrap()).collect();
        assert_eq!(found, ["SELECT", "CREATE", "BEGIN;", "SELECT", "END;", "third"]);
        let place = of_statement(sql, 5).unwrap();
        assert_eq!((place.line, place.column, place.text.as_str()), (5, 3, "  third"));
        assert_eq!(of_statement(sql, 6), None);
    }

    #[test]
    fn unfinished_text_ends_with_the_text() {
        for sql in ["'", "\"", "E'\\", "$a$", "/*", "--", "$", "e'", "é", ""] {
            let _ = starts(sql);
        }
    }
}
