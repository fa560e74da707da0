//! What pages name in passing: commands and options within sentences, and commands that no test can run.

use std::collections::BTreeMap;
use std::process::Command;

use crate::blocks::{Block, blocks};
use crate::{pages, read};

/// How commands begin that a test cannot run: they install, fetch or build.
const NOT_RUN: [&str; 9] = [
    "git clone ",
    "cd ",
    "cargo install --locked --path crates/cli",
    "cargo test --workspace",
    "cargo xtask ",
    "apt-get install ",
    "tar --zstd -xf ",
    "ln -s ",
    "mdbook ",
];

/// The code spans of a page.
fn spans(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, part) in page.split("\n```").enumerate() {
        if at % 2 == 0 {
            found.extend(
                part.split('`')
                    .skip(1)
                    .step_by(2)
                    .map(|span| span.replace('\n', " ")),
            );
        }
    }
    found
}

/// What `--help` says of each command, by its name.
#[derive(Default)]
struct Help(BTreeMap<String, String>);

impl Help {
    fn of(&mut self, command: &str) -> &str {
        self.0.entry(command.to_owned()).or_insert_with(|| {
            let output = Command::new(env!("CARGO_BIN_EXE_verdict"))
                .args([command, "--help"])
                .output()
                .unwrap();
            assert!(output.status.success(), "verdict {command} --help");
            String::from_utf8(output.stdout).unwrap()
        })
    }
}

#[test]
fn commands_and_options_in_sentences_are_there() {
    let mut help = Help::default();
    let mut seen = 0;
    for page in pages() {
        for span in spans(&read(&page)) {
            let Some(command) = span.strip_prefix("verdict ") else {
                continue;
            };
            let mut words = command.split([' ', '=', '[', ']', '|']);
            let name = words.next().unwrap();
            if name.starts_with('-') {
                continue;
            }
            let text = help.of(name);
            for option in words.filter(|word| word.starts_with("--")) {
                let named = text
                    .split(|c: char| c.is_whitespace() || "[],'`.;:()".contains(c))
                    .any(|word| word == option);
                assert!(named, "{page}: `{span}`: {option} is not in the help of {name}");
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen} options");
}

/// The table of forms has every one that the program knows.
#[test]
fn every_form_of_check_is_described() {
    let output = Command::new(env!("CARGO_BIN_EXE_verdict"))
        .args(["check", "--output", "nothing", "prog.o"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let known = said.split_once("[possible values: ").unwrap().1;
    let known: Vec<_> = known.split_once(']').unwrap().0.split(", ").collect();
    assert!(known.len() > 5, "{said}");
    let page = read("docs/guide/ci.md");
    let rows: String = page.lines().filter(|line| line.starts_with("| `")).collect();
    for form in known {
        assert!(
            rows.contains(&format!("`{form}`")),
            "{form} is not in docs/guide/ci.md"
        );
    }
}

#[test]
fn only_what_installs_or_builds_is_not_run() {
    for page in pages() {
        for block in blocks(&read(&page)).unwrap() {
            let Block::Sh(commands) = block else { continue };
            for (line, command) in commands.iter().filter(|(_, command)| !command.is_empty()) {
                let known = NOT_RUN.iter().any(|begin| command.starts_with(begin));
                assert!(
                    known,
                    "{page}:{line}: {command}: is to be a console block, which is run"
                );
            }
        }
    }
}

/// The languages of blocks that are only shown: none in which commands could be.
#[test]
fn blocks_that_are_only_shown_hold_no_commands() {
    let known = ["c", "toml", "text", "rust", "yaml"];
    for page in pages() {
        for block in blocks(&read(&page)).unwrap() {
            if let Block::Other { language, text } = block {
                assert!(
                    known.contains(&language.as_str()),
                    "{page}: a block in {language}"
                );
                assert!(!text.starts_with("$ "), "{page}: {text}");
            }
        }
    }
}
