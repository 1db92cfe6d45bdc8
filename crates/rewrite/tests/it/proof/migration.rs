//! A plain schema that grows by random statements, and what each must be for shared tables.

use super::dice::Roll;
use super::lab::{Lab, ident, said, target};
use super::scene::Scene;
use super::step::{BUILD, MIGRATE, Step};
use super::{Case, compare, plain};
use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use tenantry_core::TenancyModel;
use tenantry_rewrite::{Runs, Script, Statement};
use tenantry_schema::{Compiled, Declaration, Model, SchemaError, compile};

/// Three databases of one server: the plain schema, and the two that must become equal.
pub(crate) struct Bench {
    pub(crate) version: u32,
    pub(crate) plain: Lab,
    pub(crate) compiled: Lab,
    pub(crate) rewritten: Lab,
    /// How often each kind of statement took part, and how often the rewriter refused one that it may refuse.
    pub(crate) tally: RefCell<BTreeMap<&'static str, (u32, u32)>>,
}

/// A plain schema in its database, and how it came to be.
pub(crate) struct Schema<'a> {
    pub(crate) bench: &'a Bench,
    /// With tables that may come later.
    pub(crate) declaration: Declaration,
    pub(crate) model: Model,
    pub(crate) script: String,
    pub(crate) migration: Vec<String>,
}

impl Bench {
    pub(crate) async fn new(version: u32) -> Self {
        Self {
            version,
            plain: Lab::new(version).await,
            compiled: Lab::new(version).await,
            rewritten: Lab::new(version).await,
            tally: RefCell::default(),
        }
    }
}

/// The declaration without what the schema does not have (yet).
pub(crate) fn fitted(declaration: &Declaration, model: &Model) -> Declaration {
    let mut declaration = declaration.clone();
    declaration.tables.retain(|name, _| model.table(name).is_some());
    declaration
}

/// What became of a statement.
pub(crate) enum Said {
    /// PostgreSQL does not take it, or the rules refuse what comes of it: it is undone.
    Not,
    Yes,
}

impl<'a> Schema<'a> {
    /// Begins with a script that must be valid and compile.
    pub(crate) async fn of(
        bench: &'a Bench,
        declaration: &Declaration,
        script: &str,
    ) -> Result<Self, String> {
        bench.plain.client.batch_execute("ROLLBACK").await.unwrap();
        bench.plain.empty(declaration).await;
        bench
            .plain
            .client
            .batch_execute(script)
            .await
            .map_err(|error| format!("{script}\n{}", said(&error)))?;
        let model = bench.plain.model("public").await;
        let script = script.to_owned();
        Ok(Self { bench, declaration: declaration.clone(), model, script, migration: Vec::new() })
    }

    /// A random one.
    pub(crate) async fn random(bench: &'a Bench, case: &Case) -> Result<Self, String> {
        let mut schema = Self::of(bench, &case.declaration(), plain::PRELUDE).await?;
        for (at, roll) in case.tables.iter().enumerate() {
            for statement in plain::table(at, roll, bench.version).split_inclusive(";\n") {
                schema.say(statement.trim_end().trim_end_matches(';')).await;
            }
        }
        for (number, (step, roll)) in case.build.iter().enumerate() {
            if let Some((_, sql)) = schema.statement(BUILD, *step, roll, number) {
                schema.say(&sql).await;
            }
        }
        for statement in std::mem::take(&mut schema.migration) {
            schema.script.push_str(&statement);
            schema.script.push_str(";\n");
        }
        Ok(schema)
    }

    /// A random statement that fits the schema as it stands.
    pub(crate) fn statement(
        &self,
        steps: &[Step],
        which: u16,
        roll: &Roll,
        number: usize,
    ) -> Option<(Step, String)> {
        let step = steps[usize::from(which) % steps.len()];
        let dice = roll.dice();
        let scene = Scene {
            model: &self.model,
            declaration: &self.declaration,
            dice: &dice,
            number,
            part: Cell::new(0),
        };
        Some((step, step.write(&scene)?))
    }

    /// Runs a statement on the plain schema, unless PostgreSQL or the rules refuse it.
    pub(crate) async fn say(&mut self, sql: &str) -> Said {
        let client = &self.bench.plain.client;
        if sql.contains("CONCURRENTLY") {
            // Outside a transaction there is no way back, so the statement is tried in its other form first.
            return Box::pin(self.say_concurrently(sql)).await;
        }
        client.batch_execute("BEGIN").await.unwrap();
        let Ok(()) = client.batch_execute(sql).await else {
            client.batch_execute("ROLLBACK").await.unwrap();
            return Said::Not;
        };
        let model = self.bench.plain.read(&ident("public")).await;
        if compile_shared(&model, &self.declaration).is_err() {
            client.batch_execute("ROLLBACK").await.unwrap();
            return Said::Not;
        }
        client.batch_execute("COMMIT").await.unwrap();
        self.model = model;
        self.migration.push(sql.to_owned());
        Said::Yes
    }

