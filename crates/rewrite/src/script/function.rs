//! Functions and procedures.

use super::work::Work;
use super::{Script, Statement};
use crate::name::ident;
use crate::{Refusal, Rewritten};
use pg_raw_parse::{Node, nodes};
use tenantry_core::TenancyModel;
use tenantry_schema::model::Function;

impl Script {
    pub(super) fn function(
        &mut self,
        work: &Work<'_>,
        of: &nodes::CreateFunctionStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        self.leakproof(work, of.options().iter().map(Node::from))?;
        self.own_path(work, &crate::find::names(of.funcname().iter()))?;
        let mut statement = work.verbatim();
        let opaque = matches!(of.sql_body(), Node::None);
        if opaque && self.target.model == TenancyModel::Shared {
            statement.notes.extend(opaque_body(work.text()));
        } else {
            let rewritten = self.rewriter.rewrite(work.text());
            let rewritten = rewritten.map_err(|refusal| refusal.within(work.sql, work.range.start))?;
            if let Rewritten::Changed(sql) = rewritten {
                statement.sql = sql;
            }
        }
        let name = crate::find::names(of.funcname().iter()).pop().unwrap_or_default();
        self.remember_function(work, of, &name);
        let signature = format!("{}({})", ident(&name), arguments(work, of));
        let owner = &self.target.owner;
        let definer = has_owners_rights(of.options().iter().map(Node::from)).unwrap_or(false);
        let returns_trigger = of
            .return_type()
            .is_some_and(|of| of.names().iter().next_back().and_then(|name| name.sval()) == Some("trigger"));
        let mut out = vec![
            statement,
            work.statement(format!("ALTER ROUTINE {signature} OWNER TO {owner}")),
            work.statement(format!("REVOKE EXECUTE ON ROUTINE {signature} FROM PUBLIC")),
        ];
        if !returns_trigger {
            let callers = self.target.callers(definer);
            out.push(work.statement(format!("GRANT EXECUTE ON ROUTINE {signature} TO {callers}")));
        }
        // It may have been there before, with its caller's rights.
        if let Some(reader) = self.target.reader.as_ref().filter(|_| definer) {
            out.push(work.statement(format!("REVOKE EXECUTE ON ROUTINE {signature} FROM {reader}")));
        }
        Ok(out)
    }

    /// ALTER FUNCTION and its like: who may write with its owner's rights is none of the reader's.
    pub(super) fn alter_function(
        &self,
        work: &Work<'_>,
        of: &nodes::AlterFunctionStmt,
    ) -> Result<Vec<Statement>, Refusal> {
        self.leakproof(work, of.actions().iter().map(Node::from))?;
        let mut out = vec![work.verbatim()];
        let definer = has_owners_rights(of.actions().iter().map(Node::from));
        let (Some(reader), Some(definer)) = (&self.target.reader, definer) else { return Ok(out) };
        let name = of.func().and_then(|of| crate::find::names(of.objname().iter()).pop()).unwrap_or_default();
        if self.model.functions.iter().any(|known| known.name == name && known.trigger) {
            return Ok(out);
        }
        let tokens = &work.tokens;
        let mut end = tokens.after_name(2);
        if tokens.is(end, "(") {
            end = tokens.closing(end).map_or(end, |close| close + 1);
        }
        let routine = work.slice(2..end);
        out.push(work.statement(if definer {
            format!("REVOKE EXECUTE ON ROUTINE {routine} FROM {reader}")
        } else {
            format!("GRANT EXECUTE ON ROUTINE {routine} TO {reader}")
        }));
        Ok(out)
    }
}

/// What is said of SECURITY DEFINER, if anything is.
fn has_owners_rights<'n>(options: impl Iterator<Item = Node<'n>>) -> Option<bool> {
    let said = options.filter_map(|option| match option {
        Node::DefElem(option) if option.defname() == Some("security") => {
            Some(matches!(option.arg(), Node::Boolean(value) if value.boolval))
        }
        _ => None,
    });
    said.last()
}

impl Script {
    /// Later statements may call it.
    fn remember_function(&mut self, work: &Work<'_>, of: &nodes::CreateFunctionStmt, name: &str) {
        let arguments = arguments(work, of);
        let returned = crate::known::returns(of);
        let trigger = returned.as_deref() == Some("trigger");
        self.will_change();
        self.model.functions.retain(|other| other.name != name || other.arguments != arguments);
        self.model.functions.push(Function {
            name: name.to_owned(),
            arguments,
            comment: None,
            procedure: of.is_procedure,
            language: String::new(),
            security_definer: false,
            leakproof: false,
            trigger,
            settings: Vec::new(),
            body: None,
            definition: work.text().to_owned(),
        });
        self.model.functions.sort_by_key(Function::object_name);
        let functions = self.model.functions.clone();
        self.learn_shape(|known| known.learn_functions(&functions));
    }

    /// A function that PostgreSQL runs on rows before row-level security has said whose they are.
    pub(super) fn leakproof<'n>(
        &self,
        work: &Work<'_>,
        options: impl Iterator<Item = Node<'n>>,
    ) -> Result<(), Refusal> {
        if self.target.model == TenancyModel::Database {
            return Ok(());
        }
        for option in options {
            let Node::DefElem(option) = option else { continue };
            if option.defname() == Some("leakproof")
                && !matches!(option.arg(), Node::Boolean(value) if !value.boolval)
            {
                let message =
                    "LEAKPROOF lets a function see rows before row-level security has said whose they are";
                return Err(work.refuse_at(option.location, message).hint("leave LEAKPROOF out"));
            }
        }
        Ok(())
    }
}

/// The types of the arguments that a call gives.
fn arguments(work: &Work<'_>, of: &nodes::CreateFunctionStmt) -> String {
    use nodes::FunctionParameterMode as Mode;
    let given = of.parameters().iter().filter_map(|parameter| match Node::from(parameter) {
        Node::FunctionParameter(parameter) => Some(parameter),
        _ => None,
    });
    let types: Vec<String> = given
        .filter(|parameter| !matches!(parameter.mode, Mode::FUNC_PARAM_OUT | Mode::FUNC_PARAM_TABLE))
        .map(|parameter| {
            let variadic = if parameter.mode == Mode::FUNC_PARAM_VARIADIC { "VARIADIC " } else { "" };
            let of = parameter.arg_type().map(|of| super::text::type_name(of, work.sql)).unwrap_or_default();
            format!("{variadic}{of}")
        })
        .collect();
    types.join(", ")
}

/// What the rules say of a body that is a string.
fn opaque_body(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut notes = Vec::new();
    if lower.contains("truncate") {
        notes.push("its body seems to TRUNCATE, which the application's role may not do in shared tables: use DELETE".to_owned());
    }
    if lower.split_whitespace().collect::<Vec<_>>().windows(2).any(|pair| pair == ["on", "conflict"]) {
        notes.push("its body seems to use ON CONFLICT; unique keys of shared tables start with the tenant column: use ON CONFLICT ON CONSTRAINT <name>, or a body of BEGIN ATOMIC, which is rewritten".to_owned());
    }
    notes
}
