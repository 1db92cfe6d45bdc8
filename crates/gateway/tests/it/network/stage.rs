//! A gateway between two proxies, the client that the faults hit, and those who look what has become of everything.

use super::conversation::{Conversation, Step};
use super::judge::{Baseline, reported_committed};
use super::talk::{Message, SLUG, Talk, rows};
use super::{Case, Faults, Pair, Side};
use crate::copying::plain::rewriters;
use crate::world::World;
use bytes::BytesMut;
use std::collections::BTreeSet;
use std::time::Duration;
use tenantry_gateway::Config;
use tenantry_testkit::proxy::{Place, Plan, Proxy, Sender};
use tenantry_wire::backend::tag;
use tenantry_wire::frontend;
use tenantry_wire::scram::ClientKeys;
use tokio_postgres::Client;

/// Nothing takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_mins(1);
/// How often a conversation is tried until it is whole.
const MOST_BASELINES: usize = 20;
/// Who looks whether something has come to pass leaves the machine to those who do it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

pub(super) struct Stage {
    world: World,
    near: Proxy,
    far: Proxy,
    tenant: &'static str,
    own: Witness,
    other: Option<Witness>,
    console: Talk,
    admin: Client,
    keys: Option<ClientKeys>,
    cases: u32,
    /// Which of the faults' turns it is.
    pub(super) turn: usize,
}

/// Somebody of a tenant who stays connected, past the proxy, and looks.
struct Witness {
    tenant: &'static str,
    talk: Option<Talk>,
    asked: u32,
    port: u16,
    keys: Option<ClientKeys>,
}

impl Witness {
    /// The tenant's rows as it sees them. An error when it was told one, or nothing.
    async fn look(&mut self) -> Result<BTreeSet<String>, String> {
        let talk = match &mut self.talk {
            Some(talk) if talk.is_open() => talk,
            lost => {
                let mut talk = Talk::to(self.port).await;
                if !talk.login("app", self.tenant, &mut self.keys).await {
                    return Err(format!("no login: {:?}", talk.heard.last()));
                }
                lost.insert(talk)
            }
        };
        talk.forget();
        self.asked += 1;
        let marker = format!("{}-{}", self.tenant, self.asked);
        let sql = format!(
            "SELECT '{marker}', coalesce(current_setting('app.secret', true), ''), slug FROM notes ORDER BY slug"
        );
        let mut out = BytesMut::new();
        let extended = self.asked.is_multiple_of(2);
        if extended {
            frontend::parse(&mut out, b"", &sql, &[]);
            frontend::bind_text(&mut out, b"", b"", &[]);
            frontend::describe(&mut out, frontend::PORTAL, b"");
            frontend::execute(&mut out, b"", 0);
            frontend::sync(&mut out);
        } else {
            frontend::query(&mut out, &sql);
        }
        talk.send(&out).await;
        while talk.hear().await.is_some_and(|(tag, _)| *tag != tag::READY_FOR_QUERY) {}
        let heard = talk.heard.iter().filter(|(tag, _)| *tag != tag::BACKEND_KEY_DATA).cloned();
        let heard: Vec<Message> = heard.collect();
        if heard.iter().any(|(tag, _)| *tag == tag::ERROR) || !talk.is_open() {
            self.talk = None;
            return Err(format!("{heard:?}"));
        }
        let tags: String = heard.iter().map(|(tag, _)| char::from(*tag)).collect();
        let rows = rows(&heard);
        let expected = if extended { "12T" } else { "T" }.to_owned() + &"D".repeat(rows.len()) + "CZ";
        assert_eq!(tags, expected, "replies that are not those to the question");
        for row in &rows {
            assert_eq!(row[..2], [marker.clone(), String::new()], "replies or settings that are not its own");
        }
        Ok(rows.into_iter().map(|mut row| row.remove(2)).collect())
    }
}

/// What was done with a conversation.
struct Held {
    heard: Vec<Message>,
    rival: Option<Result<BTreeSet<String>, String>>,
}

