//! What processes have used, as `/proc` tells.

use anyhow::{Context, Result};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// `/proc` counts in hundredths of a second on every Linux that Rust knows.
const NANOS_PER_TICK: u64 = 10_000_000;

/// CPU time of one process, twice: by the scheduler's clock, and as `times(2)` has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    /// `schedstat`, in nanoseconds; 0 where the kernel has none.
    pub(crate) scheduled: u64,
    /// `utime` + `stime`, in nanoseconds, in steps of a hundredth of a second.
    pub(crate) accounted: u64,
}

/// What the pooler and PostgreSQL have used until one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Microseconds since 1970, as in `pgbench`'s log.
    pub(crate) at: u64,
    /// With its children, where it has any.
    pub(crate) pooler: Option<Cpu>,
    /// All of PostgreSQL's processes, in nanoseconds.
    pub(crate) server: u64,
}

impl Snapshot {
    pub(crate) fn take(pooler: Option<u32>, postmaster: u32) -> Result<Self> {
        let server = family(postmaster)?.into_iter().map(|pid| scheduled(pid).unwrap_or(0)).sum();
        let pooler = pooler.map(cpu_of_family).transpose()?;
        let at = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
        Ok(Self { at, pooler, server })
    }
}

/// CPU time of a process with all its threads.
pub(crate) fn cpu_of(pid: u32) -> Result<Cpu> {
    Ok(Cpu { scheduled: scheduled(pid).unwrap_or(0), accounted: accounted(pid)? })
}

/// CPU time of a process and its children.
fn cpu_of_family(pid: u32) -> Result<Cpu> {
    let mut sum = Cpu { scheduled: 0, accounted: 0 };
    for pid in family(pid)? {
        let cpu = cpu_of(pid)?;
        sum.scheduled += cpu.scheduled;
        sum.accounted += cpu.accounted;
    }
    Ok(sum)
}

/// Threads that have ended are missing here; neither pooler ends any while it serves.
fn scheduled(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        sum += text.split(' ').next().context("schedstat is empty")?.parse::<u64>()?;
    }
    Ok(sum)
}

fn accounted(pid: u32) -> Result<u64> {
    let stat =
        fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
    let fields = after_name(&stat).context("/proc/PID/stat has no name")?;
    let mut times = fields.skip(11).map(str::parse::<u64>);
    let (user, system) = (times.next().context("no utime")??, times.next().context("no stime")??);
    Ok((user + system) * NANOS_PER_TICK)
}

/// The fields of `stat` from the third (the state) on: the name before them may hold anything.
fn after_name(stat: &str) -> Option<std::str::SplitWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

/// A process and its children. What comes or goes within a window would spoil the difference; nothing does.
fn family(parent: u32) -> Result<Vec<u32>> {
    let mut found = vec![parent];
    let parent = parent.to_string();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if after_name(&stat).and_then(|mut fields| fields.nth(1)) == Some(&*parent) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Resident memory of a process and its children. What they share is counted in each.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for pid in family(pid)? {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        sum += line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_is_stepped_over() {
        let stat = "12 (a) b (c)) S 7 12 12 0 -1 4 1 0 0 0 30 12 0 0 20 0";
        let mut fields = after_name(stat).unwrap();
        assert_eq!(fields.nth(1), Some("7"));
        assert_eq!(after_name(stat).unwrap().nth(11), Some("30"));
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let pid = std::process::id();
        let before = cpu_of(pid).unwrap();
        let mut sum = 0_u64;
        while cpu_of(pid).unwrap().accounted < before.accounted + 2 * NANOS_PER_TICK {
            sum = sum.wrapping_add(1);
        }
        assert!(sum > 0 && resident_bytes(pid).unwrap() > 100_000);
    }
}
