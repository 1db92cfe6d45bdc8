//! Whole rows have no word of their own: what gives them away is a table's name or alias that stands somewhere else too, and not
//! before a dot. Columns that are named by their place follow an alias in parentheses.

use crate::lex::{continues_word, starts_word};

/// More names than that in FROM clauses are looked at by the grammar.
const MOST: usize = 32;

/// Words behind which names of tables follow.
const OPENS: [&[u8]; 5] = [b"from", b"join", b"update", b"using", b"only"];
/// Words behind which they don't any more.
const CLOSES: [&[u8]; 16] = [
    b"where",
    b"on",
    b"set",
    b"group",
    b"order",
    b"limit",
    b"offset",
    b"select",
    b"having",
    b"window",
    b"returning",
    b"union",
    b"intersect",
    b"except",
    b"for",
    b"fetch",
];

/// Words among the names of tables that are none.
const BETWEEN: [&[u8]; 13] = [
    b"as", b"lateral", b"inner", b"left", b"right", b"full", b"outer", b"cross", b"natural", b"with", b"and",
    b"or", b"not",
];

/// Where the words stand.
#[derive(PartialEq, Eq)]
enum Place {
    Elsewhere,
    /// Among the names of tables.
    From,
    /// In the condition of a join, behind which a comma may lead back.
    On,
}

/// Whether a text, in which tables are named, may have a whole row in it, or columns named by their place.
pub(super) fn might_be_there(sql: &[u8]) -> bool {
    let mut names: [(&[u8], bool); MOST] = [(b"", false); MOST];
    let (mut count, mut place, mut behind_name) = (0_usize, Place::Elsewhere, false);
    for word in (Words { sql, at: 0 }) {
        if !word.quoted && is_any(&OPENS, word.text) {
            // JOIN … USING (columns) names no tables.
            let merges = word.text.eq_ignore_ascii_case(b"using") && word.next == b'(';
            place = if merges { Place::Elsewhere } else { Place::From };
            behind_name = false;
        } else if !word.quoted && is_any(&CLOSES, word.text) {
            place = if word.text.eq_ignore_ascii_case(b"on") { Place::On } else { Place::Elsewhere };
            if word.text.eq_ignore_ascii_case(b"returning") && names_versions(sql) {
                return true;
            }
        } else if place == Place::From || place == Place::On && word.before == b',' {
            if word.next == b'.' || !word.quoted && is_any(&BETWEEN, word.text) {
                continue;
            }
            if word.next == b'(' && behind_name && word.before != b',' {
                return true;
            }
            let Some(free) = names.get_mut(count) else { return true };
            *free = (word.text, word.before == b'.');
            (count, behind_name) = (count + 1, true);
        }
    }
    stands_twice(sql, &mut names[..count])
}

/// Whether a name stands once more than where the table is named. Behind a dot a word is a column.
fn stands_twice(sql: &[u8], names: &mut [(&[u8], bool)]) -> bool {
    let free = |word: &Word<'_>| word.before != b'.' && word.next != b'.' && word.next != b'(';
    (Words { sql, at: 0 }).filter(free).any(|word| {
        let named = |name: &[u8]| name.len() == word.text.len() && word.text.eq_ignore_ascii_case(name);
        names.iter_mut().any(|(name, seen)| named(name) && std::mem::replace(seen, true))
    })
}

/// `old`, `new`, or other names for them behind RETURNING.
fn names_versions(sql: &[u8]) -> bool {
    let versions: [&[u8]; 3] = [b"old", b"new", b"with"];
    (Words { sql, at: 0 }).any(|word| word.next != b'.' && is_any(&versions, word.text))
}

fn is_any(words: &[&[u8]], word: &[u8]) -> bool {
    words.iter().any(|other| other.len() == word.len() && other.eq_ignore_ascii_case(word))
}

/// A word or a name in quotes, and what stands around it.
struct Word<'a> {
    text: &'a [u8],
    quoted: bool,
    before: u8,
    next: u8,
}

struct Words<'a> {
    sql: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let sql = self.sql;
        while sql.get(self.at).is_some_and(|byte| !starts_word(*byte) && *byte != b'"') {
            // Digits begin no word and belong to one.
            if sql[self.at].is_ascii_digit() {
                self.at = end_of(sql, self.at);
            } else {
                self.at += 1;
            }
        }
        let start = self.at;
        let first = *sql.get(start)?;
        let before = sql[..start].iter().rev().find(|byte| !byte.is_ascii_whitespace()).copied();
        let (text, end) = if first == b'"' {
            let length = sql[start + 1..].iter().position(|byte| *byte == b'"');
            let end = length.map_or(sql.len(), |length| start + 1 + length);
            (&sql[start + 1..end], (end + 1).min(sql.len()))
        } else {
            let end = end_of(sql, start);
            (&sql[start..end], end)
        };
        self.at = end;
        let next = sql[end..].iter().find(|byte| !byte.is_ascii_whitespace()).copied();
        let (before, next) = (before.unwrap_or(0), next.unwrap_or(0));
        Some(Word { text, quoted: first == b'"', before, next })
    }
}

fn end_of(sql: &[u8], start: usize) -> usize {
    sql[start..].iter().position(|byte| !continues_word(*byte)).map_or(sql.len(), |length| start + length)
}
