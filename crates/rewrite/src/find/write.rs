//! INSERT, UPDATE, DELETE, MERGE, COPY and TRUNCATE.

use super::from::{Leaf, Source};
use super::{Columns, Finder, names};
use crate::Refusal;
use crate::edit::{Change, Splice};
use crate::known::{Facts, Shape};
use crate::name::{ident, idents};
use pg_raw_parse::{Node, nodes};
use tenantry_schema::Kind;

impl<'a> Finder<'a> {
    pub(super) fn insert(&mut self, insert: &'a nodes::InsertStmt) -> Columns {
        let ctes = self.ctes.len();
        if let Some(with) = insert.with_clause() {
            self.with(with);
        }
        let source = self.statement(insert.select_stmt());
        let relation = insert.relation()?;
        if let Some((view, facts)) = self.conflict_through_view(insert, relation, &source) {
            let columns =
                self.written_to_table(insert, relation, view, facts, source.map(|columns| columns.len()));
            self.ctes.truncate(ctes);
            return columns;
        }
        let facts = self.table(relation);
        if let Some(facts) = facts {
            let given = source.as_ref().map(Vec::len);
            if insert.cols().is_empty()
                && facts.hides()
                && let Some(columns) = given.and_then(|given| facts.columns.get(..given))
            {
                self.insert_columns(relation, columns.to_vec());
            }
            let infer = insert.on_conflict_clause().and_then(nodes::OnConflictClause::infer);
            if let Some(infer) = infer {
                self.conflict(infer, facts);
            }
        }
        self.on_conflict(insert, &self.written_to(relation));
        let columns =
            self.returning(insert.returning_clause(), vec![Source::Leaf(self.written_to(relation))]);
        self.ctes.truncate(ctes);
        columns
    }

    /// ON CONFLICT names columns that a view shows; the tenant column, which leads the table's keys, is not among them. What is written
    /// to a view that shows a table's columns under their own names can be written to the table.
    fn conflict_through_view(
        &self,
        insert: &'a nodes::InsertStmt,
        relation: &nodes::RangeVar,
        source: &Columns,
    ) -> Option<(&'a Shape, &'a Facts)> {
        let infer = insert.on_conflict_clause().and_then(nodes::OnConflictClause::infer)?;
        if infer.conname().is_some() {
            return None;
        }
        let view = self.view(relation)?;
        let facts = self.known.table(None, view.table.as_deref()?).filter(|facts| facts.hides())?;
        let listed = !insert.cols().is_empty()
            || source.as_ref().is_some_and(|given| given.len() <= view.columns.len())
            || matches!(insert.select_stmt(), Node::None);
        let own = |column: &String| view.columns.contains(column);
        let fits = names_listed(insert).iter().all(own);
        (listed && fits).then_some((view, facts))
    }

    fn written_to_table(
        &mut self,
        insert: &'a nodes::InsertStmt,
        relation: &'a nodes::RangeVar,
        view: &'a Shape,
        facts: &'a Facts,
        given: Option<usize>,
    ) -> Columns {
        let table = view.table.as_deref()?;
        let alias = relation.alias().and_then(nodes::Alias::aliasname).or(relation.relname())?.to_owned();
        let start = self.token_at(relation.location)?;
        let tokens = self.tokens();
        let span = tokens.span(start..tokens.after_name(start))?;
        let named = if relation.alias().is_some() { String::new() } else { format!(" AS {}", ident(&alias)) };
        let mut text = format!("{}{named}", ident(table));
        let columns = given.and_then(|given| view.columns.get(..given)).map(<[String]>::to_vec);
        let columns =
            columns.filter(|_| insert.cols().is_empty() && !matches!(insert.select_stmt(), Node::None));
        if let (Some(columns), true) = (&columns, relation.alias().is_none()) {
            text = format!("{text} ({})", idents(columns));
        }
        self.splices.push(Splice::replace(span, text));
        self.changes.push(Change::Into {
            at: relation.location,
            table: table.to_owned(),
            alias: alias.clone(),
        });
        if let Some(columns) = columns {
            if relation.alias().is_some() {
                self.insert_columns(relation, columns);
            } else {
                self.changes.push(Change::Insert { at: relation.location, columns });
            }
        }
        let infer = insert.on_conflict_clause().and_then(nodes::OnConflictClause::infer)?;
        self.conflict(infer, facts);
        let target = Leaf {
            alias: Some(alias),
            columns: Some(view.columns.clone()),
            facts: Some(facts),
            hides: true,
            location: relation.location,
        };
        self.on_conflict(insert, &target);
        self.returning(insert.returning_clause(), vec![Source::Leaf(target)])
    }

