//! "did you mean …?": the nearest of the names that exist.

use strsim::damerau_levenshtein;

/// How many slips of a finger (insertions, deletions, swaps) still are the same word.
const SLIPS: usize = 2;

/// The candidate nearest to `name`, if one is near.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (damerau_levenshtein(name, candidate), candidate))
        // Of a name of two letters, two slips leave nothing.
        .filter(|(distance, _)| *distance <= SLIPS && *distance < name.chars().count())
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["acme", "globex", "initech"];
        assert_eq!(nearest("amce", names).as_deref(), Some("acme"));
        assert_eq!(nearest("globx", names).as_deref(), Some("globex"));
        assert_eq!(nearest("umbrella", names), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
