//! What is forgotten of a value that changes from turn to turn.

use crate::harness::check;

/// A scalar that changed from turn to turn, and was not relied upon, is unknown at the next one
/// (`widen_imprecise_scalars`).
#[test]
fn an_imprecise_counter_is_forgotten() {
    check!(
        "
        r6 = 0
        r1 = r10
        r1 += -8
        r2 = 0
        r3 = 10
        call bpf_iter_num_new
        loop:
        r1 = r10
        r1 += -8
        call bpf_iter_num_next
        if r0 == 0x0 goto out
        r6 += 1
        goto loop
        out:
        r1 = r10
        r1 += -8
        call bpf_iter_num_destroy
        r0 = r6
        r0 = 0
        exit
        ",
        "
        accepted
        10: R6_w=1 refs=1
        15: R0_w=1 R6=1
        from 8 to 9: R6=scalar()
        10: R6_w=scalar() refs=1
        8: safe
        processed 48 insns
        "
    );
}

/// A scalar that is what it was keeps its value.
#[test]
fn an_unchanged_one_is_kept() {
    check!(
        "
        r6 = 0
        r1 = r10
        r1 += -8
        r2 = 0
        r3 = 10
        call bpf_iter_num_new
        loop:
        r1 = r10
        r1 += -8
        call bpf_iter_num_next
        if r0 == 0x0 goto out
        r7 = 1
        goto loop
        out:
        r1 = r10
        r1 += -8
        call bpf_iter_num_destroy
        r0 = r6
        r0 = 0
        exit
        ",
        "
        accepted
        from 8 to 9: R0_w=rdonly_mem(id=3,ref_obj_id=1,sz=4) R6=0 R7=1
        8: safe
        no R6=scalar()
        processed 35 insns
        "
    );
}

/// A scalar that was relied upon keeps its value, so that each is walked, as far as the loop bounds it.
#[test]
fn a_precise_one_is_kept() {
    check!(
        "
        r6 = 0
        r1 = r10
        r1 += -8
        r2 = 0
        r3 = 10
        call bpf_iter_num_new
        loop:
        r1 = r10
        r1 += -8
        call bpf_iter_num_next
        if r0 == 0x0 goto out
        if r6 > 0x3 goto out
        r6 += 1
        goto loop
        out:
        r1 = r10
        r1 += -8
        call bpf_iter_num_destroy
        r0 = r6
        r0 = 0
        exit
        ",
        "
        accepted
        10: if r6 > 0x3 goto pc+2
        from 8 to 9: R6=1
        from 8 to 9: R6=2
        from 8 to 9: R6=4
        no R6=scalar()
        "
    );
}

/// Scalars in the stack are widened as those in registers are.
#[test]
fn spilled_ones_are_forgotten() {
    check!(
        "
        *(u64 *)(r10 -16) = 0
        r6 = 0
        r1 = r10
        r1 += -8
        r2 = 0
        r3 = 10
        call bpf_iter_num_new
        loop:
        r1 = r10
        r1 += -8
        call bpf_iter_num_next
        if r0 == 0x0 goto out
        r1 = *(u64 *)(r10 -16)
        r1 += 1
        *(u64 *)(r10 -16) = r1
        goto loop
        out:
        r1 = r10
        r1 += -8
        call bpf_iter_num_destroy
        r0 = *(u64 *)(r10 -16)
        r0 = 0
        exit
        ",
        "
        accepted
        13: R1_w=1 fp-16_w=1
        from 9 to 10: fp-16=scalar()
        9: safe
        processed 55 insns
        "
    );
}

/// A pointer that moves is never widened: it is another one at each turn, until it leaves what it points into.
#[test]
fn pointers_are_not() {
    check!(
        "
        r6 = r10
        r6 += -512
        r1 = r10
        r1 += -8
        r2 = 0
        r3 = 10
        call bpf_iter_num_new
        loop:
        r1 = r10
        r1 += -8
        call bpf_iter_num_next
        if r0 == 0x0 goto out
        *(u8 *)(r6 +0) = 0
        r6 += 128
        goto loop
        out:
        r1 = r10
        r1 += -8
        call bpf_iter_num_destroy
        r0 = 0
        exit
        ",
        "
        refused: EACCES
        from 9 to 10: R6=fp-512
        from 9 to 10: R6=fp-384
        from 9 to 10: R6=fp0
        invalid write to stack R6 off=0 size=1
        "
    );
}

/// A loop that `may_goto` ends is widened as one of an iterator.
#[test]
fn by_may_goto() {
    check!(
        "
        r6 = 0
        loop:
        may_goto out
        r6 += 1
        goto loop
        out:
        r0 = r6
        exit
        ",
        "
        accepted
        4: R0_w=1 R6=1
        from 1 to 2: R6=scalar()
        1: safe
        processed 17 insns
        "
    );
}

/// What a callback counts is widened when it is walked again.
#[test]
fn by_callbacks() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        r1 = 100
        r2 = func(turn)
        r3 = r10
        r3 += -8
        r4 = 0
        call bpf_loop#181
        r0 = *(u64 *)(r10 -8)
        exit
        static turn(2):
        r1 = *(u64 *)(r2 +0)
        r1 += 1
        *(u64 *)(r2 +0) = r1
        r0 = 0
        exit
        ",
        "
        accepted
        8: R0_w=0 fp-8=0
        12: frame1: R1_w=1
        from 14 to 7: fp-8=scalar()
        8: R0_w=scalar() fp-8=scalar()
        from 14 to 7: safe
        processed 23 insns
        "
    );
}
