//! What cilium/ebpf and aya say, with a real kernel, of the objects that are made for them, recorded.

use std::{env, fs, process};

use crate::corpus::files_in;
use crate::oracle::{self, Args, GOLDEN, KERNEL};
use crate::workers::file_name;
use crate::{Done, root};

/// Asks cilium/ebpf about all objects in `corpus/cilium`.
pub(crate) fn run(args: &Args) -> Done {
    record(args, "cilium")
}

/// Asks aya about the same objects.
pub(crate) fn run_aya(args: &Args) -> Done {
    record(args, "aya")
}

fn record(args: &Args, library: &str) -> Done {
    let mut files = vec![args.binary.clone()];
    files.extend(files_in(&root().join("corpus/cilium"), ".bpf.o")?);
    let out = env::temp_dir().join(format!("{library}-{}", process::id()));
    let binary = file_name(&args.binary);
    // Maps that are pinned by name need a place for that.
    let command = format!(
        "mkdir /tmp/pins; mount -t bpf b /sys/fs/bpf; chmod +x {binary}; PINS=/tmp/pins ./{binary} *.o"
    );
    oracle::ask(&args.oracle, KERNEL, &out, &command, &files)?;
    let text = fs::read_to_string(&out).map_err(|e| format!("{}: {e}", out.display()))?;
    let _ = fs::remove_file(&out); // what is left behind in the temporary directory does no harm
    let record = format!("golden/{GOLDEN}/{library}.jsonl");
    fs::write(root().join(&record), &text).map_err(|e| format!("{record}: {e}"))?;
    println!("{record}: {} lines", text.lines().count());
    Ok(true)
}
