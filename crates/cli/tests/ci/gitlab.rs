//! The template for GitLab: its script, run by a shell in a merge request's environment.

use std::fs;
use std::process::Output;

use crate::{Runner, printed, root};

/// The only entry of a list of commands in the template's job, a literal block.
fn block(name: &str) -> String {
    let text = fs::read_to_string(root().join("ci/verdict.gitlab-ci.yml")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let head = format!("  {name}:");
    let at = lines.iter().position(|line| *line == head).unwrap();
    assert_eq!(lines[at + 1], "    - |");
    let inside = lines[at + 2..]
        .iter()
        .take_while(|line| line.is_empty() || line.starts_with("      "));
    inside
        .map(|line| line.strip_prefix("      ").unwrap_or_default().to_owned() + "\n")
        .collect()
}

/// The template's variables, as they are unless a job says otherwise.
fn defaults() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("ci/verdict.gitlab-ci.yml")).unwrap();
    let lines = text.lines().skip_while(|line| *line != "  variables:").skip(1);
    let inside = lines.take_while(|line| line.starts_with("    ")).map(str::trim);
    let settings = inside.filter_map(|line| line.strip_prefix("VERDICT_")?.split_once(": "));
    settings
        .map(|(name, value)| (format!("VERDICT_{name}"), value.trim_matches('\'').to_owned()))
        .collect()
}

impl Runner {
    fn job(&self, settings: &[(&str, &str)]) -> Output {
        let script = block("before_script") + &block("script");
        let mut shell = self.command("sh");
        shell
            .args(["-e", "-c", &script])
            .envs(defaults())
            .envs(settings.iter().copied());
        shell.output().unwrap()
    }
}

#[test]
fn a_merge_request_has_reports_and_a_comparison() {
    let Some(runner) = Runner::new("gitlab") else {
        return;
    };
    let base = runner.revision("HEAD~1");
    let settings = [
        ("VERDICT_OBJECTS", "objects"),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", base.as_str()),
    ];
    let output = runner.job(&settings);
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("error[V0206 ") && text.contains("MISMATCH"),
        "{text}"
    );
    let read = |name: &str| runner.read(&format!("repository/{name}"));
    assert!(read("verdict-junit.xml").contains("<failure"), "{text}");
    assert!(read("verdict-compare.md").contains("MISMATCH"), "{text}");
    let quality = read("gl-code-quality-report.json");
    for field in [
        "\"check_name\"",
        "\"fingerprint\"",
        "\"severity\"",
        "\"location\"",
    ] {
        assert!(quality.contains(field), "{field}: {quality}\n{text}");
    }
    let other = runner.job(&[("VERDICT_FAIL_IF", "verdict_b=failure"), settings[0], settings[1]]);
    assert!(printed(&other).contains("verdict: prog.o"), "{}", printed(&other));
    assert_eq!(runner.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_branch_is_checked_and_held_to_its_budgets() {
    let Some(runner) = Runner::new("gitlab-gate") else {
        return;
    };
    runner.object("corpus/loops.bpf.o", "objects/prog.o");
    let settings = [
        ("VERDICT_OBJECTS", "objects/*.o"),
        ("VERDICT_KERNELS", "6.12.43,6.12"),
    ];
    let output = runner.job(&settings);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    runner.file("verdict.toml", "[[budget]]\nprograms = \"*\"\ninsns = 1000\n");
    let output = runner.job(&settings);
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    assert!(
        printed(&output).contains("above the limit of 1000"),
        "{}",
        printed(&output)
    );
}

#[test]
fn a_job_without_the_program_says_so() {
    let Some(runner) = Runner::new("gitlab-without") else {
        return;
    };
    fs::remove_file(runner.path("bin/verdict")).unwrap();
    let output = runner.job(&[("VERDICT_OBJECTS", "objects"), ("PATH", "/usr/bin:/bin")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed(&output).contains("set VERDICT_ARCHIVE"),
        "{}",
        printed(&output)
    );
}
