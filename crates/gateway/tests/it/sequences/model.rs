//! What one client may see. It follows the answers, and says where one of them can't be true.

use super::plan::{Group, How, Op};
use bytes::BytesMut;
use std::collections::BTreeSet;
use tenantry_wire::backend::{DataRow, ErrorFields, command_tag, tag};

/// What a transaction can change and take back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Snapshot {
    /// The slugs of this client's rows.
    rows: BTreeSet<String>,
    name: String,
    local: Option<String>,
}

#[allow(clippy::struct_excessive_bools, reason = "each is true or false of its own")]
pub(super) struct Model {
    pub(super) tenant: &'static str,
    /// How the slugs of this client begin.
    mark: String,
    secret: String,
    initial_name: String,
    durable: Snapshot,
    now: Snapshot,
    saves: Vec<Snapshot>,
    pub(super) in_block: bool,
    failed: bool,
    /// Rows of which nobody knows: what was under way when the connection was cut.
    doubtful: BTreeSet<String>,
    /// Statements have taken the context away: it may see nothing until its transaction is over. Where harm is meant, another
    /// client of the tenant's may have done that on the connection they share.
    lost: bool,
    /// SET LOCAL outside a block: whether it does anything depends on the protocol.
    unsure_of_name: bool,
    pub(super) known: Vec<(String, Op)>,
    /// Errors that are nobody's fault are expected: somebody means harm.
    pub(super) hostile: bool,
    pub(super) cancelled: bool,
}

impl Model {
    pub(super) fn new(tenant: &'static str, client: usize, name: String, hostile: bool) -> Self {
        let nothing = Snapshot { rows: BTreeSet::new(), name: name.clone(), local: None };
        Self {
            tenant,
            mark: format!("c{client}x"),
            secret: format!("{tenant}{client}"),
            initial_name: name,
            durable: nothing.clone(),
            now: nothing,
            saves: Vec::new(),
            in_block: false,
            failed: false,
            doubtful: BTreeSet::new(),
            lost: hostile,
            unsure_of_name: false,
            known: Vec::new(),
            hostile,
            cancelled: false,
        }
    }

    pub(super) fn rows(&self) -> Vec<String> {
        self.now.rows.iter().cloned().collect()
    }

    /// The connection was lost with these groups under way.
    pub(super) fn cut(&mut self, groups: &[Group]) {
        // What an open block did is lost unless something in flight may have ended it.
        let ends = groups.iter().flat_map(ops_of).any(|op| matches!(op, Op::Commit));
        if ends || !self.in_block {
            let touched = groups.iter().flat_map(ops_of).filter_map(|op| match op {
                Op::Insert(slug) | Op::Delete(slug) | Op::CopyIn(slug) => Some(slug.clone()),
                _ => None,
            });
            self.doubtful.extend(touched);
            self.doubtful.extend(self.durable.rows.symmetric_difference(&self.now.rows).cloned());
            for save in &self.saves {
                self.doubtful.extend(self.durable.rows.symmetric_difference(&save.rows).cloned());
            }
        }
        self.durable.name.clone_from(&self.initial_name);
        self.now = self.durable.clone();
        self.saves.clear();
        self.known.clear();
        (self.in_block, self.failed, self.lost) = (false, false, self.hostile);
    }

    /// A write begins: what the one before did to the context is over.
    pub(super) fn begin_unit(&mut self) {
        self.lost &= self.in_block || self.hostile;
        self.cancelled = false;
    }

