//! What the program is made of, as a CycloneDX document. It has neither a time nor a random number in it: the same
//! sources give the same document.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use super::pages::NAME;
use super::{PACKAGE, Release, say};
use crate::root;

/// Writes it.
pub(super) fn write(release: &Release) -> Result<(), String> {
    let lock = root().join("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(|e| format!("{}: {e}", lock.display()))?;
    let document = document(&release.metadata, &checksums(&lock)?)?;
    let file = release.out.join(format!("{}.cdx.json", release.stem()));
    let text = format!("{document:#}\n");
    fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    say(&file)
}

/// The SHA-256 of each package that comes from a registry, by name and version.
fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>, String> {
    let lock: toml::Table = toml::from_str(lock).map_err(|e| format!("Cargo.lock: {e}"))?;
    let packages = lock.get("package").and_then(|packages| packages.as_array());
    let row = |package: &toml::Value| {
        let field = |name: &str| package.get(name)?.as_str().map(str::to_owned);
        Some(((field("name")?, field("version")?), field("checksum")?))
    };
    Ok(packages.into_iter().flatten().filter_map(row).collect())
}

/// The document.
fn document(metadata: &Value, checksums: &BTreeMap<(String, String), String>) -> Result<Value, String> {
    let packages = by_id(&metadata["packages"]);
    let nodes = by_id(&metadata["resolve"]["nodes"]);
    let program = packages
        .values()
        .find(|package| package["name"] == PACKAGE)
        .ok_or_else(|| format!("cargo metadata: no package {PACKAGE}"))?;
    let mut edges = BTreeMap::new();
    let mut waiting = vec![text(&program["id"])];
    while let Some(id) = waiting.pop() {
        if edges.contains_key(id) {
            continue;
        }
        let needs: BTreeSet<&str> = nodes.get(id).map(|node| needs(node)).unwrap_or_default();
        waiting.extend(&needs);
        edges.insert(id, needs);
    }
    let reference = |id: &str| {
        packages
            .get(id)
            .map(|package| reference(package))
            .unwrap_or_default()
    };
    let mut components = BTreeMap::new();
    let mut dependencies = BTreeMap::new();
    for (id, needs) in &edges {
        let on: BTreeSet<String> = needs.iter().map(|id| reference(id)).collect();
        dependencies.insert(reference(id), json!({ "ref": reference(id), "dependsOn": on }));
        if let Some(package) = packages.get(id)
            && package["name"] != PACKAGE
        {
            components.insert(reference(id), component(package, "library", checksums));
        }
    }
    let mut itself = component(program, "application", checksums);
    itself["name"] = json!(NAME);
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": itself },
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies.into_values().collect::<Vec<_>>(),
    }))
}

fn by_id(list: &Value) -> BTreeMap<&str, &Value> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|one| (text(&one["id"]), one)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a package needs to be built or to run, by id: not what its tests need.
fn needs(node: &Value) -> BTreeSet<&str> {
    let deps = node["deps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let for_more_than_tests = |dep: &&Value| {
        let kinds = dep["dep_kinds"].as_array().map(Vec::as_slice).unwrap_or_default();
        kinds.iter().any(|kind| kind["kind"] != "dev")
    };
    let wanted = deps.iter().filter(for_more_than_tests);
    wanted.map(|dep| text(&dep["pkg"])).collect()
}

/// The package URL, which is only that of a package in a registry; else name and version.
fn reference(package: &Value) -> String {
    let (name, version) = (text(&package["name"]), text(&package["version"]));
    if package["source"].is_string() {
        format!("pkg:cargo/{name}@{version}")
    } else {
        format!("{name}@{version}")
    }
}

fn component(package: &Value, kind: &str, checksums: &BTreeMap<(String, String), String>) -> Value {
    let (name, version) = (text(&package["name"]), text(&package["version"]));
    let reference = reference(package);
    let mut component = json!({ "type": kind, "bom-ref": reference, "name": name, "version": version });
    if let Some(licence) = package["license"].as_str() {
        // Old manifests have a slash for OR.
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    if package["source"].is_string() {
        component["purl"] = json!(reference);
    }
    if let Some(sum) = checksums.get(&(name.to_owned(), version.to_owned())) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    if let Some(address) = package["repository"].as_str() {
        component["externalReferences"] = json!([{ "type": "vcs", "url": address }]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::metadata;

    fn made() -> Value {
        let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]).unwrap();
        let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
        document(&metadata, &checksums(&lock).unwrap()).unwrap()
    }

    fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
        value[field].as_array().unwrap()
    }

    /// What the specification asks of a component that is here.
    fn assert_component(component: &Value) {
        for field in ["type", "bom-ref", "name", "version"] {
            assert!(!component[field].as_str().unwrap().is_empty(), "{component}");
        }
        let expression = component["licenses"][0]["expression"].as_str().unwrap();
        assert!(!expression.contains('/'), "{expression}");
        if component["purl"].is_string() {
            let sum = component["hashes"][0]["content"].as_str().unwrap();
            assert!(
                sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit()),
                "{component}"
            );
        }
    }

    #[test]
    fn the_document_has_the_shape_of_cyclonedx() {
        let made = made();
        assert_eq!(
            (&made["bomFormat"], &made["specVersion"]),
            (&json!("CycloneDX"), &json!("1.5"))
        );
        let itself = &made["metadata"]["component"];
        assert_eq!(
            (&itself["type"], &itself["name"]),
            (&json!("application"), &json!("verdict"))
        );
        let mut known = BTreeSet::from([text(&itself["bom-ref"])]);
        for component in list(&made, "components").iter().chain([itself]) {
            assert_component(component);
            let new = known.insert(text(&component["bom-ref"]));
            assert!(new || component == itself, "twice: {component}");
        }
        let mut described = BTreeSet::new();
        for dependency in list(&made, "dependencies") {
            assert!(described.insert(text(&dependency["ref"])));
            for on in list(dependency, "dependsOn") {
                assert!(known.contains(text(on)), "{on} is no component");
            }
        }
        assert_eq!(described, known);
    }

    #[test]
    fn it_names_what_the_program_is_made_of_and_nothing_of_the_machine() {
        let made = made();
        let names: BTreeSet<&str> = list(&made, "components")
            .iter()
            .map(|c| text(&c["name"]))
            .collect();
        for there in ["bpf-verdict-engine", "clap", "object", "ruzstd"] {
            assert!(names.contains(there), "{there} is missing");
        }
        for absent in ["insta", "proptest", "jsonschema", "xtask", "clap_mangen"] {
            assert!(!names.contains(absent), "{absent} is not in the program");
        }
        let text = made.to_string();
        assert!(!text.contains("file://") && !text.contains(&*root().to_string_lossy()));
        assert_eq!(text, self::made().to_string());
    }
}
