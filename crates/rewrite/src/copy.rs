//! COPY … FROM STDIN into tables under row-level security, which PostgreSQL refuses: what a session sends in its place. COPY
//! itself reads the rows, with all its options, into a table of the session's own; an INSERT takes them from there. The
//! isolation core makes that table (`tenancy.begin_copy`).
//!
//! The three statements stand in the place of one, so that they succeed or fail together, as it would.

use crate::edit::{self, Splice};
use crate::find::{names, names_listed};
use crate::known::Facts;
use crate::lex::Tokens;
use crate::name::{ident, idents};
use crate::rewriter::{range_of, refuse_backslash};
use crate::{QuotedStrings, Refusal, Rewriter, Rewritten, parse};
use pg_raw_parse::{Node, nodes};
use std::ops::Range;
use tenantry_core::quote_literal;
use tenantry_schema::Kind;

/// The table that rows are read into.
pub const STAGE: &str = "tenantry_copy";

/// What a session sends in the place of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent<'s> {
    pub text: Rewritten<'s>,
    /// The COPYs in it that became three statements each.
    pub copies: Vec<Staged>,
}

/// A COPY that became three statements: the last one's count is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The first one's number in the text, from 0.
    pub first: usize,
    /// The table, as errors call it.
    pub table: String,
    pub begin: String,
    pub copy: String,
    pub finish: String,
}

impl Rewriter {
    /// [`rewrite_as`](Self::rewrite_as), for a session whose role is under row-level security: COPY … FROM STDIN too.
    pub fn rewrite_session<'s>(&self, sql: &'s str, strings: QuotedStrings) -> Result<Sent<'s>, Refusal> {
        let text = self.rewrite_as(sql, strings)?;
        if !self.might_need_rewrite(sql) || sql.contains('\0') || !might_copy(text.sql()) {
            return Ok(Sent { text, copies: Vec::new() });
        }
        self.stage_in(sql, text, Some(&self.known().tenant))
    }

    /// COPY … FROM STDIN alone: in a schema of the tenant's own all else works as it is, under row-level security.
    pub(crate) fn rewrite_copies<'s>(
        &self,
        sql: &'s str,
        strings: QuotedStrings,
    ) -> Result<Sent<'s>, Refusal> {
        let text = Rewritten::Unchanged(sql);
        if sql.contains('\0') || !might_copy(sql) {
            return Ok(Sent { text, copies: Vec::new() });
        }
        match strings {
            QuotedStrings::Backslash => refuse_backslash(sql)?,
            QuotedStrings::Standard => {}
        }
        self.stage_in(sql, text, None)
    }

    /// Puts three statements in the place of each COPY of a text that became another. `tenant` is the column of tables that
    /// tenants share.
    fn stage_in<'s>(
        &self,
        sql: &'s str,
        text: Rewritten<'s>,
        tenant: Option<&str>,
    ) -> Result<Sent<'s>, Refusal> {
        let staged = parse::without_panic(sql, || {
            self.stage(text.sql(), tenant).map_err(|refusal| refusal.of(sql, text.sql()))
        })?;
        Ok(match staged {
            Some((text, copies)) => Sent { text: Rewritten::Changed(text), copies },
            None => Sent { text, copies: Vec::new() },
        })
    }

    fn stage(&self, sql: &str, tenant: Option<&str>) -> Result<Option<(String, Vec<Staged>)>, Refusal> {
        let Ok(parsed) = parse::parse(sql) else { return Ok(None) };
        let (mut copies, mut splices) = (Vec::new(), Vec::new());
        for (nth, raw) in parsed.iter().enumerate() {
            let Node::CopyStmt(copy) = raw.stmt() else { continue };
            let Some((facts, relation)) = self.is_staged(copy) else { continue };
            let range = range_of(sql, raw);
            if let Some((word, message, hint)) = not_offered(copy) {
                let tokens = Tokens::new(sql, range.clone());
                let at = (0..tokens.len()).rev().find(|at| tokens.is(*at, word));
                let place = at.and_then(|at| tokens.get(at)).map_or(range, |token| token.start..token.end);
                return Err(Refusal::new(sql, place, message).hint(hint));
            }
            let first = nth + 2 * copies.len();
            let made = staged(sql, range.clone(), copy, relation, (facts, tenant), first);
            let (staged, place) = made.ok_or_else(|| held(sql, range))?;
            splices.push(Splice::replace(
                place,
                format!("{}; {}; {}", staged.begin, staged.copy, staged.finish),
            ));
            copies.push(staged);
        }
        if copies.is_empty() {
            return Ok(None);
        }
        let text = edit::apply(sql, &mut splices).ok_or_else(|| held(sql, 0..sql.len()))?;
        let again = parse::parse(&text).map_err(|_| held(sql, 0..sql.len()))?;
        let kinds: Vec<Node<'_>> = again.iter().map(nodes::RawStmt::stmt).collect();
        if kinds.len() != parsed.len() + 2 * copies.len()
            || !copies.iter().all(|of| is_meant(&kinds, of, tenant))
        {
            return Err(held(sql, 0..sql.len()));
        }
        Ok(Some((text, copies)))
    }

    /// Whether it reads rows from the client into a table that PostgreSQL would not let it.
    fn is_staged<'a>(&self, copy: &'a nodes::CopyStmt) -> Option<(&Facts, &'a nodes::RangeVar)> {
        let relation =
            copy.relation().filter(|_| copy.is_from && !copy.is_program && copy.filename().is_none())?;
        let facts = self.known().table(relation.schemaname(), relation.relname()?)?;
        let floored = facts.kind.is_some_and(|kind| kind != Kind::Global);
        floored.then_some((facts, relation))
    }
}

