//! Where vectors are played: a pair of tenants behind the gateway, or behind something else.

use super::play::{Caller, Fault, Happened, Protocol, State};
use super::vectors::{Class, Vector};
use crate::raw::Raw;
use crate::world::{PAIRS, World};
use tenantry_core::TenancyModel;
use tokio_postgres::Client;

/// A tenant's rows, and what its session has that another client could have left there.
const SESSION: &str = "SELECT concat_ws('|',
  (SELECT string_agg(body, ',' ORDER BY id) FROM notes), current_user = session_user, current_setting('role'), current_schemas(true)::text,
  pg_my_temp_schema()::text, (SELECT count(*) FROM pg_listening_channels()),
  (SELECT string_agg(name || '=' || setting, ',' ORDER BY name) FROM pg_settings
    WHERE source = 'session' AND name <> 'backtrace_functions'))";

/// What stands for the words in braces.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub(super) pairs: Vec<(&'static str, String)>,
    /// What all the other's rows hold.
    pub(super) secret: String,
}

impl Words {
    pub(super) fn fill(&self, sql: &str) -> String {
        self.pairs
            .iter()
            .fold(sql.to_owned(), |sql, (word, value)| sql.replace(&format!("{{{word}}}"), value))
    }
}

/// The way to the database.
pub(super) enum Door<'a> {
    Gateway(&'a World),
    /// The same, to a replica.
    Replica(&'a World),
    Bouncer(&'a super::bouncer::Bouncer),
}

impl Door<'_> {
    /// A tenant's client, or the SQLSTATE with which it is not let in.
    async fn open(&self, tenant: &str, options: &str) -> Result<Caller, String> {
        let on_replica = format!("-c tenantry.read=replica {options}");
        let options = if matches!(self, Self::Replica(_)) { &on_replica } else { options };
        match self {
            Self::Gateway(world) | Self::Replica(world) => {
                let raw = Raw::try_login_with(world, tenant, &[("options", options)]).await?;
                Ok(Caller { raw, before: Vec::new(), after: None })
            }
            Self::Bouncer(bouncer) => bouncer.open(tenant, options).await,
        }
    }
}

pub(super) struct Stage<'a> {
    pub(super) door: Door<'a>,
    pub(super) attacker: &'static str,
    pub(super) victim: &'static str,
    pub(super) admin: Client,
    /// The role that the connection is of.
    pub(super) role: String,
    pub(super) words: Words,
}

/// A vector's whole run.
pub(super) struct Outcome {
    pub(super) vector: &'static Vector,
    pub(super) plays: Vec<((Protocol, State), Happened)>,
}

impl Outcome {
    /// The page's word.
    pub(super) fn cell(&self) -> String {
        let mut faults: Vec<String> = Vec::new();
        for fault in self.plays.iter().flat_map(|(_, happened)| &happened.faults).map(ToString::to_string) {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        if !faults.is_empty() {
            return faults.join(", ");
        }
        // Alone, the statements are what they are.
        let alone = self.plays.iter().find(|((_, state), _)| *state == State::None);
        match alone.and_then(|(_, happened)| happened.refused.as_deref()) {
            Some(code) => format!("`{code}`"),
            None if self.vector.class == Class::Beyond => "runs".into(),
            None if self.vector.class == Class::Left => "not found".into(),
            None => "no effect".into(),
        }
    }
}

impl<'a> Stage<'a> {
    /// The same rows, on the replica that all reads must go to.
    pub(super) async fn on_replica(world: &'a World, model: TenancyModel) -> Self {
        Self { door: Door::Replica(world), ..Self::behind_gateway(world, model).await }
    }

    pub(super) async fn behind_gateway(world: &'a World, model: TenancyModel) -> Self {
        let (attacker, victim) = match model {
            TenancyModel::Shared => PAIRS[0],
            TenancyModel::Schema => PAIRS[1],
            TenancyModel::Database => PAIRS[2],
        };
        let [own, other] = [attacker, victim].map(crate::world::id_of);
        let databases = world.databases();
        let (database, elsewhere) = match model {
            TenancyModel::Database => (databases[1].clone(), databases[2].clone()),
            _ => (databases[0].clone(), String::new()),
        };
        let admin = world.postgres.connect(&database).await.unwrap();
        let shared = model == TenancyModel::Shared;
        let theirs = match model {
            TenancyModel::Shared => "notes".to_owned(),
            TenancyModel::Schema => format!("t_{other}.notes"),
            TenancyModel::Database => format!("{elsewhere}.public.notes"),
        };
        let condition = if shared { format!("WHERE tenant_id = {other}") } else { String::new() };
        let columns = if shared { "(tenant_id, id, body)" } else { "(id, body)" };
        let value = if shared { format!("{other}, ") } else { String::new() };
        let prefix = if model == TenancyModel::Schema { 's' } else { 't' };
        let pairs = vec![
            ("own", own.to_string()),
            ("other", other.to_string()),
            ("setting", "backtrace_functions".into()),
            ("forged", format!("{prefix}_{other}")),
            ("theirs", format!("{theirs} {condition}")),
            ("update", theirs.clone()),
            ("where", condition),
            ("plant", format!("{theirs} {columns} VALUES ({value}7, 'planted')")),
            ("key", if shared { "(tenant_id, id)" } else { "(id)" }.into()),
            ("role", format!("login_{database}")),
            ("database", database.clone()),
            ("seeded", seeded(&admin).await),
            ("locks", "1".into()),
        ];
        let stage = Self {
            door: Door::Gateway(world),
            attacker,
            victim,
            admin,
            role: format!("login_{database}"),
            words: Words { pairs, secret: format!("secret of {victim}") },
        };
        stage.furnish().await;
        stage
    }

