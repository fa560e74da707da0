//! What the compiler does not check: which crate may depend on which, how long files are, and those
//! invariants of ARCHITECTURE.md that a search can find broken.

mod modules;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{Done, root};

/// The crates from the bottom up: each may depend only on those before it.
const ORDER: &[&str] = &[
    "bpf-verdict-notify",
    "bpf-verdict-domain",
    "bpf-verdict-isa",
    "bpf-verdict-btf",
    "bpf-verdict-kernel",
    "bpf-verdict-gen",
    "bpf-verdict-loader",
    "bpf-verdict-syscall",
    "bpf-verdict-engine",
    "bpf-verdict-log",
    "bpf-verdict-report",
    "bpf-verdict-expect",
    "bpf-verdict-explain",
    "bpf-verdict-page",
    "bpf-verdict",
    "bpf-verdict-fuzz",
    "bpf-verdict-capture",
    "bpf-verdict-front",
    "bpf-verdict-cli",
];

/// The crate that may hold unsafe code, and the module of it that does.
const UNSAFE: &str = "bpf-verdict-notify";
const UNSAFE_MODULE: &str = "crates/notify/src/sys.rs";

/// Arrows that point down and are wrong all the same, with the invariant that they break.
const FORBIDDEN_ARROWS: &[(&str, &str, &str)] = &[
    (
        "bpf-verdict-syscall",
        "bpf-verdict-loader",
        "the kernel's side parses no ELF",
    ),
    (
        "bpf-verdict-engine",
        "bpf-verdict-loader",
        "the verifier knows no objects",
    ),
    (
        "bpf-verdict-log",
        "bpf-verdict-loader",
        "the log is made of the engine's events",
    ),
    (
        "bpf-verdict-report",
        "bpf-verdict-log",
        "reports are made of records, not of log text",
    ),
    (
        "bpf-verdict-report",
        "bpf-verdict-engine",
        "reports are made of records",
    ),
    (
        "bpf-verdict-explain",
        "bpf-verdict-loader",
        "explanations are made of what the verifier did",
    ),
    (
        "bpf-verdict-explain",
        "bpf-verdict-log",
        "explanations are made of events, not of log text",
    ),
    (
        "bpf-verdict-page",
        "bpf-verdict-loader",
        "pages are made of what the verifier did",
    ),
    (
        "bpf-verdict-report",
        "bpf-verdict-loader",
        "reports are made of records",
    ),
    (
        "bpf-verdict-front",
        "bpf-verdict-loader",
        "the played kernel knows no objects",
    ),
];

/// Words that must not occur in a crate's sources, with the invariant that they break.
const FORBIDDEN_WORDS: &[(&str, &[&str], &str)] = &[
    (
        "domain",
        &["verdict_"],
        "the domain knows no registers, instructions or kernels",
    ),
    (
        "engine",
        &["std::fs", "std::io", "std::net", "std::process", "println!"],
        "the engine does no I/O",
    ),
    (
        "engine",
        &["HashMap", "HashSet", "RandomState"],
        "nothing depends on hash order",
    ),
    (
        "loader",
        &["std::fs", "std::process", ".unwrap_unchecked("],
        "the loader reads bytes, not files",
    ),
    (
        "syscall",
        &["std::fs", "std::process"],
        "the kernel's side reads no files",
    ),
    (
        "report",
        &["std::fs", "std::process"],
        "reports are written to a writer",
    ),
];

/// Words that must not occur below a directory, with the invariant that they break.
const FORBIDDEN_BELOW: &[(&str, &[&str], &str)] = &[
    (
        "crates/engine/src/transfer/",
        &[".search", "push_pending"],
        "a transfer asks for a fork and does not touch the search",
    ),
    (
        "crates/engine/src/",
        &["kernel.release", "kernel.version", "\"5.", "\"6.", "\"7."],
        "the engine asks switches, not releases",
    ),
    (
        "crates/log/src/",
        &["kernel.release", "kernel.version", "\"5.", "\"6.", "\"7."],
        "a log's form is a setting, not a release",
    ),
    (
        "crates/page/assets/",
        &[
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "setHTML",
            "eval(",
            "Function(",
            "fetch(",
            "XMLHttpRequest",
            "import(",
        ],
        "what is of an object gets into a page as text, and nothing is fetched",
    ),
    (
        "crates/domain/src/bounds.rs",
        &["    pub smin:", "    pub smax:", "    pub umin:", "    pub umax:"],
        "ranges are behind accessors",
    ),
    (
        "crates/domain/src/span.rs",
        &["    pub min:", "    pub max:"],
        "ranges are behind accessors",
    ),
];

/// Where a match over instructions names every one of them.
const EXHAUSTIVE: [&str; 3] = [
    "crates/engine/src/transfer/",
    "crates/engine/src/precision/",
    "crates/engine/src/origin.rs",
];

/// How an arm of a match over instructions begins.
const INSN_ARMS: [&str; 6] = ["Op::", "Alu::", "Jump::", "Call::", "AtomicOp::", "ImmKind::"];

/// Marks of unfinished work.
const UNFINISHED: [&str; 4] = ["TODO", "FIXME", "XXX:", "HACK:"];

/// Lines of a source file, above which it should be two.
const MAX_LINES: usize = 800;

