//! Plays acts: keeps a connection for each speaker, fills in what only a running demo knows, and checks the answers.

use super::ActReport;
use super::answer::Answer;
use super::script::{Act, Attempt, Expect, Operation, Rows, Who};
use super::steps::TIDY;
use crate::demo::cast;
use crate::demo::stage::Stage;
use anyhow::Context;
use std::collections::HashMap;
use tenantry_core::{Nonce, TenantKey, TenantRoute};
use tenantry_ops::Silent;
use tenantry_ops::fence::FenceOptions;
use tenantry_ops::tenant;
use tokio_postgres::Client;

/// What was done, and what came of it.
#[derive(Debug)]
pub(super) enum Performed {
    Everywhere(Vec<Spoken>),
    One(Spoken),
    Attempts { attempts: Vec<Spoken>, looks: Vec<Spoken> },
    Operator { line: String, ok: bool },
}

/// A statement and its answer.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) who: String,
    /// The statement as it was sent, but for signatures.
    pub(super) sql: String,
    pub(super) answer: Answer,
    /// The answer on one line.
    pub(super) summary: String,
    pub(super) held: bool,
    pub(super) expected: String,
}

/// Plays the acts of a tour.
pub(super) struct Player<'a> {
    stage: &'a Stage,
    open: HashMap<Who, Client>,
    /// The last nonce that the pool's database issued to the thief.
    nonce: Option<Nonce>,
    /// The last signature, which a thief may try again.
    token: Option<String>,
}

impl<'a> Player<'a> {
    pub(super) fn new(stage: &'a Stage) -> Self {
        Self { stage, open: HashMap::new(), nonce: None, token: None }
    }

    /// Takes out what a tour puts in, so that it can be played again.
    pub(super) async fn tidy(&mut self) -> anyhow::Result<()> {
        for role in &cast::TENANTS {
            let client = self.connect(Who::Tenant(role.key)).await?;
            client.batch_execute(TIDY).await.with_context(|| format!("can't tidy up in {}", role.key))?;
        }
        Ok(())
    }

    pub(super) async fn perform(&mut self, act: &Act) -> anyhow::Result<Performed> {
        Ok(match act {
            Act::Everywhere { sql, expect } => {
                let mut spoken = Vec::with_capacity(cast::TENANTS.len());
                for role in &cast::TENANTS {
                    spoken.push(self.say(Who::Tenant(role.key), sql, expect).await?);
                }
                Performed::Everywhere(spoken)
            }
            Act::Says { who, sql, expect } => Performed::One(self.say(*who, sql, expect).await?),
            Act::Visits { who, sql, expect } => Performed::One(self.visit(*who, sql, expect).await),
            Act::Attempts { who, attempts, look, sees } => self.attempt(*who, attempts, look, sees).await?,
            Act::Operator { command, tenant } => self.operate(*command, tenant).await,
        })
    }

    /// Sends a statement on the speaker's own connection.
    async fn say(&mut self, who: Who, sql: &str, expect: &Expect) -> anyhow::Result<Spoken> {
        let (sent, shown) = self.fill_in(sql)?;
        let answer = match self.keep(who).await {
            Ok(client) => Answer::of(client.simple_query(&sent).await),
            Err(error) => Answer::refused(&error),
        };
        self.remember(&answer);
        Ok(Spoken::new(who.name(), who.tenant(), shown, answer, expect))
    }

    async fn visit(&self, who: Who, sql: &str, expect: &Expect) -> Spoken {
        let answer = match self.connect(who).await {
            Ok(client) => Answer::of(client.simple_query(sql).await),
            Err(error) => Answer::refused(&error),
        };
        let name = match who {
            Who::Tenant(key) => format!("{key}, a new connection"),
            _ => who.name(),
        };
        Spoken::new(name, who.tenant(), sql.to_owned(), answer, expect)
    }

    async fn attempt(
        &mut self,
        who: Who,
        attempts: &[Attempt],
        look: &str,
        sees: &Rows,
    ) -> anyhow::Result<Performed> {
        let (mut spoken, mut looks) = (Vec::new(), Vec::new());
        for attempt in attempts {
            spoken.push(self.say(who, attempt.sql, &attempt.expect).await?);
            looks.push(self.say(who, look, &Expect::Rows(sees)).await?);
        }
        Ok(Performed::Attempts { attempts: spoken, looks })
    }

    async fn operate(&mut self, command: Operation, key: &str) -> Performed {
        let word = match command {
            Operation::Suspend => "suspend",
            Operation::Resume => "resume",
        };
        let line = format!("tenantry tenant {word} {key}");
        let outcome = match (TenantKey::new(key), command) {
            (Ok(key), Operation::Suspend) => {
                tenant::suspend(&self.stage.control, &key, &FenceOptions::default(), &Silent).await
            }
            (Ok(key), Operation::Resume) => tenant::resume(&self.stage.control, &key, &Silent).await,
            (Err(error), _) => return Performed::Operator { line: format!("{line}: {error}"), ok: false },
        };
        match outcome {
            Ok(info) => {
                let ok = self.stage.heard(&info.key, info.state).await;
                Performed::Operator { line: format!("{line}   -- now {}", info.state), ok }
            }
            Err(error) => {
                Performed::Operator { line: format!("{line}: {:#}", anyhow::Error::from(error)), ok: false }
            }
        }
    }

