//! Places in a text: where in the user's file the server found an error.

use crate::error::SqlPlace;

/// The place of the server's 1-based character position.
pub(crate) fn of_position(sql: &str, position: usize) -> Option<SqlPlace> {
    let before: String = sql.chars().take(position.checked_sub(1)?).collect();
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let text = sql.split('\n').nth(line)?.trim_end_matches('\r');
    Some(SqlPlace { line: line + 1, column: column + 1, text: text.to_owned() })
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
}
