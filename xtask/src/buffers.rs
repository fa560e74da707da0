//! What a real kernel writes into log buffers of many kinds, recorded.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::{env, fs};

use sha2::{Digest, Sha256};

use crate::child::execute;
use crate::{Done, root};

/// What to record.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory with the oracle's boot.sh
    #[arg(long, value_name = "DIR")]
    oracle: PathBuf,
    /// `golden/buffers/record.c`, built so that it needs no libraries
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,
}

/// The kernel, as the oracle calls it, and the directory of its recordings.
const KERNEL: (&str, &str) = ("6.12.117+deb12-amd64", "6.12.117-deb12-amd64");

/// Loads the listed programs, and writes what came of each load into the kernel's `buffers.txt`.
pub(crate) fn run(args: &Args) -> Done {
    let golden = root().join("golden");
    let list = golden.join("buffers/programs");
    let programs = fs::read_to_string(&list).map_err(|e| format!("{}: {e}", list.display()))?;
    let dir = env::temp_dir().join(format!("buffers-{}", process::id()));
    fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let record = dir.join("record");
    fs::copy(&args.binary, &record).map_err(|e| format!("{}: {e}", args.binary.display()))?;
    let out = dir.join("out");
    let mut boot = Command::new("bash");
    boot.arg(args.oracle.join("boot.sh"))
        .args([KERNEL.0.as_ref(), out.as_os_str()])
        .arg("./record programs")
        .args([&record, &list])
        .args(
            programs
                .lines()
                .filter(|line| !line.starts_with(' '))
                .map(|object| root().join("corpus").join(object)),
        );
    execute(&mut boot)?;
    let logs = dir.join("logs");
    fs::create_dir_all(&logs).map_err(|e| format!("{}: {e}", logs.display()))?;
    execute(
        Command::new("tar")
            .arg("-C")
            .arg(&logs)
            .arg("-xf")
            .arg(dir.join("out.logs.tar")),
    )?;
    let said = fs::read_to_string(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    let recording = with_checksums(&said, &logs)?;
    let to = golden.join(KERNEL.1).join("buffers.txt");
    fs::write(&to, recording).map_err(|e| format!("{}: {e}", to.display()))?;
    let _ = fs::remove_dir_all(&dir); // what is left behind in the temporary directory does no harm
    println!("{}", to.display());
    Ok(true)
}

/// Adds to the line of each load the length of its log, and the first half of its checksum.
fn with_checksums(said: &str, logs: &Path) -> Result<String, String> {
    let mut recording = String::new();
    let mut loads = 0;
    for line in said.lines() {
        recording += line;
        if line.starts_with("    ") {
            let path = logs.join(loads.to_string());
            let mut log = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            verdict::log::hide_addresses(&mut log);
            hide_time(&mut log);
            let _ = write!(recording, " {} ", log.len()); // a String takes all
            for byte in Sha256::digest(&log).iter().take(8) {
                let _ = write!(recording, "{byte:02x}");
            }
            loads += 1;
        }
        recording.push('\n');
    }
    Ok(recording)
}

/// Makes the time that the kernel took 0.
fn hide_time(log: &mut Vec<u8>) {
    const BEFORE: &[u8] = b"verification time ";
    let Some(at) = log.windows(BEFORE.len()).position(|part| part == BEFORE) else {
        return;
    };
    let start = at + BEFORE.len();
    let digits = log[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits > 0 {
        log.splice(start..start + digits, *b"0");
    }
}
