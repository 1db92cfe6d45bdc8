//! PostgreSQL's parser, with what it lacks: the place of an error, and a bound on the depth of what is looked at.
//!
//! The parser itself keeps its stack on the heap and refuses what is nested too deeply. Everything that visits a tree
//! afterwards (ours, and the C code that copies and prints trees) recurses on the thread's stack, so a tree that is deeper
//! than [`DEEPEST`] is visited by nothing but [`is_deep`].

use crate::Refusal;
use crate::lex::{Kind, Lexer, is_operator};
use pg_raw_parse::walk::{Recurse, walk_manual};
use pg_raw_parse::{Node, ParseResult};
use std::panic::AssertUnwindSafe;

/// Levels of a tree. A level takes about a kilobyte of stack at most; threads of the gateway have two megabytes.
pub(crate) const DEEPEST: usize = 500;

/// Bytes of operator characters in a row. PostgreSQL's scanner goes over such a run again for each comment that starts in
/// it, so ten megabytes of `/*` would take it hours.
const LONGEST_RUN: usize = 4_096;

/// Parses, or says what is wrong in PostgreSQL's words.
pub(crate) fn parse(sql: &str) -> Result<ParseResult, String> {
    if has_endless_run(sql.as_bytes()) || has_endless_operator(sql) {
        return Err(format!("more than {LONGEST_RUN} operator characters in a row"));
    }
    pg_raw_parse::parse(sql).map_err(|error| {
        let text = error.to_string();
        text.strip_prefix("Invalid statement: ").unwrap_or(&text).to_owned()
    })
}

fn has_endless_run(sql: &[u8]) -> bool {
    // Only a run that is long enough to matter is looked at byte by byte.
    sql.len() > LONGEST_RUN
        && (0..sql.len()).step_by(LONGEST_RUN).any(|at| {
            is_operator(sql[at]) && {
                let before =
                    sql[..at].iter().rev().take(LONGEST_RUN).take_while(|c| is_operator(**c)).count();
                let after = sql[at..].iter().take(LONGEST_RUN).take_while(|c| is_operator(**c)).count();
                before + after > LONGEST_RUN
                    && sql[at - before..at + after].windows(2).any(|pair| pair == b"/*")
            }
        })
}

/// The same for each operator in a run of `+` and `-`, which is many.
fn has_endless_operator(sql: &str) -> bool {
    sql.len() > LONGEST_RUN
        && Lexer::new(sql, 0).any(|token| token.kind == Kind::Sign && token.end - token.start > LONGEST_RUN)
}

/// Runs what looks at a text. The library panics where its C code fails, after that code has returned and outside of any
/// memory context of its own; the caller gives up what it was about to make, so nothing half-done is left behind.
pub(crate) fn without_panic<T>(sql: &str, work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Refusal::guard(sql, 0..sql.len(), "the statement could not be looked through"))
    })
}

/// Whether an expression or query is nested deeper than anything may recurse. Takes no stack of its own.
pub(crate) fn is_deep(node: Node<'_>) -> bool {
    let mut open = vec![(node, 0_usize)];
    while let Some((node, depth)) = open.pop() {
        if depth > DEEPEST {
            return true;
        }
        children(node, |child| open.push((child, depth + 1)));
    }
    false
}

/// The number of its nodes. Takes no stack of its own.
pub(crate) fn size(node: Node<'_>) -> usize {
    let (mut open, mut count) = (vec![node], 0);
    while let Some(node) = open.pop() {
        count += 1;
        children(node, |child| open.push(child));
    }
    count
}

/// [`is_deep`] of a statement of any kind. Only queries and data statements can be deep: other statements are looked at with
/// the expressions in them.
pub(crate) fn is_deep_statement(node: Node<'_>) -> bool {
    match node {
        Node::ExplainStmt(of) => is_deep(of.query()),
        Node::PrepareStmt(of) => is_deep(of.query()),
        Node::DeclareCursorStmt(of) => is_deep(of.query()),
        Node::CreateTableAsStmt(of) => is_deep(of.query()),
        Node::ViewStmt(of) => is_deep(of.query()),
        Node::CopyStmt(of) => is_deep(of.query()) || is_deep(of.where_clause()),
        Node::CreateFunctionStmt(of) => is_deep(of.sql_body()),
        other => is_deep(other),
    }
}