/// The three statements, and the place of the one in whose place they stand. A tenant's column that the application does not know
/// is given its value once: its default would be asked for each row.
fn staged(
    sql: &str,
    range: Range<usize>,
    copy: &nodes::CopyStmt,
    relation: &nodes::RangeVar,
    (facts, tenant): (&Facts, Option<&str>),
    first: usize,
) -> Option<(Staged, Range<usize>)> {
    let table = relation.relname()?.to_owned();
    let name = match relation.schemaname() {
        Some(schema) => format!("{}.{}", ident(schema), ident(&table)),
        None => ident(&table),
    };
    let listed = !copy.attlist().is_empty();
    let columns = if listed {
        names(copy.attlist())
    } else {
        facts.columns.iter().filter(|column| !facts.generated.contains(column)).cloned().collect()
    };
    let tokens = Tokens::new(sql, range);
    let end = (0..tokens.len()).rev().find(|at| !tokens.is(*at, ";"))? + 1;
    let at = tokens.at(usize::try_from(relation.location).ok()?)?;
    let mut after = tokens.after_name(at);
    if listed {
        after = tokens.closing(after)? + 1;
    }
    let (whole, head, tail) = (tokens.span(0..end)?, tokens.span(0..at)?, tokens.span(after..end)?);
    let list = idents(&columns);
    let is_unsaid = |tenant: &&str| {
        let is_it = |column: &String| column == tenant;
        facts.kind == Some(Kind::Tenant) && facts.hidden.iter().any(is_it) && !columns.iter().any(is_it)
    };
    let (column, value) = match tenant.filter(is_unsaid) {
        Some(tenant) => (format!(", {}", ident(tenant)), ", (SELECT tenancy.tenant_id())"),
        None => (String::new(), ""),
    };
    let literals: Vec<String> = columns.iter().map(|column| quote_literal(column)).collect();
    let staged = Staged {
        first,
        begin: format!(
            "CALL tenancy.begin_copy({}::regclass, ARRAY[{}]::text[])",
            quote_literal(&name),
            literals.join(", ")
        ),
        copy: format!("{} pg_temp.{STAGE} ({list}) {}", &sql[head], &sql[tail]),
        // COPY writes the values that it was given into identity columns.
        finish: format!(
            "INSERT INTO {name} ({list}{column}) OVERRIDING SYSTEM VALUE SELECT {list}{value} FROM pg_temp.{STAGE}"
        ),
        table,
    };
    Some((staged, whole))
}

/// What can't be had, with the word that asks for it.
fn not_offered(copy: &nodes::CopyStmt) -> Option<(&'static str, &'static str, &'static str)> {
    let is_off = |option: &nodes::DefElem| match option.arg() {
        Node::String(value) => value
            .sval()
            .is_some_and(|text| ["false", "off", "0"].iter().any(|off| text.eq_ignore_ascii_case(off))),
        Node::Boolean(value) => !value.boolval,
        Node::Integer(value) => value.ival == 0,
        _ => false,
    };
    copy.options().iter().find_map(|option| match option.defname() {
        Some("freeze") if !is_off(option) => Some((
            "freeze",
            "cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction",
            "leave FREEZE out: the rows pass through row-level security",
        )),
        Some("default") => Some((
            "default",
            "COPY … FROM with the option DEFAULT is not offered for tables under row-level security",
            "leave the column out of the list of columns, or use INSERT with DEFAULT",
        )),
        _ => None,
    })
}

/// Whether the three statements are there, and are what they were meant to be.
fn is_meant(statements: &[Node<'_>], staged: &Staged, tenant: Option<&str>) -> bool {
    let on_stage = |of: Option<&nodes::RangeVar>| {
        of.is_some_and(|of| of.schemaname() == Some("pg_temp") && of.relname() == Some(STAGE))
    };
    match statements.get(staged.first..staged.first + 3) {
        Some([Node::CallStmt(_), Node::CopyStmt(copy), Node::InsertStmt(insert)]) => {
            let into = insert.relation().and_then(nodes::RangeVar::relname);
            let written = names_listed(insert);
            let more = written.strip_prefix(&*names(copy.attlist()));
            copy.is_from
                && copy.filename().is_none()
                && on_stage(copy.relation())
                && more.is_some_and(|more| more.is_empty() || tenant.is_some_and(|tenant| more == [tenant]))
                && into == Some(&*staged.table)
        }
        _ => false,
    }
}

fn held(sql: &str, range: Range<usize>) -> Refusal {
    Refusal::guard(sql, range, "the statement could not be rewritten safely")
}

/// A cheap look.
pub(crate) fn might_copy(sql: &str) -> bool {
    sql.as_bytes().windows(4).any(|at| at.eq_ignore_ascii_case(b"copy"))
}
