//! Where an error stands in the client's own text.

/// How the places of a text follow from those of what it became: both begin alike and end alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shift {
    /// Characters at the start that are the same, and the lengths of both texts.
    same: usize,
    before: usize,
    after: usize,
    /// Characters at the end that are the same.
    tail: usize,
}

impl Shift {
    pub(crate) fn between(before: &str, after: &str) -> Self {
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
    pub(crate) fn of(self, position: usize) -> usize {
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
