//! The demo and its tour, on the oldest and the newest PostgreSQL.

use crate::binary::{Place, Said};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use tenantry_testkit::{client_bin, versions_for_tests};

/// A free port each, as several run at once.
fn once(place: &Place, more: &[&str]) -> Said {
    place.run(&[&["demo", "--once", "--port", "0"], more].concat())
}

#[test]
fn the_tour_holds_on_every_version() {
    for version in versions_for_tests() {
        let said = once(&Place::new(), &["--postgres", &version.to_string()]);
        assert_eq!(said.code, Some(0), "PostgreSQL {version}: {said}");
        assert!(said.out.contains("expectations of"), "PostgreSQL {version}: {said}");
    }
}

#[test]
fn the_tour_as_json_is_one_document() {
    let said = once(&Place::new(), &["--json", "--quiet"]);
    assert_eq!(said.code, Some(0), "{said}");
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.len() >= 12);
    assert!(steps.iter().flat_map(|step| step["acts"].as_array().unwrap()).all(|act| act["held"] == true));
}

#[test]
fn a_kept_demo_is_found_again() {
    let place = Place::new();
    let kept = place.path().join("kept");
    let kept = kept.to_str().unwrap();
    for run in ["first", "second"] {
        let said = once(&place, &["--keep", kept]);
        assert_eq!(said.code, Some(0), "{run}: {said}");
    }
    let said = place.run(&["demo", "--keep", "."]);
    assert!(said.err.contains("is not empty, and no demo was kept there"), "{said}");
}

/// The lines that the demo prints for people work as they are, and Ctrl-C ends it cleanly.
#[test]
fn the_printed_psql_lines_work_and_an_interrupt_ends_it() {
    let place = Place::new();
    let mut child = place
        .command()
        .args(["demo", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<String> = lines.by_ref().take_while(|line| !line.starts_with("Running until")).collect();
    let psql: Vec<&str> =
        said.iter().filter_map(|line| line.trim().strip_prefix("PGPASSWORD=demo psql ")).collect();
    assert_eq!(psql.len(), 4, "{said:#?}");
    let answers = psql.iter().map(|line| count_members(line)).collect::<Vec<_>>();
    signal(child.id());
    assert!(child.wait().unwrap().success());
    assert_eq!(answers, ["3", "2", "3", "2"]);
}

fn count_members(line: &str) -> String {
    let output = Command::new(client_bin("psql").unwrap())
        .env("PGPASSWORD", "demo")
        .args(line.split(' '))
        .args(["-X", "-A", "-t", "-c", "SELECT count(*) FROM members"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn signal(pid: u32) {
    let done = Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap();
    assert!(done.success());
}
