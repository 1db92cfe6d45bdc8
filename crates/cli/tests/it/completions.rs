//! Completion scripts.

use crate::binary::Place;

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = Place::new().run(&["completions", shell]);
        assert_eq!(said.code, Some(0), "{shell}: {said}");
        for word in ["tenant", "suspend", "dry-run"] {
            assert!(said.out.contains(word), "{shell} lacks {word}");
        }
    }
}
