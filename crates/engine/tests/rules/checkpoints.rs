//! When a state is kept, and for how long.

use crate::harness::check;

/// A path that remembers more than 40 steps is cut at the next jump: what is read behind it is marked in the state there.
#[test]
fn after_a_long_history() {
    check!(
        &format!(
            "{}if r1 == 0x0 goto +0\nr0 = 0\nexit",
            "*(u64 *)(r10 -8) = 0\n".repeat(41)
        ),
        "
        accepted
        41: if r1 == 0x0 goto pc+0
        processed 46 insns total_states 1 mark_read 1
        "
    );
}

/// One that remembers 40 is not: the state is that of the second path, which nothing was marked in.
#[test]
fn not_before() {
    check!(
        &format!(
            "{}if r1 == 0x0 goto +0\nr0 = 0\nexit",
            "*(u64 *)(r10 -8) = 0\n".repeat(40)
        ),
        "
        accepted
        40: if r1 == 0x0 goto pc+0
        processed 45 insns total_states 1 mark_read 0
        "
    );
}

/// Where a loop comes round to states of its own path, another one is kept when there were 20 jumps since the last.
#[test]
fn after_twenty_jumps_in_a_loop() {
    check!(
        "
        r6 = 0
        loop:
        r6 += 1
        if r6 < 0x20 goto loop
        r0 = r6
        exit
        ",
        "
        accepted
        mark_precise: frame0: parent state regs=r6 stack=: R6_rw=P3
        mark_precise: frame0: parent state regs=r6 stack=: R6_rw=P8
        mark_precise: frame0: parent state regs=r6 stack=: R6_rw=P27
        no R6_rw=P28
        total_states 3
        "
    );
}

/// Or when there were 100 instructions: three turns from jump to jump have 99, and only the next head is far enough.
#[test]
fn after_a_hundred_insns_in_a_loop() {
    check!(
        &format!(
            "r0 = 0\nr6 = 0\nloop:\n{}r6 += 1\nif r6 < 0xa goto loop\nexit",
            "r0 += 1\n".repeat(31)
        ),
        "
        accepted
        mark_precise: frame0: parent state regs=r6 stack=: R6_rw=P5
        mark_precise: frame0: last_idx 33 subseq_idx 34
        mark_precise: frame0: parent state regs=r6 stack=: R6_rw=P8
        mark_precise: frame0: last_idx 34 subseq_idx 2
        processed 333 insns total_states 3
        "
    );
}

/// Outside of loops one is kept after two jumps and eight instructions.
#[test]
fn after_two_jumps_and_eight_insns() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 7
        if r0 > 0x7 goto +1
        r6 += 1
        if r0 > 0x3 goto +1
        r6 += 1
        r7 = 1
        if r0 > 0x1 goto +1
        r6 += 1
        r0 = r6
        exit
        ",
        "
        accepted
        from 5 to 7: safe
        processed 17 insns total_states 2
        "
    );
}

/// A state that keeps being compared in vain is dropped: of eight, not all are there in the end.
#[test]
fn states_that_miss_are_dropped() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 0
        r6 = 0
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto +1
        r6 += 1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto +1
        r6 += 2
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto +1
        r6 += 4
        r1 = r10
        r1 += -8
        r1 += r6
        r0 = *(u8 *)(r1 +0)
        exit
        ",
        "
        accepted
        14: R1_w=fp-1 R6=7
        14: R1_w=fp-8 R6=0
        processed 63 insns max_states_per_insn 4 total_states 21 peak_states 17
        "
    );
}
