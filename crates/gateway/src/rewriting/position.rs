//! Where an error stands in the client's own text.

use super::Rewritten;

/// Where the places of what a text became stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    /// What begins alike and ends alike: the text, or the COPY of three statements.
    shift: Option<Shift>,
    /// Characters before that.
    start: usize,
}

impl Places {
    pub(crate) fn new(before: &str, after: &Rewritten) -> Self {
        match after.copies.as_slice() {
            [] => Self { shift: Some(Shift::between(before, &after.sql)), start: 0 },
            [copy] if copy.first == 0 => {
                let text = before.trim_end_matches(|c: char| c == ';' || c.is_ascii_whitespace());
                let start = after.sql.find(&copy.copy).map_or(0, |at| after.sql[..at].chars().count());
                Self { shift: Some(Shift::between(text, &copy.copy)), start }
            }
            // A place in such a text is not worth the trouble.
            _ => Self { shift: None, start: 0 },
        }
    }

    /// The place in the client's text, both from 1 and in characters.
    pub(crate) fn of(self, position: usize) -> Option<usize> {
        let position = position.checked_sub(self.start).filter(|position| *position > 0)?;
        Some(self.shift?.of(position))
    }
}

/// How the places of a text follow from those of what it became: both begin alike and end alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shift {
    /// Characters at the start that are the same, and the lengths of both texts.
    same: usize,
    before: usize,
    after: usize,
    /// Characters at the end that are the same.
    tail: usize,
}

impl Shift {
    fn between(before: &str, after: &str) -> Self {
        let (lengths, same) = (
            (before.chars().count(), after.chars().count()),
            before.chars().zip(after.chars()).take_while(|(a, b)| a == b).count(),
        );
        let most = lengths.0.min(lengths.1) - same;
        let tail =
            before.chars().rev().zip(after.chars().rev()).take(most).take_while(|(a, b)| a == b).count();
        Self { same, before: lengths.0, after: lengths.1, tail }
    }

    /// The place in the client's text, both from 1 and in characters. What stands in the middle of what was changed is where the
    /// change began.
    fn of(self, position: usize) -> usize {
        if position <= self.same {
            position
        } else if position > self.after - self.tail {
            (position + self.before).saturating_sub(self.after).max(1)
        } else {
            (self.same + 1).min(self.before).max(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_before_and_behind_a_change_are_those_of_the_original() {
        let (before, after) = ("é INSERT INTO t VALUES (x)", "é INSERT INTO t (a, b) VALUES (x)");
        let shift = Shift::between(before, after);
        let place = |text: &str, word: &str| text[..text.find(word).unwrap()].chars().count() + 1;
        for word in ["INSERT", "t ", "VALUES", "x)"] {
            assert_eq!(shift.of(place(after, word)), place(before, word), "{word}");
        }
        assert_eq!(shift.of(place(after, "b)")), place(before, "VALUES"));
        assert_eq!(Shift::between("", "a").of(1), 1);
    }
}
