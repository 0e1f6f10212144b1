//! The help teaches: every command has examples, and each of them is one that the command line takes.

use clap::{Command, CommandFactory};
use ramstream::cli::Cli;

use super::{ramstream, text};

/// Every command with the words that lead to it.
fn commands() -> Vec<(Vec<String>, Command)> {
    fn walk(words: &[String], command: &Command, all: &mut Vec<(Vec<String>, Command)>) {
        all.push((words.to_vec(), command.clone()));
        for inner in command.get_subcommands() {
            walk(&[words, &[inner.get_name().to_owned()]].concat(), inner, all);
        }
    }
    let mut all = Vec::new();
    walk(&["ramstream".to_owned()], &Cli::command(), &mut all);
    all
}

/// The commands of ramstream in one line as a shell takes it, each as its words; what follows four blanks is a remark.
fn invocations(line: &str) -> Vec<Vec<String>> {
    let line = line.trim_start();
    let line = line.split("    ").next().unwrap_or_default();
    let (mut all, mut words, mut word, mut quote) = (Vec::new(), Vec::new(), String::new(), false);
    for c in line.chars().chain([' ']) {
        match c {
            '\'' => quote = !quote,
            ' ' if !quote => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            '|' | '>' | '&' if !quote => all.push(std::mem::take(&mut words)),
            c => word.push(c),
        }
    }
    assert!(!quote, "a quote is open in {line}");
    all.push(words);
    all.retain(|words| words.first().is_some_and(|word| word == "ramstream"));
    all
}

#[test]
fn every_example_is_one_that_the_command_line_takes_and_every_command_has_one_of_its_own() {
    let mut tried = 0;
    for (path, command) in commands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = help.lines().filter(|line| line.starts_with("  "));
        let examples: Vec<Vec<String>> = lines.flat_map(invocations).collect();
        for example in &examples {
            let taken = Cli::command().try_get_matches_from(example);
            assert!(taken.is_ok(), "{path:?}: {example:?}: {}", taken.err().map(|e| e.to_string()).unwrap_or_default());
            tried += 1;
        }
        let is_of_it = |example: &Vec<String>| path.iter().all(|word| example.contains(word));
        assert!(examples.iter().any(is_of_it), "{path:?} has no example of its own");
    }
    assert!(tried > 50, "only {tried} examples were found");
}

#[test]
fn an_example_ends_at_a_pipe_a_redirection_or_a_remark_and_quotes_hold_words_together() {
    let line = "  ramstream a --b 'c | d' > x && ramstream e | jq .f    ramstream g";
    assert_eq!(invocations(line), [vec!["ramstream", "a", "--b", "c | d"], vec!["ramstream", "e"]]);
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let directory = tempfile::tempdir().expect("a directory");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let printed = ramstream(directory.path(), &["completions", shell], &[]);
        assert_eq!(printed.status.code(), Some(0));
        for word in ["new-lineage", "--account", "acls", "completions"] {
            assert!(text(&printed.stdout).contains(word.trim_start_matches("--")), "{shell}: {word}");
        }
    }
    assert_eq!(ramstream(directory.path(), &["completions", "cmd"], &[]).status.code(), Some(64));

    let page = ramstream(directory.path(), &["man"], &[]);
    assert!(page.status.success() && text(&page.stdout).contains(".TH ramstream 1"), "{}", text(&page.stdout));
    assert!(ramstream(directory.path(), &["man", "--to", "man1"], &[]).status.success());
    for (path, _) in commands() {
        let page = directory.path().join("man1").join(path.join("-")).with_extension("1");
        let page = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(page.contains("ramstream"), "{path:?}");
    }
}
