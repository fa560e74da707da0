//! `ci/action.sh plan` and `install`: which program the action runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::{Runner, has, printed, root};

impl Runner {
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
        release.starts_with("version=1.2.3\nkey=verdict-Linux-ARM64-1.2.3\ndirectory="),
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
