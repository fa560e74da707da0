//! `verdict run`: what a played kernel answers is what real kernels answered the same program.
//!
//! `golden/RELEASE/run.txt` is what `golden/run/record.c`, linked statically, printed as root on that kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::common::{played, root};

/// The program that asks, built once.
fn fixture() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("record"))
}

/// Builds a program of `golden/run`; static where the C library can be.
fn build(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let build = |flags: &[&str]| {
        let source = root().join(format!("golden/run/{name}.c"));
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-w", "-pthread"])
            .args(flags)
            .arg(source)
            .arg("-o")
            .arg(&target);
        cc.output().unwrap()
    };
    let built = build(&["-static"]);
    let built = if built.status.success() { built } else { build(&[]) };
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    target
}

/// Runs a command on a played kernel; `None`, which is said, where system calls cannot be answered.
fn run(options: &[&str], command: &[&str]) -> Option<Output> {
    let mut verdict = Command::new(env!("CARGO_BIN_EXE_verdict"));
    played(verdict.arg("run").args(options).arg("--").args(command))
}

/// What a program prints on each played kernel on which it was recorded, and at least so many, begins as it does there.
fn same_as_recorded(recording: &str, least: usize, program: &Path, arguments: &[&str], whole: bool) {
    let mut compared = 0;
    let command: Vec<&str> = [program.to_str().unwrap()]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    for entry in fs::read_dir(root().join("golden")).unwrap() {
        let directory = entry.unwrap().path();
        let Ok(recorded) = fs::read_to_string(directory.join(recording)) else {
            continue;
        };
        let release = directory.file_name().unwrap().to_str().unwrap();
        let Some(output) = run(&["--kernel", release], &command) else {
            return;
        };
        let printed = String::from_utf8_lossy(&output.stdout);
        let mut wrong = String::new();
        for (at, pair) in recorded.lines().zip(printed.lines()).enumerate() {
            if pair.0 != pair.1 {
                wrong += &format!("line {}: {} (kernel), {} (verdict)\n", at + 1, pair.0, pair.1);
            }
        }
        assert!(wrong.is_empty(), "{release}:\n{wrong}");
        let (all, played) = (recorded.lines().count(), printed.lines().count());
        assert!(
            played == all || (!whole && played > 0),
            "{release}: {played} of {all}"
        );
        compared += 1;
    }
    assert!(compared >= least, "{compared}");
}

#[test]
fn real_kernels_answered_the_same() {
    same_as_recorded("run.txt", 2, fixture(), &[], true);
}

/// Maps, types and programs that libbpf hands no kernel.
#[test]
fn real_kernels_refused_the_same() {
    same_as_recorded("refused.txt", 4, &build("refused"), &[], true);
}

/// Maps of devices, processors, sockets and files, the order of a device's programs, what is told of programs.
#[test]
fn real_kernels_told_of_devices_and_programs_the_same() {
    same_as_recorded("devices.txt", 4, &build("devices"), &[], true);
}

/// As many of the recorded calls as take little time; by hand all 100,000 are compared.
#[test]
fn real_kernels_answered_calls_by_chance_the_same() {
    same_as_recorded("chance.txt", 4, &build("chance"), &["7", "20000", "sums"], false);
}

#[test]
fn full_maps_forget_the_same_keys() {
    same_as_recorded("lru.txt", 4, &build("lru"), &[], true);
}

/// Threads that call by chance, and children that are killed while they do: all end, and no descriptor is left.
#[test]
fn calls_by_chance_end_and_leave_nothing() {
    let program = build("chance");
    let Some(output) = run(
        &["--kernel", "6.12"],
        &[program.to_str().unwrap(), "1", "20000", "many"],
    ) else {
        return;
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "descriptors: 0\n",
        "{told}"
    );
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(!told.contains("panicked"), "{told}");
}

#[test]
fn a_command_keeps_its_exit_code() {
    let Some(output) = run(&[], &["sh", "-c", "exit 7"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(7));
    let output = run(&[], &["sh", "-c", "kill -9 $$"]).unwrap();
    assert_eq!(output.status.code(), Some(137));
    let output = run(&[], &["no-such-command-at-all"]).unwrap();
    assert_eq!(output.status.code(), Some(127));
    // Children and grandchildren are asked about, too.
    let output = run(&["--kernel", "6.18"], &["sh", "-c", "(uname -r | cat) & wait"]).unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("6.18."));
    assert_eq!(output.status.code(), Some(0));
}

