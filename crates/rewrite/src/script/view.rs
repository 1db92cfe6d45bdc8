//! Views.

use super::fate::{Fate, altered, commands};
use super::work::Work;
use super::{Script, Statement};
use crate::aggregate::is_aggregate;
use crate::edit::Splice;
use crate::lex::Tokens;
use crate::name::ident;
use crate::{Refusal, Rewritten};
use pg_raw_parse::{Node, NodeMut, nodes};
use std::collections::BTreeSet;
use std::ops::Range;
use tenantry_core::TenancyModel;
use tenantry_schema::Kind;
use tenantry_schema::model::View;

/// A view over shared tables asks as its reader, so that the policies of the one who reads apply: whatever was said of it, as when the
/// plain schema is compiled.
const INVOKER: &str = "security_invoker";
const INVOKES: &str = "security_invoker = true";

impl Script {
    pub(super) fn view(&mut self, work: &Work<'_>, of: &nodes::ViewStmt) -> Result<Vec<Statement>, Refusal> {
        let relation = of.view().ok_or_else(|| work.refuse("a view without a name"))?;
        self.own_schema(work, relation)?;
        let name = relation.relname().unwrap_or_default();
        let mut out = Vec::new();
        if self.target.model == TenancyModel::Shared {
            let mut statement = work.statement(self.shared_view(work, of)?);
            statement.notes.extend(says_otherwise(of.options().iter()).map(ToOwned::to_owned));
            out.push(statement);
        } else {
            out.push(work.verbatim());
        }
        out.push(work.statement(format!("ALTER VIEW {} OWNER TO {}", ident(name), self.target.owner)));
        self.remember(work, of, name);
        let rights =
            if self.writes_tenants(of.query()) { "SELECT, INSERT, UPDATE, DELETE" } else { "SELECT" };
        let grants = self.target.grant_tables(rights, &ident(name));
        out.extend(grants.into_iter().map(|sql| work.statement(sql)));
        Ok(out)
    }

    /// ALTER VIEW: as its reader it asks from beginning to end.
    pub(super) fn alter_view(
        work: &Work<'_>,
        alter: &nodes::AlterTableStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        let relation = alter.relation().ok_or_else(|| work.refuse("nothing is altered"))?;
        let parts = Self::subcommands(work, alter, relation)?;
        let fates: Vec<Fate> =
            commands(alter).zip(&parts).map(|(command, part)| invoking(work, command, part)).collect();
        let mut statement = work.statement(altered(work, alter, &parts, &fates)?);
        let lists = commands(alter).filter_map(|command| command.def().as_node_list());
        statement.notes.extend(lists.filter_map(|list| says_otherwise(list.iter())).map(ToOwned::to_owned));
        Ok(vec![statement])
    }

    /// Later statements may name the view.
    fn remember(&mut self, work: &Work<'_>, of: &nodes::ViewStmt, name: &str) {
        let Some(definition) = query_text(work, of) else { return };
        let with_check = of.with_check_option != nodes::ViewCheckOption::NO_CHECK_OPTION;
        let view = View {
            name: name.to_owned(),
            definition,
            options: if with_check { vec!["check_option=cascaded".to_owned()] } else { Vec::new() },
            ..View::default()
        };
        let shape = self.rewriter.known().shape(&view);
        let view = match &shape {
            Some(shape) => View { definition: without_star(&view.definition, &shape.columns), ..view },
            None => view,
        };
        self.will_change();
        self.model.views.retain(|other| other.name != name);
        let at = self.model.views.partition_point(|other| other.name.as_str() < name);
        self.model.views.insert(at, view.clone());
        // Without a star it may be seen to show a table's own columns.
        let shape = self.rewriter.known().shape(&view).or(shape);
        self.learn_shape(|known| match shape {
            Some(shape) => drop(known.views.insert(view.name, shape)),
            None => drop(known.views.remove(&view.name)),
        });
    }

    /// Whether what is written through a view goes to rows of tenants: the owner of a view may write global tables and copies.
    fn writes_tenants(&self, query: Node<'_>) -> bool {
        let mut names = BTreeSet::new();
        super::data::each_relation(query, |relation| {
            names.extend(relation.relname().map(ToOwned::to_owned));
        });
        let tables: Vec<&str> = names.iter().map(String::as_str).collect();
        let kinds = self.build(&self.model, &tables).kinds;
        updatable(query) && tables.iter().all(|name| kinds.get(*name) == Some(&Kind::Tenant))
    }

    pub(super) fn shared_view(&self, work: &Work<'_>, of: &nodes::ViewStmt) -> Result<String, Refusal> {
        let lost = || Refusal::guard(work.sql, work.range.clone(), "the body of the view was not found");
        let tokens = &work.tokens;
        let start = of.view().and_then(|view| work.at(view.location)).ok_or_else(lost)?;
        let word = (start..tokens.len()).find(|at| tokens.is(*at, "as")).ok_or_else(lost)?;
        let place = of.options().iter().position(|option| is_invoker(&option));
        let splice = if of.options().is_empty() {
            Splice::insert(tokens.get(word).ok_or_else(lost)?.start, format!("WITH ({INVOKES}) "))
        } else {
            let with = (start..word).find(|at| tokens.is(*at, "with")).ok_or_else(lost)?;
            let close = tokens.closing(with + 1).ok_or_else(lost)?;
            match place {
                None => Splice::insert(tokens.get(close).ok_or_else(lost)?.start, format!(", {INVOKES}")),
                Some(at) => {
                    let part = tokens.parts(with + 2..close).into_iter().nth(at).ok_or_else(lost)?;
                    Splice::replace(tokens.span(part).ok_or_else(lost)?, INVOKES)
                }
            }
        };
        let text = work.spliced(vec![splice], |mem, copy| {
            let mut raw = copy.as_mut();
            let NodeMut::ViewStmt(mut view) = raw.stmt_mut() else { return false };
            let value = mem.make_string(Some("true")).uncast();
            let option = mem.make_def_elem(Some(INVOKER), value).uncast();
            if let Some(at) = place {
                view.options_mut().set(at, option);
            } else {
                let last = view.options().len();
                view.options_mut().insert(mem, last, option);
            }
            true
        })?;
        let rewritten = self.rewriter.rewrite(&text);
        let rewritten = rewritten.map_err(|refusal| refusal.within(work.sql, work.range.start))?;
        Ok(match rewritten {
            Rewritten::Unchanged(text) => text.to_owned(),
            Rewritten::Changed(text) => text,
        })
    }
}