impl Stage {
    pub(super) async fn new(version: u32, pair: Pair, faults: Faults, turn: usize) -> Self {
        let short = match faults {
            Faults::Noticed => Duration::from_secs(10),
            // Whoever is refused because the machine is busy asks again.
            Faults::SilentServers => Duration::from_millis(300),
        };
        let config = Config {
            // Nothing happens by itself while messages are counted.
            linger: Duration::from_hours(1),
            connect_timeout: short,
            handover_timeout: short,
            ..Config::default()
        };
        let world = World::with(version, 1, config).await;
        let near = Proxy::to("127.0.0.1", world.port()).await.unwrap();
        let far = Proxy::to(world.postgres.host(), world.postgres.port()).await.unwrap();
        if pair.0 == "acme" {
            world.rewriters.send_replace(rewriters(&world).await);
        }
        let port = far.port();
        world.change_databases(|route| route.port = port);
        let witness = |tenant| Witness { tenant, talk: None, asked: 0, port: world.port(), keys: None };
        let (own, other) = (witness(pair.0), Some(witness(pair.1)));
        let mut keys = None;
        let mut console = Talk::to(world.port()).await;
        assert!(console.login("operator", "admin", &mut None).await);
        let admin = world.postgres.connect("postgres").await.unwrap();
        for tenant in [pair.0, pair.1] {
            let mut talk = patient_login(world.port(), tenant, &mut keys, faults.side()).await;
            let mut out = BytesMut::new();
            frontend::query(&mut out, &format!("INSERT INTO notes (slug, body) VALUES ('{tenant}', 'x')"));
            talk.send(&out).await;
            assert!(talk.until(tag::READY_FOR_QUERY).await);
            assert!(talk.heard.iter().any(|(tag, _)| *tag == tag::COMMAND_COMPLETE), "{:?}", talk.heard);
        }
        Self { world, near, far, tenant: pair.0, own, other, console, admin, keys, cases: 0, turn }
    }

    pub(super) async fn close(self) {
        let Self { world, own, other, console, .. } = self;
        drop((own, other, console));
        world.close().await;
    }

    /// Holds a conversation over proxies that only look, under the same circumstances as with a fault.
    pub(super) async fn baseline(&mut self, conversation: &Conversation, faults: Faults) -> Baseline {
        for _ in 0..MOST_BASELINES {
            match self.try_baseline(conversation, faults.side()).await {
                Ok(baseline) => return baseline,
                // A busy machine may need longer than a server may take here.
                Err(error) => assert!(faults == Faults::SilentServers, "without a fault: {error}"),
            }
        }
        panic!("{}: it always fails without a fault", conversation.name);
    }

    async fn try_baseline(&mut self, conversation: &Conversation, side: Side) -> Result<Baseline, String> {
        self.reconnect().await;
        self.look(side, &BTreeSet::new()).await;
        let slug = self.next_slug();
        let mut talk = self.begin(conversation, side).await;
        self.near.watch();
        self.far.watch();
        let held = self.hold(conversation, &slug, &mut talk, None).await;
        let (near, far) = (self.near.seen(), self.far.seen());
        let is_whole = errors(&held.heard) == conversation.errors
            && reported_committed(conversation, &held.heard) == conversation.committed.is_some()
            && held.rival.is_none_or(|rival| rival.is_ok());
        let baseline = Baseline::new(&held.heard, &slug, near, far);
        drop(talk);
        self.settle(&told_of(conversation, None, "baseline")).await;
        self.look(side, &BTreeSet::from([slug])).await;
        if is_whole { Ok(baseline) } else { Err(format!("{}: {:?}", conversation.name, baseline.heard)) }
    }

    /// Holds a conversation with a fault, and sees what has become of everything.
    pub(super) async fn try_one(&mut self, conversation: &Conversation, baseline: &Baseline, case: Case) {
        let slug = self.next_slug();
        let mut talk = self.begin(conversation, case.side).await;
        let (hit, fault) = (self.proxy(case.side), case.plan.fault);
        talk.mind(fault, hit);
        hit.arm(case.plan);
        let held = self.hold(conversation, &slug, &mut talk, Some(case)).await;
        let struck = self.proxy(case.side).disarm();
        let told = |what: &str| format!("{} of {}, {case:?}: {what}", conversation.name, self.tenant);
        // The server's side may have less to say: what another connection was asked is known here already.
        assert!(struck || case.side == Side::Far, "{}", told("the fault did not strike"));
        if let Err(wrong) = baseline.judge(&held.heard, &slug, case) {
            panic!("{}", told(&wrong));
        }
        match &held.rival {
            Some(Ok(rows)) => assert_eq!(rows.len(), 1, "{}", told(&format!("the rival saw {rows:?}"))),
            Some(Err(error)) => assert!(case.side == Side::Far, "{}", told(error)),
            None => {}
        }
        let reported = reported_committed(conversation, &held.heard);
        drop(talk);
        self.settle(&told_of(conversation, Some(case), "afterwards")).await;
        let seen = self.look(case.side, &BTreeSet::from([slug.clone()])).await;
        assert!(
            !reported || seen.contains(&slug),
            "{}",
            told_of(conversation, Some(case), "a commit that was none")
        );
        let sent = may_have_committed(conversation, case);
        assert!(
            sent || !seen.contains(&slug),
            "{}",
            told_of(conversation, Some(case), "a commit that nobody sent")
        );
    }

    fn proxy(&self, side: Side) -> &Proxy {
        match side {
            Side::Near => &self.near,
            Side::Far => &self.far,
        }
    }

