//! What a real kernel says of programs that attach to other programs, recorded.

use std::path::PathBuf;
use std::process::{self, Command};
use std::{env, fs};

use crate::child::execute;
use crate::corpus::{files_in, without_time};
use crate::workers::file_name;
use crate::{Done, root};

/// What to record.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory with the oracle's boot.sh
    #[arg(long, value_name = "DIR")]
    oracle: PathBuf,
    /// A program that needs no libraries and loads what the lines of a file of cases name
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,
}

/// The kernel, as the oracle calls it, and where its records are.
const KERNEL: (&str, &str) = ("6.12.117+deb12-amd64", "golden/6.12.117-deb12-amd64/attach.jsonl");

/// Asks about all cases.
pub(crate) fn run(args: &Args) -> Done {
    let dir = root().join("corpus/attach");
    let mut files = vec![args.binary.clone(), dir.join("cases")];
    files.extend(files_in(&dir, ".bpf.o")?);
    let out = env::temp_dir().join(format!("attach-{}", process::id()));
    let binary = file_name(&args.binary);
    execute(
        Command::new("bash")
            .arg(args.oracle.join("boot.sh"))
            .args([KERNEL.0.as_ref(), out.as_os_str()])
            .arg(format!("chmod +x {binary}; ./{binary} -l 2 cases"))
            .args(&files),
    )?;
    let text = fs::read_to_string(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    let _ = fs::remove_file(&out); // what is left behind in the temporary directory does no harm
    let lines = text.lines().map(without_time).collect::<Result<Vec<_>, _>>()?;
    fs::write(root().join(KERNEL.1), lines.concat()).map_err(|e| format!("{}: {e}", KERNEL.1))?;
    println!("{}: {} cases", KERNEL.1, lines.len());
    Ok(true)
}