/// `SET (…)` and `RESET (…)` without what they say of [`INVOKER`], which is set to what it is.
fn invoking(work: &Work<'_>, command: &nodes::AlterTableCmd, part: &Range<usize>) -> Fate {
    use nodes::AlterTableType::{AT_ResetRelOptions, AT_SetRelOptions};
    let Some(options) = command.def().as_node_list() else { return Fate::Kept };
    if ![AT_SetRelOptions, AT_ResetRelOptions].contains(&command.subtype)
        || !options.iter().any(|option| is_invoker(&option))
    {
        return Fate::Kept;
    }
    let tokens = &work.tokens;
    let open = part.clone().find(|at| tokens.is(*at, "(")).unwrap_or(part.end);
    let texts = tokens.parts(open + 1..part.end.saturating_sub(1));
    let others = options.iter().zip(texts).filter(|(option, _)| !is_invoker(option));
    let mut others: Vec<&str> = others.map(|(_, text)| work.slice(text)).collect();
    if command.subtype == AT_SetRelOptions {
        others.push(INVOKES);
        return Fate::Replaced(vec![format!("SET ({})", others.join(", "))]);
    }
    let reset = (!others.is_empty()).then(|| format!("RESET ({})", others.join(", ")));
    Fate::Replaced(reset.into_iter().chain([format!("SET ({INVOKES})")]).collect())
}

/// What a person should know who asked for a view with its owner's rights.
fn says_otherwise<'n>(mut options: impl Iterator<Item = Node<'n>>) -> Option<&'static str> {
    let off = |option: &nodes::DefElem| match option.arg() {
        Node::String(value) => value.sval().is_some_and(|text| !["true", "on", "yes", "1"].contains(&text)),
        Node::Boolean(value) => !value.boolval,
        Node::Integer(value) => value.ival != 1,
        _ => false,
    };
    options
        .any(|option| is_invoker(&option) && matches!(option, Node::DefElem(option) if off(option)))
        .then_some("over shared tables the view asks as its reader: security_invoker stays on")
}

fn is_invoker(option: &Node<'_>) -> bool {
    matches!(option, Node::DefElem(option) if option.defname() == Some(INVOKER))
}

/// The query of a view, with the names that the view gives to its columns.
fn query_text(work: &Work<'_>, of: &nodes::ViewStmt) -> Option<String> {
    let tokens = &work.tokens;
    let start = work.at(of.view()?.location)?;
    let first = (start..tokens.len()).find(|at| tokens.is(*at, "as"))? + 1;
    let mut end = tokens.len();
    if of.with_check_option != nodes::ViewCheckOption::NO_CHECK_OPTION {
        end = (first..end).rev().find(|at| tokens.is(*at, "with"))?;
    }
    let query = work.slice(first..end);
    let aliases = crate::find::names(of.aliases().iter());
    Some(match aliases.as_slice() {
        [] => query.to_owned(),
        names => format!("SELECT * FROM ({query}) AS named ({})", crate::name::idents(names)),
    })
}

/// A view shows the columns that there were when it was made.
fn without_star(query: &str, columns: &[String]) -> String {
    let tokens = Tokens::new(query, 0..query.len());
    let stars = (0..tokens.len()).any(|at| tokens.is(at, "*"));
    let listed = crate::name::idents(columns);
    match tokens.span(2..tokens.len()) {
        _ if !stars => query.to_owned(),
        Some(rest) if tokens.is(0, "select") && tokens.is(1, "*") && tokens.is(2, "from") => {
            format!("SELECT {listed} {}", &query[rest])
        }
        _ => format!("SELECT {listed} FROM ({query}) AS shown"),
    }
}

/// PostgreSQL shows through such a view what it is made of, and writes through it.
fn updatable(query: Node<'_>) -> bool {
    let Node::SelectStmt(select) = query else { return false };
    let simple = select.with_clause().is_none()
        && select.distinct_clause().is_empty()
        && select.group_clause().is_empty()
        && select.window_clause().is_empty()
        && select.values_lists().is_empty()
        && select.larg().is_none()
        && [select.having_clause(), select.limit_count(), select.limit_offset()]
            .iter()
            .all(|n| matches!(n, Node::None));
    let from: Vec<Node<'_>> = select.from_clause().iter().collect();
    let calls =
        |target: &nodes::ResTarget| matches!(target.val(), Node::FuncCall(call) if is_aggregate(call));
    simple && matches!(from.as_slice(), [Node::RangeVar(_)]) && !select.target_list().iter().any(calls)
}
