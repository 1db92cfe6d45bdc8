//! What a word may mean to the look. Nearly all words of a statement are names, which their first letter or their length tells.

/// What follows from a word that is not in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Some rewrite begins with it.
    Matters,
    /// Names of tables follow, nearly always.
    Names,
    /// `ONLY`, behind which they follow too.
    Only,
    /// None follow any more.
    Ends,
    /// The condition of a join follows.
    On,
    /// Ends them, and may be followed by names of a row's versions.
    Returning,
    /// Among the names of tables, and none itself.
    Between,
    /// It may be a name.
    Other,
}

impl Role {
    pub(super) fn of(word: &[u8]) -> Self {
        const LONGEST: usize = 9;
        let mut lower = [0; LONGEST];
        let Some(lower) = lower.get_mut(..word.len()) else { return Self::Other };
        // Most names end here.
        let may_be_one = match word[0] | 0x20 {
            b'a' | b'n' => matches!(word.len(), 2 | 3 | 7),
            b'c' => matches!(word.len(), 4 | 5 | 8),
            b'f' => matches!(word.len(), 3..=5),
            b'g' | b'm' => word.len() == 5,
            b'e' | b'h' => word.len() == 6,
            b'i' | b'r' => matches!(word.len(), 5 | 6 | 9),
            b'j' => word.len() == 4,
            b'l' | b't' => matches!(word.len(), 4 | 5 | 7 | 8),
            b'o' => matches!(word.len(), 2 | 4..=6),
            b's' => matches!(word.len(), 3 | 6),
            b'u' | b'w' => matches!(word.len(), 4..=6),
            _ => false,
        };
        if !may_be_one {
            return Self::Other;
        }
        for (to, from) in lower.iter_mut().zip(word) {
            *to = from.to_ascii_lowercase();
        }
        match &*lower {
            b"conflict" | b"copy" | b"group" | b"insert" | b"merge" | b"truncate" | b"table" => Self::Matters,
            b"from" | b"join" | b"update" | b"using" => Self::Names,
            b"only" => Self::Only,
            b"where" | b"set" | b"order" | b"limit" | b"offset" | b"select" | b"having" | b"window"
            | b"union" | b"intersect" | b"except" | b"for" | b"fetch" => Self::Ends,
            b"on" => Self::On,
            b"returning" => Self::Returning,
            b"as" | b"lateral" | b"inner" | b"left" | b"right" | b"full" | b"outer" | b"cross"
            | b"natural" | b"with" | b"and" | b"or" | b"not" => Self::Between,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn no_keyword_is_overlooked() {
        for word in [
            "conflict copy group insert merge truncate table from join update using only where set order limit offset",
            "select having window union intersect except for fetch on returning as lateral inner left right full outer",
            "cross natural with and or not",
        ]
        .iter()
        .flat_map(|words| words.split(' '))
        {
            assert_ne!(Role::of(word.as_bytes()), Role::Other, "{word}");
        }
    }

    #[test]
    fn keywords_are_told_in_any_case_and_nothing_else_is() {
        let role = |word: &str| Role::of(word.as_bytes());
        assert_eq!(
            (role("COPY"), role("Conflict"), role("truncate")),
            (Role::Matters, Role::Matters, Role::Matters)
        );
        assert_eq!((role("From"), role("USING"), role("only")), (Role::Names, Role::Names, Role::Only));
        assert_eq!(
            (role("INTERSECT"), role("Returning"), role("ON")),
            (Role::Ends, Role::Returning, Role::On)
        );
        assert_eq!((role("natural"), role("AND")), (Role::Between, Role::Between));
        for word in ["copies", "fro", "froms", "f", "_from", "users", "intersects", "\u{e9}", "k", "z", "x1"]
        {
            assert_eq!(role(word), Role::Other, "{word}");
        }
    }
}