    fn on_conflict(&mut self, insert: &'a nodes::InsertStmt, target: &Leaf<'a>) {
        let Some(conflict) = insert.on_conflict_clause() else { return };
        let excluded = Leaf { alias: Some("excluded".to_owned()), ..target.clone() };
        self.outer.push(vec![Source::Leaf(target.clone()), Source::Leaf(excluded)]);
        self.expressions(conflict.target_list().iter().map(Node::ResTarget));
        self.expression(conflict.where_clause());
        self.outer.pop();
    }

    fn insert_columns(&mut self, relation: &nodes::RangeVar, columns: Vec<String>) {
        let Some(end) = self.after_relation(relation) else { return };
        self.splices.push(Splice::insert(end, format!(" ({})", idents(&columns))));
        self.changes.push(Change::Insert { at: relation.location, columns });
    }

    /// Where the text of a relation and its alias ends.
    fn after_relation(&self, relation: &nodes::RangeVar) -> Option<usize> {
        let tokens = self.tokens();
        let mut next = tokens.after_name(self.token_at(relation.location)?);
        if relation.alias().is_some() && tokens.is(next, "as") {
            next += 2;
        }
        tokens.get(next - 1).map(|token| token.end)
    }

    fn conflict(&mut self, infer: &'a nodes::InferClause, facts: &'a Facts) {
        if infer.conname().is_some() {
            return;
        }
        let (mut columns, mut expressions) = (Vec::new(), !matches!(infer.where_clause(), Node::None));
        for element in infer.index_elems() {
            match element {
                Node::IndexElem(element) if element.name().is_some() => {
                    columns.extend(element.name().map(ToOwned::to_owned));
                }
                _ => expressions = true,
            }
        }
        let prefix = facts.conflict_prefix(&columns, expressions, &self.known.tenant);
        let open = self.token_at(infer.location).filter(|at| self.tokens().is(*at, "("));
        if let Some(open) = open.and_then(|at| self.tokens().get(at)).map(|token| token.end)
            && !prefix.is_empty()
        {
            self.splices.push(Splice::insert(open, format!("{}, ", idents(&prefix))));
            self.changes.push(Change::Conflict { at: infer.location, columns: prefix });
        }
    }

    fn returning(
        &mut self,
        clause: Option<&'a nodes::ReturningClause>,
        mut sources: Vec<Source<'a>>,
    ) -> Columns {
        let clause = clause?;
        // OLD and NEW, or what they are called here, show the same columns; a bare `*` doesn't show them again.
        if let Some(Source::Leaf(target)) = sources.first() {
            let mut called = vec!["old".to_owned(), "new".to_owned()];
            called.extend(clause.options().iter().filter_map(|option| option.value().map(ToOwned::to_owned)));
            let named: Vec<Source<'a>> = called
                .into_iter()
                .map(|alias| Source::Leaf(Leaf { alias: Some(alias), ..target.clone() }))
                .collect();
            self.outer.push(named);
        }
        self.outer.push(std::mem::take(&mut sources));
        let star = self.star;
        let columns = self.targets(clause.exprs().iter(), star);
        self.outer.pop();
        self.outer.pop();
        columns
    }

    pub(super) fn update(&mut self, update: &'a nodes::UpdateStmt) -> Columns {
        let ctes = self.ctes.len();
        if let Some(with) = update.with_clause() {
            self.with(with);
        }
        let mut sources = Vec::new();
        sources.extend(update.relation().map(|relation| Source::Leaf(self.written_to(relation))));
        sources.extend(self.sources(update.from_clause()));
        self.outer.push(sources);
        self.expressions(update.target_list().iter().map(Node::ResTarget));
        self.expression(update.where_clause());
        let sources = self.outer.pop().unwrap_or_default();
        let columns = self.returning(update.returning_clause(), sources);
        self.ctes.truncate(ctes);
        columns
    }