    fn next_slug(&mut self) -> String {
        self.cases += 1;
        format!("case-{:06}", self.cases)
    }

    /// A client as the conversation needs it, the server connection inside the other tenant.
    async fn begin(&mut self, conversation: &Conversation, side: Side) -> Talk {
        if conversation.logs_in() {
            self.reconnect().await;
            return Talk::to(self.near.port()).await;
        }
        let mut talk = patient_login(self.near.port(), self.tenant, &mut self.keys, side).await;
        talk.forget();
        self.visit(side).await;
        talk
    }

    /// The other tenant uses the server connection, and sees its own row.
    async fn visit(&mut self, side: Side) {
        let other = self.other.as_mut().expect("the rival is back");
        let rows = patiently(other, side).await;
        assert_eq!(rows, BTreeSet::from([other.tenant.to_owned()]), "another tenant's rows");
    }

    /// Both tenants see their own rows, and the first one perhaps these, which are taken away.
    async fn look(&mut self, side: Side, may_be: &BTreeSet<String>) -> BTreeSet<String> {
        self.visit(side).await;
        let mut rows = patiently(&mut self.own, side).await;
        assert!(rows.remove(self.own.tenant), "its own row is not there: {rows:?}");
        assert!(rows.is_subset(may_be), "{rows:?} instead of {may_be:?}");
        if !rows.is_empty() {
            let talk = self.own.talk.as_mut().expect("it has just looked");
            let mut out = BytesMut::new();
            frontend::query(&mut out, "DELETE FROM notes WHERE slug LIKE 'case-%'");
            talk.send(&out).await;
            assert!(talk.until(tag::READY_FOR_QUERY).await);
        }
        self.visit(side).await;
        rows
    }

    /// Does what the conversation says, as far as the fault lets it.
    async fn hold(
        &mut self,
        conversation: &Conversation,
        slug: &str,
        talk: &mut Talk,
        case: Option<Case>,
    ) -> Held {
        let mut rival = None;
        for step in &conversation.steps {
            if !talk.is_open() || errors(&talk.heard) > conversation.errors {
                break;
            }
            match step {
                Step::Send(bytes) => talk.send(&with_slug(bytes, slug)).await,
                Step::Ready(many) => {
                    for _ in 0..*many {
                        talk.until(tag::READY_FOR_QUERY).await;
                    }
                }
                Step::Until(tag) => drop(talk.until(*tag).await),
                Step::Login => drop(talk.login("app", self.tenant, &mut self.keys).await),
                Step::Rival => {
                    let mut other = self.other.take().expect("there is one");
                    // It may be its own question that the server does not answer.
                    if let (Some(case), Some(talk)) = (case, &mut other.talk)
                        && case.side == Side::Far
                    {
                        talk.mind(case.plan.fault, &self.far);
                    }
                    let asked = tokio::spawn(async move {
                        let rows = other.look().await;
                        (other, rows)
                    });
                    self.until_waiting(|| asked.is_finished()).await;
                    rival = Some(asked);
                }
                Step::Cancel => {
                    if self.until_running(slug, case).await {
                        talk.cancel(self.near.port()).await;
                    }
                    if case.is_some_and(|case| self.has_struck(case)) {
                        // Nobody knows whether the request has arrived.
                        talk.leave();
                    }
                }
            }
        }
        let heard = std::mem::take(&mut talk.heard);
        let rival = match rival {
            None => None,
            Some(asked) => {
                if errors(&heard) > conversation.errors {
                    talk.leave();
                }
                let (mut other, rows) = asked.await.unwrap();
                other.talk.iter_mut().for_each(Talk::mind_nothing);
                self.other = Some(other);
                Some(rows)
            }
        };
        Held { heard, rival }
    }

    fn has_struck(&self, case: Case) -> bool {
        let seen = self.proxy(case.side).seen();
        let Place::Nth(nth) = case.plan.place else { return false };
        seen.iter().filter(|seen| seen.sender == case.plan.sender).count() > nth
    }

