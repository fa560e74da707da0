//! Modules of a crate that form a directed acyclic graph: its `lib.rs` declares them in groups from the bottom up, and a
//! module uses only those of groups above its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Crates whose modules are in groups.
const LAYERED: [&str; 1] = ["loader"];

/// Adds what is wrong with the modules of such crates.
pub(super) fn check(root: &Path, wrong: &mut Vec<String>) -> Result<(), String> {
    for name in LAYERED {
        let sources = root.join("crates").join(name).join("src");
        let lib = read(&sources.join("lib.rs"))?;
        let groups = groups(&lib);
        let pattern = sources.join("**/*.rs");
        let files = glob::glob(&pattern.to_string_lossy()).map_err(|e| e.to_string())?;
        for file in files.filter_map(Result::ok) {
            let within = file.strip_prefix(&sources).unwrap_or(&file).to_owned();
            let module = within.iter().next().unwrap_or_default().to_string_lossy();
            let module = module.trim_end_matches(".rs");
            if module == "lib" {
                continue;
            }
            let text = from_root(&within, &read(&file)?);
            for fault in back_edges(module, &text, &groups) {
                wrong.push(format!("crates/{name}/src/{}: {fault}", within.display()));
            }
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))
}

/// The text of a file, what it imports from the root by `super` imported by `crate`.
fn from_root(within: &Path, text: &str) -> String {
    let nested = within.components().count() > 1 && !within.ends_with("mod.rs");
    let root = if nested {
        "\nuse super::super::"
    } else {
        "\nuse super::"
    };
    text.replace(root, "\nuse crate::")
}

/// The group of each module that a `lib.rs` declares: blank lines and comments separate groups.
fn groups(lib: &str) -> BTreeMap<&str, usize> {
    let mut groups = BTreeMap::new();
    let (mut group, mut before) = (0, false);
    for line in lib.lines() {
        let declared = line.trim_start_matches("pub ").strip_prefix("mod ");
        let module = declared.and_then(|rest| rest.strip_suffix(';'));
        if let Some(module) = module {
            groups.insert(module, group);
        } else if before {
            group += 1;
        }
        before = module.is_some();
    }
    groups
}

/// What is wrong with the modules that `text`, a file of `module`, uses.
fn back_edges(module: &str, text: &str, groups: &BTreeMap<&str, usize>) -> Vec<String> {
    let Some(own) = groups.get(module) else {
        return vec![format!("lib.rs does not declare {module}")];
    };
    let mut faults = Vec::new();
    for used in used(text) {
        match groups.get(used.as_str()) {
            _ if used == module => {}
            Some(group) if group < own => {}
            Some(_) => faults.push(format!(
                "{module} uses {used}, which is not in a group above its own"
            )),
            None => faults.push(format!("{module} uses {used} of lib.rs, the root")),
        }
    }
    faults
}

/// The first names behind `crate::`, those of a list in braces each.
fn used(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter_map(|line| line.split("//").next()).collect();
    let code = code.join("\n");
    let mut names = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => names.extend(list_heads(list)),
            None => names.push(first_name(rest)),
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The first name of every item of a list that a closing brace ends.
fn list_heads(list: &str) -> Vec<String> {
    let (mut depth, mut end) = (1, list.len());
    let mut starts = vec![0];
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => starts.push(at + 1),
            _ => {}
        }
        if depth == 0 {
            end = at;
            break;
        }
    }
    let items = starts
        .iter()
        .map(|start| first_name(list[*start..end].trim_start()));
    items.filter(|name| !name.is_empty()).collect()
}

fn first_name(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn super_is_the_root_where_it_is_at_the_edge() {
        let text = "\nuse super::a::X;";
        assert_eq!(from_root(Path::new("b.rs"), text), "\nuse crate::a::X;");
        assert_eq!(from_root(Path::new("b/mod.rs"), text), "\nuse crate::a::X;");
        assert_eq!(from_root(Path::new("b/c.rs"), text), text);
    }

    #[test]
    fn modules_use_only_those_of_groups_above() {
        let groups = groups("//! A crate.\n\nmod a;\nmod b;\n\n// Above.\npub mod c;\n");
        assert_eq!(groups.get("b"), groups.get("a"));
        assert!(groups.get("c") > groups.get("a"));
        assert!(back_edges("c", "use crate::a;\nuse crate::{b::{self, X}, c::Y};", &groups).is_empty());
        assert!(back_edges("a", "/// As [`crate::c`].\nuse std::fmt;", &groups).is_empty());
        let faults = |module, text| back_edges(module, text, &groups).len();
        assert_eq!(faults("a", "use crate::b;"), 1, "one group has no order");
        assert_eq!(faults("a", "use crate::{\n    b,\n    c::{X, Y},\n};"), 2);
        assert_eq!(faults("b", "    crate::c::open();"), 1);
        assert_eq!(faults("c", "use crate::Root;"), 1);
        assert_eq!(faults("d", ""), 1);
    }
}