/// The direct children of a query, a part of one, or an expression. Utility statements have none here.
pub(crate) fn children<'a>(node: Node<'a>, mut each: impl FnMut(Node<'a>)) {
    // The walker fails at the one statement that only function bodies have.
    if let Node::ReturnStmt(of) = node {
        return each(of.returnval());
    }
    if !has_children(&node) {
        return;
    }
    walk_manual::<()>(node, |child| {
        each(child);
        Recurse::no()
    });
}

/// What PostgreSQL's own walker knows; it fails at anything else.
fn has_children(node: &Node<'_>) -> bool {
    matches!(
        node,
        Node::NodeList(_)
            | Node::SelectStmt(_)
            | Node::InsertStmt(_)
            | Node::UpdateStmt(_)
            | Node::DeleteStmt(_)
            | Node::MergeStmt(_)
            | Node::MergeWhenClause(_)
            | Node::ReturningClause(_)
            | Node::OnConflictClause(_)
            | Node::InferClause(_)
            | Node::IndexElem(_)
            | Node::WithClause(_)
            | Node::CommonTableExpr(_)
            | Node::ResTarget(_)
            | Node::MultiAssignRef(_)
            | Node::A_Expr(_)
            | Node::BoolExpr(_)
            | Node::A_Indirection(_)
            | Node::A_Indices(_)
            | Node::A_ArrayExpr(_)
            | Node::TypeCast(_)
            | Node::CollateClause(_)
            | Node::FuncCall(_)
            | Node::NamedArgExpr(_)
            | Node::SubLink(_)
            | Node::CaseExpr(_)
            | Node::RowExpr(_)
            | Node::CoalesceExpr(_)
            | Node::MinMaxExpr(_)
            | Node::NullTest(_)
            | Node::BooleanTest(_)
            | Node::XmlExpr(_)
            | Node::XmlSerialize(_)
            | Node::GroupingFunc(_)
            | Node::GroupingSet(_)
            | Node::JoinExpr(_)
            | Node::RangeSubselect(_)
            | Node::RangeFunction(_)
            | Node::RangeTableSample(_)
            | Node::RangeTableFunc(_)
            | Node::RangeTableFuncCol(_)
            | Node::SortBy(_)
            | Node::WindowDef(_)
            | Node::JsonTable(_)
            | Node::JsonTableColumn(_)
            | Node::JsonFuncExpr(_)
            | Node::JsonValueExpr(_)
            | Node::JsonObjectConstructor(_)
            | Node::JsonArrayConstructor(_)
            | Node::JsonArrayQueryConstructor(_)
            | Node::JsonKeyValue(_)
            | Node::JsonIsPredicate(_)
            | Node::JsonParseExpr(_)
            | Node::JsonScalarExpr(_)
            | Node::JsonSerializeExpr(_)
            | Node::JsonObjectAgg(_)
            | Node::JsonArrayAgg(_)
            | Node::JsonAggConstructor(_)
            | Node::JsonArgument(_)
            | Node::JsonBehavior(_)
    )
}

/// The refusal of a text that does not parse, at the place where PostgreSQL stopped.
pub(crate) fn syntax_error(sql: &str, message: &str) -> Refusal {
    let near = message
        .split_once("at or near \"")
        .and_then(|(_, rest)| rest.strip_suffix('"'))
        .and_then(|near| first_failing(sql, near, message));
    let range = near.unwrap_or_else(|| {
        let end = sql.trim_end().len();
        end.saturating_sub(1)..end
    });
    Refusal::syntax(sql, range, message.to_owned())
}

/// The library tells no position. What stands before the place parses, but for its end; with the token it fails.
fn first_failing(sql: &str, near: &str, message: &str) -> Option<std::ops::Range<usize>> {
    /// Each one is parsed, so their number is bounded.
    const TRIES: usize = 64;
    let tokens = Lexer::new(sql, 0).filter(|token| token.kind != Kind::Comment);
    let mut same = tokens.filter(|token| sql[token.start..token.end].starts_with(near)).take(TRIES);
    same.find(|token| parse(&sql[..token.end]).is_err_and(|error| error == message))
        .map(|token| token.start..token.end)
}