    pub(super) fn delete(&mut self, delete: &'a nodes::DeleteStmt) -> Columns {
        let ctes = self.ctes.len();
        if let Some(with) = delete.with_clause() {
            self.with(with);
        }
        let mut sources = Vec::new();
        sources.extend(delete.relation().map(|relation| Source::Leaf(self.written_to(relation))));
        sources.extend(self.sources(delete.using_clause()));
        self.outer.push(sources);
        self.expression(delete.where_clause());
        let sources = self.outer.pop().unwrap_or_default();
        let columns = self.returning(delete.returning_clause(), sources);
        self.ctes.truncate(ctes);
        columns
    }

    pub(super) fn merge(&mut self, merge: &'a nodes::MergeStmt) -> Columns {
        let ctes = self.ctes.len();
        if let Some(with) = merge.with_clause() {
            self.with(with);
        }
        let relation = merge.relation()?;
        let source = self.source(merge.source_relation());
        let target = Source::Leaf(self.written_to(relation));
        self.outer.push(vec![target, source]);
        self.expression(merge.join_condition());
        let facts = self.table(relation);
        for (clause, when) in merge.merge_when_clauses().iter().enumerate() {
            self.expression(when.condition());
            self.expressions(when.target_list().iter());
            self.expressions(when.values().iter());
            let given = when.values().len();
            if when.command_type == nodes::CmdType::CMD_INSERT
                && given > 0
                && when.target_list().is_empty()
                && let Some(facts) = facts.filter(|facts| facts.hides())
                && let Some(columns) = facts.columns.get(..given)
            {
                self.merge_columns(merge, relation, clause, columns.to_vec());
            }
        }
        let mut sides = self.outer.pop().unwrap_or_default().into_iter();
        let (Some(target), Some(source)) = (sides.next(), sides.next()) else { return None };
        // `*` shows the source first.
        let columns = match merge.returning_clause() {
            Some(clause) => {
                self.outer.push(vec![target]);
                let columns = self.returning_of_merge(clause, source);
                self.outer.pop();
                columns
            }
            None => None,
        };
        self.ctes.truncate(ctes);
        columns
    }

    fn returning_of_merge(&mut self, clause: &'a nodes::ReturningClause, source: Source<'a>) -> Columns {
        let target = self.outer.last().and_then(|sources| sources.first()).cloned()?;
        let star = self.star;
        if let Source::Leaf(leaf) = &target {
            let named = ["old", "new"]
                .map(|alias| Source::Leaf(Leaf { alias: Some(alias.to_owned()), ..leaf.clone() }));
            self.outer.push(named.into());
        }
        self.outer.push(vec![source, target]);
        let columns = self.targets(clause.exprs().iter(), star);
        self.outer.pop();
        self.outer.pop();
        columns
    }

    fn merge_columns(
        &mut self,
        merge: &nodes::MergeStmt,
        relation: &nodes::RangeVar,
        clause: usize,
        columns: Vec<String>,
    ) {
        let inserts = |when: &nodes::MergeWhenClause| when.command_type == nodes::CmdType::CMD_INSERT;
        let nth = merge.merge_when_clauses().iter().take(clause).filter(|when| inserts(when)).count();
        let Some(start) = self.token_at(relation.location) else { return };
        let tokens = self.tokens();
        let (mut depth, mut seen) = (0_i32, 0);
        let found = (start..tokens.len()).find(|at| {
            if tokens.is(*at, "(") {
                depth += 1;
            } else if tokens.is(*at, ")") {
                depth -= 1;
            }
            let here = depth == 0 && tokens.is(*at, "insert") && tokens.is(at - 1, "then");
            seen += usize::from(here);
            here && seen == nth + 1
        });
        if let Some(end) = found.and_then(|at| tokens.get(at)).map(|token| token.end) {
            self.splices.push(Splice::insert(end, format!(" ({})", idents(&columns))));
            self.changes.push(Change::Merge { at: relation.location, clause, columns });
        }
    }

