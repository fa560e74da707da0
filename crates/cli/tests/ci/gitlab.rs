//! The template for GitLab: its script, run by a shell in a merge request's environment.

use std::fs;
use std::process::Output;

use crate::{Runner, has, printed, root};

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
fn a_base_without_figures_is_compared_with_nothing() {
    let Some(runner) = Runner::new("gitlab-base") else {
        return;
    };
    let base = runner.revision("HEAD~1");
    let of = |base, build| {
        let settings = [
            ("VERDICT_OBJECTS", "objects"),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", base),
            ("VERDICT_BUILD", build),
        ];
        let output = runner.job(&settings);
        let text = printed(&output);
        let reports = ["verdict-junit.xml", "gl-code-quality-report.json"];
        let written = reports.map(|name| !runner.read(&format!("repository/{name}")).is_empty());
        assert_eq!(written, [true; 2], "{text}");
        assert_eq!(runner.read("repository/verdict-compare.md"), "", "{text}");
        assert_eq!(runner.git(&["worktree", "list"]).lines().count(), 1);
        (output.status.code(), text)
    };
    // What an earlier job left behind is no base.
    runner.file("verdict-base.jsonl", "{\"kernel\":\"old\"}\n");
    for build in ["false; true", "rm -r objects"] {
        let (code, text) = of(&base, build);
        assert_eq!(code, Some(2), "{build}: {text}");
        let words = "the target branch has no figures to compare with";
        assert!(text.contains(words), "{build}: {text}");
    }
    let nowhere = "1".repeat(40);
    let (code, text) = of(&nowhere, "");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("verdict: commit 1111"), "{text}");
}

#[test]
fn what_breaks_fails_the_job() {
    let Some(runner) = Runner::new("gitlab-broken") else {
        return;
    };
    let settings = [("VERDICT_OBJECTS", "objects")];
    for (form, code) in [("gitlab", 101), ("junit", 137), ("junit", 1)] {
        runner.program(
            "verdict",
            &format!("case \"$*\" in *'-o {form}'*) exit {code};; esac\n"),
        );
        let output = runner.job(&settings);
        assert_eq!(output.status.code(), Some(1), "{form}: {}", printed(&output));
    }
    runner.program("verdict", "exit 0\n");
    assert_eq!(runner.job(&settings).status.code(), Some(0));
}

#[test]
fn an_archive_is_held_to_its_sum() {
    let test = "gitlab-archive";
    let Some(runner) = Runner::new(test).filter(|_| has("curl", test) && has("zstd", test)) else {
        return;
    };
    runner.program("verdict", "echo packed\n");
    let pack = "mkdir -p ../packed/verdict-1 && mv ../bin/verdict ../packed/verdict-1 \
        && tar -cf - -C ../packed verdict-1 | zstd -q >../packed/verdict.tar.zst && sha256sum <../packed/verdict.tar.zst";
    let packed = runner.command("sh").args(["-c", pack]).output().unwrap();
    let sum = printed(&packed).split(' ').next().unwrap().to_owned();
    let url = format!("file://{}", runner.path("packed/verdict.tar.zst").display());
    let path = format!("{}:/usr/bin:/bin", runner.path("bin").display());
    let job = |sum: &str| {
        runner.job(&[
            ("VERDICT_OBJECTS", "objects"),
            ("VERDICT_ARCHIVE", &url),
            ("VERDICT_SHA256", sum),
            ("PATH", &path),
        ])
    };
    for sum in ["", &sum] {
        let output = job(sum);
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        assert!(printed(&output).contains("packed\n"), "{}", printed(&output));
    }
    let output = job(&"0".repeat(64));
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    assert!(!printed(&output).contains("packed\n"), "{}", printed(&output));
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
