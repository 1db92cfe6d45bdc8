//! Every target over its corpus, and over mutations of it: a brief look at what `make fuzz` looks at for long.

use std::fs;
use tenantry_fuzz::{Mutator, TARGETS, Target, corpus};

/// The corpus of a target, in the order of names.
fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let folder = corpus(target);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a file of the corpus").path())
        .collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).expect("a file of the corpus")).collect()
}

/// Where an input is left that a target does not survive, for it to be looked at and to be kept in the corpus.
struct Kept<'a>(&'a Target, &'a [u8]);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let shown: String =
                self.1.iter().flat_map(|byte| std::ascii::escape_default(*byte)).map(char::from).collect();
            eprintln!("{} does not survive b\"{shown}\"", self.0.name);
        }
    }
}

fn run(target: &Target, input: &[u8]) {
    let _kept = Kept(target, input);
    (target.run)(input);
}

#[test]
fn what_is_in_the_corpora_is_survived() {
    for target in TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 3, "{} needs something to begin with", target.name);
        run(target, b"");
        for seed in &seeds {
            run(target, seed);
        }
    }
}

#[test]
fn mutations_of_the_corpora_are_survived() {
    // In threads of their own: targets have nothing in common.
    std::thread::scope(|scope| {
        for target in TARGETS {
            scope.spawn(|| {
                let seeds = seeds(target);
                let mut mutator = Mutator::new(1, target.words);
                for _ in 0..target.briefly {
                    run(target, &mutator.next(&seeds));
                }
            });
        }
    });
}

#[test]
fn every_corpus_belongs_to_a_target() {
    let folder = corpus(&TARGETS[0]).parent().expect("a folder of corpora").to_owned();
    for entry in fs::read_dir(folder).expect("the corpora") {
        let name = entry.expect("a corpus").file_name();
        assert!(TARGETS.iter().any(|target| *target.name == *name), "{}", name.display());
    }
}