    /// Each has a row of the same key; the other has one more.
    pub(super) async fn furnish(&self) {
        for (tenant, rows) in [(self.attacker, 1), (self.victim, 2)] {
            let mut caller = self.door.open(tenant, "").await.unwrap();
            for (id, slug) in [(1_000, "same"), (1_001, "theirs")].iter().take(rows) {
                let sql = format!(
                    "INSERT INTO notes (id, slug, body) VALUES ({id}, '{slug}', 'secret of {tenant}')"
                );
                assert_eq!(caller.ask(&sql).await, "INSERT 0 1;");
            }
        }
    }

    async fn protection(&self) -> String {
        let query = include_str!("protection.sql");
        let mut all: String = self.admin.query_one(query, &[&self.role]).await.unwrap().get(0);
        if !matches!(self.door, Door::Bouncer(_)) {
            let gate = "SELECT E'\ngate ' || string_agg(g::text, ' ' ORDER BY g.tenant) FROM tenancy.gate g";
            all.push_str(self.admin.query_one(gate, &[]).await.unwrap().get(0));
        }
        all
    }

    /// Plays a vector in every way that is asked for. Afterwards everybody must be able to work.
    pub(super) async fn run(&self, vector: &'static Vector, ways: &[(Protocol, State)]) -> Outcome {
        let mut plays = Vec::new();
        let (mut own, mut other, before) = self.begin(vector).await;
        for (protocol, state) in ways {
            let mut happened = Happened::default();
            let mode = if *state == State::Session { "-c tenantry.pool_mode=session " } else { "" };
            let options = format!("{mode}{}", self.words.fill(vector.options));
            let attacker = match self.door.open(self.attacker, &options).await {
                Ok(caller) => caller.attack(vector, (*protocol, *state), &self.words, &mut happened).await,
                Err(code) => {
                    happened.refused = Some(code);
                    None
                }
            };
            let found = other.look(vector.look, &self.words).await;
            if found != before.found {
                happened.faults.push(Fault::Found(format!("{found} instead of {}", before.found)));
            }
            let session = other.ask(SESSION).await;
            if session != before.session {
                happened.faults.push(self.fault_of(&session, &before.session));
            }
            drop(attacker);
            plays.push(((*protocol, *state), happened));
        }
        if let Some((_, happened)) = plays.last_mut() {
            self.conclude(&mut own, &mut other, &before, happened).await;
        }
        Outcome { vector, plays }
    }

    /// Clients of both, and what the other sees before anything happens.
    async fn begin(&self, vector: &Vector) -> (Caller, Caller, Before) {
        if let Door::Bouncer(bouncer) = &self.door {
            bouncer.begin_again(&self.admin).await;
        }
        let mut other = self.door.open(self.victim, "").await.unwrap();
        let own = self.door.open(self.attacker, "").await.unwrap();
        let found = other.look(vector.look, &self.words).await;
        let session = other.ask(SESSION).await;
        let two = format!("{0},{0}", self.words.secret);
        assert!(session.contains(&two), "{}: {session}", vector.name);
        (own, other, Before { found, session, protection: self.protection().await })
    }

    /// Whether the other's rows are not there, or something else of its session.
    fn fault_of(&self, session: &str, before: &str) -> Fault {
        let told = format!("{session} instead of {before}");
        let rows = format!("{0},{0}", self.words.secret);
        match () {
            () if session.starts_with("error") => Fault::Broken(told),
            () if session.contains(&rows) => Fault::Found(told),
            () => Fault::Changed(told),
        }
    }

    /// Both still work, and are protected as before.
    async fn conclude(&self, own: &mut Caller, other: &mut Caller, before: &Before, happened: &mut Happened) {
        let written = other.ask("UPDATE notes SET slug = slug").await;
        let expected = if matches!(self.door, Door::Replica(_)) { "error 25006" } else { "UPDATE 2;" };
        if written != expected {
            happened.faults.push(Fault::Broken(written));
        }
        let rows = own.ask("SELECT body FROM notes").await;
        if rows != format!("secret of {};SELECT 1;", self.attacker) {
            happened.faults.push(Fault::Broken(rows));
        }
        let now = self.protection().await;
        if now != before.protection {
            happened.faults.push(Fault::Unprotected(first_difference(&before.protection, &now)));
        }
    }
}

/// What there is to see before anything happens.
struct Before {
    found: String,
    session: String,
    protection: String,
}

/// The first random number behind `setseed(0.5)`.
pub(super) async fn seeded(admin: &Client) -> String {
    admin.batch_execute("SELECT setseed(0.5)").await.unwrap();
    admin.query_one("SELECT random()::text", &[]).await.unwrap().get(0)
}

fn first_difference(one: &str, two: &str) -> String {
    let differs =
        two.lines().find(|line| !one.contains(line)).or_else(|| one.lines().find(|line| !two.contains(line)));
    differs.unwrap_or_default().chars().take(200).collect()
}
