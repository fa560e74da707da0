//! What veristat printed on a real kernel, and what `stat` prints.
//!
//! `golden/veristat/commands` holds command lines, one a line; `commands.out` what Debian's veristat 7.2 made of them on a
//! real 6.12.117. `deviations` are command lines of which veristat makes something wrong: there,
//! `deviations.out` is what it printed and `deviations.right` what is right.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::root;

fn golden() -> PathBuf {
    root().join("golden/veristat")
}

/// A directory with the objects and the files that the command lines name.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let dir = std::env::temp_dir().join(format!("verdict-veristat-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for source in [root().join("corpus"), golden().join("inputs")] {
            for entry in fs::read_dir(source).unwrap() {
                let path = entry.unwrap().path();
                if path
                    .extension()
                    .is_some_and(|end| ["o", "csv", "txt"].map(AsRef::as_ref).contains(&end))
                {
                    fs::copy(&path, dir.join(path.file_name().unwrap())).unwrap();
                }
            }
        }
        Place(dir)
    }

    /// Standard output and exit code.
    fn run(&self, line: &str) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_verdict"))
            .arg("stat")
            .args(words(line))
            .current_dir(&self.0)
            .output()
            .unwrap();
        Run {
            code: output.status.code().unwrap(),
            text: String::from_utf8(output.stdout).unwrap(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Run {
    code: i32,
    text: String,
}

/// The words of a command line, in which single quotes keep blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None::<String>;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn lines(name: &str) -> Vec<String> {
    let text = fs::read_to_string(golden().join(name)).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The recorded runs of a list: `$ LINE` heads each, `? CODE` closes it.
fn recorded(name: &str) -> BTreeMap<String, Run> {
    let text = fs::read_to_string(golden().join(name)).unwrap();
    let mut runs = BTreeMap::new();
    for part in text.split("\n$ ").map(|part| part.trim_start_matches("$ ")) {
        let (line, rest) = part.split_once('\n').unwrap();
        let (text, code) = rest.rsplit_once("? ").unwrap();
        let code = code.trim_end().parse().unwrap();
        runs.insert(
            line.to_owned(),
            Run {
                code,
                text: text.to_owned(),
            },
        );
    }
    runs
}

/// The output without what depends on the machine: how long it took, how large the machine code was, and the kernel's
/// addresses. Figures that were read from files stay.
fn comparable(line: &str, text: &str) -> String {
    if words(line)
        .iter()
        .any(|word| ["-C", "-R", "-Ro", "--compare", "--replay"].contains(&word.as_str()))
    {
        return text.to_owned();
    }
    let mut layout = Layout::None;
    let lines: Vec<_> = text.lines().collect();
    let mut shown = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let under_rule = matches!(layout, Layout::Table(_));
        let is_heading = !under_rule && lines.get(i + 1).is_some_and(|next| is_rule(next));
        if is_heading {
            layout = Layout::of_table(line, lines[i + 1]);
        } else if line.starts_with("prog_name") || line.starts_with("file_name") {
            layout = Layout::of_csv(line);
        }
        shown.push(if is_heading || is_rule(line) {
            (*line).to_owned()
        } else {
            layout.mask(&mask_log(line))
        });
    }
    shown.join("\n")
}

const MACHINE: [&str; 4] = ["Duration (us)", "Jited size", "duration", "prog_size_jited"];

enum Layout {
    None,
    /// Columns of a table, from and to.
    Table(Vec<(usize, usize)>),
    /// Cells of a line.
    Csv(Vec<usize>),
}

fn is_rule(line: &str) -> bool {
    line.starts_with('-') && line.bytes().all(|b| b == b'-' || b == b' ')
}

impl Layout {
    fn of_table(heading: &str, rule: &str) -> Layout {
        let mut at = 0;
        let mut spans = Vec::new();
        for dashes in rule.split("  ") {
            let span = (at, at + dashes.len());
            if heading
                .get(span.0..span.1)
                .is_some_and(|title| MACHINE.contains(&title.trim()))
            {
                spans.push(span);
            }
            at += dashes.len() + 2;
        }
        Layout::Table(spans)
    }

    fn of_csv(heading: &str) -> Layout {
        let cells = heading.split(',').enumerate();
        Layout::Csv(
            cells
                .filter(|(_, name)| MACHINE.contains(name))
                .map(|(i, _)| i)
                .collect(),
        )
    }

    fn mask(&self, line: &str) -> String {
        match self {
            Layout::None => line.to_owned(),
            Layout::Table(spans) => {
                let mut line = line.to_owned();
                for (from, to) in spans {
                    if line.len() >= *to {
                        line.replace_range(from..to, &format!("{:>1$}", "#", to - from));
                    }
                }
                line
            }
            Layout::Csv(masked) => {
                let cells = line.split(',').enumerate();
                let cells: Vec<_> = cells
                    .map(|(i, cell)| if masked.contains(&i) { "#" } else { cell })
                    .collect();
                cells.join(",")
            }
        }
    }
}

/// A line of a log, or before one, without times and addresses.
fn mask_log(line: &str) -> String {
    let mut line = line.to_owned();
    for before in ["DURATION US: ", "verification time "] {
        if let Some(at) = line.find(before) {
            let from = at + before.len();
            let digits = line[from..].bytes().take_while(u8::is_ascii_digit).count();
            line.replace_range(from..from + digits, "#");
        }
    }
    if let Some(at) = line.find("= 0xff") {
        let from = at + "= 0xff".len();
        let digits = line[from..].bytes().take_while(u8::is_ascii_hexdigit).count();
        line.replace_range(from..from + digits, "#");
    }
    line
}

#[test]
fn prints_what_veristat_printed() {
    let place = Place::new("same");
    let (commands, recorded) = (lines("commands"), recorded("commands.out"));
    assert!(commands.len() >= 60);
    let mut different = String::new();
    for line in &commands {
        let (expected, run) = (&recorded[line], place.run(line));
        let (want, got) = (comparable(line, &expected.text), comparable(line, &run.text));
        if want != got || expected.code != run.code {
            different += &format!(
                "$ {line}\n{got}? {}\ninstead of\n{want}? {}\n\n",
                run.code, expected.code
            );
        }
    }
    assert!(different.is_empty(), "{different}");
}

#[test]
fn does_right_what_veristat_does_wrong() {
    let place = Place::new("right");
    let (veristat, right) = (recorded("deviations.out"), recorded("deviations.right"));
    for line in lines("deviations") {
        let run = place.run(&line);
        assert_eq!(run, right[&line], "{line}");
        assert_ne!(run, veristat[&line], "{line} is no deviation");
    }
}

#[cfg(unix)]
#[test]
fn goes_by_the_name_of_veristat() {
    let place = Place::new("name");
    let veristat = place.0.join("veristat");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_verdict"), &veristat).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&veristat);
        let output = command.args(arguments).current_dir(&place.0).output().unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    assert_eq!(run(&["-V"]), (0, "veristat v<kernel>\n".to_owned()));
    let (code, text) = run(&["-qe", "prog,insns", "tail_call.bpf.o"]);
    assert!(
        code == 0 && text.starts_with("Program    Insns\n---------  -----\ncomputed       5\n"),
        "{text}"
    );
    let (code, help) = run(&["--help"]);
    assert!(
        code == 0 && help.starts_with("Usage: veristat [OPTION...]"),
        "{help}"
    );
}

#[test]
fn own_columns_and_forms() {
    let place = Place::new("own");
    let columns = "-e prog,kernel,errno,reason,prune_hits,prune_misses,time_per_insn";
    let text = place
        .run(&format!("-q {columns} -f /leaked references.bpf.o"))
        .text;
    assert!(
        text.contains("leaked   6.12.117-deb12-amd64  EINVAL  Unreleased reference id="),
        "{text}"
    );
    let json = place.run("-o json -e prog,insns tail_call.bpf.o").text;
    assert!(json.contains("\"columns\":[\"program\",\"insns\"],\n"), "{json}");
    assert!(
        json.contains("{\"schema\":\"verdict/1\",\"insns\":5,\"program\":\"computed\"},\n"),
        "{json}"
    );
    let jsonl = place.run("-o jsonl tail_call.bpf.o").text;
    assert!(
        jsonl.starts_with("{\"schema\":\"verdict/1\",\"path\":")
            && jsonl.contains("\"program\":\"constant\",\"kernel\":"),
        "{jsonl}"
    );
    let markdown = place
        .run("-C -o markdown short_a.csv short_b.csv -e prog,insns")
        .text;
    let head = "| Program | Insns (A) | Insns (B) | Insns (DIFF) |\n| --- | ---: | ---: | ---: |\n";
    assert!(markdown.starts_with(head), "{markdown}");
    assert!(
        markdown.contains("| p | 148 | 104 | -44 (-29.73%) |\n"),
        "{markdown}"
    );
}

#[test]
fn objects_within_files_and_for_other_loaders() {
    let place = Place::new("within");
    let object = fs::read(place.0.join("tail_call.bpf.o")).unwrap();
    fs::write(place.0.join("program"), [vec![0; 512], object].concat()).unwrap();
    let text = place.run("-e file,prog,insns -f /computed program").text;
    let found = "Processing 'program:tail_call.bpf.o'...\nFile                     Program   Insns\n";
    assert!(text.starts_with(found), "{text}");
    assert_eq!(
        place
            .run("-qe insns -f 'program:*/computed' program:tail_call.bpf.o")
            .code,
        0
    );

    let objects = root().join("corpus/cilium");
    let name = "static_program.bpf.o";
    fs::copy(objects.join(name), place.0.join(name)).unwrap();
    let line = format!("-q -o csv -e prog,verdict {name}");
    assert_eq!(place.run(&line).text, "prog_name,verdict\n");
    let run = place.run(&format!("--loader cilium {line}"));
    assert_eq!(run.text, "prog_name,verdict\nentry,success\nwrong,failure\n");
    // aya knows no section of this name.
    let run = place.run(&format!("--loader aya {line}"));
    assert_eq!(run.text, "prog_name,verdict\n");
    assert_eq!(place.run(&format!("--loader=ebpf {line}")).code, 64);
}

#[test]
fn dumps_instructions_as_loaded() {
    let place = Place::new("dump");
    let listing = "DUMP (LOADED) tail_call.bpf.o/wrong_map:\nint wrong_map(struct xdp_md * ctx):\n; tail_call(ctx, &numbers, 0);\n   0: (18) r2 = map[name:numbers]\n";
    for mode in ["--dump", "--dump=XLATED"] {
        let run = place.run(&format!("-q {mode} -e prog -f wrong_map tail_call.bpf.o"));
        assert!(run.code == 0 && run.text.starts_with(listing), "{}", run.text);
    }
    let jited = place.run("-q --dump=jited -e prog -f wrong_map tail_call.bpf.o");
    assert!(
        jited.code == 0 && jited.text.starts_with("Program"),
        "{}",
        jited.text
    );
    assert_eq!(place.run("--dump=asm tail_call.bpf.o").code, 1);
}
