//! Asking a server where it is in the write-ahead log. That shows how much everybody writes, so the database tells it to
//! a gateway alone, which proves to be one as it does for an entry: as if tenant 0 were entered, which nobody is.

use super::{BackendError, ServerConnection, State};
use crate::replica::Position;
use tenantry_core::{ContextKey, Epoch, Nonce, TenantId, quote_literal};
use tenantry_wire::frontend;

const NOBODY: TenantId = TenantId::new(0);
const NEVER: Epoch = Epoch::new(0);

impl ServerConnection {
    /// Where the server is. The connection must be `Clean`, and is afterwards, with a new nonce.
    pub(crate) async fn ask_position(&mut self, key: &ContextKey) -> Result<Position, BackendError> {
        if self.state != State::Clean {
            return Err(BackendError::Protocol("a question on a connection that is in use"));
        }
        let nonce = self.nonce.take().ok_or(BackendError::Protocol("a question without a nonce"))?;
        let token = key.sign(NOBODY, NEVER, &nonce);
        let sql = format!("SELECT tenancy.wal_position({},{})", token.key, quote_literal(&token.mac));
        frontend::query(&mut self.io.outbuf, &sql);
        self.io.flush().await?;
        let answer = self.read_reply().await?.value.ok_or(BackendError::Protocol("no position"))?;
        let (nonce, position) = parse(&answer).ok_or(BackendError::Protocol("position"))?;
        self.nonce = Some(nonce);
        Ok(position)
    }

    /// Whether the server said that it follows another one.
    pub(crate) fn is_standby(&self) -> bool {
        self.parameters.iter().any(|(name, value)| &**name == "in_hot_standby" && &**value == "on")
    }
}

/// `<nonce> <t or f> <timeline> <position>`
fn parse(answer: &str) -> Option<(Nonce, Position)> {
    let mut words = answer.split(' ');
    let nonce = Nonce::new(words.next()?);
    let recovering = match words.next()? {
        "t" => true,
        "f" => false,
        _ => return None,
    };
    let position =
        Position { recovering, timeline: words.next()?.parse().ok()?, lsn: words.next()?.parse().ok()? };
    words.next().is_none().then_some((nonce, position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_understood_as_a_whole_or_not_at_all() {
        let position = Position { recovering: true, timeline: 0, lsn: 50_331_744 };
        assert_eq!(parse("abc t 0 50331744"), Some((Nonce::new("abc"), position)));
        for bad in ["", "abc", "abc t", "abc t 0", "abc x 0 1", "abc t 0 -1", "abc t 0 1 2"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
