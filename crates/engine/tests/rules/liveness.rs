//! What is read later, and must be alike.

use crate::harness::check;

/// A register that is not read again is not compared, whatever it holds.
#[test]
fn dead_registers_do_not_matter() {
    check!(
        "
        test states
        r6 = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r6 = 7
        join:
        r0 = 0
        exit
        ",
        "
        accepted
        3: R6=7
        from 2 to 4: safe
        processed 7 insns
        "
    );
}

/// A register that is written before it is read need not be alike.
#[test]
fn a_write_hides_what_was_before() {
    check!(
        "
        test states
        r6 = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r6 = 7
        join:
        r7 = 1
        r6 = 2
        r6 += r7
        r0 = r6
        exit
        ",
        "
        accepted
        3: R6=7
        from 2 to 4: safe
        processed 10 insns
        "
    );
}

/// A register that is read behind the checkpoint must be alike there.
#[test]
fn a_read_keeps_states_apart() {
    check!(
        "
        test states
        r6 = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r6 = 7
        join:
        r7 = 1
        r7 = r6
        r0 = 0
        exit
        ",
        "
        accepted
        from 2 to 4: R6=ctx()
        5: R6=ctx() R7_w=ctx()
        no safe
        processed 12 insns
        "
    );
}

/// A write of the lower half clears the upper one, so that nothing of what was before is read.
#[test]
fn a_write_of_32_bits_is_whole() {
    check!(
        "
        test states
        r6 = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r6 = 7
        join:
        w6 = 2
        r0 = r6
        exit
        ",
        "
        accepted
        4: R6_w=2
        from 2 to 4: safe
        processed 8 insns
        "
    );
}

/// A slot that is not read again is not compared.
#[test]
fn dead_slots_do_not_matter() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        *(u64 *)(r10 -8) = r0
        join:
        r0 = 0
        exit
        ",
        "
        accepted
        0: fp-8_w=ctx()
        from 2 to 4: safe
        processed 7 insns
        "
    );
}

/// A slot of which a part was written may be read from before: only whole writes hide what was there.
#[test]
fn half_a_write_hides_no_slot() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        *(u64 *)(r10 -8) = r0
        join:
        r1 = 1
        *(u32 *)(r10 -8) = r1
        r0 = *(u8 *)(r10 -4)
        exit
        ",
        "
        accepted
        5: fp-8=mmmm1
        from 2 to 4: fp-8=ctx()
        no safe
        "
    );
}

/// A slot that is written as a whole before it is read need not be alike.
#[test]
fn a_whole_write_hides_the_slot() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        *(u64 *)(r10 -8) = r0
        join:
        r1 = 1
        *(u64 *)(r10 -8) = r1
        r0 = *(u64 *)(r10 -8)
        exit
        ",
        "
        accepted
        6: R0_w=1 fp-8_w=1
        from 2 to 4: safe
        processed 9 insns
        "
    );
}

/// A slot is read if a helper takes the memory that it is part of.
#[test]
fn helpers_read_memory() {
    check!(
        "
        test states
        map m = hash 8 8 1
        *(u64 *)(r10 -8) = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        *(u64 *)(r10 -8) = 7
        join:
        r1 = map(m)
        r2 = r10
        r2 += -8
        call bpf_map_lookup_elem#1
        r0 = 0
        exit
        ",
        "
        accepted
        from 2 to 4: fp-8=ctx()
        no from 2 to 4: safe
        "
    );
}

/// A slot of the caller is read if a function reads it through a pointer.
#[test]
fn functions_read_their_callers_stack() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        *(u64 *)(r10 -8) = 7
        join:
        r1 = r10
        r1 += -8
        call f
        exit
        static f(1):
        r0 = 0
        r1 = *(u64 *)(r1 +0)
        exit
        ",
        "
        accepted
        9: frame1: R1_w=7
        from 2 to 4: fp-8=ctx()
        9: frame1: R1_w=ctx()
        from 10 to 7: safe
        no from 2 to 4: safe
        "
    );
}

/// A register that is read behind a call is live at it, and in front of it.
#[test]
fn registers_live_through_calls() {
    check!(
        "
        test states
        r6 = r1
        r7 = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r6 = 7
        r7 = 7
        join:
        r1 = 5
        call f
        r0 = r6
        exit
        static f(1):
        r0 = r1
        exit
        ",
        "
        accepted
        11: exit
        from 11 to 8: R0=5 R6=7 R7=7
        from 3 to 6: R6=ctx() R7=ctx()
        from 11 to 8: R6=ctx()
        no safe
        "
    );
}

/// A register that nothing reads behind a call is dead at it, whatever the function does.
#[test]
fn and_die_at_calls() {
    check!(
        "
        test states
        r6 = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r6 = 7
        join:
        r1 = 5
        call f
        exit
        static f(1):
        r6 = 1
        r0 = r6
        exit
        ",
        "
        accepted
        3: R6=7
        from 2 to 4: safe
        "
    );
}

/// Arithmetic ends what is read of a register from outside, also where half of it was read before: reading all of the
/// result is no read of what was there.
#[test]
fn end_at_arithmetic_on_halves() {
    check!(
        "
        test states
        call bpf_get_prandom_u32#7
        r1 = r0
        r7 = r0
        if r7 > 0x1 goto a
        a:
        w2 = w1
        if r7 > 0x2 goto b
        b:
        w2 = w1
        if r7 > 0x3 goto c
        c:
        w2 = w1
        w1 += 1
        r3 = r1
        r0 = 0
        exit
        ",
        "
        accepted
        8: w2 = w1
        9: w1 += 1
        10: r3 = r1
        processed 22 insns mark_read 2
        "
    );
}
