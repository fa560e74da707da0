//! `verdict log`: buffers, addresses, what libbpf says around the log.

use crate::common::{command, root, stderr, stdout};

/// Standard output and error of `verdict log` in the corpus.
fn log(arguments: &[&str]) -> (String, String) {
    let mut command = command(&[&["log"], arguments].concat());
    let output = command.current_dir(root().join("corpus")).output().unwrap();
    (stdout(&output), stderr(&output))
}

#[test]
fn a_small_buffer_keeps_one_end() {
    let (whole, quiet) = log(&["-p", "too_far", "subprog.bpf.o"]);
    assert_eq!(quiet, "");
    let (end, lost_start) = log(&["-p", "too_far", "--log-size", "400", "subprog.bpf.o"]);
    assert_eq!(end, whole[whole.len() - 399..]);
    assert!(
        lost_start.contains("400 are too few (ENOSPC): its start is missing"),
        "{lost_start}"
    );
    let (start, lost_end) = log(&["-l", "9", "-p", "too_far", "--log-size", "400", "subprog.bpf.o"]);
    assert_eq!(start, whole[..399]);
    assert!(lost_end.contains("its end is missing"), "{lost_end}");
}

#[test]
fn libbpf_speaks_around_the_log() {
    let (whole, _) = log(&["-p", "too_far", "subprog.bpf.o"]);
    let (printed, _) = log(&["-p", "too_far", "--libbpf", "subprog.bpf.o"]);
    let expected = format!(
        "libbpf: prog 'too_far': BPF program load failed: Permission denied\n\
         libbpf: prog 'too_far': -- BEGIN PROG LOAD LOG --\n\
         {whole}-- END PROG LOAD LOG --\n\
         libbpf: prog 'too_far': failed to load: -13\n\
         libbpf: failed to load object 'subprog.bpf.o'\n"
    );
    assert_eq!(printed, expected);
}

#[test]
fn normalize_changes_addresses_only() {
    let (plain, _) = log(&["-l", "2", "-p", "element", "map_value.bpf.o"]);
    let (normalized, _) = log(&["-l", "2", "-p", "element", "--normalize", "map_value.bpf.o"]);
    assert_eq!(plain, normalized);
    assert!(plain.contains("= 0xff00000000000000"), "{plain}");
}
