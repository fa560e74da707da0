//! The Debian package, made by `dpkg-deb` of a tree.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Release, copy, create_parent, output, run_command, say};

/// Debian's names of architectures, by Rust's.
const ARCHITECTURES: [(&str, &str); 6] = [
    ("x86_64", "amd64"),
    ("aarch64", "arm64"),
    ("riscv64gc", "riscv64"),
    ("powerpc64le", "ppc64el"),
    ("s390x", "s390x"),
    ("loongarch64", "loong64"),
];

/// Where a file of the archive lies in the package; what is compressed there, Debian's policy says.
const PLACES: [(&str, &str); 7] = [
    ("verdict", "usr/bin/verdict"),
    (
        "completions/verdict.bash",
        "usr/share/bash-completion/completions/verdict",
    ),
    (
        "completions/_verdict",
        "usr/share/zsh/vendor-completions/_verdict",
    ),
    (
        "completions/verdict.fish",
        "usr/share/fish/vendor_completions.d/verdict.fish",
    ),
    ("README.md", "usr/share/doc/PACKAGE/README.md"),
    ("CHANGELOG.md", "usr/share/doc/PACKAGE/changelog"),
    ("LICENSE", "usr/share/doc/PACKAGE/copyright"),
];

/// Writes it, where there is `dpkg-deb` and Debian has the architecture.
pub(super) fn write(release: &Release) -> Result<(), String> {
    let Some(architecture) = architecture(&release.target) else {
        println!(
            "dist: no .deb: Debian has no name for the architecture of {}",
            release.target
        );
        return Ok(());
    };
    if output(Command::new("dpkg-deb").arg("--version")).is_err() {
        println!("dist: no .deb: dpkg-deb is not installed");
        return Ok(());
    }
    let package = release.package()?;
    let name = name(package)?;
    let tree = release.out.join(format!("{}-deb", release.stem()));
    remove(&tree)?;
    lay_out(&release.tree(), &tree, name)?;
    let control = control(package, &release.version, architecture, size(&tree)?)?;
    let file = tree.join("DEBIAN/control");
    create_parent(&file)?;
    fs::write(&file, control).map_err(|e| format!("{}: {e}", file.display()))?;
    run_command(Command::new("chmod").arg("-R").arg("u=rwX,go=rX").arg(&tree))?;
    let file = release
        .out
        .join(format!("{name}_{}_{architecture}.deb", release.version));
    run_command(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zxz", "--build"])
            .args([&tree, &file])
            .env("SOURCE_DATE_EPOCH", &release.epoch),
    )?;
    remove(&tree)?;
    say(&file)
}

/// What the package is called there.
pub(super) fn name(package: &Value) -> Result<&str, String> {
    text(&package["metadata"]["deb"], "name")
}

/// Debian's name of a target's architecture.
pub(super) fn architecture(target: &str) -> Option<&'static str> {
    let ours = target.split('-').next()?;
    let row = ARCHITECTURES.iter().find(|(rust, _)| *rust == ours)?;
    target.contains("-linux-").then_some(row.1)
}

fn text<'a>(table: &'a Value, field: &str) -> Result<&'a str, String> {
    table[field]
        .as_str()
        .ok_or_else(|| format!("the manifest of the program has no {field}, which a .deb needs"))
}

fn remove(tree: &Path) -> Result<(), String> {
    match fs::remove_dir_all(tree) {
        Err(error) if tree.exists() => Err(format!("{}: {error}", tree.display())),
        _ => Ok(()),
    }
}

/// Copies the archive's files to their places.
fn lay_out(from: &Path, tree: &Path, name: &str) -> Result<(), String> {
    for (file, place) in PLACES {
        copy(&from.join(file), &tree.join(place.replace("PACKAGE", name)))?;
    }
    let pages = from.join("man");
    let failed = |e: std::io::Error| format!("{}: {e}", pages.display());
    for entry in fs::read_dir(&pages).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let place = tree.join("usr/share/man/man1").join(entry.file_name());
        copy(&entry.path(), &place)?;
        compress(&place)?;
    }
    compress(&tree.join("usr/share/doc").join(name).join("changelog"))
}

