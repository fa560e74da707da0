//! The tables against the kernel that comes with the crate.

use super::*;

#[test]
fn placeholder() {
    assert!(find("bpf_task_acquire").is_some());
}
