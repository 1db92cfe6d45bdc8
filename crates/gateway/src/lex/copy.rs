//! COPY … TO STDOUT that surely only reads, as far as its words tell: it may go to a replica where the plan says so. Never a
//! part of a guarantee: whatever a replica is sent, it refuses to write by itself.
//!
//! What is not understood goes to the primary, where everything works. So names that are called must be of a list: any other
//! function may write, or take a lock that is worth nothing on a replica.

/// What stands in front of a parenthesis without being called. Sorted.
const WORDS: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "between",
    "by",
    "case",
    "cast",
    "char",
    "cube",
    "decimal",
    "distinct",
    "else",
    "except",
    "exists",
    "filter",
    "from",
    "group",
    "having",
    "ilike",
    "in",
    "intersect",
    "interval",
    "join",
    "lateral",
    "like",
    "limit",
    "materialized",
    "not",
    "numeric",
    "offset",
    "on",
    "or",
    "over",
    "recursive",
    "rollup",
    "select",
    "sets",
    "some",
    "then",
    "time",
    "timestamp",
    "timestamptz",
    "union",
    "using",
    "values",
    "varchar",
    "when",
    "where",
];

/// Functions of PostgreSQL's that only read. Sorted.
const FUNCTIONS: &[&str] = &[
    "abs",
    "age",
    "array_agg",
    "array_length",
    "array_to_json",
    "array_to_string",
    "avg",
    "bool_and",
    "bool_or",
    "btrim",
    "ceil",
    "char_length",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "current_setting",
    "date",
    "date_bin",
    "date_part",
    "date_trunc",
    "dense_rank",
    "encode",
    "every",
    "extract",
    "first_value",
    "floor",
    "format",
    "generate_series",
    "greatest",
    "json_agg",
    "json_build_array",
    "json_build_object",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object_agg",
    "lag",
    "last_value",
    "lead",
    "least",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "make_date",
    "max",
    "md5",
    "min",
    "mod",
    "mode",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "overlay",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "pg_is_in_recovery",
    "position",
    "power",
    "quote_ident",
    "quote_literal",
    "rank",
    "regexp_replace",
    "repeat",
    "replace",
    "right",
    "round",
    "row",
    "row_number",
    "row_to_json",
    "rpad",
    "rtrim",
    "sign",
    "split_part",
    "sqrt",
    "stddev",
    "string_agg",
    "string_to_array",
    "strpos",
    "substr",
    "substring",
    "sum",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_timestamp",
    "translate",
    "trim",
    "trunc",
    "unnest",
    "upper",
    "variance",
];

/// Words of statements that write or lock, and of rows locked by a query.
const WRITES: [&str; 6] = ["insert", "update", "delete", "merge", "into", "share"];

/// Whether a text is one COPY … TO STDOUT, and nothing in it may write.
pub(crate) fn copies_out(sql: &[u8]) -> bool {
    let begins = sql.trim_ascii_start();
    let odd = begins.first().is_none_or(|byte| !matches!(byte, b'c' | b'C' | b'/' | b'-'));
    // How strings with a backslash are read depends on settings; a dollar begins a string, too.
    if odd || memchr::memchr2(b'\\', b'$', sql).is_some() {
        return false;
    }
    let mut tokens = Tokens(sql);
    if !tokens.next().is_some_and(|token| token.is("copy")) {
        return false;
    }
    let source = match tokens.next() {
        Some(Token::Mark(b'(')) => reads(&mut tokens),
        Some(Token::Word(_) | Token::Quoted) => names(&mut tokens),
        _ => false,
    };
    source && tokens.next().is_some_and(|token| token.is("stdout")) && ends(&mut tokens)
}

/// Behind a table's first name: the rest of it, perhaps columns, and TO.
fn names(tokens: &mut Tokens<'_>) -> bool {
    for token in tokens {
        match token {
            Token::Mark(b'.' | b'(' | b',' | b')') | Token::Quoted => {}
            Token::Word(word) if is(word, "to") => return true,
            Token::Word(word) if !is(word, "from") => {}
            _ => return false,
        }
    }
    false
}

/// Behind the parenthesis of a query: all of it, and TO.
fn reads(tokens: &mut Tokens<'_>) -> bool {
    let queries = |word: &[u8]| ["select", "with", "values", "table"].iter().any(|first| is(word, first));
    let Some(first @ Token::Word(word)) = tokens.next() else { return false };
    if !queries(word) {
        return false;
    }
    let (mut depth, mut before, mut last) = (1_usize, None, first);
    while depth > 0 {
        let Some(token) = tokens.next() else { return false };
        match token {
            Token::Mark(b'(') if calls(before, last) => return false,
            Token::Mark(b'(') => depth += 1,
            Token::Mark(b')') => depth -= 1,
            Token::Mark(b';') => return false,
            Token::Word(word) if WRITES.iter().any(|write| is(word, write)) => return false,
            _ => {}
        }
        (before, last) = (Some(last), token);
    }
    tokens.next().is_some_and(|token| token.is("to"))
}