    /// Takes the answer to one group. `Err` says what is wrong with it.
    pub(super) fn answer(&mut self, group: &Group, messages: &[(u8, BytesMut)]) -> Result<(), String> {
        let ops: Vec<(&Op, Option<&How>)> = match group {
            Group::Simple(ops) => ops.iter().map(|op| (op, None)).collect(),
            Group::Extended(ops) => ops.iter().map(|(op, how)| (op, Some(how))).collect(),
        };
        let mut ops = ops.into_iter().peekable();
        let (mut rows, mut parts, mut refused) = (Vec::new(), 0, false);
        for (kind, body) in messages {
            match *kind {
                tag::DATA_ROW => {
                    let row = DataRow::decode(body).map_err(|e| e.to_string())?;
                    rows.push(String::from_utf8_lossy(row.get(0).unwrap_or_default()).into_owned());
                }
                tag::COPY_DATA => rows.push(String::from_utf8_lossy(body).trim_end().to_owned()),
                tag::PORTAL_SUSPENDED => parts += 1,
                tag::COMMAND_COMPLETE => {
                    let Some((op, how)) = ops.peek() else { return Err("one answer too many".into()) };
                    parts += 1;
                    if *how == Some(&How::Limited) && parts < 2 {
                        continue;
                    }
                    if refused {
                        return Err(format!("{op:?} was executed behind an error"));
                    }
                    let command = String::from_utf8_lossy(command_tag(body).unwrap()).into_owned();
                    self.done(op, *how, &command, &std::mem::take(&mut rows))?;
                    ops.next();
                    parts = 0;
                }
                tag::ERROR => {
                    let fields = ErrorFields::decode(body).map_err(|e| e.to_string())?;
                    let code = fields.text(b'C').into_owned();
                    // What came before the error is the tenant's own as well.
                    let (op, how) = ops.peek().map(|(op, how)| (*op, *how)).unzip();
                    if op.is_some_and(Op::reads_notes) {
                        self.are_own(&rows)?;
                    }
                    self.error(op, how.flatten(), &code)
                        .map_err(|why| format!("{why}: {}", fields.text(b'M')))?;
                    refused = true;
                }
                tag::READY_FOR_QUERY => self.ready(body.first().copied().unwrap_or_default(), refused)?,
                tag::NOTIFICATION => return Err("a notification".into()),
                _ => {}
            }
        }
        if !refused && ops.next().is_some() {
            return Err("an answer is missing".into());
        }
        Ok(())
    }

    fn are_own(&self, rows: &[String]) -> Result<(), String> {
        match rows.iter().find(|row| row.split_once('|').is_none_or(|(_, body)| body != self.tenant)) {
            Some(row) => Err(format!("{} was shown {row:?}", self.tenant)),
            None => Ok(()),
        }
    }

    /// All of this client's rows are there, and no other of its.
    fn are_all(&self, rows: &[String]) -> Result<(), String> {
        let slugs = rows.iter().filter_map(|row| row.split_once('|')).map(|(slug, _)| slug);
        let mine: BTreeSet<&str> =
            slugs.filter(|slug| slug.starts_with(&self.mark) && !self.doubtful.contains(*slug)).collect();
        let expected: BTreeSet<&str> =
            self.now.rows.iter().filter(|slug| !self.doubtful.contains(*slug)).map(|slug| &**slug).collect();
        if mine == expected || (self.lost && rows.is_empty()) {
            return Ok(());
        }
        Err(format!("{} has {expected:?} and was shown {mine:?}", self.tenant))
    }

    fn done(&mut self, op: &Op, how: Option<&How>, command: &str, rows: &[String]) -> Result<(), String> {
        if op.reads_notes() {
            self.are_own(rows)?;
        }
        match op {
            Op::Insert(slug) if !command.ends_with(" 1") => return Err(format!("{slug}: {command}")),
            Op::Insert(slug) | Op::CopyIn(slug) => {
                self.now.rows.insert(slug.clone());
            }
            Op::Delete(slug) => {
                if command == "DELETE 0" && self.now.rows.contains(slug) && !self.may_be_blind(slug) {
                    return Err(format!("{slug} was not there"));
                }
                if command != "DELETE 0" || !self.lost {
                    self.now.rows.remove(slug);
                }
            }
            Op::Rows | Op::CopyOut => self.are_all(rows)?,
            Op::Begin => self.in_block = true,
            Op::Commit if command == "COMMIT" => self.end(true),
            Op::Commit | Op::Rollback => self.end(false),
            Op::Savepoint => self.saves.push(self.now.clone()),
            Op::RollbackTo => {
                let saved = self.saves.last().cloned().ok_or("a savepoint that nobody made")?;
                self.now = saved;
                self.failed = false;
            }
            Op::Fail => return Err("1/0 has a value".into()),
            Op::Name(name) => (self.now.name, self.now.local) = (name.clone(), None),
            Op::LocalName(_) if !self.in_block => self.unsure_of_name = true,
            Op::LocalName(name) => self.now.local = Some(name.clone()),
            Op::ShowName => {
                let expected = self.now.local.as_ref().unwrap_or(&self.now.name);
                if rows != [expected.as_str()] && !self.unsure_of_name && !self.hostile {
                    return Err(format!("the name is {rows:?} instead of {expected:?}"));
                }
            }
            Op::ShowSecret if rows != [""] && rows != [self.secret.as_str()] => {
                return Err(format!("{} found the setting {rows:?}", self.secret));
            }
            Op::ResetAll | Op::DiscardAll => {
                (self.now.name, self.now.local) = (self.initial_name.clone(), None);
                self.lost = true;
                if matches!(op, Op::DiscardAll) {
                    self.known.clear();
                }
            }
            Op::DeallocateAll => self.known.clear(),
            Op::Harm(_) => self.lost = true,
            _ => {}
        }
        if let Some(How::Named(name)) = how {
            self.known.push((name.clone(), Op::Rows));
            if *op != Op::Rows {
                self.known.pop();
            }
        }
        Ok(())
    }

