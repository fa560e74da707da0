//! `ci/action.sh run` and `comment`: what the action says of a repository.

use std::fs;
use std::process::Output;

use crate::{Runner, has, printed, root};

/// What a run left behind.
struct Ran {
    code: Option<i32>,
    printed: String,
    /// `name=value` lines.
    outputs: String,
    summary: String,
    comment: String,
}

impl Ran {
    fn of(runner: &Runner, output: &Output) -> Ran {
        let mut ran = Ran {
            code: output.status.code(),
            printed: printed(output),
            outputs: runner.read("output"),
            summary: runner.read("summary"),
            comment: String::new(),
        };
        if let Some(file) = ran.output("comment") {
            ran.comment = fs::read_to_string(file).unwrap();
        }
        ran
    }

    fn output(&self, name: &str) -> Option<&str> {
        let of_name = |line: &'_ str| line.split_once('=').is_some_and(|(known, _)| known == name);
        self.outputs
            .lines()
            .find(|line| of_name(line))?
            .split_once('=')
            .map(|(_, value)| value)
    }
}

impl Runner {
    /// `action.sh COMMAND` with a runner's environment and these inputs.
    fn action(&self, command: &str, settings: &[(&str, &str)]) -> Output {
        self.action_in("repository", command, settings)
    }

    /// The same in another directory.
    fn action_in(&self, directory: &str, command: &str, settings: &[(&str, &str)]) -> Output {
        let mut bash = self.command("bash");
        bash.current_dir(self.path(directory));
        bash.arg(root().join("ci/action.sh"))
            .arg(command)
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("GITHUB_STEP_SUMMARY", self.path("summary"))
            .env("GITHUB_EVENT_PATH", self.path("event.json"))
            .env("GITHUB_REPOSITORY", "owner/project")
            .env("RUNNER_TEMP", self.path("temp"))
            .envs(settings.iter().copied());
        bash.output().unwrap()
    }

    fn run(&self, settings: &[(&str, &str)]) -> Ran {
        let mut all = vec![("INPUT_OBJECTS", "objects")];
        all.extend(settings);
        Ran::of(self, &self.action("run", &all))
    }
}