/// Whether a parenthesis behind these two may call a function that is not of the list.
fn calls(before: Option<Token<'_>>, last: Token<'_>) -> bool {
    match last {
        Token::Word(_) if matches!(before, Some(Token::Mark(b'.'))) => true,
        Token::Word(word) => {
            let word = word.to_ascii_lowercase();
            let of = |list: &[&str]| list.binary_search_by(|known| known.as_bytes().cmp(&word)).is_ok();
            !of(WORDS) && !of(FUNCTIONS)
        }
        Token::Quoted => true,
        Token::Mark(_) => false,
    }
}

/// Options to the end of the only statement.
fn ends(tokens: &mut Tokens<'_>) -> bool {
    tokens.find(|token| matches!(token, Token::Mark(b';'))).is_none() || tokens.next().is_none()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a [u8]),
    /// A string or a quoted name.
    Quoted,
    Mark(u8),
}

impl Token<'_> {
    fn is(self, word: &str) -> bool {
        matches!(self, Token::Word(this) if is(this, word))
    }
}

fn is(word: &[u8], known: &str) -> bool {
    word.eq_ignore_ascii_case(known.as_bytes())
}

/// What PostgreSQL's scanner finds in a text without backslashes and dollars.
struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.0 = self.0.trim_ascii_start();
            self.0 = match self.0 {
                [b'-', b'-', ..] => &self.0[memchr::memchr2(b'\n', b'\r', self.0).unwrap_or(self.0.len())..],
                [b'/', b'*', ..] => &self.0[super::comment::len(self.0)..],
                _ => break,
            };
        }
        let first = *self.0.first()?;
        let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        let (token, len) = match first {
            // Two quotes inside are one, which is two strings here: it makes no difference.
            b'\'' | b'"' => {
                let end = memchr::memchr(first, &self.0[1..]);
                (Token::Quoted, end.map_or(self.0.len(), |end| end + 2))
            }
            byte if in_word(&byte) => {
                let len = self.0.iter().position(|byte| !in_word(byte)).unwrap_or(self.0.len());
                (Token::Word(&self.0[..len]), len)
            }
            byte => (Token::Mark(byte), 1),
        };
        self.0 = &self.0[len..];
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(WORDS.is_sorted() && FUNCTIONS.is_sorted());
    }

    #[test]
    fn copies_that_only_read_are_told_from_others() {
        for sql in [
            "COPY notes TO STDOUT",
            " copy public.\"Notes\" (id, body) to stdout with (format csv, header);",
            "COPY notes TO STDOUT CSV -- all of it",
            "/* export */ COPY (SELECT * FROM notes) TO STDOUT",
            "COPY (SELECT id, count(*) FROM notes WHERE at > now() - interval '1 day' AND (a OR b) GROUP BY id) TO STDOUT",
            "COPY (WITH x AS MATERIALIZED (SELECT 1) SELECT 'it''s; (not', \"update\" FROM x WHERE a IN (1, 2)) TO STDOUT",
            "COPY (VALUES (1, 2), (3, 4)) TO STDOUT (FORMAT binary)",
            "COPY (TABLE notes) TO STDOUT",
            "COPY (SELECT cast(a AS numeric(10, 2)), b::varchar(3), sum(c) OVER (ORDER BY d) FROM t /* ( */) TO STDOUT",
        ] {
            assert!(copies_out(sql.as_bytes()), "{sql}");
        }
        for sql in [
            "",
            "COPY",
            "COPY notes FROM STDIN",
            "COPY notes TO '/tmp/notes'",
            "COPY notes TO PROGRAM 'cat'",
            "COPY notes TO STDOUT; SELECT 1",
            "COPY notes TO STDOUT; ;",
            "SELECT 1; COPY notes TO STDOUT",
            "COPY (SELECT 1; SELECT 2) TO STDOUT",
            "COPY (INSERT INTO notes DEFAULT VALUES RETURNING id) TO STDOUT",
            "COPY (WITH new AS (INSERT INTO notes DEFAULT VALUES RETURNING id) TABLE new) TO STDOUT",
            "COPY (WITH gone AS (DELETE FROM notes RETURNING id) TABLE gone) TO STDOUT",
            "COPY (SELECT * FROM notes FOR NO KEY UPDATE) TO STDOUT",
            "COPY (SELECT * FROM notes FOR KEY SHARE) TO STDOUT",
            "COPY (SELECT nextval('s')) TO STDOUT",
            "COPY (SELECT count (*), my_own(1) FROM notes) TO STDOUT",
            "COPY (SELECT mine.count(1)) TO STDOUT",
            "COPY (SELECT \"count\"(1)) TO STDOUT",
            "COPY (SELECT pg_advisory_xact_lock(1)) TO STDOUT",
            "COPY (SELECT E'\\'' || f('')) TO STDOUT",
            "COPY (SELECT $a$ ) TO STDOUT $a$ || f()) TO STDOUT",
            "COPY (SELECT 'unclosed) TO STDOUT",
            "/* COPY notes TO STDOUT",
            "COPYING notes TO STDOUT",
        ] {
            assert!(!copies_out(sql.as_bytes()), "{sql}");
        }
    }
}
