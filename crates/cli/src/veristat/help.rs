//! What `verdict stat` says about itself.

/// All options.
pub(crate) fn help(name: &str) -> String {
    format!(
        "\
Usage: {name} [OPTION...] OBJECT...
  or:  {name} -C [OPTION...] BASELINE.csv COMPARISON.csv
  or:  {name} -R [OPTION...] FIGURES.csv
Verifies BPF programs and prints what it cost. Takes veristat's command line.

OBJECT is an object file, a file that has some in it, a directory of them, a glob, or @FILE with
one of these a line.

What is verified:
  -f, --filter=FILTER        Only programs or figures that match FILTER: GLOB, FILE/PROGRAM,
                             or FIGURE and a comparison such as 'insns>100'; !FILTER leaves
                             out; @FILE has a filter a line
  -p, --program=GLOB         Only programs of this name: PROGRAM, OBJECT/PROGRAM or OBJECT/
  -G, --set-global-vars=VAR  Set a global variable: 'NAME = VALUE'; @FILE has one a line
      --globals-from=FILE    Set the variables of a data map as 'bpftool map dump -j' printed it
  -r, --test-reg-invariants  Treat contradictory bounds of a register as an error
  -t, --test-states          Create a state at every prune point
      --kernel=NAMES         Kernels of 'verdict kernels', separated by commas, or
                             'all': of several, a row for each
      --kernel-dir=DIR       Directory with another kernel's BTF, config and symbols
      --assume=NAME          Known kernel whose rules are assumed for it, where its
                             own are not known
      --set=SWITCH=VALUE     Set a switch of the verifier, one of 'verdict switches'
      --cpus=N               Possible CPUs of the machine (2)
      --memlock=BYTES        Memory that the loading user may lock, in kernels before 5.11
      --loader=LIBRARY       The library that loads the objects: libbpf, cilium or aya
      --attach-to=PLACE      The program that extensions and tracing programs attach to:
                             OBJECT:PROGRAM or OBJECT:PROGRAM/FUNCTION
  -j, --jobs=N               Programs verified side by side

What is printed:
  -e, --emit=COLUMN,...      Columns
  -n, --top-n=N              Only the first N rows
  -o, --output-format=FORM   table, csv, json, jsonl or markdown
  -s, --sort=COLUMN,...      Order; behind a column ^ for upwards, v for downwards
  -C, --compare              Compare two files of figures
  -R, --replay               Print a file of figures
  -S, --top-src-lines=N      The N source lines that stand most often in each log
  -d, --debug                As -v
      --dump[=xlated]        Print the instructions of each program as they are loaded, in the
                             form of 'bpftool prog dump xlated'; what a kernel rewrites or
                             compiles (--dump=jited) is not modelled
  -l, --log-level=LEVEL      Level of the log that -v prints: 1 last path, 2 all paths
      --log-fixed            Keep the start of a log that is too long
      --log-size=BYTES       Size of the buffer for the log
  -q, --quiet                Do not say which object is processed
  -v, --verbose              Print the kernel's log of each program

  -?, --help                 Print this
      --usage                Print a short summary
  -V, --version              Print the version of veristat whose output this is

Columns: file, prog, verdict, duration, insns, states, peak_states, max_states_per_insn,
mark_read, prog_size, prog_size_jited, prog_type, attach_type, stack, max_stack_depth,
mem_peak; of verdict's own: kernel, errno, reason, rule, time_per_insn, prune_hits, prune_misses.
In comparisons, FIGURE_a, FIGURE_b, FIGURE_diff and FIGURE_pct are its values, |FIGURE| is one
without sign.
"
    )
}

/// A summary of the options.
pub(super) fn usage(name: &str) -> String {
    format!(
        "\
Usage: {name} [-CdqrRtvV?] [-e COLUMNS] [-f FILTER] [-G VAR] [-j N] [-l LEVEL] [-n N]
            [-o FORM] [-p GLOB] [-s COLUMNS] [-S N] [--log-fixed] [--log-size=BYTES] [--dump[=MODE]]
            [--kernel=NAMES] [--kernel-dir=DIR] [--assume=NAME] [--set=SWITCH=VALUE] [--cpus=N]
            [--memlock=BYTES] [--loader=LIBRARY] [--attach-to=PLACE] OBJECT...
"
    )
}
