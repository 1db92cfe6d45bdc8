//! Comments in the manner of sqlcommenter, at a text's end or its beginning: `/*tenant='globex',tenantry.read='replica'*/`.

use memchr::memmem;

/// A text without the comment that has this key (`key='`), and the key's value. Without one, the text.
pub(super) fn without_comment<'s>(sql: &'s [u8], key: &[u8]) -> (&'s [u8], Option<Box<str>>) {
    let text = sql.trim_ascii_end();
    let text = text.strip_suffix(b";").unwrap_or(text).trim_ascii_end();
    let last =
        text.strip_suffix(b"*/").and_then(|text| memmem::rfind(text, b"/*").map(|at| text.split_at(at)));
    if let Some((statement, comment)) = last
        && let Some(value) = value_of(&comment[2..], key)
    {
        return (statement, Some(value));
    }
    let first = sql.trim_ascii_start().strip_prefix(b"/*");
    let first = first.and_then(|text| memmem::find(text, b"*/").map(|at| text.split_at(at)));
    match first.and_then(|(comment, statement)| Some((&statement[2..], value_of(comment, key)?))) {
        Some((statement, value)) => (statement, Some(value)),
        None => (sql, None),
    }
}

/// The value of a key among the pairs of a comment.
fn value_of(comment: &[u8], key: &[u8]) -> Option<Box<str>> {
    let at = memmem::find_iter(comment, key).find(|at| {
        let before = comment[..*at].last();
        before.is_none_or(|byte| *byte == b',' || byte.is_ascii_whitespace())
    })?;
    let value = &comment[at + key.len()..];
    let value = &value[..memchr::memchr(b'\'', value)?];
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [*bytes.next()?, *bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => *byte,
        });
    }
    String::from_utf8(decoded).ok().map(Into::into)
}

/// The length of the comment that a text begins with. Comments nest; one without an end is no SQL.
pub(crate) fn len(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match &text[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}
