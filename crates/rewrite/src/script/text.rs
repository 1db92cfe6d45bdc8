//! Pieces of a statement's text: what was written for a type, an expression, an option.

use crate::lex::Tokens;
use crate::name::ident;
use pg_raw_parse::{ConstValue, Node, nodes};

/// A type as `format_type` prints it, as far as the grammar knows the type.
pub(crate) fn type_name(node: &nodes::TypeName, sql: &str) -> String {
    let path: Vec<&str> = node.names().iter().filter_map(|name| name.sval()).collect();
    let modifiers: Vec<String> = node.typmods().iter().map(constant).collect();
    let arguments = if modifiers.is_empty() { String::new() } else { format!("({})", modifiers.join(",")) };
    let brackets = if node.array_bounds().is_empty() { "" } else { "[]" };
    let base = match path.as_slice() {
        ["pg_catalog", "interval"] => interval(node, sql),
        // The grammar's own words for types are keywords, and stand without quotes.
        ["pg_catalog", name] => {
            let (head, tail) = printed(name);
            format!("{}{arguments}{tail}", head.unwrap_or(name))
        }
        [name] => {
            let (head, tail) = printed(name);
            format!("{}{arguments}{tail}", head.map_or_else(|| ident(name), ToOwned::to_owned))
        }
        path => {
            let path: Vec<String> = path.iter().map(|part| ident(part)).collect();
            format!("{}{arguments}", path.join("."))
        }
    };
    format!("{base}{brackets}")
}

/// An interval's fields are a bit mask in the tree: they are taken from the text.
fn interval(node: &nodes::TypeName, sql: &str) -> String {
    let start = usize::try_from(node.location).unwrap_or(sql.len());
    let tokens = Tokens::new(sql, start..sql.len());
    let fields = ["interval", "year", "month", "day", "hour", "minute", "second", "to", "(", ")"];
    let belongs =
        |at: &usize| fields.iter().any(|field| tokens.is(*at, field)) || tokens.is(at.wrapping_sub(1), "(");
    let mut depth = 0_i32;
    let end = (0..tokens.len())
        .find(|at| {
            depth += i32::from(tokens.is(*at, "(")) - i32::from(tokens.is(*at, ")"));
            !belongs(at) || depth < 0
        })
        .unwrap_or(tokens.len());
    tokens.span(0..end).map_or_else(|| "interval".to_owned(), |span| sql[span].to_ascii_lowercase())
}

/// `(before the modifiers, after them)`
fn printed(name: &str) -> (Option<&'static str>, &'static str) {
    let plain = match name {
        "int2" => "smallint",
        "int4" | "int" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "bool" => "boolean",
        "bpchar" => "character",
        "varchar" => "character varying",
        "varbit" => "bit varying",
        "decimal" => "numeric",
        "timestamp" => return (Some("timestamp"), " without time zone"),
        "timestamptz" => return (Some("timestamp"), " with time zone"),
        "time" => return (Some("time"), " without time zone"),
        "timetz" => return (Some("time"), " with time zone"),
        _ => return (None, ""),
    };
    (Some(plain), "")
}

fn constant(node: Node<'_>) -> String {
    match node {
        Node::A_Const(constant) => match constant.val() {
            Some(ConstValue::Integer(value)) => value.to_string(),
            Some(ConstValue::Float(text) | ConstValue::String(text)) => text.to_owned(),
            _ => String::new(),
        },
        Node::ColumnRef(of) => crate::find::names(of.fields().iter()).join("."),
        _ => String::new(),
    }
}

/// `name=value` of `WITH (…)`.
pub(crate) fn options<'n>(nodes: impl Iterator<Item = Node<'n>>) -> Vec<String> {
    let option = |node| match node {
        Node::DefElem(of) => {
            let space = of.defnamespace().map(|space| format!("{space}.")).unwrap_or_default();
            let value = match of.arg() {
                Node::None => "true".to_owned(),
                Node::Integer(value) => value.ival.to_string(),
                Node::Float(value) => value.fval().unwrap_or_default().to_owned(),
                Node::Boolean(value) => value.boolval.to_string(),
                Node::String(value) => value.sval().unwrap_or_default().to_owned(),
                Node::TypeName(value) => value
                    .names()
                    .iter()
                    .filter_map(|name| name.sval())
                    .next_back()
                    .unwrap_or_default()
                    .to_owned(),
                _ => String::new(),
            };
            Some(format!("{space}{}={value}", of.defname().unwrap_or_default()))
        }
        _ => None,
    };
    let mut all: Vec<String> = nodes.filter_map(option).collect();
    all.sort();
    all
}

/// What follows the first `word` that stands outside parentheses.
pub(crate) fn after(text: &str, word: &str) -> String {
    let tokens = Tokens::new(text, 0..text.len());
    outside(&tokens).find(|at| tokens.is(*at, word)).map_or_else(String::new, |at| rest(text, &tokens, at))
}