    fn may_be_blind(&self, slug: &str) -> bool {
        self.lost || self.doubtful.contains(slug)
    }

    fn end(&mut self, committed: bool) {
        if committed {
            self.durable = Snapshot { local: None, ..self.now.clone() };
        }
        self.now = self.durable.clone();
        self.saves.clear();
        (self.in_block, self.failed) = (false, false);
    }

    fn error(&mut self, op: Option<&Op>, how: Option<&How>, code: &str) -> Result<(), String> {
        let was_failed = self.failed;
        if self.in_block {
            self.failed = true;
        } else {
            self.now = self.durable.clone();
        }
        let expected: &[&str] = match op {
            Some(Op::Fail) => &["22012"],
            Some(Op::CopyIn(_)) => &["0A000", "42501", "23502"],
            Some(Op::Insert(_)) if self.lost => &["42501", "23502"],
            // Unqualified names need the search path that RESET ALL takes away.
            Some(Op::Savepoint | Op::RollbackTo) => &["25P01", "3B001"],
            Some(Op::DiscardAll) => &["25001"],
            Some(Op::Prepare) => &["42P05"],
            Some(Op::Execute) => &["26000"],
            Some(Op::Hold) => &["42P03", "25P01"],
            Some(Op::Fetch) => &["34000"],
            Some(Op::Harm(_)) => return Ok(()),
            None => return Err(format!("an error {code} out of nothing")),
            _ => &[],
        };
        // DEALLOCATE ALL and DISCARD ALL concern these, too.
        let gone = |name: &String| !self.known.iter().any(|(known, _)| known == name);
        let forgotten = code == "26000" && matches!(how, Some(How::Known(name)) if gone(name));
        let blind = self.lost && matches!(code, "42P01" | "42501");
        if expected.contains(&code)
            || (code == "25P02" && was_failed)
            || blind
            || forgotten
            || (code == "57014" && self.cancelled)
            || self.hostile
        {
            return Ok(());
        }
        Err(format!("{op:?} failed with {code}"))
    }

    fn ready(&mut self, status: u8, refused: bool) -> Result<(), String> {
        let expected = match (self.in_block, self.failed) {
            (false, _) => b'I',
            (true, false) => b'T',
            (true, true) => b'E',
        };
        if status != expected {
            // Whoever means harm to itself may lose its connection, and with it its block.
            if !(self.hostile && refused && status == b'I') {
                return Err(format!("status {:?} instead of {:?}", char::from(status), char::from(expected)));
            }
            self.end(false);
        }
        if status == b'I' {
            self.durable = Snapshot { local: None, ..self.now.clone() };
            self.now = self.durable.clone();
            self.saves.clear();
            self.unsure_of_name = false;
        }
        Ok(())
    }
}

fn ops_of(group: &Group) -> Vec<&Op> {
    match group {
        Group::Simple(ops) => ops.iter().collect(),
        Group::Extended(ops) => ops.iter().map(|(op, _)| op).collect(),
    }
}