    pub(super) fn copy(&mut self, copy: &'a nodes::CopyStmt) {
        self.statement(copy.query());
        self.expression(copy.where_clause());
        let Some(relation) = copy.relation() else { return };
        let Some(facts) = self.table(relation).filter(|facts| facts.hides()) else { return };
        if !copy.attlist().is_empty() {
            return;
        }
        let columns: Vec<String> =
            facts.columns.iter().filter(|column| !facts.generated.contains(column)).cloned().collect();
        let end = self.token_at(relation.location).map(|at| self.tokens().after_name(at) - 1);
        if let Some(end) = end.and_then(|at| self.tokens().get(at)).map(|token| token.end) {
            self.splices.push(Splice::insert(end, format!(" ({})", idents(&columns))));
            self.changes.push(Change::Copy { at: relation.location, columns });
        }
    }

    /// TRUNCATE empties a table of all tenants' rows, row-level security or not; the application's role may not. What it
    /// means to an application is: delete my rows.
    pub(super) fn truncate(&mut self, truncate: &'a nodes::TruncateStmt) {
        let mut facts: Vec<(&str, &Facts)> = Vec::new();
        for relation in truncate.relations() {
            let Node::RangeVar(relation) = relation else { return };
            let Some(of) = self.table(relation) else { return };
            facts.extend(relation.relname().map(|name| (name, of)));
        }
        if !facts.iter().any(|(_, of)| of.kind == Some(Kind::Tenant)) {
            return;
        }
        let listed = names_of(&facts);
        let refusal = if facts.iter().any(|(_, of)| of.kind != Some(Kind::Tenant)) {
            Some("it truncates tenant tables together with others".to_owned())
        } else if truncate.restart_seqs {
            Some("RESTART IDENTITY would restart sequences that all tenants share".to_owned())
        } else if let Some((name, _)) = facts.iter().find(|(_, of)| of.has_delete_triggers) {
            Some(format!("triggers of {name} would fire for each row, or not at all"))
        } else {
            let cascades = truncate.behavior == nodes::DropBehavior::DROP_CASCADE;
            let outside = |(name, of): &(&str, &Facts)| {
                let by = of.referenced_by.iter().find(|by| !listed.contains(by));
                by.map(|by| format!("{by} refers to {name}"))
            };
            let found = facts.iter().find_map(outside);
            found.map(
                |found| if cascades { format!("{found}, and CASCADE would empty it too") } else { found },
            )
        };
        match refusal {
            Some(message) => {
                let refusal = Refusal::new(self.sql, self.whole(), message)
                    .hint("delete the tenant's rows with DELETE, children first");
                self.refusal.get_or_insert(refusal);
            }
            None => self.deletes(&listed),
        }
    }

    fn deletes(&mut self, tables: &[String]) {
        let Some((last, first)) = tables.split_last() else { return };
        let ctes: Vec<String> = first
            .iter()
            .enumerate()
            .map(|(at, table)| format!("tenantry_{at} AS (DELETE FROM {})", ident(table)))
            .collect();
        let with = if ctes.is_empty() { String::new() } else { format!("WITH {} ", ctes.join(", ")) };
        let text = format!("{with}DELETE FROM {}", ident(last));
        self.splices.push(Splice::replace(self.whole(), text.clone()));
        self.changes.push(Change::Whole { text });
    }

    /// The statement's own text, without the semicolon.
    fn whole(&self) -> std::ops::Range<usize> {
        let tokens = self.tokens();
        let mut end = tokens.len();
        while end > 0 && tokens.is(end - 1, ";") {
            end -= 1;
        }
        tokens.span(0..end).unwrap_or(0..self.sql.len())
    }
}

/// The columns that an INSERT lists.
pub(crate) fn names_listed(insert: &nodes::InsertStmt) -> Vec<String> {
    let listed = insert.cols().iter().filter_map(|column| match column {
        Node::ResTarget(column) => column.name().map(ToOwned::to_owned),
        _ => None,
    });
    listed.collect()
}

fn names_of(facts: &[(&str, &Facts)]) -> Vec<String> {
    let mut listed = names(std::iter::empty());
    for (name, _) in facts {
        if !listed.iter().any(|other| other == name) {
            listed.push((*name).to_owned());
        }
    }
    listed
}
