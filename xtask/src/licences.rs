//! The licences and sources of dependencies, held against `deny.toml`.

use std::fs;

use crate::tidy::metadata;
use crate::{Done, root};

/// Prints each dependency that `deny.toml` does not admit.
pub(crate) fn run() -> Done {
    let path = root().join("deny.toml");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let allowed = allowed_licences(&text).ok_or("deny.toml: no list `allow` under [licenses]")?;
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"])?;
    let packages = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut well = true;
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or("none named");
        if !is_admitted(licence, &allowed) {
            println!("licences: {name}: {licence} is not admitted by deny.toml");
            well = false;
        }
        let source = package["source"].as_str();
        if source.is_some_and(|s| !s.starts_with("registry+")) {
            println!("licences: {name} does not come from a registry");
            well = false;
        }
    }
    println!(
        "licences: {} packages, {}",
        packages.len(),
        if well { "all admitted" } else { "not all admitted" }
    );
    Ok(well)
}

/// The quoted words of the list `allow` in the section `[licenses]`.
fn allowed_licences(text: &str) -> Option<Vec<&str>> {
    let section = text.split("[licenses]").nth(1)?;
    let list = section.split("allow = [").nth(1)?.split(']').next()?;
    Some(list.split('"').skip(1).step_by(2).collect())
}

/// Whether one way of reading the SPDX expression is admitted. Parentheses are dropped: no licence that
/// we meet mixes AND and OR so that they would matter, and a misreading could only refuse too much.
fn is_admitted(expression: &str, allowed: &[&str]) -> bool {
    let flat = expression.replace(['(', ')'], "").replace('/', " OR ");
    flat.split(" AND ").all(|part| {
        part.split(" OR ")
            .any(|licence| allowed.contains(&licence.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_deny_toml_and_expressions() {
        let allowed = allowed_licences("[licenses]\nallow = [\n  \"MIT\",\n  \"Unicode-3.0\",\n]\n").unwrap();
        assert_eq!(allowed, ["MIT", "Unicode-3.0"]);
        assert!(is_admitted("MIT OR Apache-2.0", &allowed));
        assert!(is_admitted("(MIT OR Apache-2.0) AND Unicode-3.0", &allowed));
        assert!(is_admitted("MIT/Apache-2.0", &allowed));
        assert!(!is_admitted("Apache-2.0", &allowed));
        assert!(!is_admitted("MIT AND GPL-3.0-only", &allowed));
    }
}
