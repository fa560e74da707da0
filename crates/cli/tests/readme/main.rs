//! The README and the guide: what they show is what the program prints, and what they name is there.
//!
//! `UPDATE_DOCS=1 cargo test -p bpf-verdict-cli --test readme` writes what is printed now into the pages; look at the difference.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blocks;
mod links;
mod options;
mod session;
mod shown;

use std::fs;
use std::path::{Path, PathBuf};

use blocks::{Block, blocks};
use session::Session;

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Where the guide's chapters are, below the root.
const CHAPTERS: &str = "docs/guide";

/// The README and the guide's chapters, below the root.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    let entries = fs::read_dir(root().join(CHAPTERS)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    pages.extend(
        names
            .filter(|name| name.ends_with(".md"))
            .map(|name| format!("{CHAPTERS}/{name}")),
    );
    pages.sort();
    pages
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap()
}

/// Runs all commands of a page, in one shell, and compares; says what is wrong, or writes the page anew.
fn hold(page: &str, update: bool) -> Result<usize, String> {
    let text = read(page);
    let blocks = blocks(&text).map_err(|error| format!("{page}: {error}"))?;
    let outputs = Session::new(&root(), page).run(&blocks);
    let mut wrong = Vec::new();
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    // From the end, so that numbers of lines stay true.
    for (example, output) in examples(&blocks)
        .zip(&outputs)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
    {
        let printed: Vec<&str> = output.lines().collect();
        let Err(error) = shown::compare(&printed, &example.shown) else {
            continue;
        };
        wrong.push(format!(
            "{page}:{}: {}\n{error}\n--- printed:\n{output}",
            example.line, example.command
        ));
        let new = shown::updated(&printed, &example.shown);
        lines.splice(example.at..example.at + example.shown.len(), new);
    }
    if outputs.len() != examples(&blocks).count() {
        wrong.push(format!(
            "{page}: the shell ended behind {} commands",
            outputs.len()
        ));
    } else if update && !wrong.is_empty() {
        fs::write(root().join(page), lines.join("\n") + "\n").unwrap();
        return Ok(outputs.len());
    }
    match wrong.is_empty() {
        true => Ok(outputs.len()),
        false => Err(wrong.join("\n")),
    }
}

fn examples(blocks: &[Block]) -> impl Iterator<Item = &blocks::Example> {
    blocks.iter().flat_map(|block| match block {
        Block::Console(examples) => examples.as_slice(),
        _ => &[],
    })
}

/// The guide's example in Rust is one that a test compiles and runs.
#[test]
fn code_in_rust_is_tested() {
    let tested = read("crates/cli/tests/all/library.rs");
    let mut shown = 0;
    for page in pages() {
        for block in blocks(&read(&page)).unwrap() {
            if let Block::Other { language, text } = block
                && language == "rust"
            {
                assert!(
                    tested.contains(&text),
                    "{page}: not in crates/cli/tests/all/library.rs:\n{text}"
                );
                shown += 1;
            }
        }
    }
    assert!(shown > 0);
}

#[test]
fn examples_are_what_is_printed() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let pages = pages();
    let held: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = pages
            .iter()
            .map(|page| scope.spawn(move || hold(page, update)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let wrong: Vec<_> = held.iter().filter_map(|held| held.as_ref().err()).collect();
    assert!(
        wrong.is_empty(),
        "{}",
        wrong.iter().map(|e| e.as_str()).collect::<Vec<_>>().join("\n")
    );
    let run: usize = held.iter().flatten().sum();
    assert!(run >= 7, "{run} examples");
}