    async fn keep(&mut self, who: Who) -> Result<&Client, tokio_postgres::Error> {
        // Never connected again: that a connection survives what is tried on it is part of the claim.
        if !self.open.contains_key(&who) {
            let client = self.connect(who).await?;
            self.open.insert(who, client);
        }
        Ok(&self.open[&who])
    }

    async fn connect(&self, who: Who) -> Result<Client, tokio_postgres::Error> {
        match who {
            Who::Tenant(key) => self.stage.connect(cast::LOGIN, Some(key)).await,
            Who::Login { user, database } => self.stage.connect(user, database).await,
            Who::Pool => self.stage.connect_as_pool().await,
        }
    }

    /// A challenge's answer is what the next signature is for.
    fn remember(&mut self, answer: &Answer) {
        if let Answer::Rows { columns, rows } = answer
            && columns.iter().map(String::as_str).eq(["challenge"])
            && let [row] = rows.as_slice()
        {
            self.nonce = Some(Nonce::new(row[0].as_str()));
        }
    }

    /// Replaces `{id:KEY}`, `{epoch:KEY}`, `{key}`, `{sign:KEY}` and `{again}`; returns what is sent and what is shown.
    fn fill_in(&mut self, sql: &str) -> anyhow::Result<(String, String)> {
        let (mut sent, mut shown) = (String::new(), String::new());
        let mut rest = sql;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').context("a placeholder of the tour is not closed")?;
            let value = self.value(name)?;
            for (text, secret) in [(&mut sent, false), (&mut shown, true)] {
                text.push_str(before);
                text.push_str(if secret && value.len() == 64 { "…" } else { &value });
            }
            rest = after;
        }
        sent.push_str(rest);
        shown.push_str(rest);
        Ok((sent, shown))
    }

    fn value(&mut self, name: &str) -> anyhow::Result<String> {
        let (verb, key) = name.split_once(':').unwrap_or((name, ""));
        let routes = self.stage.routes.borrow().clone();
        let route = routes.tenant_by_key(key);
        let database = |route: &TenantRoute| {
            let place = route.placement.as_ref()?;
            Some((place.epoch, std::sync::Arc::clone(routes.database(place.database)?)))
        };
        let unknown = || format!("the tour knows no {name:?}");
        match verb {
            "id" => Ok(route.with_context(unknown)?.id.to_string()),
            "again" => self.token.clone().context("nothing was signed yet"),
            _ => {
                let route = route.with_context(unknown)?;
                let (epoch, database) = database(route).with_context(unknown)?;
                match verb {
                    "epoch" => Ok(epoch.to_string()),
                    "key" => Ok(database.key.to_string()),
                    "sign" => {
                        let nonce = self.nonce.as_ref().context("there was no challenge yet")?;
                        let key =
                            self.stage.control.master_key.context_key(&database.stable_name, database.key);
                        let mac = key.sign(route.id, epoch, nonce).mac;
                        self.token = Some(mac.clone());
                        Ok(mac)
                    }
                    _ => anyhow::bail!(unknown()),
                }
            }
        }
    }
}

impl Spoken {
    fn new(who: String, tenant: Option<&str>, sql: String, answer: Answer, expect: &Expect) -> Self {
        let held = answer.is(expect, tenant);
        let expected = expect.describe(tenant);
        let summary = answer.summary(expect);
        Self { who, sql, answer, summary, held, expected }
    }

    fn into_report(self) -> ActReport {
        ActReport { who: self.who, sql: self.sql, answer: self.summary, held: self.held }
    }
}

impl Performed {
    pub(super) fn into_reports(self) -> Vec<ActReport> {
        match self {
            Self::Everywhere(spoken) => spoken.into_iter().map(Spoken::into_report).collect(),
            Self::One(spoken) => vec![spoken.into_report()],
            Self::Attempts { attempts, looks } => {
                let each = attempts.into_iter().zip(looks);
                each.flat_map(|(attempt, look)| [attempt.into_report(), look.into_report()]).collect()
            }
            Self::Operator { line, ok } => {
                let answer = if ok { "done" } else { "failed" }.to_owned();
                vec![ActReport { who: "operator".to_owned(), sql: line, answer, held: ok }]
            }
        }
    }
}

impl Who {
    /// The tenant that answers are expected for.
    fn tenant(self) -> Option<&'static str> {
        match self {
            Self::Tenant(key) => Some(key),
            Self::Login { .. } | Self::Pool => None,
        }
    }

    /// As a prompt shows it.
    pub(super) fn name(self) -> String {
        match self {
            Self::Tenant(key) => key.to_owned(),
            Self::Login { user, database: Some(database) } => format!("{user}@{database}"),
            Self::Login { user, database: None } => user.to_owned(),
            Self::Pool => "the pool's role".to_owned(),
        }
    }
}