/// The same of the last one.
pub(crate) fn after_last(text: &str, word: &str) -> String {
    let tokens = Tokens::new(text, 0..text.len());
    let last = outside(&tokens).filter(|at| tokens.is(*at, word)).last();
    last.map_or_else(String::new, |at| rest(text, &tokens, at))
}

fn rest(text: &str, tokens: &Tokens<'_>, at: usize) -> String {
    tokens.span(at + 1..tokens.len()).map_or_else(String::new, |span| text[span].to_owned())
}

/// The positions outside parentheses; those of an opening one count as outside.
fn outside<'t>(tokens: &'t Tokens<'_>) -> impl Iterator<Item = usize> + 't {
    let mut depth = 0_i32;
    (0..tokens.len()).filter(move |at| {
        let here = depth == 0;
        match tokens.sign(*at) {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            _ => {}
        }
        here
    })
}

/// What stands in the first pair of parentheses.
pub(crate) fn in_parentheses(text: &str) -> String {
    let tokens = Tokens::new(text, 0..text.len());
    inside(text, &tokens, 0)
}

/// The same behind the first `word` that stands outside parentheses.
pub(crate) fn in_parentheses_after(text: &str, word: &str) -> String {
    let tokens = Tokens::new(text, 0..text.len());
    let at = outside(&tokens).find(|at| tokens.is(*at, word));
    at.map_or_else(String::new, |at| inside(text, &tokens, at + 1))
}

fn inside(text: &str, tokens: &Tokens<'_>, from: usize) -> String {
    let open = (from..tokens.len()).find(|at| tokens.sign(*at) == b'(');
    let close = open.and_then(|open| tokens.closing(open));
    match (open, close) {
        (Some(open), Some(close)) => {
            tokens.span(open + 1..close).map_or_else(String::new, |span| text[span].to_owned())
        }
        _ => String::new(),
    }
}

/// `(element, operator)` of each element of an exclusion constraint.
pub(crate) fn exclusion_elements(text: &str) -> Option<Vec<(String, String)>> {
    let tokens = Tokens::new(text, 0..text.len());
    let open = (0..tokens.len()).find(|at| tokens.is(*at, "("))?;
    let close = tokens.closing(open)?;
    let element = |part: std::ops::Range<usize>| {
        let with = part.clone().rev().find(|at| tokens.is(*at, "with"))?;
        let element = text[tokens.span(part.start..with)?].to_owned();
        Some((element, text[tokens.span(with + 1..part.end)?].to_owned()))
    };
    tokens.parts(open + 1..close).into_iter().map(element).collect()
}

/// The expression of an index element: what stands in parentheses, or a function call.
pub(crate) fn expression_of(text: &str) -> String {
    let tokens = Tokens::new(text, 0..text.len());
    let open = (0..tokens.len()).find(|at| tokens.is(*at, "("));
    let close = open.and_then(|open| tokens.closing(open));
    match close {
        Some(close) => tokens.span(0..close + 1).map_or_else(String::new, |span| text[span].to_owned()),
        // A function without parentheses: CURRENT_DATE and the like.
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_of(sql: &str) -> String {
        let sql = format!("CREATE TABLE t (a {sql})");
        let parsed = crate::parse::parse(&sql).unwrap();
        let Some(Node::CreateStmt(create)) = parsed.stmts().next() else { panic!("{sql}") };
        let Some(Node::ColumnDef(column)) = create.table_elts().first() else { panic!("{sql}") };
        type_name(column.type_name().unwrap(), &sql)
    }

    #[test]
    fn types_are_named_as_the_server_names_them() {
        for (written, printed) in [
            ("int8", "bigint"),
            ("INT", "integer"),
            ("varchar(20)[]", "character varying(20)[]"),
            ("decimal(10, 2)", "numeric(10,2)"),
            ("timestamptz(3)", "timestamp(3) with time zone"),
            ("char", "character(1)"),
            ("interval day to second(3)", "interval day to second(3)"),
            ("Interval DEFAULT '1 day'", "interval"),
            ("mood", "mood"),
            ("\"Mood\"", "\"Mood\""),
            ("uuid", "uuid"),
            ("double precision", "double precision"),
        ] {
            assert_eq!(type_of(written), printed, "{written}");
        }
    }

    #[test]
    fn pieces_of_constraints_are_cut_out() {
        assert_eq!(in_parentheses("CHECK (a IN ('(', ')'))"), "a IN ('(', ')')");
        assert_eq!(in_parentheses_after("CONSTRAINT \"check (\" CHECK (a > (1))", "check"), "a > (1)");
        assert_eq!(after("DEFAULT 'default' || x", "default"), "'default' || x");
        let elements =
            exclusion_elements("EXCLUDE USING gist (room WITH =, tstzrange(a, b) WITH &&)").unwrap();
        assert_eq!(elements[1], ("tstzrange(a, b)".to_owned(), "&&".to_owned()));
    }
}
