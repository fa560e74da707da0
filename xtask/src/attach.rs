//! What a real kernel says of programs that attach to other programs, recorded.

use std::{env, fs, process};

use crate::corpus::{files_in, without_time};
use crate::oracle::{self, Args, GOLDEN, KERNEL};
use crate::workers::file_name;
use crate::{Done, root};

/// Asks about all cases.
pub(crate) fn run(args: &Args) -> Done {
    let dir = root().join("corpus/attach");
    let mut files = vec![args.binary.clone(), dir.join("cases")];
    files.extend(files_in(&dir, ".bpf.o")?);
    let out = env::temp_dir().join(format!("attach-{}", process::id()));
    let binary = file_name(&args.binary);
    let command = format!("chmod +x {binary}; ./{binary} -l 2 cases");
    oracle::ask(&args.oracle, KERNEL, &out, &command, &files)?;
    let text = fs::read_to_string(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    let _ = fs::remove_file(&out); // what is left behind in the temporary directory does no harm
    let lines = text.lines().map(without_time).collect::<Result<Vec<_>, _>>()?;
    let record = format!("golden/{GOLDEN}/attach.jsonl");
    fs::write(root().join(&record), lines.concat()).map_err(|e| format!("{record}: {e}"))?;
    println!("{record}: {} cases", lines.len());
    Ok(true)
}
