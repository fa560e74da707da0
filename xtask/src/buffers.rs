//! What a real kernel writes into log buffers of many kinds, recorded.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, process};

use sha2::{Digest, Sha256};

use crate::corpus::package;
use crate::oracle;
use crate::{Done, root};

/// Whom to ask.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    with: oracle::Args,
    /// The kernel, a directory of `golden`
    #[arg(long, value_name = "RELEASE", default_value = oracle::GOLDEN)]
    kernel: String,
}

/// Loads the listed programs, and writes what came of each load into the kernel's `buffers.txt`.
pub(crate) fn run(args: &Args) -> Done {
    let golden = root().join("golden");
    let kernel = package(&args.kernel).ok_or("no package is known for this kernel")?;
    let (with, release) = (&args.with, &args.kernel);
    let list = golden.join("buffers/programs");
    let programs = fs::read_to_string(&list).map_err(|e| format!("{}: {e}", list.display()))?;
    let dir = env::temp_dir().join(format!("buffers-{}", process::id()));
    fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let record = dir.join("record");
    fs::copy(&with.binary, &record).map_err(|e| format!("{}: {e}", with.binary.display()))?;
    let out = dir.join("out");
    let objects = programs.lines().filter(|line| !line.starts_with(' '));
    let objects = objects.map(|object| root().join("corpus").join(object));
    let files = [record, list.clone()].into_iter().chain(objects);
    oracle::ask(&with.oracle, kernel, &out, "./record programs", files)?;
    let logs = dir.join("logs");
    fs::create_dir_all(&logs).map_err(|e| format!("{}: {e}", logs.display()))?;
    oracle::unpack_logs(&out, &logs)?;
    let said = fs::read_to_string(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    let recording = with_checksums(&said, &logs)?;
    let to = golden.join(release).join("buffers.txt");
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
            // An address that is cut cannot be told from another number.
            let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            for byte in Sha256::digest(&log[..whole]).iter().take(8) {
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
