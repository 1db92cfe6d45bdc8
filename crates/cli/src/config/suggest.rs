//! Turns the TOML reader's complaints into ours: what is wrong, and the word that was probably meant.

/// What to say about one complaint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Explained {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// The closest of `known` to a mistyped word, when one is close.
pub(super) fn closest<'a>(word: &str, known: &'a [String]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(score, _)| *score >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.as_str())
}

/// Explains a message of serde's: its wording ("unknown field `x`, expected one of `a`, `b`") is all it tells.
pub(super) fn explain(message: &str) -> Explained {
    for (prefix, thing) in [("unknown field ", "key"), ("unknown variant ", "value")] {
        if let Some(rest) = message.strip_prefix(prefix) {
            return unknown(thing, rest);
        }
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return Explained { message: format!("the key {field} is missing in this section"), hint: None };
    }
    Explained { message: message.trim_end().replace('\n', ": "), hint: None }
}

fn unknown(thing: &str, rest: &str) -> Explained {
    let mut words = rest.split('`').skip(1).step_by(2).map(str::to_owned);
    let word = words.next().unwrap_or_default();
    let known: Vec<String> = words.collect();
    let hint = match word.as_str() {
        "password" | "master_key" => {
            Some(format!("a secret never stands in the configuration: use {word}_file or {word}_env"))
        }
        _ => closest(&word, &known)
            .map(|close| format!("did you mean `{close}`?"))
            .or_else(|| (!known.is_empty()).then(|| format!("what can stand here: {}", known.join(", ")))),
    };
    Explained { message: format!("unknown {thing} `{word}`"), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_word_is_suggested_and_a_strange_one_gets_the_list() {
        let close = explain("unknown field `max_conections`, expected one of `url`, `max_connections`");
        assert_eq!(close.message, "unknown key `max_conections`");
        assert_eq!(close.hint.as_deref(), Some("did you mean `max_connections`?"));
        let strange = explain("unknown variant `zebra`, expected `bigint` or `uuid`");
        assert_eq!(strange.message, "unknown value `zebra`");
        assert_eq!(strange.hint.as_deref(), Some("what can stand here: bigint, uuid"));
    }

    #[test]
    fn an_inline_password_is_told_where_to_go() {
        let hint = explain("unknown field `password`, expected one of `url`, `password_file`").hint;
        assert_eq!(
            hint.as_deref(),
            Some("a secret never stands in the configuration: use password_file or password_env")
        );
    }
}
