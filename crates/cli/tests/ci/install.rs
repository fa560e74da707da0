//! `ci/action.sh plan` and `install`: which program the action runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::{Runner, has, printed, root};

impl Runner {
    /// `action.sh COMMAND` of the action that lies in the project, unless settings say another one.
    fn install(&self, command: &str, settings: &[(&str, &str)]) -> Output {
        let mut bash = self.command("bash");
        bash.arg(root().join("ci/action.sh"))
            .arg(command)
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("GITHUB_PATH", self.path("paths"))
            .env("GITHUB_ACTION_PATH", root())
            .env("RUNNER_TEMP", self.path("temp"))
            .envs(settings.iter().copied());
        bash.output().unwrap()
    }

    /// The outputs of `plan`.
    fn planned(&self, settings: &[(&str, &str)]) -> String {
        let _ = fs::remove_file(self.path("output")); // absent at first
        let output = self.install("plan", settings);
        assert!(output.status.success(), "{}", printed(&output));
        self.read("output")
    }
}

#[test]
fn the_version_is_that_of_the_action() {
    let Some(runner) = Runner::new("version") else {
        return;
    };
    let release = runner.planned(&[
        ("ACTION_REF", "v1.2.3"),
        ("RUNNER_OS", "Linux"),
        ("RUNNER_ARCH", "ARM64"),
    ]);
    assert!(
        release.starts_with("version=1.2.3\nkey=verdict-Linux-ARM64-1.2.3\ndirectory=")
            && release.ends_with("/verdict/verdict-Linux-ARM64-1.2.3\n"),
        "{release}"
    );
    assert_eq!(
        runner.planned(&[("INPUT_VERSION", "v1.2.3")]).lines().next(),
        Some("version=1.2.3")
    );
    let build = runner.planned(&[("ACTION_REF", "main")]);
    let key = build
        .lines()
        .nth(1)
        .unwrap()
        .strip_prefix("key=verdict-Linux-X64-build-")
        .unwrap();
    assert!(build.starts_with("version=build\n") && key.len() == 16, "{build}");
    // The same sources are found again.
    assert_eq!(
        runner.planned(&[("INPUT_VERSION", "build"), ("ACTION_REF", "v1.2.3")]),
        build
    );
}

/// A runner's own directories outlast a job: what lies there was built of the same sources.
#[test]
fn what_is_built_is_kept_by_its_sources() {
    let Some(runner) = Runner::new("sources") else {
        return;
    };
    let action = runner.path("action");
    let files = [
        "Cargo.toml",
        "Cargo.lock",
        ".cargo/config.toml",
        "crates/a.rs",
        "docs/rules/V0101.md",
        "xtask/Cargo.toml",
    ];
    for file in files {
        fs::create_dir_all(action.join(file).parent().unwrap()).unwrap();
        fs::write(action.join(file), "before").unwrap();
    }
    let planned = || {
        let settings = [
            ("INPUT_VERSION", "build"),
            ("GITHUB_ACTION_PATH", action.to_str().unwrap()),
        ];
        let planned = runner.planned(&settings);
        let value = |name: &str| {
            let mut lines = planned.lines();
            lines.find_map(|line| line.strip_prefix(name)).unwrap().to_owned()
        };
        let (key, directory) = (value("key="), value("directory="));
        assert!(directory.ends_with(&format!("/verdict/{key}")), "{planned}");
        directory
    };
    let mut directories = vec![planned()];
    for file in files {
        assert_eq!(planned(), *directories.last().unwrap());
        fs::write(action.join(file), "after").unwrap();
        let directory = planned();
        assert!(!directories.contains(&directory), "{file}");
        directories.push(directory);
    }
    // Cargo is asked where the sources and its settings for them are.
    let build = "pwd -P >>../calls && mkdir -p \"$CARGO_TARGET_DIR/release\" \
        && printf '#!/bin/sh\\necho built\\n' >\"$CARGO_TARGET_DIR/release/verdict\" \
        && chmod +x \"$CARGO_TARGET_DIR/release/verdict\"\n";
    runner.program("cargo", build);
    let directory = runner.path("tools");
    let settings = [
        ("VERDICT_VERSION", "build"),
        ("VERDICT_DIRECTORY", directory.to_str().unwrap()),
        ("GITHUB_ACTION_PATH", action.to_str().unwrap()),
    ];
    let output = runner.install("install", &settings);
    assert_eq!(printed(&output), "built\n");
    let built_in = action.canonicalize().unwrap();
    assert_eq!(runner.read("calls"), format!("{}\n", built_in.display()));
}

