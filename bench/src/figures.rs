//! Times against goals, as one table for people or as JSON for programs.
//!
//! A busy machine makes everything take longer and nothing shorter. So beside the median stands the least, beside what a clock on
//! the wall says stands what this process and the server's have computed, and below the table how busy the machine was.

use anyhow::{Context, Result};
use clap::Args;
use comfy_table::Table;
use serde::{Serialize, Serializer};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Options that all have.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// Also writes the results to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Figures {
    about: String,
    cpus: usize,
    /// Processes that wanted to run, on average over the last minute: before and after.
    load: [Option<f64>; 2],
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    what: String,
    #[serde(rename = "goal_ms", serialize_with = "milliseconds")]
    goal: Option<Duration>,
    rounds: Vec<Spent>,
}

/// What one round took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spent {
    #[serde(rename = "elapsed_ms", serialize_with = "some_milliseconds")]
    pub elapsed: Duration,
    /// CPU time of this process.
    #[serde(rename = "cpu_ms", serialize_with = "some_milliseconds")]
    pub cpu: Duration,
    /// CPU time of the server's process, where there is one.
    #[serde(rename = "server_cpu_ms", serialize_with = "milliseconds")]
    pub server: Option<Duration>,
}

/// Begins a round.
#[derive(Debug)]
pub struct Watch {
    begun: Instant,
    cpu: Duration,
    /// The server's process and what it had used.
    server: Option<(i32, Duration)>,
}

impl Watch {
    /// Work of this process alone.
    pub fn start() -> Self {
        Self { begun: Instant::now(), cpu: own_cpu(), server: None }
    }

    /// Work that one server process (`pg_backend_pid()`) takes part in. Its time is known on Linux alone.
    pub fn start_with(server: i32) -> Self {
        let used = cpu_of(server);
        Self { server: used.map(|used| (server, used)), ..Self::start() }
    }

    /// What it took.
    pub fn stop(&self) -> Spent {
        let elapsed = self.begun.elapsed();
        let server = self.server.and_then(|(pid, before)| Some(cpu_of(pid)?.saturating_sub(before)));
        Spent { elapsed, cpu: own_cpu().saturating_sub(self.cpu), server }
    }
}

fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// By the scheduler's clock, which is exact for a process that waits.
fn cpu_of(pid: i32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

impl Figures {
    pub fn new(about: impl Into<String>) -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { about: about.into(), cpus, load: [load(), None], rows: Vec::new() }
    }

    /// One more round. Rows stand in the order in which they come first.
    pub fn note(&mut self, what: &str, goal: Option<Duration>, spent: Spent) {
        match self.rows.iter_mut().find(|row| row.what == what) {
            Some(row) => row.rounds.push(spent),
            None => self.rows.push(Row { what: what.to_owned(), goal, rounds: vec![spent] }),
        }
    }

    /// The table; and the file, where one is wanted.
    pub fn finish(mut self, output: &Output) -> Result<String> {
        self.load[1] = load();
        if let Some(file) = &output.json {
            let text = serde_json::to_string_pretty(&self)? + "\n";
            fs::write(file, text).with_context(|| format!("can't write {}", file.display()))?;
        }
        Ok(self.text())
    }

    fn text(&self) -> String {
        let mut table = Table::new();
        let has_server = self.rows.iter().flat_map(|row| &row.rounds).any(|spent| spent.server.is_some());
        let mut header = vec!["what", "goal", "median", "least", "", "own CPU"];
        header.extend(has_server.then_some("server CPU"));
        table.set_header(header);
        for row in &self.rows {
            let elapsed = median(row.rounds.iter().map(|spent| spent.elapsed));
            let least = row.rounds.iter().map(|spent| spent.elapsed).min();
            let verdict = match (row.goal, elapsed) {
                (Some(goal), Some(median)) if median <= goal => "met",
                (Some(_), _) => "missed",
                (None, _) => "",
            };
            let mut cells =
                vec![row.what.clone(), show(row.goal), show(elapsed), show(least), verdict.to_owned()];
            cells.push(show(median(row.rounds.iter().map(|spent| spent.cpu))));
            if has_server {
                cells.push(show(median(row.rounds.iter().filter_map(|spent| spent.server))));
            }
            table.add_row(cells);
        }
        let load = self.load.map(|load| load.map_or_else(|| "?".to_owned(), |load| format!("{load:.1}")));
        format!("{}\n{table}\nload {} before, {} after, on {} CPUs", self.about, load[0], load[1], self.cpus)
    }
}

fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

fn median(times: impl Iterator<Item = Duration>) -> Option<Duration> {
    let mut sorted: Vec<Duration> = times.collect();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied()
}

fn show(time: Option<Duration>) -> String {
    let Some(time) = time else { return String::new() };
    match time.as_nanos() {
        0..1_000 => format!("{} ns", time.as_nanos()),
        1_000..1_000_000 => format!("{:.1} µs", time.as_secs_f64() * 1e6),
        _ => format!("{:.1} ms", time.as_secs_f64() * 1e3),
    }
}

#[allow(clippy::ref_option, reason = "serde's way of calling")]
fn milliseconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => some_milliseconds(time, serializer),
        None => serializer.serialize_none(),
    }
}

fn some_milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(elapsed: u64) -> Spent {
        Spent { elapsed: Duration::from_micros(elapsed), ..Spent::default() }
    }

    #[test]
    fn a_goal_is_met_by_the_median() {
        let mut figures = Figures::new("about");
        for elapsed in [900, 90, 80] {
            figures.note("twice in three", Some(Duration::from_micros(100)), spent(elapsed));
            figures.note("never", Some(Duration::from_nanos(1)), spent(elapsed));
        }
        let text = figures.text();
        let row = |name: &str| text.lines().find(|line| line.contains(name)).unwrap().to_owned();
        assert!(row("twice").contains(" met ") && row("twice").contains("90.0 µs"), "{text}");
        assert!(row("never").contains(" missed ") && row("never").contains(" 1 ns "), "{text}");
    }

    #[test]
    fn the_file_says_all_rounds() {
        let mut figures = Figures::new("about");
        figures.note("a", None, spent(1_500));
        let value = serde_json::to_value(&figures).unwrap();
        assert_eq!(value["rows"][0]["rounds"][0]["elapsed_ms"], 1.5);
        assert_eq!(value["rows"][0]["goal_ms"], serde_json::Value::Null);
    }

    #[test]
    fn work_takes_time() {
        let watch = Watch::start();
        let mut sum = 0_u64;
        while watch.stop().cpu < Duration::from_millis(2) {
            sum = sum.wrapping_add(1);
        }
        assert!(sum > 0 && watch.stop().elapsed > Duration::ZERO);
    }
}