    async fn say_concurrently(&mut self, sql: &str) -> Said {
        let said = self.say(&sql.replace(" CONCURRENTLY", "")).await;
        if let (Said::Yes, Some(last)) = (&said, self.migration.last_mut()) {
            sql.clone_into(last);
        }
        said
    }

    /// Everything that is needed to see a failure again, in the form of a regression file.
    pub(crate) fn story(&self) -> String {
        let declaration = toml::to_string(&self.declaration).unwrap();
        let migration: Vec<String> = self.migration.iter().map(|sql| format!("{sql};\n")).collect();
        format!(
            "-- declaration\n{declaration}\n-- plain\n{}\n-- migration\n{}",
            self.script,
            migration.concat()
        )
    }
}

pub(crate) fn compile_shared(model: &Model, declaration: &Declaration) -> Result<Compiled, SchemaError> {
    let declaration = fitted(declaration, model);
    compile(model, &declaration, &target(TenancyModel::Shared, &declaration))
}

/// Migrates the plain schema by random statements, and the shared one by what the rewriter makes of them; then both must be the
/// same as if the migrated plain schema had been compiled.
pub(crate) async fn commutes(schema: &mut Schema<'_>, steps: &[(u16, Roll)]) -> Result<(), String> {
    let mut shared = Shared::of(schema).await?;
    for (number, (which, roll)) in steps.iter().enumerate() {
        let Some((step, sql)) = schema.statement(MIGRATE, *which, roll, number + 100) else { continue };
        let before = schema.model.clone();
        if let Said::Not = schema.say(&sql).await {
            continue;
        }
        let refused = shared.migrate(schema.bench, &sql).await?;
        let mut tally = schema.bench.tally.borrow_mut();
        let counts = tally.entry(step.name).or_default();
        if let Some(refusal) = refused {
            if !step.may_be_refused {
                return Err(format!("the rewriter refuses {:?}: {refusal}", step.name));
            }
            counts.1 += 1;
            // The plain database is a statement ahead, so this is where the migration ends.
            schema.migration.pop();
            schema.model = before;
            break;
        }
        counts.0 += 1;
    }
    is_the_same(schema).await
}

/// The shared schema in its database, and the rewriter that migrates it.
pub(crate) struct Shared {
    script: Script,
}

impl Shared {
    pub(crate) async fn of(schema: &Schema<'_>) -> Result<Self, String> {
        let declaration = fitted(&schema.declaration, &schema.model);
        let target = target(TenancyModel::Shared, &declaration);
        let compiled = compile_shared(&schema.model, &declaration).map_err(|error| format!("{error:?}"))?;
        let lab = &schema.bench.rewritten;
        lab.client.batch_execute("ROLLBACK").await.unwrap();
        lab.empty(&declaration).await;
        lab.apply(&compiled, &target.schema).await?;
        Ok(Self { script: Script::new(&schema.model, &schema.declaration, &target) })
    }

    /// Runs what the rewriter makes of a statement, or says why it makes nothing of it.
    pub(crate) async fn migrate(&mut self, bench: &Bench, sql: &str) -> Result<Option<String>, String> {
        let statements = match self.script.migrate(sql) {
            Ok(statements) => statements,
            Err(refusal) => return Ok(Some(refusal.to_string())),
        };
        let client = &bench.rewritten.client;
        let together = statements.iter().all(|statement| statement.transactional);
        if together {
            client.batch_execute("BEGIN").await.unwrap();
        }
        // What fills something for each tenant is not about the schema.
        let of_the_schema = |statement: &&Statement| statement.runs != Runs::PerTenant;
        for Statement { sql: rewritten, .. } in statements.iter().filter(of_the_schema) {
            let done = client.batch_execute(rewritten).await;
            done.map_err(|error| {
                format!("rewritten, a statement fails: {}\n{sql}\nis\n{rewritten}", said(&error))
            })?;
        }
        if together {
            client.batch_execute("COMMIT").await.unwrap();
        }
        Ok(None)
    }
}

/// Whether the migrated shared schema is what compiling the migrated plain schema gives.
pub(crate) async fn is_the_same(schema: &Schema<'_>) -> Result<(), String> {
    let declaration = fitted(&schema.declaration, &schema.model);
    let compiled = compile_shared(&schema.model, &declaration).map_err(|error| format!("{error:?}"))?;
    let bench = schema.bench;
    bench.compiled.empty(&declaration).await;
    bench.compiled.apply(&compiled, &ident("public")).await?;
    match compare::difference(&bench.compiled, &bench.rewritten, "public").await {
        Some(difference) => Err(difference),
        None => Ok(()),
    }
}