    /// Waits until the server sleeps in the statement with this slug, which is past its first answers. False when it never will.
    async fn until_running(&self, slug: &str, case: Option<Case>) -> bool {
        let sql = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE $1";
        let pattern = format!("%pg_sleep%{slug}%");
        let running = async {
            loop {
                if self.admin.query_one(sql, &[&pattern]).await.unwrap().get(0) {
                    return true;
                }
                if case.is_some_and(|case| self.has_struck(case)) {
                    return false;
                }
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        };
        tokio::time::timeout(DEADLINE, running).await.expect("the statement runs")
    }

    /// Server connections are opened anew from now on.
    async fn reconnect(&mut self) {
        self.ask_console("RECONNECT").await;
        let pools = self.pools().await;
        assert!(pools.iter().all(|pool| pool.idle == 0 && pool.active == 0), "{pools:?}");
    }

    /// Waits until nothing of a conversation is left.
    async fn settle(&mut self, of: &str) {
        let settling = async {
            loop {
                let witnesses = [Some(&self.own), self.other.as_ref()];
                let there = witnesses.into_iter().flatten().filter(|witness| witness.talk.is_some()).count();
                let pools = self.pools().await;
                let open: i64 = pools.iter().map(|pool| pool.idle).sum();
                let quiet = pools.iter().all(|pool| pool.active == 0 && pool.waiting == 0 && pool.idle <= 1);
                if quiet && self.world.gateway().clients() == there + 1 && self.backends_rest(open).await {
                    return;
                }
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        };
        if tokio::time::timeout(DEADLINE, settling).await.is_err() {
            let (clients, pools) = (self.world.gateway().clients(), self.pools().await);
            let backends = self.admin.query(BACKENDS, &[&self.world.databases()]).await.unwrap();
            let backends: Vec<String> = backends.iter().map(|row| row.get(0)).collect();
            panic!("{of}: something is left: {clients} clients, {pools:?}, {backends:?}");
        }
    }

    /// Whether there are no more backends than these, all of them idle.
    async fn backends_rest(&self, most: i64) -> bool {
        let sql = "SELECT count(*) <= $2 AND bool_and(state = 'idle') IS NOT FALSE FROM pg_stat_activity
                   WHERE usename LIKE 'login_gw%' AND datname = ANY($1)";
        self.admin.query_one(sql, &[&self.world.databases(), &most]).await.unwrap().get(0)
    }

    /// Waits until somebody waits for a server connection, or until that is no longer to be expected.
    async fn until_waiting(&mut self, over: impl Fn() -> bool) {
        let waiting = async {
            while !over() && self.pools().await.iter().all(|pool| pool.waiting == 0) {
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.expect("the rival waits or is answered");
    }

    async fn pools(&mut self) -> Vec<PoolNumbers> {
        let number = |cell: &String| cell.parse().unwrap();
        let of = |row: &Vec<String>| PoolNumbers {
            waiting: number(&row[3]),
            active: number(&row[6]),
            idle: number(&row[9]),
        };
        self.ask_console("SHOW POOLS").await.iter().map(of).collect()
    }

    async fn ask_console(&mut self, command: &str) -> Vec<Vec<String>> {
        self.console.heard.clear();
        let mut out = BytesMut::new();
        frontend::query(&mut out, command);
        self.console.send(&out).await;
        assert!(self.console.until(tag::READY_FOR_QUERY).await);
        rows(&self.console.heard)
    }
}

const BACKENDS: &str = "SELECT concat_ws(' ', pid, state, wait_event, query) FROM pg_stat_activity
  WHERE usename LIKE 'login_gw%' AND datname = ANY($1)";

/// What the gateway says of a pool.
#[derive(Debug)]
struct PoolNumbers {
    waiting: i64,
    active: i64,
    idle: i64,
}

/// Logs in; where the server's side fails, in the end.
async fn patient_login(port: u16, tenant: &str, keys: &mut Option<ClientKeys>, side: Side) -> Talk {
    let trying = async {
        loop {
            let mut talk = Talk::to(port).await;
            if talk.login("app", tenant, keys).await {
                return talk;
            }
            assert!(side == Side::Far, "no login: {:?}", talk.heard.last());
        }
    };
    tokio::time::timeout(DEADLINE, trying).await.expect("a login")
}

/// Looks until there is an answer. Where the server's side fails, an idle server connection may turn out to be dead while it
/// is being used; everywhere else the first answer counts.
async fn patiently(witness: &mut Witness, side: Side) -> BTreeSet<String> {
    let looking = async {
        loop {
            match witness.look().await {
                Ok(rows) => return rows,
                Err(error) => assert!(side == Side::Far, "{}: {error}", witness.tenant),
            }
        }
    };
    tokio::time::timeout(DEADLINE, looking).await.expect("an answer")
}

fn errors(heard: &[Message]) -> usize {
    heard.iter().filter(|(tag, _)| *tag == tag::ERROR).count()
}

fn with_slug(bytes: &[u8], slug: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    while let Some(at) = bytes.windows(SLUG.len()).position(|window| window == SLUG.as_bytes()) {
        bytes[at..at + slug.len()].copy_from_slice(slug.as_bytes());
    }
    bytes
}

fn told_of(conversation: &Conversation, case: Option<Case>, what: &str) -> String {
    format!("{}, {case:?}: {what}", conversation.name)
}

/// Whether the message that ends the transaction may have been passed on.
fn may_have_committed(conversation: &Conversation, case: Case) -> bool {
    let Plan { sender: Sender::Client, place: Place::Nth(nth), .. } = case.plan else { return true };
    case.side == Side::Far || conversation.decisive().is_some_and(|decisive| decisive < nth)
}
