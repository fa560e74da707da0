//! What build servers run: the action for GitHub (`action.yml`, `ci/action.sh`) and the template for GitLab, with a runner's
//! environment and a repository made for the test.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod action;
mod gitlab;
mod install;
mod settings;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Whether a program is there; where it is not, says that a test is skipped.
#[allow(clippy::print_stderr, reason = "who runs tests should know which did nothing")]
fn has(program: &str, test: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .any(|directory| directory.join(program).is_file());
    if !found {
        eprintln!("{test}: skipped: there is no {program}");
    }
    found
}

/// A machine that runs jobs: a repository with two commits, and places for what a job writes.
///
/// The first commit has `prog.o` and `accepted.o`, which are accepted; in the second one `prog.o` is rejected.
pub(crate) struct Runner {
    dir: PathBuf,
}

impl Runner {
    /// A new one for this test, or `None` where there is no git.
    pub(crate) fn new(test: &str) -> Option<Runner> {
        if !has("git", test) {
            return None;
        }
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ci").join(test);
        let _ = fs::remove_dir_all(&dir); // absent at first
        for name in ["repository/objects", "bin", "temp"] {
            fs::create_dir_all(dir.join(name)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_verdict"), dir.join("bin/verdict")).unwrap();
        let runner = Runner { dir };
        runner.git(&["init", "--quiet", "--initial-branch=main"]);
        runner.object("corpus/reports/k02-counted-index/good.o", "objects/prog.o");
        runner.object("corpus/bounded_loop.bpf.o", "spare.o");
        runner.commit();
        runner.object("corpus/reports/k02-counted-index/bad.o", "objects/prog.o");
        runner.commit();
        Some(runner)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Puts an object of the project's corpus into the repository.
    pub(crate) fn object(&self, from: &str, to: &str) {
        fs::copy(root().join(from), self.path("repository").join(to)).unwrap();
    }

    /// Writes a file of the repository.
    pub(crate) fn file(&self, name: &str, text: &str) {
        fs::write(self.path("repository").join(name), text).unwrap();
    }

    /// Commits what is there, and says which commit it is.
    pub(crate) fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
        self.revision("HEAD")
    }

    pub(crate) fn revision(&self, name: &str) -> String {
        self.git(&["rev-parse", name]).trim().to_owned()
    }

    /// What git prints.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let who = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
        let output = self.command("git").args(who).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A program in the repository, without what the machine's own environment says to git or about a runner.
    pub(crate) fn command(&self, program: &str) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new(program);
        command
            .current_dir(self.path("repository"))
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let of_others = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"].contains(&&*text);
            let prefixes = ["GITHUB_", "RUNNER_", "INPUT_", "CI_", "VERDICT_"];
            if of_others || prefixes.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
    }

    /// A program that prints what it is called with into `calls`, and `answer`, and ends with this exit code.
    pub(crate) fn fake(&self, name: &str, answer: &str, code: u8) {
        let calls = self.path("calls");
        let script = format!(
            "printf '%s\\n' \"$*\" >>'{}'\nprintf '%s' '{answer}'\nexit {code}\n",
            calls.display()
        );
        self.program(name, &script);
    }

    /// A program in place of another one: this script for a shell.
    pub(crate) fn program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let file = self.path("bin").join(name);
        let _ = fs::remove_file(&file); // a link is not to be written through
        fs::write(&file, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// What a job printed, of both kinds.
pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
