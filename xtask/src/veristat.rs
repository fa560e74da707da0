//! What the real veristat prints on a real kernel, recorded.

use std::{env, fs, process};

use crate::corpus::files_in;
use crate::oracle::{self, Args, KERNEL};
use crate::{Done, root};

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
        let command = format!("sh record.sh {list}");
        oracle::ask(&args.oracle, KERNEL, &out, &command, &files)?;
        let recorded = golden.join(format!("{list}.out"));
        fs::copy(&out, &recorded).map_err(|e| format!("{}: {e}", recorded.display()))?;
        let _ = fs::remove_file(&out); // what is left behind in the temporary directory does no harm
        println!("{}", recorded.display());
    }
    Ok(true)
}
