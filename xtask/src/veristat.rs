//! What the real veristat prints on a real kernel, recorded.

use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::{env, fs};

use crate::child::execute;
use crate::{Done, root};

/// What to record.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory with the oracle's boot.sh
    #[arg(long, value_name = "DIR")]
    oracle: PathBuf,
    /// A veristat that needs no libraries
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,
}

/// The kernel, as the oracle calls it.
const KERNEL: &str = "6.12.117+deb12-amd64";

/// The lists of command lines under `golden/veristat`.
const LISTS: [&str; 2] = ["commands", "deviations"];

/// Runs every command line of the lists, and writes what came of them beside the lists.
pub(crate) fn run(args: &Args) -> Done {
    let golden = root().join("golden/veristat");
    let mut files = vec![args.binary.clone(), golden.join("record.sh")];
    files.extend(LISTS.map(|list| golden.join(list)));
    files.extend(files_in(&golden.join("inputs"), "")?);
    files.extend(files_in(&root().join("corpus"), ".bpf.o")?);
    for list in LISTS {
        let out = env::temp_dir().join(format!("veristat-{list}-{}", process::id()));
        execute(
            Command::new("bash")
                .arg(args.oracle.join("boot.sh"))
                .args([KERNEL.as_ref(), out.as_os_str()])
                .arg(format!("sh record.sh {list}"))
                .args(&files),
        )?;
        let recorded = golden.join(format!("{list}.out"));
        fs::copy(&out, &recorded).map_err(|e| format!("{}: {e}", recorded.display()))?;
        let _ = fs::remove_file(&out); // what is left behind in the temporary directory does no harm
        println!("{}", recorded.display());
    }
    Ok(true)
}

fn files_in(dir: &Path, end: &str) -> Result<Vec<PathBuf>, String> {
    let failed = |e| format!("{}: {e}", dir.display());
    let mut files = Vec::new();
    for entry in dir.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.to_string_lossy().ends_with(end) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
