//! Reads the text of queries as the server prints them (`pg_get_viewdef`, bodies of SQL functions), far enough to find their
//! clauses. It is no parser: the server has parsed, every operator stands in parentheses and every name that could be a
//! keyword in quotes. Where a text is not of the expected shape, the callers refuse.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A word, name, constant or sign.
#[derive(Debug, Clone)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// Where it stands in the text.
    pub(super) at: Range<usize>,
    /// The pair of parentheses that it stands in directly; 0 is none.
    pub(super) group: usize,
}

/// One SELECT of a query: the tokens of its clauses, without those of other SELECTs beside it.
#[derive(Debug)]
pub(super) struct Select {
    pub(super) from: Range<usize>,
    pub(super) group_by: Range<usize>,
}

impl<'a> Token<'a> {
    /// Whether it is this keyword, given in capitals.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.text.eq_ignore_ascii_case(keyword)
    }

    /// The name that it is, without quotes. Keywords count: the callers know where a name stands.
    pub(super) fn name(&self) -> Option<Cow<'a, str>> {
        if let Some(quoted) = self.text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            return Some(Cow::Owned(quoted.replace("\"\"", "\"")));
        }
        let first = self.text.chars().next()?;
        (first.is_alphabetic() || first == '_').then_some(Cow::Borrowed(self.text))
    }
}

/// Splits a text into tokens.
pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut open = vec![0];
    let (mut groups, mut at) = (0, 0);
    while let Some(first) = sql[at..].chars().next() {
        let end = at + first.len_utf8();
        if first.is_whitespace() {
            at = end;
            continue;
        }
        let escapes = matches!(first, 'e' | 'E') && sql[end..].starts_with('\'');
        let end = match first {
            '\'' => quoted(sql, at, '\'', false),
            '"' => quoted(sql, at, '"', false),
            _ if escapes => quoted(sql, end, '\'', true),
            c if is_wordlike(c) => sql[at..].find(|c| !is_wordlike(c)).map_or(sql.len(), |len| at + len),
            _ => end,
        };
        if first == ')' && open.len() > 1 {
            open.pop();
        }
        let group = open.last().copied().unwrap_or(0);
        tokens.push(Token { text: &sql[at..end], at: at..end, group });
        if first == '(' {
            groups += 1;
            open.push(groups);
        }
        at = end;
    }
    tokens
}

fn is_wordlike(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The end of what begins with a quote at `at`. Two quotes stand for one.
fn quoted(sql: &str, at: usize, quote: char, escapes: bool) -> usize {
    let mut chars = sql[at + 1..].char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return at + 1 + offset + quote.len_utf8();
            }
        }
    }
    sql.len()
}

/// The SELECTs that have a GROUP BY.
pub(super) fn grouped_selects(tokens: &[Token<'_>]) -> Vec<Select> {
    let starts = (0..tokens.len()).filter(|at| tokens[*at].is("SELECT"));
    starts.filter_map(|start| grouped_select(tokens, start)).collect()
}

fn grouped_select(tokens: &[Token<'_>], start: usize) -> Option<Select> {
    let group = tokens[start].group;
    // The tokens of the same parentheses up to the next query beside it. What is nested is in between.
    let beside = |at: &usize| tokens[*at].group == group;
    let is_end = |at: usize| {
        let token = &tokens[at];
        ["SELECT", "UNION", "INTERSECT", "EXCEPT", ";"].iter().any(|end| token.is(end))
    };
    let end = (start + 1..tokens.len())
        .find(|at| tokens[*at].group < group || (beside(at) && is_end(*at)))
        .unwrap_or(tokens.len());
    let own: Vec<usize> = (start + 1..end).filter(beside).collect();
    let clause = |words: &[&str]| {
        own.iter().copied().find(|at| {
            words
                .iter()
                .enumerate()
                .all(|(ahead, word)| tokens.get(at + ahead).is_some_and(|token| token.is(word)))
        })
    };
    let group_by = clause(&["GROUP", "BY"])?;
    let from = clause(&["FROM"])?;
    let after = |at: usize, words: &[&str]| {
        own.iter()
            .copied()
            .find(|next| *next > at && words.iter().any(|word| tokens[*next].is(word)))
            .unwrap_or(end)
    };
    Some(Select {
        from: from + 1..after(from, &["WHERE", "GROUP"]),
        group_by: group_by + 2
            ..after(group_by, &["HAVING", "WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH", "FOR"]),
    })
}

const AFTER_A_TABLE: &[&str] = &[
    "JOIN",
    "LEFT",
    "RIGHT",
    "FULL",
    "INNER",
    "CROSS",
    "NATURAL",
    "ON",
    "USING",
    "TABLESAMPLE",
    ",",
    ")",
    ";",
];

/// A table as a FROM clause names it.
#[derive(Debug)]
pub(super) struct Relation<'a> {
    pub(super) table: String,
    /// The name that it has in the query, as written.
    pub(super) alias: &'a str,
    /// The names that its columns have in the query, and where their list ends: `a AS x(i, n)`.
    pub(super) columns: Option<(Vec<String>, usize)>,
}

/// The tables that a FROM clause names.
pub(super) fn relations<'a>(tokens: &[Token<'a>], from: &Range<usize>) -> Vec<Relation<'a>> {
    let clause = &tokens[from.clone()];
    // What stands in the parentheses of a function, of columns' new names, of ON or USING is no table.
    let opens_no_tables = |pair: &[Token<'_>]| {
        pair[1].is("(")
            && pair[0].name().is_some()
            && !["JOIN", "LATERAL", "FROM"].iter().any(|word| pair[0].is(word))
    };
    let arguments: BTreeSet<usize> =
        clause.windows(3).filter(|three| opens_no_tables(&three[..2])).map(|three| three[2].group).collect();
    let found = clause.iter().enumerate().filter_map(|(at, token)| {
        let stands_for_a_table = match at.checked_sub(1).map(|before| &clause[before]) {
            None => true,
            Some(before) => ["JOIN", ",", "(", "ONLY", "LATERAL", "FROM"].iter().any(|word| before.is(word)),
        };
        let next = clause.get(at + 1);
        let is_prefix = next.is_some_and(|next| next.is(".") || next.is("("));
        let table = token.name().filter(|_| stands_for_a_table && !is_prefix)?.into_owned();
        if ["ONLY", "LATERAL", "SELECT", "WITH", "VALUES"].iter().any(|word| token.is(word))
            || arguments.contains(&token.group)
        {
            return None;
        }
        match next {
            Some(next) if !AFTER_A_TABLE.iter().any(|word| next.is(word)) => {
                next.name()?;
                Some(Relation { table, alias: next.text, columns: column_names(&clause[at + 2..]) })
            }
            _ => Some(Relation { table, alias: token.text, columns: None }),
        }
    });
    found.collect()
}