/// The part of the recordings that gives capabilities up, asked by a command that does not have them in the first place.
#[test]
fn a_command_has_the_capabilities_that_it_is_given() {
    let asked = |caps: &str| {
        let output = run(
            &["--kernel", "6.12", "--caps", caps],
            &[fixture().to_str().unwrap(), "allowed"],
        );
        output.map(|output| {
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            (printed, String::from_utf8_lossy(&output.stderr).into_owned())
        })
    };
    let Some((printed, _)) = asked("bpf,perfmon") else {
        return;
    };
    let of_two = "a map: fd\na map of sockets: errno 1\na tracer: fd\nfor XDP: errno 1\na filter: fd\nby id: errno 1\n";
    assert_eq!(printed, of_two);
    let (printed, _) = asked("sys_admin").unwrap();
    assert_eq!(printed, of_two.replace("errno 1", "fd"));
    let (printed, said) = asked("bpf,net_admin").unwrap();
    assert!(
        printed.contains("for XDP: errno 95") && printed.contains("a tracer: errno 1\n"),
        "{printed}"
    );
    assert!(said.contains("loading without CAP_PERFMON"), "{said}");
    let (printed, _) = asked("none").unwrap();
    assert!(!printed.contains("fd"), "{printed}");
}

#[test]
fn what_is_printed_of_names_moves_no_cursor() {
    let Some(output) = run(&["--kernel", "6.12"], &[fixture().to_str().unwrap(), "odd"]) else {
        return;
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed, "a name with an escape: errno 22\nio_uring: errno 1\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(r"a\x1b[2Jb") && !said.contains('\x1b'), "{said:?}");
    assert!(said.contains("not modelled  system calls by io_uring"), "{said}");
    let output = run(&["--color", "always"], &[fixture().to_str().unwrap(), "odd"]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains(r"a\x1b[2Jb") && !said.contains("\x1b[2J"),
        "{said:?}"
    );
}

#[test]
fn who_is_asked_to_end_leaves_nothing_behind() {
    if run(&[], &["true"]).is_none() {
        return;
    }
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ended-{}", std::process::id()));
    fs::create_dir_all(&temporary).unwrap();
    let left = || fs::read_dir(&temporary).unwrap().count();
    let mut verdict = Command::new(env!("CARGO_BIN_EXE_verdict"))
        .args(["run", "--", "sleep", "600"])
        .env("TMPDIR", &temporary)
        .spawn()
        .unwrap();
    let children = format!("/proc/{0}/task", verdict.id());
    let sleeps = || {
        let threads = fs::read_dir(&children).into_iter().flatten().flatten();
        let mut children =
            threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        children.any(|pids| {
            let mut pids = pids.split_ascii_whitespace();
            pids.any(|pid| {
                fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n")
            })
        })
    };
    for _ in 0..600 {
        if left() == 1 && sleeps() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(left() == 1 && sleeps());
    let killed = Command::new("kill")
        .args(["-TERM", &verdict.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    assert_eq!(verdict.wait().unwrap().code(), Some(128 + 15));
    assert_eq!(left(), 0);
    fs::remove_dir(&temporary).unwrap();
}

#[test]
fn strict_and_report_tell_of_refusals() {
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("run-{}.json", std::process::id()));
    let options = [
        "--kernel",
        "6.12,6.1",
        "--strict",
        "--report",
        report.to_str().unwrap(),
    ];
    let Some(output) = run(&options, &[fixture().to_str().unwrap()]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("rejected (EACCES)"), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let records = report["records"].as_array().unwrap();
    let refused = |kernel: &str| {
        let of_kernel = records
            .iter()
            .filter(|record| record["kernel"].as_str().unwrap().starts_with(kernel));
        of_kernel
            .filter(|record| record["rule"]["code"] == "V0214")
            .count()
    };
    assert!(refused("6.12.") > 0 && refused("6.1.") > 0, "{report}");
}
