//! What `verdict stat` says about itself.

/// All options.
pub(crate) fn help(name: &str) -> String {
    format!(
        "\
Usage: {name} [OPTION...] OBJECT...
  or:  {name} -C [OPTION...] BASELINE.csv COMPARISON.csv
  or:  {name} -R [OPTION...] FIGURES.csv
Verifies BPF programs and prints what that costs. Takes veristat's command line.

OBJECT is an object file, a file that contains objects, a directory, a glob, or @FILE with one of
these per line.

What is verified:
  -f, --filter=FILTER        Only programs or figures that match FILTER: GLOB, FILE/PROGRAM,
                             or FIGURE and a comparison such as 'insns>100'; !FILTER
                             excludes; @FILE has one filter per line
  -p, --program=GLOB         Only programs that match: PROGRAM, OBJECT/PROGRAM or OBJECT/
  -G, --set-global-vars=VAR  Set a global variable: 'NAME = VALUE'; @FILE has one per line
      --globals-from=FILE    Set a data map's variables from the output of 'bpftool map dump -j'
  -r, --test-reg-invariants  Treat contradictory bounds of a register as an error
  -t, --test-states          Create a state at every prune point
      --kernel=NAMES         Kernels to answer for, comma-separated names from
                             'verdict kernels', or 'all'; one row per kernel
      --kernel-dir=DIR       Directory that describes another kernel: BTF, config, symbols
      --assume=NAME          Known kernel whose rules to assume for it if its own are
                             unknown
      --set=SWITCH=VALUE     Set a verifier switch; 'verdict switches' lists them
      --cpus=N               Number of possible CPUs of the machine (2)
      --memlock=BYTES        Limit of locked memory, for kernels before 5.11
      --loader=LIBRARY       Library that loads the objects: libbpf, cilium or aya
      --attach-to=PLACE      Program that extensions and tracing programs attach to:
                             OBJECT:PROGRAM or OBJECT:PROGRAM/FUNCTION
  -j, --jobs=N               Number of programs to verify in parallel
      --timeout=SECONDS      Give a program up whose verification takes longer
      --max-memory=BYTES     Give a program up whose states take more memory

What is printed:
  -e, --emit=COLUMN,...      Columns
  -n, --top-n=N              Only the first N rows
  -o, --output-format=FORMAT table, csv, json, jsonl or markdown
  -s, --sort=COLUMN,...      Sort order; ^ after a column sorts upwards, v downwards
  -C, --compare              Compare two recorded runs
  -R, --replay               Print a recorded run
  -S, --top-src-lines=N      The N source lines that occur most often in each log
  -d, --debug                As -v
      --dump[=xlated]        Print each program's instructions as loaded, in the format of
                             'bpftool prog dump xlated'; what a kernel rewrites or compiles
                             (--dump=jited) is not modelled
  -l, --log-level=LEVEL      Level of the log that -v prints: 1 the last path, 2 all paths
      --log-fixed            Keep the start of a log that is too long
      --log-size=BYTES       Size of the log buffer
  -q, --quiet                Do not print which object is processed
  -v, --verbose              Print the kernel's log of each program

  -?, --help                 Print this help
      --usage                Print a short summary
  -V, --version              Print the version of veristat whose output this is

Columns: file, prog, verdict, duration, insns, states, peak_states, max_states_per_insn,
mark_read, prog_size, prog_size_jited, prog_type, attach_type, stack, max_stack_depth,
mem_peak; verdict's own: kernel, errno, reason, rule, time_per_insn, prune_hits, prune_misses.
In comparisons, FIGURE_a, FIGURE_b, FIGURE_diff and FIGURE_pct are the values, their difference
and its percentage; |FIGURE| is an absolute value.
"
    )
}

/// A summary of the options.
pub(super) fn usage(name: &str) -> String {
    format!(
        "\
Usage: {name} [-CdqrRtvV?] [-e COLUMNS] [-f FILTER] [-G VAR] [-j N] [-l LEVEL] [-n N]
            [-o FORMAT] [-p GLOB] [-s COLUMNS] [-S N] [--log-fixed] [--log-size=BYTES] [--dump[=MODE]]
            [--kernel=NAMES] [--kernel-dir=DIR] [--assume=NAME] [--set=SWITCH=VALUE] [--cpus=N]
            [--memlock=BYTES] [--loader=LIBRARY] [--attach-to=PLACE] [--timeout=SECONDS]
            [--max-memory=BYTES] OBJECT...
"
    )
}
