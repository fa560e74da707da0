//! What is not modelled is refused, and named.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::os::fd::AsRawFd;

use common::{Bench, GOOD};
use verdict_kernel::{Kernel, Unsure};

/// `BPF_MAP_TYPE_PROG_ARRAY`, `BPF_MAP_TYPE_CGROUP_STORAGE`, `BPF_PROG_TYPE_CGROUP_SKB`.
const PROG_ARRAY: u32 = 3;
const CGROUP_STORAGE: u32 = 19;
const CGROUP_SKB: u32 = 8;

/// `BPF_PROG_QUERY`, and `BPF_LIRC_MODE2`: `include/linux/bpf_lirc.h` refuses it in kernels without CONFIG_BPF_LIRC_MODE2.
#[test]
fn what_a_kernel_lacks_is_no_gap_of_the_model() {
    let kernel = Kernel::open("6.12").unwrap();
    assert_ne!(kernel.config("CONFIG_BPF_LIRC_MODE2"), Some("y"));
    let mut bench = Bench::new(&kernel, "lacks");
    let query = common::Attr::of(&[(0, 0), (4, 16), (60, 0)]);
    assert_eq!(bench.bpf(16, query).errno(), libc::EINVAL);
    assert!(bench.unmodelled().is_empty());
}

#[test]
fn only_so_much_of_what_happens_is_kept() {
    let kernel = Kernel::open("6.12").unwrap();
    let mut bench = Bench::new(&kernel, "much");
    let calls = 70_000;
    for _ in 0..calls {
        assert_eq!(bench.map([1, 0, 0, 0, 0]).errno(), libc::EINVAL);
    }
    let kept = bench.play.happened().len();
    assert!(kept < calls && kept + bench.play.left_out() == calls, "{kept}");
}

#[test]
fn what_an_update_may_be_refused_for() {
    let kernel = Kernel::open("6.12").unwrap();
    let mut bench = Bench::new(&kernel, "update");
    let storage = bench.map([CGROUP_STORAGE, 8, 8, 0, 0]).fd();
    // Local storage of its control group is got at, and 0 returned.
    let [a, b, c, d] = storage.as_raw_fd().to_le_bytes();
    let with_storage = [
        [0x18, 0x11, 0, 0, a, b, c, d],
        [0; 8],
        [0xb7, 2, 0, 0, 0, 0, 0, 0],
        [0x85, 0, 0, 0, 81, 0, 0, 0],
        GOOD[0],
        GOOD[1],
    ];
    let with_storage = bench.prog(CGROUP_SKB, &with_storage).fd();
    let without = bench.prog(CGROUP_SKB, &GOOD).fd();
    let programs = bench.map([PROG_ARRAY, 4, 4, 2, 0]).fd();
    let fd = |prog: &std::os::fd::OwnedFd| prog.as_raw_fd().to_le_bytes();
    assert!(bench.update(&programs, &[0; 4], &fd(&with_storage), 0).is_ok());
    assert!(bench.unmodelled().is_empty());
    // The kernel decides by whether functions of the program make tail calls.
    let refused = bench.update(&programs, &[1, 0, 0, 0], &fd(&without), 0);
    assert_eq!(refused.errno(), libc::EOPNOTSUPP);
    let named = bench.unmodelled();
    assert!(
        matches!(named.as_slice(), [what] if what.contains("storage of control groups")),
        "{named:?}"
    );
    // That is over with it.
    assert!(
        bench
            .update(&programs, &[1, 0, 0, 0], &fd(&with_storage), 0)
            .is_ok()
    );
}

/// A captured kernel answered otherwise about a helper than any table has it: what calls it is refused by name, as `check` does.
#[test]
fn facts_that_no_table_has_are_named() {
    const RANDOM: u32 = 7;
    let mut kernel = Kernel::open("6.12").unwrap();
    let calls = [[0x85, 0, 0, 0, RANDOM as u8, 0, 0, 0], GOOD[0], GOOD[1]];
    let known = Bench::new(&kernel, "known").prog(CGROUP_SKB, &calls).is_ok();
    kernel.unsure = [Unsure {
        prog_type: CGROUP_SKB,
        helpers: vec![RANDOM],
        ..Unsure::default()
    }]
    .into();
    let mut bench = Bench::new(&kernel, "unsure");
    assert!(bench.prog(CGROUP_SKB, &GOOD).is_ok());
    assert!(known && bench.prog(CGROUP_SKB, &calls).errno() == libc::EOPNOTSUPP);
}
