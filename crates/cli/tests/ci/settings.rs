//! `action.yml` and the guide name what the script knows, and no more.

use std::collections::BTreeSet;
use std::fs;

use crate::root;

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The entries of a section of `action.yml`: two spaces deep.
fn entries(text: &str, section: &str) -> BTreeSet<String> {
    let head = format!("{section}:");
    let lines = text.lines().skip_while(|line| *line != head).skip(1);
    lines
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| !name.starts_with(' '))
        .map(ToOwned::to_owned)
        .collect()
}

/// What stands between two texts, each time.
fn between<'t>(text: &'t str, before: &str, after: &str) -> BTreeSet<&'t str> {
    let parts = text.split(before).skip(1);
    parts.filter_map(|part| Some(part.split_once(after)?.0)).collect()
}

/// Names of environment variables that begin so.
fn variables(text: &str, prefix: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with(prefix))
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn every_input_and_output_is_used() {
    let (action, script) = (read("action.yml"), read("ci/action.sh"));
    let inputs = entries(&action, "inputs");
    assert!(inputs.len() > 10, "{inputs:?}");
    for used in between(&action, "inputs.", " ") {
        assert!(inputs.contains(used), "inputs.{used}");
    }
    for input in &inputs {
        assert!(
            action.contains(&format!("inputs.{input} ")),
            "the input {input} is not used"
        );
    }
    assert_eq!(variables(&action, "INPUT_"), variables(&script, "INPUT_"));
    for output in between(&action, "steps.run.outputs.", " ") {
        let written = script.contains(&format!("output {output} "));
        assert!(written, "ci/action.sh writes no output {output}");
    }
    for output in between(&action, "steps.plan.outputs.", " ") {
        assert!(script.contains(&format!("output {output} ")), "{output}");
    }
}

#[test]
fn the_guide_names_inputs_that_are_there() {
    let (guide, action, template) = (
        read("docs/guide/ci.md"),
        read("action.yml"),
        read("ci/verdict.gitlab-ci.yml"),
    );
    let inputs = entries(&action, "inputs");
    let example = guide.split("        with:\n").nth(1).unwrap();
    let mut named = 0;
    for line in example.lines().take_while(|line| line.starts_with("          ")) {
        let name = line.trim().split(':').next().unwrap();
        assert!(inputs.contains(name), "{name}");
        named += 1;
    }
    assert!(named > 3);
    let known = variables(&template, "VERDICT_");
    for name in variables(&guide, "VERDICT_") {
        assert!(known.contains(&name), "{name}");
    }
}