/// Packs what a release has: an archive with this program, and its sums.
fn release(directory: &Path, program: &str) {
    let inner = directory.join("verdict-1.2.3-x86_64-unknown-linux-musl");
    fs::create_dir_all(&inner).unwrap();
    fs::write(inner.join("verdict"), program).unwrap();
    let script = "chmod +x verdict-*/verdict && tar -czf verdict-1.2.3-x86_64-unknown-linux-musl.tar.gz verdict-*musl \
        && sha256sum *.tar.gz >SHA256SUMS";
    let packed = Command::new("bash")
        .args(["-c", script])
        .current_dir(directory)
        .status();
    assert!(packed.unwrap().success());
}

#[test]
fn a_release_is_fetched_and_compared_with_its_sum() {
    let test = "release";
    let Some(runner) = Runner::new(test).filter(|_| has("curl", test)) else {
        return;
    };
    let files = runner.path("releases/v1.2.3");
    fs::create_dir_all(&files).unwrap();
    release(&files, "#!/bin/sh\necho verdict 1.2.3\n");
    let (url, directory) = (
        format!("file://{}", runner.path("releases").display()),
        runner.path("tools"),
    );
    let settings = [
        ("VERDICT_VERSION", "1.2.3"),
        ("VERDICT_DIRECTORY", directory.to_str().unwrap()),
        ("VERDICT_RELEASES", &url),
        ("ACTION_REPOSITORY", "owner/verdict"),
    ];
    let output = runner.install("install", &settings);
    assert_eq!(printed(&output), "verdict 1.2.3\n");
    assert_eq!(runner.read("paths"), format!("{}\n", directory.display()));
    // An archive may be asked for by its sum, whatever the release says.
    fs::remove_dir_all(&directory).unwrap();
    let other = "0".repeat(64);
    let sums = fs::read_to_string(files.join("SHA256SUMS")).unwrap();
    let sum = sums.split(' ').next().unwrap();
    let pinned = |sum| {
        let output = runner.install("install", &[&settings[..], &[("INPUT_SHA256", sum)]].concat());
        (output.status.code(), printed(&output))
    };
    let (code, text) = pinned(&other);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("is not what the input 'sha256' says"), "{text}");
    assert!(!directory.join("verdict").exists());
    assert_eq!(pinned(sum), (Some(0), "verdict 1.2.3\n".to_owned()));
    let key = runner.planned(&[("INPUT_VERSION", "1.2.3"), ("INPUT_SHA256", sum)]);
    assert!(key.contains(&format!("-1.2.3-{}\n", &sum[..16])), "{key}");
    // What the cache has is not fetched again.
    fs::remove_dir_all(&files).unwrap();
    assert!(runner.install("install", &settings).status.success());
    // Without it, there is no such release.
    fs::remove_dir_all(&directory).unwrap();
    let output = runner.install("install", &settings);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed(&output).contains("::error::verdict: there is no release 1.2.3"),
        "{}",
        printed(&output)
    );
    // And an archive that somebody changed is not taken.
    fs::create_dir_all(&files).unwrap();
    release(&files, "#!/bin/sh\n");
    fs::write(
        files.join("verdict-1.2.3-x86_64-unknown-linux-musl.tar.gz"),
        "changed",
    )
    .unwrap();
    let output = runner.install("install", &settings);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed(&output).contains("is not what SHA256SUMS says"),
        "{}",
        printed(&output)
    );
    assert!(!directory.join("verdict").exists());
}
