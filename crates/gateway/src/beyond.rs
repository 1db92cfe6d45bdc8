//! What is refused although no privilege of PostgreSQL's covers it, or because tenants share a database: statements that change the
//! role, or its rights, which all tenants of a pool share; that show, or stop, what others do with a table that they share; and
//! features that belong to a whole database. All of them stand here, each with its reason and the choices.
//!
//! What a tenant may not do is told as PostgreSQL tells it (`42501`), what can't be had in a pool as a missing feature (`0A000`).
//!
//! Defence in depth, on the text's words: no row of another tenant depends on it. Whoever finds a way round it can put a pool
//! out of order, or learn from an estimate that a value exists. Notifications reach no client of a pool in any case.

use crate::error::ClientError;
use crate::lex;
use tenantry_core::{ErrorKind, TenancyModel};

/// How the statements begin.
const VERBS: [&str; 12] = [
    "alter", "drop", "explain", "grant", "revoke", "reassign", "lock", "prepare", "commit", "rollback",
    "listen", "notify",
];

/// Why a text is not sent, if it is not; `may_explain` is asked whether the tenant may use EXPLAIN in a pool. For nearly every
/// text that costs a look at its first word and one for a semicolon.
pub(crate) fn refusal(
    sql: &[u8],
    model: TenancyModel,
    readable: bool,
    may_explain: impl Fn() -> bool,
) -> Option<ClientError> {
    let text = sql.trim_ascii();
    let text = text.strip_suffix(b";").unwrap_or(text);
    let first = &text[..text.iter().position(|byte| !in_word(*byte)).unwrap_or(text.len())];
    // Without a word it begins with a comment, or an odd space.
    let other = !first.is_empty() && !VERBS.iter().any(|verb| is(first, verb));
    if other && memchr::memchr(b';', text).is_none() {
        return None;
    }
    let readings: &[Quotes] = match memchr::memchr(b'\\', text) {
        None => &[Quotes::Standard],
        // Which one holds is the session's to say, and its to change in the same text.
        Some(_) => &[Quotes::Standard, Quotes::Backslash],
    };
    // Bytes of a character that look like quotes: then every semicolon may be one.
    let readings = if readable { readings } else { &[Quotes::None] };
    readings.iter().find_map(|quotes| {
        Statements { rest: text, quotes: *quotes }.find_map(|s| s.refusal(model, &may_explain))
    })
}

/// How strings in plain quotes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Standard,
    Backslash,
    /// There is no telling what is a string.
    None,
}

/// What is to be known of a statement: its first two words, and of a LOCK the mode.
#[derive(Debug, Default)]
struct Statement<'a> {
    words: [&'a [u8]; 2],
    count: usize,
    last: [&'a [u8]; 3],
    /// The mode of a lock was named, and lets others write.
    mild: bool,
}

impl<'a> Statement<'a> {
    fn word(&mut self, word: &'a [u8]) {
        if let Some(place) = self.words.get_mut(self.count) {
            *place = word;
        }
        self.count += 1;
        if is(word, "mode") {
            let [before, kind, level] = self.last;
            self.mild = match () {
                () if is(level, "share") => is(kind, "access") || is(kind, "row"),
                () if is(level, "exclusive") => is(kind, "row") && !is(before, "share"),
                () => false,
            };
        }
        self.last = [self.last[1], self.last[2], word];
    }

    fn refusal(&self, model: TenancyModel, may_explain: &impl Fn() -> bool) -> Option<ClientError> {
        let reach = self.reach().filter(|reach| *reach == Reach::Rights || model.is_pooled())?;
        (reach != Reach::Explain || !may_explain()).then(|| reach.refusal())
    }

    /// What the statement reaches beyond its tenant.
    fn reach(&self) -> Option<Reach> {
        let [first, second] = self.words;
        let first_is = |words: &[&str]| words.iter().any(|word| is(first, word));
        let second_is = |words: &[&str]| words.iter().any(|word| is(second, word));
        Some(match () {
            () if first_is(&["grant", "revoke"]) => Reach::Rights,
            () if first_is(&["alter"]) && second_is(&["role", "user", "group", "default"]) => Reach::Rights,
            () if first_is(&["drop", "reassign"]) && second_is(&["owned"]) => Reach::Rights,
            () if first_is(&["explain"]) => Reach::Explain,
            () if first_is(&["lock"]) && !self.mild => Reach::Lock,
            () if first_is(&["listen"]) => Reach::Listen,
            () if first_is(&["notify"]) => Reach::Notify,
            () if first_is(&["prepare"]) && second_is(&["transaction"]) => Reach::TwoPhase,
            () if first_is(&["commit", "rollback"]) && second_is(&["prepared"]) => Reach::TwoPhase,
            () => return None,
        })
    }
}

/// What is refused, in pools alone but for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Rights,
    Explain,
    Lock,
    Listen,
    Notify,
    TwoPhase,
}