#[test]
fn a_change_is_checked_and_compared_with_its_base() {
    let Some(runner) = Runner::new("compared") else {
        return;
    };
    let base = runner.revision("HEAD~1");
    let ran = runner.run(&[("INPUT_BASE", &base)]);
    assert_eq!(ran.code, Some(2), "{}", ran.printed);
    for (name, value) in [("exit-code", "2"), ("check", "2"), ("compare", "0")] {
        assert_eq!(ran.output(name), Some(value), "{name}: {}", ran.outputs);
    }
    assert_eq!(ran.output("gate"), None);
    assert!(ran.printed.contains("::error file="), "{}", ran.printed);
    let compared = ran.summary.find("## verdict compare").unwrap();
    assert!(compared < ran.summary.find("## verdict check").unwrap());
    let row = ran
        .summary
        .lines()
        .find(|line| line.contains("MISMATCH"))
        .unwrap();
    assert!(row.contains("success") && row.contains("failure"), "{row}");
    assert_eq!(ran.comment, format!("<!-- verdict: comment -->\n{}", ran.summary));
    let sarif = fs::read_to_string(ran.output("sarif").unwrap()).unwrap();
    assert!(
        sarif.contains("\"version\": \"2.1.0\"") && sarif.contains("V0206"),
        "{sarif}"
    );
    // The repository is as it was.
    assert_eq!(runner.git(&["status", "--porcelain"]), "");
    assert_eq!(runner.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn each_kernel_is_compared_with_itself() {
    let Some(runner) = Runner::new("kernels") else {
        return;
    };
    let base = runner.revision("HEAD~1");
    let ran = runner.run(&[("INPUT_BASE", &base), ("INPUT_KERNELS", "6.18,6.12")]);
    assert_eq!(ran.output("compare"), Some("0"), "{}", ran.printed);
    let kernels = [
        "6.12.117-deb12-amd64:\n\n## verdict compare",
        "6.18.15-deb13-amd64:\n\n## verdict compare",
    ];
    for kernel in kernels {
        assert!(ran.summary.contains(kernel), "{}", ran.summary);
    }
    assert_eq!(
        ran.summary.matches(" compared, 1 changed").count(),
        2,
        "{}",
        ran.summary
    );
}

#[test]
fn conditions_on_the_comparison_make_it_fail() {
    let Some(runner) = Runner::new("conditions") else {
        return;
    };
    let base = runner.revision("HEAD~1");
    let settings = [
        ("INPUT_BASE", base.as_str()),
        ("INPUT_ALLOW_REJECTED", "true"),
        ("INPUT_FAIL_IF", "insns_pct>10000 verdict_b=failure"),
    ];
    let ran = runner.run(&settings);
    assert_eq!(
        (ran.code, ran.output("compare")),
        (Some(2), Some("2")),
        "{}",
        ran.printed
    );
    assert!(ran.printed.contains("verdict_b=failure"), "{}", ran.printed);
    assert!(!ran.printed.contains("insns_pct"), "{}", ran.printed);
}

#[test]
fn rejections_may_be_allowed() {
    let Some(runner) = Runner::new("allowed") else {
        return;
    };
    let ran = runner.run(&[("INPUT_ALLOW_REJECTED", "true"), ("INPUT_COMPARE", "false")]);
    assert_eq!(
        (ran.code, ran.output("check")),
        (Some(0), Some("2")),
        "{}",
        ran.printed
    );
    assert_eq!(ran.output("compare"), None);
}

#[test]
fn accepted_programs_pass_on_several_kernels_with_options() {
    let Some(runner) = Runner::new("accepted") else {
        return;
    };
    runner.object("corpus/loops.bpf.o", "objects/prog.o");
    let settings = [
        ("INPUT_KERNELS", "6.12.43,6.12"),
        ("INPUT_ARGS", "--cpus 4 --explain off"),
        ("INPUT_OBJECTS", "objects/*.o\nobjects"),
    ];
    let ran = runner.run(&settings);
    // No event says what to compare with.
    assert_eq!(
        (ran.code, ran.output("exit-code")),
        (Some(0), Some("0")),
        "{}",
        ran.printed
    );
    assert!(
        ran.printed.contains("no commit to compare with"),
        "{}",
        ran.printed
    );
    assert!(ran.summary.contains("6.12.43-deb12-amd64"), "{}", ran.summary);
}

#[test]
fn budgets_are_asserted() {
    let Some(runner) = Runner::new("gate") else { return };
    runner.object("corpus/loops.bpf.o", "objects/prog.o");
    runner.file("verdict.toml", "[[budget]]\nprograms = \"*\"\ninsns = 1000\n");
    let ran = runner.run(&[]);
    assert_eq!(
        (ran.code, ran.output("gate")),
        (Some(2), Some("2")),
        "{}",
        ran.printed
    );
    assert!(ran.summary.contains("## verdict gate"), "{}", ran.summary);
    assert!(ran.summary.contains("above the limit of 1000"), "{}", ran.summary);
    // A file with plans alone is no gate.
    runner.file("verdict.toml", "[[plan]]\nprograms.none.autoload = false\n");
    fs::remove_file(runner.path("output")).unwrap();
    let ran = runner.run(&[("INPUT_BUDGET", "other.toml")]);
    assert_eq!(ran.output("gate"), None, "{}", ran.printed);
}

#[test]
fn the_base_is_built_in_its_own_checkout() {
    let Some(runner) = Runner::new("built") else {
        return;
    };
    // What is built is not in the repository.
    runner.git(&["rm", "--quiet", "-r", "--cached", "objects"]);
    runner.file(".gitignore", "objects\n");
    runner.file("which", "good");
    let base = runner.commit();
    runner.file("which", "bad");
    runner.commit();
    let reports = root().join("corpus/reports/k02-counted-index");
    let build = format!(
        "mkdir -p objects && cp '{}'/$(cat which).o objects/prog.o",
        reports.display()
    );
    let settings = [("INPUT_BASE", base.as_str()), ("INPUT_BUILD", build.as_str())];
    let ran = runner.run(&settings);
    assert_eq!(
        (ran.code, ran.output("compare")),
        (Some(2), Some("0")),
        "{}",
        ran.printed
    );
    assert!(ran.summary.contains("MISMATCH"), "{}", ran.summary);
    // A base that cannot be built is said to be, and is no failure.
    fs::remove_file(runner.path("output")).unwrap();
    let ran = runner.run(&[
        ("INPUT_BASE", &base),
        ("INPUT_BUILD", "false"),
        ("INPUT_ALLOW_REJECTED", "true"),
    ]);
    assert_eq!(
        (ran.code, ran.output("compare")),
        (Some(0), None),
        "{}",
        ran.printed
    );
    assert!(
        ran.printed.contains("has no figures to compare with"),
        "{}",
        ran.printed
    );
}

#[test]
fn the_event_names_the_base() {
    let test = "event";
    let Some(runner) = Runner::new(test).filter(|_| has("jq", test)) else {
        return;
    };
    let base = runner.revision("HEAD~1");
    runner.event(&format!(
        "{{\"pull_request\": {{\"number\": 7, \"base\": {{\"sha\": \"{base}\"}}}}}}"
    ));
    assert_eq!(runner.run(&[]).output("compare"), Some("0"));
    // A push says what was there before; a new branch had nothing.
    for (before, compared) in [(base.as_str(), Some("0")), (&"0".repeat(40), None)] {
        fs::remove_file(runner.path("output")).unwrap();
        runner.event(&format!("{{\"before\": \"{before}\"}}"));
        let ran = runner.run(&[]);
        assert_eq!(
            (ran.code, ran.output("compare")),
            (Some(2), compared),
            "{}",
            ran.printed
        );
    }
}

#[test]
fn a_base_that_is_not_there_is_fetched() {
    let Some(runner) = Runner::new("fetched") else {
        return;
    };
    let base = runner.revision("HEAD~1");
    let origin = runner.path("origin");
    let (here, there) = (runner.path("repository"), origin.to_str().unwrap());
    fs::rename(&here, &origin).unwrap();
    fs::create_dir(&here).unwrap();
    // The server of the repository lets commits be asked for, as build servers do.
    let url = format!("file://{there}");
    runner.git(&["clone", "--quiet", "--depth=1", &url, "."]);
    runner.git(&["-C", there, "config", "uploadpack.allowAnySHA1InWant", "true"]);
    let ran = runner.run(&[("INPUT_BASE", &base)]);
    assert_eq!(
        (ran.code, ran.output("compare")),
        (Some(2), Some("0")),
        "{}",
        ran.printed
    );
    // What was fetched before is not taken for another commit; all but the comparison is there.
    let _ = fs::remove_file(runner.path("output"));
    let ran = runner.run(&[("INPUT_BASE", &"1".repeat(40))]);
    assert_eq!(
        (ran.code, ran.output("exit-code"), ran.output("compare")),
        (Some(1), Some("1"), None),
        "{}",
        ran.printed
    );
    assert!(
        ran.printed.contains("::error::verdict: commit 1111"),
        "{}",
        ran.printed
    );
    assert!(ran.comment.contains("## verdict check"), "{}", ran.printed);
}

#[test]
fn files_are_named_from_the_checkout_wherever_the_action_works() {
    let Some(runner) = Runner::new("below") else {
        return;
    };
    let base = runner.revision("HEAD~1");
    fs::create_dir(runner.path("repository/sub")).unwrap();
    runner.git(&["mv", "objects", "sub"]);
    let head = runner.commit();
    let checkout = runner.path("repository");
    let settings = [
        ("INPUT_OBJECTS", "objects"),
        ("INPUT_BASE", head.as_str()),
        ("GITHUB_WORKSPACE", checkout.to_str().unwrap()),
    ];
    let ran = Ran::of(&runner, &runner.action_in("repository/sub", "run", &settings));
    assert_eq!(
        (ran.code, ran.output("compare")),
        (Some(2), Some("0")),
        "{}",
        ran.printed
    );
    let file = "sub/k02-counted-index/bad.bpf.c";
    assert!(
        ran.printed.contains(&format!("::error file={file}")),
        "{}",
        ran.printed
    );
    let sarif = fs::read_to_string(ran.output("sarif").unwrap()).unwrap();
    assert!(sarif.contains(&format!("\"uri\": \"{file}")), "{sarif}");
    // The base has no such directory: it has no figures.
    fs::remove_file(runner.path("output")).unwrap();
    let settings = [settings[0], ("INPUT_BASE", base.as_str())];
    let ran = Ran::of(&runner, &runner.action_in("repository/sub", "run", &settings));
    assert_eq!(
        (ran.code, ran.output("compare")),
        (Some(2), None),
        "{}",
        ran.printed
    );
}

#[test]
fn what_breaks_is_no_success() {
    let Some(runner) = Runner::new("broken") else {
        return;
    };
    // As of one that is killed: by what it ends, its own codes are not meant.
    runner.program("verdict", "exit 137\n");
    let ran = runner.run(&[("INPUT_COMPARE", "false")]);
    assert_eq!(
        (ran.code, ran.output("exit-code"), ran.output("check")),
        (Some(1), Some("1"), Some("137")),
        "{}",
        ran.printed
    );
    // A form alone.
    fs::remove_file(runner.path("output")).unwrap();
    runner.program("verdict", "case \"$*\" in *sarif*) echo {; exit 101;; esac\n");
    let ran = runner.run(&[("INPUT_COMPARE", "false")]);
    assert_eq!(
        (ran.code, ran.output("check"), ran.output("sarif")),
        (Some(1), Some("0"), None),
        "{}",
        ran.printed
    );
}

#[test]
fn the_summary_is_as_long_as_a_step_may_have_it() {
    let Some(runner) = Runner::new("summary") else {
        return;
    };
    let page = "yes '0123456789abcdef' | head -c 2000000 >>\"$GITHUB_STEP_SUMMARY\"";
    runner.program("verdict", &format!("case \"$*\" in *github*) {page};; esac\n"));
    let ran = runner.run(&[("INPUT_COMPARE", "false")]);
    assert_eq!(ran.code, Some(0), "{}", ran.printed);
    assert!(
        (900_000..1 << 20).contains(&ran.summary.len()),
        "{}",
        ran.summary.len()
    );
    let end = "\n0123456789abcdef\n\nThe rest is in the step's log.\n";
    assert!(ran.summary.ends_with(end));
}

#[test]
fn what_cannot_be_used_is_an_error() {
    let Some(runner) = Runner::new("unusable") else {
        return;
    };
    let ran = runner.run(&[("INPUT_OBJECTS", "nothing.o"), ("INPUT_COMPARE", "false")]);
    assert_eq!(
        (ran.code, ran.output("exit-code")),
        (Some(1), Some("1")),
        "{}",
        ran.printed
    );
    let ran = runner.run(&[("INPUT_OBJECTS", " ")]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.printed.contains("the input 'objects' is empty"),
        "{}",
        ran.printed
    );
}

#[test]
fn a_long_comment_is_cut_where_a_line_ends() {
    let Some(runner) = Runner::new("long") else { return };
    let corpus = root().join("corpus/*.bpf.o");
    let ran = runner.run(&[
        ("INPUT_OBJECTS", corpus.to_str().unwrap()),
        ("INPUT_COMPARE", "false"),
    ]);
    assert!(ran.summary.len() > 70_000, "{}", ran.summary.len());
    assert!(ran.comment.len() < 65_000, "{}", ran.comment.len());
    let ending = "\nThe rest is in the summary of the step.\n";
    let kept = ran.comment.strip_suffix(ending).unwrap();
    let count = |text: &str| kept.lines().filter(|line| line.starts_with(text)).count();
    assert_eq!(count("<details>"), count("</details>"));
    assert_eq!(count("```") % 2, 0);
}

#[test]
fn there_is_one_comment_at_a_pull_request() {
    let test = "comment";
    let Some(runner) = Runner::new(test).filter(|_| has("jq", test)) else {
        return;
    };
    let settings = [("COMMENT_FILE", "comment.md"), ("GH_TOKEN", "none")];
    runner.event("{\"before\": \"0\"}");
    assert!(printed(&runner.action("comment", &settings)).contains("no pull request"));
    runner.event("{\"pull_request\": {\"number\": 7}}");
    runner.fake("gh", "", 0);
    assert!(runner.action("comment", &settings).status.success());
    runner.fake("gh", "42\n43\n", 0);
    assert!(runner.action("comment", &settings).status.success());
    let calls = runner.read("calls");
    let changes: Vec<_> = calls.lines().filter(|line| line.contains("--method")).collect();
    assert_eq!(
        changes,
        [
            "api --method POST repos/owner/project/issues/7/comments -F body=@comment.md",
            "api --method PATCH repos/owner/project/issues/comments/42 -F body=@comment.md",
        ]
    );
    // Of the comments with the action's marker, it is that of a bot.
    let (_, filter) = calls.lines().next().unwrap().split_once(" --jq ").unwrap();
    let known = [("User", "x", 1), ("User", "", 2), ("Bot", "x", 3), ("Bot", "", 4)];
    let known = known.map(|(who, before, id)| {
        let body = format!("{before}<!-- verdict: comment -->\\n## verdict check");
        format!("{{\"id\": {id}, \"user\": {{\"type\": \"{who}\"}}, \"body\": \"{body}\"}}")
    });
    let comments = runner.path("comments.json");
    fs::write(&comments, format!("[{}]", known.join(", "))).unwrap();
    let found = runner.command("jq").arg(filter).arg(comments).output().unwrap();
    assert_eq!(printed(&found), "4\n");
    // Who may not comment is told, and nothing fails.
    runner.fake("gh", "", 1);
    let output = runner.action("comment", &settings);
    assert!(output.status.success());
    assert!(
        printed(&output).contains("::warning::verdict: the comment cannot be written"),
        "{}",
        printed(&output)
    );
}

impl Runner {
    fn event(&self, json: &str) {
        fs::write(self.path("event.json"), json).unwrap();
    }
}
