//! Whole rows have no word of their own: what gives them away is a table's name or alias that stands somewhere else too, and not
//! before a dot. Columns that are named by their place follow an alias in parentheses.

use super::{Role, SPACE, STARTS, end_of, is};

/// More names than that in FROM clauses are looked at by the grammar.
const MOST: usize = 32;

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
    for word in Words::of(sql) {
        let role = if word.quoted { Role::Other } else { Role::of(word.text) };
        match role {
            Role::Names | Role::Only => {
                // JOIN … USING (columns) names no tables.
                let merges = word.next == b'(' && word.text.eq_ignore_ascii_case(b"using");
                place = if merges { Place::Elsewhere } else { Place::From };
                behind_name = false;
            }
            Role::On => place = Place::On,
            Role::Returning if names_versions(sql) => return true,
            Role::Returning | Role::Ends | Role::Matters => place = Place::Elsewhere,
            Role::Between | Role::Other
                if place == Place::From || place == Place::On && word.before == b',' =>
            {
                if word.next == b'.' || role == Role::Between {
                    continue;
                }
                if word.next == b'(' && behind_name && word.before != b',' {
                    return true;
                }
                let Some(free) = names.get_mut(count) else { return true };
                *free = (word.text, word.before == b'.');
                (count, behind_name) = (count + 1, true);
            }
            Role::Between | Role::Other => {}
        }
    }
    count > 0 && stands_twice(sql, &mut names[..count])
}

/// Whether a name stands once more than where the table is named. Behind a dot a word is a column.
fn stands_twice(sql: &[u8], names: &mut [(&[u8], bool)]) -> bool {
    let free = |word: &Word<'_>| word.before != b'.' && word.next != b'.' && word.next != b'(';
    Words::of(sql).filter(free).any(|word| {
        let named = |name: &[u8]| name.len() == word.text.len() && word.text.eq_ignore_ascii_case(name);
        names.iter_mut().any(|(name, seen)| named(name) && std::mem::replace(seen, true))
    })
}

/// `old`, `new`, or other names for them behind RETURNING.
fn names_versions(sql: &[u8]) -> bool {
    let versions: [&[u8]; 3] = [b"old", b"new", b"with"];
    let named = |word: &[u8]| versions.iter().any(|name| word.eq_ignore_ascii_case(name));
    Words::of(sql).any(|word| word.next != b'.' && named(word.text))
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
    /// The last byte in front of it that is no space.
    last: u8,
}

impl<'a> Words<'a> {
    fn of(sql: &'a [u8]) -> Self {
        Self { sql, at: 0, last: 0 }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let (sql, mut start, mut before) = (self.sql, self.at, self.last);
        let quoted = loop {
            let byte = *sql.get(start)?;
            if is(byte, STARTS) || byte == b'"' {
                break byte == b'"';
            }
            // Digits begin no word and belong to one.
            start = if byte.is_ascii_digit() { end_of(sql, start) } else { start + 1 };
            if !is(byte, SPACE) {
                before = sql[start - 1];
            }
        };
        let (text, end) = if quoted {
            let length = sql[start + 1..].iter().position(|byte| *byte == b'"');
            let end = length.map_or(sql.len(), |length| start + 1 + length);
            (&sql[start + 1..end], (end + 1).min(sql.len()))
        } else {
            let end = end_of(sql, start + 1);
            (&sql[start..end], end)
        };
        let next = sql[end..].iter().find(|byte| !is(**byte, SPACE)).copied().unwrap_or(0);
        (self.at, self.last) = (end, sql[end - 1]);
        Some(Word { text, quoted, before, next })
    }
}