impl Reach {
    fn refusal(self) -> ClientError {
        use ErrorKind::{NotAllowed, NotSupported};
        let (kind, message, hint) = match self {
            Self::Rights => (
                NotAllowed,
                "an application may not change roles and their rights",
                "the role is not the application's own: an operator changes it, on the database itself",
            ),
            Self::Explain => (
                NotAllowed,
                "permission denied for EXPLAIN in a database that tenants share",
                "its estimates tell of other tenants' values: ask an operator for a plan with explain = true, or give the tenant a database of its own",
            ),
            Self::Lock => (
                NotAllowed,
                "permission denied for LOCK TABLE in a database that tenants share",
                "it would stop other tenants: lock rows with SELECT ... FOR UPDATE, or give the tenant a database of its own",
            ),
            Self::Listen => (
                NotSupported,
                "LISTEN is not possible in a database that tenants share",
                "a channel belongs to the whole database, so a notification could be another tenant's: poll a table, or give the tenant a database of its own",
            ),
            Self::Notify => (
                NotSupported,
                "NOTIFY is not possible in a database that tenants share",
                "a channel belongs to the whole database, and nobody can listen to it here: write to a table, or give the tenant a database of its own",
            ),
            Self::TwoPhase => (
                NotSupported,
                "two-phase commit is not possible in a database that tenants share",
                "a prepared transaction outlives its connection and can be ended by any tenant of the database: give the tenant a database of its own",
            ),
        };
        ClientError::new(kind, message).with_hint(hint)
    }
}

fn is(word: &[u8], keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword.as_bytes())
}

/// The statements of a text, read as PostgreSQL's scanner does.
struct Statements<'a> {
    rest: &'a [u8],
    quotes: Quotes,
}

impl<'a> Iterator for Statements<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        let mut statement = Statement::default();
        let mut escapes = false;
        while let Some(first) = self.rest.first() {
            let len = match first {
                b';' => {
                    self.rest = &self.rest[1..];
                    return Some(statement);
                }
                b'-' if self.rest.starts_with(b"--") => line(self.rest),
                b'/' if self.rest.starts_with(b"/*") => lex::comment_len(self.rest),
                b'\'' if self.quotes != Quotes::None => {
                    if escapes {
                        escaped(self.rest)
                    } else {
                        quoted(self.rest, self.quotes == Quotes::Backslash)
                    }
                }
                b'"' if self.quotes != Quotes::None => quoted(self.rest, false),
                b'$' if self.quotes != Quotes::None => dollar(self.rest),
                byte if begins_word(*byte) => {
                    let len = self.rest.iter().position(|byte| !in_word(*byte)).unwrap_or(self.rest.len());
                    statement.word(&self.rest[..len]);
                    len
                }
                _ => 1,
            };
            escapes = len == 1 && matches!(first, b'e' | b'E');
            self.rest = &self.rest[len..];
        }
        (statement.count > 0).then_some(statement)
    }
}

fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn in_word(byte: u8) -> bool {
    begins_word(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// A comment to the end of its line.
fn line(text: &[u8]) -> usize {
    memchr::memchr2(b'\n', b'\r', text).unwrap_or(text.len())
}

/// A string or a quoted name. Two quotes inside are one, which is two strings here: it makes no difference.
fn quoted(text: &[u8], backslash: bool) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' if backslash => at += 2,
            byte if byte == text[0] => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// `E'…'`, which goes on in the same manner in a string on the next line.
fn escaped(text: &[u8]) -> usize {
    let mut at = quoted(text, true);
    loop {
        let mut next = at;
        let mut broken = false;
        while next < text.len() {
            if text[next..].starts_with(b"--") {
                next += line(&text[next..]);
            } else if text[next].is_ascii_whitespace() || text[next] == 0x0b {
                broken |= matches!(text[next], b'\n' | b'\r');
                next += 1;
            } else {
                break;
            }
        }
        if next >= text.len() || !(text[next] == b'\'' && (broken || next == at)) {
            return at;
        }
        at = next + quoted(&text[next..], true);
    }
}

/// `$tag$…$tag$`, or a parameter's dollar.
fn dollar(text: &[u8]) -> usize {
    let end = text[1..].iter().position(|byte| !in_word(*byte) || *byte == b'$');
    let Some(end) = end.filter(|end| text[end + 1] == b'$' && !text[1].is_ascii_digit()) else { return 1 };
    let tag = &text[..end + 2];
    let body = &text[tag.len()..];
    memchr::memmem::find(body, tag).map_or(text.len(), |at| tag.len() + at + tag.len())
}

#[cfg(test)]
mod tests;
