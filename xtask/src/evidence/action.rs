//! What the action for GitHub takes and gives, as `action.yml` says it.

use super::{markdown, read};
use crate::root;

/// A table of inputs, and one of outputs.
pub(super) fn table() -> Result<String, String> {
    let text = read(&root().join("action.yml"))?;
    let (inputs, outputs) = (entries(&text, "inputs"), entries(&text, "outputs"));
    if inputs.is_empty() || outputs.is_empty() {
        return Err("action.yml: expected inputs and outputs".to_owned());
    }
    let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    let mut rows = vec![row(&["Input", "What it says", "Default"])];
    for entry in &inputs {
        let default = match entry.default.as_str() {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        rows.push(row(&[&format!("`{}`", entry.name), &entry.description, &default]));
    }
    let mut others = vec![row(&["Output", "What it is"])];
    for entry in &outputs {
        others.push(row(&[&format!("`{}`", entry.name), &entry.description]));
    }
    Ok(format!("{}\n{}", markdown(&rows), markdown(&others)))
}

#[derive(Default, PartialEq, Debug)]
struct Entry {
    name: String,
    description: String,
    default: String,
}

/// The entries of a section: names are indented by two spaces, what is said of them by four, on one line each.
fn entries(text: &str, section: &str) -> Vec<Entry> {
    let head = format!("{section}:");
    let lines = text.lines().skip_while(|line| *line != head).skip(1);
    let mut found: Vec<Entry> = Vec::new();
    for line in lines.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        let word = line.trim_start();
        match (line.len() - word.len(), word.split_once(':')) {
            (2, Some((name, _))) => found.push(Entry {
                name: name.to_owned(),
                ..Entry::default()
            }),
            (4, Some((field, value))) => {
                let Some(entry) = found.last_mut() else { continue };
                let value = value.trim().trim_matches(['\'', '"']).to_owned();
                match field {
                    "description" => entry.description = value,
                    "default" if !value.starts_with("${{") => entry.default = value,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn entries_have_what_is_said_of_them() {
    let text = "inputs:\n  a:\n    description: What\n    default: 'x y'\n  b:\n    description: \"b: c\"\n\noutputs:\n  c:\n    description: d\nruns:\n  using: composite\n";
    let entry = |name: &str, description: &str, default: &str| Entry {
        name: name.to_owned(),
        description: description.to_owned(),
        default: default.to_owned(),
    };
    assert_eq!(
        entries(text, "inputs"),
        [entry("a", "What", "x y"), entry("b", "b: c", "")]
    );
    assert_eq!(entries(text, "outputs"), [entry("c", "d", "")]);
}
