//! A cluster ends with its process, however that ends.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpgid, kill_process, pidfd_open};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tenantry_testkit::{Postgres, versions_for_tests};

/// Set for the process that is to be killed: it holds the cluster of this version.
const HOLDER: &str = "TESTKIT_HOLDER_VERSION";

#[test]
fn sigkill_of_the_parent_stops_the_server_and_removes_its_files() {
    if let Ok(major) = env::var(HOLDER) {
        hold(major.parse().unwrap());
        return;
    }
    for major in versions_for_tests() {
        killed_parent(major);
    }
}

fn killed_parent(major: u32) {
    let mut holder = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "death::sigkill_of_the_parent_stops_the_server_and_removes_its_files",
            "--nocapture",
        ])
        .env(HOLDER, major.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (server, sibling, run) = introduction(&mut holder);
    let watchdog = parent_of(server);
    assert_eq!(getpgid(Some(server)).unwrap(), watchdog, "out of reach of the terminal's Ctrl-C");
    let (server, watchdog) = (open(server), open(watchdog));
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_for_end(&server);
    wait_for_end(&watchdog);
    assert!(!Path::new(&run).exists());
    // A child that was started later, and that lives on, must not have inherited the pipe.
    kill_process(sibling, Signal::KILL).expect("the sibling outlived its parent");
}

/// In the process to be killed: starts a cluster and another child, says so, and waits for the end.
fn hold(major: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let postgres = runtime.block_on(Postgres::start(crate::version(major))).unwrap();
    let mut sibling = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
    let words = format!("\nholder {} {} {}\n", postgres.pid(), sibling.id(), postgres.socket_dir().display());
    std::io::stdout().write_all(words.as_bytes()).unwrap();
    // Killed while it waits: neither this process nor the server ends otherwise.
    sibling.wait().unwrap();
}

fn introduction(holder: &mut Child) -> (Pid, Pid, String) {
    let output = BufReader::new(holder.stdout.take().unwrap());
    let line =
        output.lines().map_while(Result::ok).find(|line| line.contains("holder ")).expect("it started");
    let words: Vec<&str> = line.split("holder ").nth(1).unwrap().split(' ').collect();
    let pid = |text: &str| Pid::from_raw(text.parse().unwrap()).unwrap();
    (pid(words[0]), pid(words[1]), words[2].to_owned())
}

fn parent_of(pid: Pid) -> Pid {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
    Pid::from_raw(parent.trim().parse().unwrap()).unwrap()
}

fn open(pid: Pid) -> OwnedFd {
    pidfd_open(pid, PidfdFlags::empty()).unwrap()
}

/// A process's descriptor becomes readable when the process ends.
fn wait_for_end(process: &OwnedFd) {
    let deadline = Timespec { tv_sec: 30, tv_nsec: 0 };
    let ended = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&deadline)).unwrap();
    assert_eq!(ended, 1, "still running after {} s", deadline.tv_sec);
}