fn compress(file: &Path) -> Result<(), String> {
    run_command(Command::new("gzip").arg("-9n").arg(file))
}

/// KiB on the disk.
fn size(tree: &Path) -> Result<u64, String> {
    let words = output(Command::new("du").args(["-sk", "--apparent-size"]).arg(tree))?;
    let number = words.split_whitespace().next().and_then(|word| word.parse().ok());
    number.ok_or_else(|| format!("du: {words}"))
}

/// The control file, from the manifest.
fn control(package: &Value, version: &str, architecture: &str, size: u64) -> Result<String, String> {
    let deb = &package["metadata"]["deb"];
    let mut control = format!(
        "Package: {}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {}\nInstalled-Size: {size}\n\
         Section: {}\nPriority: {}\nDescription: {}\n",
        text(deb, "name")?,
        text(deb, "maintainer")?,
        text(deb, "section")?,
        text(deb, "priority")?,
        text(package, "description")?,
    );
    for line in text(deb, "extended-description")?.trim().lines() {
        let line = line.trim();
        control.push_str(&format!(" {}\n", if line.is_empty() { "." } else { line }));
    }
    Ok(control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tidy::metadata;

    #[test]
    fn architectures_are_debians() {
        assert_eq!(architecture("x86_64-unknown-linux-musl"), Some("amd64"));
        assert_eq!(architecture("aarch64-unknown-linux-gnu"), Some("arm64"));
        assert_eq!(architecture("x86_64-apple-darwin"), None);
        assert_eq!(architecture("wasm32-unknown-unknown"), None);
    }

    #[test]
    fn the_control_file_has_what_dpkg_asks_for() {
        let metadata = metadata(&["--no-deps"]).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages
            .iter()
            .find(|p| p["name"] == super::super::PACKAGE)
            .unwrap();
        let control = control(package, "1.2.3", "amd64", 7).unwrap();
        let mut fields = Vec::new();
        for line in control.lines() {
            match line.split_once(": ") {
                Some((field, value)) if !line.starts_with(' ') => {
                    assert!(!value.is_empty(), "{line}");
                    fields.push(field);
                }
                _ => assert!(
                    line.len() > 1 && line.starts_with(' '),
                    "no field and no more of one: {line:?}"
                ),
            }
        }
        for needed in [
            "Package",
            "Version",
            "Architecture",
            "Maintainer",
            "Installed-Size",
            "Description",
        ] {
            assert!(fields.contains(&needed), "{needed} is missing in\n{control}");
        }
    }

    #[test]
    fn files_lie_where_debian_looks_for_them() {
        let dir = std::env::temp_dir().join(format!("verdict-deb-{}", std::process::id()));
        let (from, tree) = (dir.join("from"), dir.join("tree"));
        super::super::pages::write(&from).unwrap();
        for file in ["verdict", "README.md", "CHANGELOG.md", "LICENSE"] {
            fs::write(from.join(file), file).unwrap();
        }
        lay_out(&from, &tree, "bpf-verdict").unwrap();
        let there = |place: &str| tree.join(place).is_file();
        assert!(there("usr/bin/verdict"));
        assert!(there("usr/share/man/man1/verdict.1.gz") && there("usr/share/man/man1/verdict-check.1.gz"));
        assert!(!there("usr/share/man/man1/verdict.1"));
        assert!(there("usr/share/bash-completion/completions/verdict"));
        assert!(
            there("usr/share/doc/bpf-verdict/copyright") && there("usr/share/doc/bpf-verdict/changelog.gz")
        );
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn paragraphs_are_kept_apart() {
        let package = json!({ "description": "short", "metadata": { "deb": {
            "name": "n", "maintainer": "m", "section": "s", "priority": "p",
            "extended-description": "one\n\ntwo\n",
        } } });
        let control = control(&package, "1", "amd64", 1).unwrap();
        assert!(
            control.ends_with("Description: short\n one\n .\n two\n"),
            "{control}"
        );
        assert!(super::control(&json!({}), "1", "amd64", 1).is_err());
    }
}