/// `(a, b, …)` at the beginning of these tokens.
fn column_names(tokens: &[Token<'_>]) -> Option<(Vec<String>, usize)> {
    let end = tokens.iter().position(|token| token.is(")")).filter(|_| tokens[0].is("("))?;
    let names = tokens[1..end].iter().filter(|token| !token.is(","));
    let names: Option<Vec<String>> = names.map(|token| token.name().map(Cow::into_owned)).collect();
    Some((names?, tokens[end].at.start))
}

/// What a query has to know of a tenant table.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// Its columns in their order, the tenant column among them.
    pub(super) columns: Vec<String>,
    /// Its primary key without the tenant column; empty where it has none.
    pub(super) key: Vec<String>,
    /// The key has the tenant column in it.
    pub(super) composite: bool,
}

/// A query that was adapted to the tenant column of its tables.
#[derive(Debug, Default)]
pub(super) struct Adapted {
    pub(super) text: String,
    /// The tables whose whole primary key stands in a GROUP BY, with the tenant column now.
    pub(super) grouped: BTreeSet<String>,
    /// Whether a GROUP BY was changed.
    pub(super) regrouped: bool,
}

/// Puts the tenant column into every GROUP BY that holds the whole primary key of a table. Under the floor the column has one
/// value (or none, where an outer join finds no row): the groups stay what they are. Where a query gives a table's columns
/// other names, the tenant column is named too, as the server does when it prints the query again.
/// `column` is the name, `printed` the same as the server writes it.
/// `rests_on` says on which tables' keys a GROUP BY may rest.
pub(super) fn adapt(
    sql: &str,
    shapes: &BTreeMap<String, Shape>,
    rests_on: impl Fn(&str) -> bool,
    column: &str,
    printed: &str,
) -> Adapted {
    let tokens = tokens(sql);
    let mut adapted = Adapted::default();
    let mut insertions = BTreeSet::new();
    for relation in relations(&tokens, &(0..tokens.len())) {
        if let (Some(shape), Some((names, end))) = (shapes.get(&relation.table), &relation.columns)
            && names.len() + 1 == shape.columns.len()
        {
            insertions.insert((*end, format!(", {printed}")));
        }
    }
    for select in grouped_selects(&tokens) {
        let list = &tokens[select.group_by];
        let in_sets =
            ["GROUPING", "ROLLUP", "CUBE"].iter().any(|word| list.iter().any(|token| token.is(word)));
        for relation in relations(&tokens, &select.from) {
            let Some(shape) = shapes
                .get(&relation.table)
                .filter(|shape| shape.is_grouped_by() && rests_on(&relation.table) && !in_sets)
            else {
                continue;
            };
            // Newer servers leave the table out where the query has no other; then so do we.
            let qualified = list.windows(2).any(|pair| pair[0].text == relation.alias && pair[1].is("."));
            let has = |name: &str| names(list, relation.alias, qualified, relation.called(shape, name));
            if !shape.key.iter().all(|column| has(column)) {
                continue;
            }
            adapted.grouped.insert(relation.table.clone());
            if let Some(last) = list.last().filter(|_| !has(column)) {
                let alias = if qualified { format!("{}.", relation.alias) } else { String::new() };
                insertions.insert((last.at.end, format!(", {alias}{printed}")));
                adapted.regrouped = true;
            }
        }
    }
    sql.clone_into(&mut adapted.text);
    for (at, text) in insertions.into_iter().rev() {
        adapted.text.insert_str(at, &text);
    }
    adapted
}

