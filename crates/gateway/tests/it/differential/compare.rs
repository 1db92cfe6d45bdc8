//! What two answers must have in common: everything, but for what is listed here.

use bytes::BytesMut;
use std::fmt::Write;
use tenantry_wire::backend::tag;

type Message = (u8, BytesMut);

/// Leaves out of a message what may differ.
fn comparable((kind, body): &Message) -> (u8, Vec<u8>) {
    let body = match *kind {
        tag::ERROR | tag::NOTICE => error(body),
        // The sender's process.
        tag::NOTIFICATION => body[4..].to_vec(),
        _ => body.to_vec(),
    };
    (*kind, body)
}

/// Without the place in PostgreSQL's source that an error was raised at, since the gateway's own errors have none, and
/// without the names of prepared statements, which are the gateway's on the server.
fn error(body: &[u8]) -> Vec<u8> {
    let fields = body.split(|byte| *byte == 0);
    let fields = fields.filter(|field| !matches!(field.first(), Some(b'F' | b'L' | b'R') | None));
    fields.map(unnamed).collect::<Vec<_>>().join(&0)
}

fn unnamed(field: &[u8]) -> Vec<u8> {
    const NAMED: &str = "prepared statement \"";
    let text = String::from_utf8_lossy(field);
    let named = text.split_once(NAMED).and_then(|(before, rest)| Some((before, rest.split_once('"')?.1)));
    named.map_or_else(|| field.to_vec(), |(before, after)| format!("{before}{NAMED}…\"{after}").into_bytes())
}

/// Whether the connection ended before the client did.
fn ended(messages: &[Message]) -> bool {
    !matches!(messages.last(), Some((tag::READY_FOR_QUERY, _)))
}

/// Where the answers differ, for people.
pub(crate) fn difference(direct: &[Message], gateway: &[Message]) -> Option<String> {
    let [mut one, mut two] = [direct, gateway].map(|all| all.iter().map(comparable).collect::<Vec<_>>());
    if ended(direct) && ended(gateway) {
        // A message in the middle of a COPY ends the session. In which words, and how much of what was said before still
        // arrives, TCP alone knows: a server that closes its socket with bytes unread takes its own back.
        let common = one.len().min(two.len());
        for side in [&mut one, &mut two] {
            side.truncate(common);
            side.truncate(side.iter().rposition(|(kind, _)| *kind != tag::ERROR).map_or(0, |last| last + 1));
        }
        let common = one.len().min(two.len());
        one.truncate(common);
        two.truncate(common);
    }
    if one == two && ended(direct) == ended(gateway) {
        return None;
    }
    let at = one.iter().zip(&two).take_while(|(a, b)| a == b).count();
    let mut told = format!("the answers differ from message {at} on\n");
    for (who, messages) in [("direct", one), ("gateway", two)] {
        let _written = writeln!(told, "  {who}:");
        for (kind, body) in messages.iter().skip(at.saturating_sub(3)).take(12) {
            let text: String = String::from_utf8_lossy(body).chars().take(160).collect();
            let _written = writeln!(told, "    {} {text:?}", char::from(*kind));
        }
    }
    Some(told)
}
