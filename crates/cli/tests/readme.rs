//! What the README shows is what the program prints.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::{root, stderr, stdout, verdict};

/// Commands of the README with what it shows of their output; `…` stands for lines that are left out.
fn shown(readme: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            found.push((command.to_owned(), Vec::new()));
        } else if let (true, Some((_, lines))) = (inside, found.last_mut()) {
            lines.push(line.to_owned());
        }
    }
    found
}

/// The arguments of a command that runs the program and nothing else.
fn arguments(command: &str) -> Option<Vec<String>> {
    let prefixes = ["cargo run --release -- ", "verdict "];
    let rest = prefixes.iter().find_map(|prefix| command.strip_prefix(prefix))?;
    let (mut words, mut quoted) = (vec![String::new()], false);
    for letter in rest.chars() {
        match letter {
            '\'' => quoted = !quoted,
            '|' if !quoted => return None,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    Some(words)
}

/// Whether the lines are there, in this order, with others between them only where some are left out.
fn shows(output: &[&str], shown: &[String]) -> Result<(), String> {
    let (mut at, mut gap) = (0, false);
    for line in shown {
        if line == "…" {
            gap = true;
            continue;
        }
        let next = output.iter().skip(at).position(|printed| printed == line);
        match next {
            Some(skipped) if gap || skipped == 0 => at += skipped + 1,
            _ => {
                return Err(format!(
                    "{line:?} is not printed behind {:?}",
                    output.get(at.wrapping_sub(1))
                ));
            }
        }
        gap = false;
    }
    Ok(())
}

#[test]
fn examples_are_what_is_printed() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut run = 0;
    for (command, lines) in shown(&readme) {
        let Some(words) = arguments(&command) else {
            continue;
        };
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.first() == Some(&"compare") && !words.contains(&"--why") {
            // As the shell does it.
            words.retain(|word| !word.contains('*'));
            words.extend(["corpus/loop_callback.bpf.o", "corpus/zero_spill.bpf.o"]);
        }
        let output = verdict(&words);
        let (text, errors) = (stdout(&output), stderr(&output));
        let printed: Vec<&str> = text.lines().chain(errors.lines()).collect();
        // An empty line ends an example before the next command.
        let end = lines
            .iter()
            .rposition(|line| !line.is_empty())
            .map_or(0, |last| last + 1);
        if let Err(error) = shows(&printed, &lines[..end]) {
            panic!("{command}: {error}\n{text}{errors}");
        }
        run += 1;
    }
    assert!(run >= 7, "{run} examples");
}