impl Shape {
    /// Whether a GROUP BY of the key needs the tenant.
    pub(super) fn is_grouped_by(&self) -> bool {
        self.composite && !self.key.is_empty()
    }
}

impl Relation<'_> {
    /// What the query calls a column of the table.
    fn called<'b>(&'b self, shape: &Shape, column: &'b str) -> &'b str {
        let at = shape.columns.iter().position(|name| name == column);
        let names = self.columns.as_ref().map(|(names, _)| names);
        names.zip(at).and_then(|(names, at)| names.get(at)).map_or(column, String::as_str)
    }
}

/// Whether one of the items of a list is this column.
fn names(list: &[Token<'_>], alias: &str, qualified: bool, column: &str) -> bool {
    let mut items = list.split(|token| token.is(",") && token.group == list[0].group);
    items.any(|item| match item {
        [table, dot, name] => {
            qualified && table.text == alias && dot.is(".") && name.name().as_deref() == Some(column)
        }
        [name] => !qualified && name.name().as_deref() == Some(column),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_names_and_parentheses() {
        let tokens = tokens(r#"SELECT "a "" b", 'it''s (', E'\'(' FROM (x)"#);
        let texts: Vec<&str> = tokens.iter().map(|token| token.text).collect();
        assert_eq!(texts, ["SELECT", r#""a "" b""#, ",", "'it''s ('", ",", r"E'\'('", "FROM", "(", "x", ")"]);
        assert_eq!(tokens[1].name().unwrap(), r#"a " b"#);
        assert_eq!(
            tokens.iter().map(|token| token.group).collect::<Vec<_>>(),
            [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]
        );
    }

    #[test]
    fn tables_are_found_by_the_names_that_the_query_gives_them() {
        for (from, expected) in [
            ("p", "p=p"),
            ("projects \"P\"", "projects=\"P\""),
            ("(p LEFT JOIN t ON ((t.p = p.id)))", "p=p t=t"),
            ("((t JOIN p x ON ((t.p = x.id))) CROSS JOIN ONLY u)", "t=t p=x u=u"),
            ("p, p other", "p=p p=other"),
            ("p x(a, b)", "p=x(a b)"),
            ("f(p) g, LATERAL ( SELECT q.a FROM q) l", "q=q"),
        ] {
            let sql = format!(" SELECT 1 FROM {from} GROUP BY p.id;");
            let tokens = tokens(&sql);
            let found = relations(&tokens, &grouped_selects(&tokens)[0].from);
            let found: Vec<String> = found
                .iter()
                .map(|found| {
                    let columns = found.columns.as_ref().map(|(names, _)| format!("({})", names.join(" ")));
                    format!("{}={}{}", found.table, found.alias, columns.unwrap_or_default())
                })
                .collect();
            assert_eq!(found.join(" "), expected, "{from}");
        }
    }

    #[test]
    fn the_tenant_joins_whole_keys_alone() {
        let words = |text: &str| text.split(' ').map(ToOwned::to_owned).collect::<Vec<String>>();
        let shapes = BTreeMap::from([(
            "p".to_owned(),
            Shape { columns: words("a b t"), key: words("a b"), composite: true },
        )]);
        for (list, expected) in [
            ("a, b", "a, b, t"),
            ("a", "a"),
            ("a, (b + 1)", "a, (b + 1)"),
            ("p.a, p.b", "p.a, p.b, p.t"),
            ("a, b, t", "a, b, t"),
            ("ROLLUP(a, b)", "ROLLUP(a, b)"),
        ] {
            let sql = |list: &str| format!(" SELECT 1 FROM p GROUP BY {list} HAVING (count(*) > 1);");
            assert_eq!(adapt(&sql(list), &shapes, |_| true, "t", "t").text, sql(expected), "{list}");
        }
        let renamed = " SELECT 1 FROM p x(i, b) GROUP BY i, b;";
        assert_eq!(
            adapt(renamed, &shapes, |_| true, "t", "t").text,
            " SELECT 1 FROM p x(i, b, t) GROUP BY i, b, t;"
        );
    }

    #[test]
    fn clauses_end_where_the_next_begins() {
        let sql = " SELECT a, count(*) FILTER (WHERE (b > 0)) FROM t GROUP BY a HAVING (count(*) > 1) UNION ALL SELECT 1, 2;";
        let tokens = tokens(sql);
        let selects = grouped_selects(&tokens);
        assert_eq!(selects.len(), 1);
        let text = |range: &Range<usize>| {
            tokens[range.clone()].iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((text(&selects[0].from).as_str(), text(&selects[0].group_by).as_str()), ("t", "a"));
    }
}