/// Runs all checks and prints what is wrong.
pub(crate) fn run() -> Done {
    let mut wrong = Vec::new();
    check_arrows(&mut wrong)?;
    modules::check(root(), &mut wrong)?;
    for file in sources(root())? {
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        check_source(&file, &text, &mut wrong);
    }
    for line in &wrong {
        println!("tidy: {line}");
    }
    println!("tidy: {}", if wrong.is_empty() { "all well" } else { "not well" });
    Ok(wrong.is_empty())
}

/// What `cargo metadata` prints.
pub(crate) fn metadata(arguments: &[&str]) -> Result<Value, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .args(arguments)
        .current_dir(root())
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))
}

fn check_arrows(wrong: &mut Vec<String>) -> Result<(), String> {
    let metadata = metadata(&["--no-deps"])?;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let rank = |name: &str| ORDER.iter().position(|o| *o == name);
        let Some(own) = rank(name) else {
            if name != "xtask" {
                wrong.push(format!("crate {name} has no place in the order of crates"));
            }
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            // Tests may look at more than the crate itself may.
            let of_tests = dependency["kind"].as_str() == Some("dev");
            if rank(to).is_some_and(|r| r >= own) && !of_tests {
                wrong.push(format!("{name} depends on {to}, which stands above it"));
            }
            if let Some((_, _, why)) = FORBIDDEN_ARROWS.iter().find(|(a, b, _)| (*a, *b) == (name, to))
                && !of_tests
            {
                wrong.push(format!("{name} depends on {to}: {why}"));
            }
        }
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let text = fs::read_to_string(manifest).map_err(|e| format!("{manifest}: {e}"))?;
        let own = name == UNSAFE && text.contains("unsafe_code = \"deny\"");
        if !own && !text.contains("[lints]\nworkspace = true") {
            wrong.push(format!("{name} does not take the workspace's lints"));
        }
    }
    Ok(())
}

/// Every Rust source of the workspace, and what runs in pages.
fn sources(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for top in ["crates/**/*.rs", "xtask/**/*.rs", "crates/page/assets/*"] {
        let pattern = root.join(top);
        let paths = glob::glob(&pattern.to_string_lossy()).map_err(|e| e.to_string())?;
        files.extend(paths.filter_map(Result::ok));
    }
    Ok(files)
}

fn check_source(file: &Path, text: &str, wrong: &mut Vec<String>) {
    let root = root();
    let shown = file.strip_prefix(root).unwrap_or(file).display().to_string();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        wrong.push(format!("{shown}: {lines} lines, more than {MAX_LINES}"));
    }
    if shown.starts_with("xtask/") {
        return; // names the words it searches for
    }
    if EXHAUSTIVE.iter().any(|place| shown.starts_with(place)) {
        for number in catch_all_arms(text) {
            wrong.push(format!(
                "{shown}:{number}: a match over instructions has no catch-all arm"
            ));
        }
    }
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        for word in UNFINISHED.iter().filter(|word| line.contains(*word)) {
            wrong.push(format!("{shown}:{number}: {word} marks unfinished work"));
        }
        let code = line.split("//").next().unwrap_or(line);
        if shown != UNSAFE_MODULE && (code.contains("unsafe {") || code.contains("allow(unsafe_code)")) {
            wrong.push(format!(
                "{shown}:{number}: unsafe code is in {UNSAFE_MODULE} alone"
            ));
        }
        for (name, words, why) in FORBIDDEN_WORDS {
            if !shown.starts_with(&format!("crates/{name}/src/")) {
                continue;
            }
            for word in words.iter().filter(|word| code.contains(*word)) {
                wrong.push(format!("{shown}:{number}: {word}: {why}"));
            }
        }
        for (_, words, why) in FORBIDDEN_BELOW.iter().filter(|row| shown.starts_with(row.0)) {
            for word in words.iter().filter(|word| code.contains(*word)) {
                wrong.push(format!("{shown}:{number}: {word}: {why}"));
            }
        }
    }
}

/// The lines with a catch-all arm (`_ =>`) beside arms that name instructions. Arms of one match are indented alike, and
/// less indentation ends it.
fn catch_all_arms(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !line.trim_start().starts_with("_ =>") {
            continue;
        }
        let arms = lines[..at]
            .iter()
            .rev()
            .filter(|other| !other.trim().is_empty())
            .take_while(|other| indent(other) >= indent(line))
            .filter(|other| indent(other) == indent(line));
        let mut names = arms.map(|arm| arm.trim_start().trim_start_matches("| "));
        if names.any(|arm| INSN_ARMS.iter().any(|name| arm.starts_with(name))) {
            found.push(at + 1);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::catch_all_arms;

    #[test]
    fn a_catch_all_arm_over_instructions_is_found() {
        let over_insns = "match op {\n    Op::Exit => 1,\n    Op::Call(_)\n    | Op::Jump(_) => {\n        2\n    }\n    _ => 0,\n}\n";
        assert_eq!(catch_all_arms(over_insns), [7]);
        let over_others =
            "match op {\n    Op::Exit => match ty {\n        Ctx => 1,\n        _ => 2,\n    },\n}\n";
        assert!(catch_all_arms(over_others).is_empty());
    }
}
