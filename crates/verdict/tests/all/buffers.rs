//! Logs in buffers of several sizes and at all levels, held against what a real kernel wrote.
//!
//! The recording has, for each program, a line a load: `log_level`, `log_size` (0: larger than any log), errno
//! of the load, `log_true_size` (0: the log tells the time, or the kernel tells no size), length of the log, and the
//! checksum of its whole lines, normalized.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};
use verdict::{KernelChoice, Libbpf, LogOptions, NotLoaded, OpenObject, Options, Program, Verifier};

const STATS: u32 = 4;

/// The recording's line for one load.
fn load(program: Program<'_, '_>, level: u32, size: u32) -> String {
    let options = LogOptions {
        level,
        size: (size != 0).then_some(size),
        normalize: true,
        libbpf: Libbpf::Explains,
        ..LogOptions::default()
    };
    let mut log = Vec::new();
    let end = program.write_log(&options, &mut log).unwrap();
    let errno = match end.result {
        Ok(()) => 0,
        Err(NotLoaded::Kernel(errno)) => errno.0,
        Err(other) => panic!("{other:?}"),
    };
    let true_size = if level & STATS == 0 {
        end.written.unwrap().true_size
    } else {
        0
    };
    let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let sum = Sha256::digest(&log[..whole])
        .iter()
        .take(8)
        .fold(String::new(), |mut sum, byte| {
            write!(sum, "{byte:02x}").unwrap();
            sum
        });
    format!("{level} {size} {errno} {true_size} {} {sum}", log.len())
}

/// The default kernel, whose logs roll, and older ones, whose buffers stay full.
#[test]
fn buffers_of_all_kinds() {
    for kernel in [
        "6.12.117-deb12-amd64",
        "6.1.192-deb12-amd64",
        "5.10.262-deb11-amd64",
    ] {
        buffers_of(kernel);
    }
}

fn buffers_of(kernel: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let recording = fs::read_to_string(root.join("golden").join(kernel).join("buffers.txt")).unwrap();
    let choice = KernelChoice {
        name: Some(kernel.to_owned()),
        ..KernelChoice::default()
    };
    let verifier = Verifier::new(choice.open().unwrap(), Options::default());
    let (mut object, mut program) = (None, None);
    let (mut loads, mut wrong) = (0, Vec::new());
    for line in recording.lines() {
        if let Some(expected) = line.strip_prefix("    ") {
            let mut numbers = expected.split(' ').map(|word| word.parse::<u32>());
            let (level, size) = (numbers.next().unwrap().unwrap(), numbers.next().unwrap().unwrap());
            let object: &OpenObject<'_> = object.as_ref().unwrap();
            let program = object.get(program.unwrap()).unwrap();
            let ours = load(program, level, size);
            loads += 1;
            if ours != expected {
                wrong.push(format!("{program:?}: {expected} (kernel), {ours} (verdict)"));
            }
        } else if let Some(name) = line.strip_prefix("  ") {
            let object = object.as_ref().unwrap();
            program = object.program(name).map(|program| program.id());
        } else {
            let bytes = fs::read(root.join("corpus").join(line)).unwrap();
            object = Some(verifier.open(line, &bytes).unwrap());
        }
    }
    assert!(
        wrong.is_empty(),
        "{kernel}: {} of {loads} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(loads > 300, "{kernel}: {loads}");
}
