//! What the client does that the faults hit.

use super::talk::SLUG;
use bytes::BytesMut;
use tenantry_wire::{frame, frontend};

/// One thing that the client does.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Sends these bytes in one write.
    Send(Vec<u8>),
    /// Reads up to so many ReadyForQuery.
    Ready(usize),
    /// Reads up to a message of this type.
    Until(u8),
    /// The other tenant's client asks for its rows now, and its answer is awaited at the end.
    Rival,
    /// Waits until the server runs the statement, then asks for its cancellation.
    Cancel,
    /// Everything from the startup packet to the first ReadyForQuery, over a server connection that is opened for it.
    Login,
}

#[derive(Debug, Clone)]
pub(super) struct Conversation {
    pub(super) name: &'static str,
    pub(super) steps: Vec<Step>,
    /// The tag whose arrival, with the next ReadyForQuery, says that the row is there for good.
    pub(super) committed: Option<&'static [u8]>,
    /// Errors that belong to it.
    pub(super) errors: usize,
}

impl Conversation {
    /// Whether it begins with a login of its own, instead of behind one.
    pub(super) fn logs_in(&self) -> bool {
        matches!(self.steps.first(), Some(Step::Login))
    }

    /// The client's first message without which nothing can have been committed.
    pub(super) fn decisive(&self) -> Option<usize> {
        let words: &[u8] = if self.committed? == b"COMMIT" { b"COMMIT" } else { SLUG.as_bytes() };
        let words = if self.name == "copy in" { b"COPY" } else { words };
        let sent = self.steps.iter().filter_map(|step| match step {
            Step::Send(bytes) => Some(bytes),
            _ => None,
        });
        let mut messages = sent.flat_map(|bytes| frame::frames(bytes)).map(Result::unwrap);
        messages.position(|message| message.body.windows(words.len()).any(|window| window == words))
    }
}

const INSERT: &str = "INSERT INTO notes (slug, body) VALUES ('SLUG', 'x')";
const READ: &str = "SELECT slug FROM notes ORDER BY slug";

fn send(write: impl FnOnce(&mut BytesMut)) -> Step {
    let mut out = BytesMut::new();
    write(&mut out);
    Step::Send(out.to_vec())
}

fn query(sql: &str) -> Step {
    send(|out| frontend::query(out, &sql.replace("SLUG", SLUG)))
}

fn extended(out: &mut BytesMut, statement: &[u8], sql: &str) {
    frontend::parse(out, statement, &sql.replace("SLUG", SLUG), &[]);
    frontend::bind_text(out, b"", statement, &[]);
    frontend::describe(out, frontend::PORTAL, b"");
    frontend::execute(out, b"", 0);
}

/// All conversations, as a tenant of this name has them.
pub(super) fn all(tenant: &str) -> Vec<Conversation> {
    let ready = || Step::Ready(1);
    let of = |name, steps: Vec<Step>, committed: Option<&'static str>, errors| Conversation {
        name,
        steps,
        committed: committed.map(str::as_bytes),
        errors,
    };
    let simple = vec![query(READ), ready(), query(INSERT), ready(), query("SELECT 1; SELECT 2"), ready()];
    let block = vec![
        query("BEGIN"),
        ready(),
        query(INSERT),
        ready(),
        Step::Rival,
        query("COMMIT"),
        ready(),
        query(READ),
        ready(),
    ];
    let portal = vec![
        send(|out| {
            frontend::parse(out, b"", "SELECT generate_series(1, 5)", &[]);
            frontend::bind_text(out, b"p", b"", &[]);
            frontend::describe(out, frontend::PORTAL, b"p");
            frontend::execute(out, b"p", 2);
            frontend::flush(out);
        }),
        Step::Until(b's'),
        send(|out| {
            frontend::execute(out, b"p", 2);
            frontend::execute(out, b"p", 0);
            frontend::close(out, frontend::PORTAL, b"p");
            frontend::sync(out);
        }),
        ready(),
        send(|out| {
            extended(out, b"", "BEGIN");
            extended(out, b"named", INSERT);
            frontend::sync(out);
        }),
        ready(),
        send(|out| {
            extended(out, b"", "COMMIT");
            frontend::sync(out);
        }),
        ready(),
    ];
    let pipeline = vec![
        send(|out| {
            extended(out, b"", READ);
            frontend::sync(out);
            extended(out, b"", "SELECT 1/0");
            extended(out, b"", READ);
            frontend::sync(out);
            extended(out, b"s", INSERT);
            frontend::sync(out);
            frontend::query(out, "SELECT 3");
        }),
        Step::Ready(4),
    ];
    let copy_out = vec![
        query("COPY (SELECT generate_series(1, 4)) TO STDOUT"),
        ready(),
        query("COPY (SELECT 1 / (3 - generate_series(1, 4))) TO STDOUT"),
        ready(),
    ];
    // Where the schema is a tenant's own, PostgreSQL refuses it.
    let refused = tenant == "globex";
    let mut copy_in = vec![query("COPY notes (slug, body) FROM STDIN")];
    if !refused {
        copy_in.push(Step::Until(b'G'));
        for data in [format!("{SLUG}\t"), "x\n".to_owned()] {
            copy_in.push(send(|out| frontend::copy_data(out, data.as_bytes())));
        }
        copy_in.push(send(frontend::copy_done));
    }
    copy_in.push(ready());
    let settings = vec![
        query("SELECT set_config('app.secret', 'the first tenant''s', false)"),
        ready(),
        query("SELECT current_setting('app.secret')"),
        ready(),
        query("DECLARE c CURSOR WITH HOLD FOR SELECT slug FROM notes"),
        ready(),
        query("FETCH ALL c"),
        ready(),
        query("CLOSE c"),
        ready(),
    ];
    let login = vec![Step::Login, query(READ), ready()];
    let cancel = vec![query("SELECT pg_sleep(60), 'SLUG'"), Step::Cancel, ready()];
    vec![
        of("simple", simple, Some("INSERT 0 1"), 0),
        of("block", block, Some("COMMIT"), 0),
        of("portal", portal, Some("COMMIT"), 0),
        of("pipeline", pipeline, Some("INSERT 0 1"), 1),
        of("copy out", copy_out, None, 1),
        of("copy in", copy_in, (!refused).then_some("COPY 1"), usize::from(refused)),
        of("settings", settings, None, 0),
        of("login", login, None, 0),
        of("cancel", cancel, None, 1),
    ]
}
