//! Registers that hold one value, or values at a known distance.

use crate::harness::check;

/// What a comparison says of a register holds for its copies (`sync_linked_regs`).
#[test]
fn a_copy_learns() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        if r0 > 0x7 goto out
        r0 = r6
        out:
        exit
        ",
        "
        accepted
        3: R0_w=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        from 2 to 4: R0_w=scalar(id=1,umin=8) R6_w=scalar(id=1,umin=8)
        "
    );
}

/// It holds for copies in the stack.
#[test]
fn a_spilled_copy_learns() {
    check!(
        "
        call bpf_get_prandom_u32#7
        *(u64 *)(r10 -8) = r0
        if r0 > 0x7 goto out
        r0 = *(u64 *)(r10 -8)
        out:
        exit
        ",
        "
        accepted
        3: R0_w=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        from 2 to 4: R0_w=scalar(id=1,umin=8) fp-8_w=scalar(id=1,umin=8)
        "
    );
}

/// A copy to which a constant was added learns at that distance (`BPF_ADD_CONST`).
#[test]
fn a_distance_is_kept() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 += 4
        if r0 > 0x7 goto out
        r0 = r6
        out:
        exit
        ",
        "
        accepted
        2: R6_w=scalar(id=1+4)
        4: R6_w=scalar(id=2,smin=umin=smin32=umin32=4,smax=umax=smax32=umax32=11,var_off=(0x0; 0xf))
        "
    );
}

/// The original learns from what is at a distance; of what is taken off, only the signed bounds are left.
#[test]
fn and_back() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 += 4
        if r6 > 0x17 goto out
        if r6 < 0x8 goto out
        r0 = r0
        out:
        exit
        ",
        "
        accepted
        4: R6_w=scalar(id=1+4,smin=umin=smin32=umin32=8,smax=umax=smax32=umax32=23,var_off=(0x0; 0x1f))
        5: R0_w=scalar(id=1,smin=smin32=4,smax=smax32=19)
        "
    );
}

/// A second addition ends the link.
#[test]
fn one_distance_only() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 += 4
        r6 += 4
        if r0 > 0x7 goto out
        r0 = r6
        out:
        exit
        ",
        "
        accepted
        2: R6_w=scalar(id=1+4)
        3: R6_w=scalar()
        5: R6_w=scalar(id=2)
        "
    );
}

/// A copy that is changed otherwise is no copy.
#[test]
fn other_arithmetic_ends_it() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 <<= 1
        if r0 > 0x7 goto out
        r0 = r6
        out:
        exit
        ",
        "
        accepted
        3: R0_w=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        4: r0 = r6 R0_w=scalar(id=2,smax=0x7ffffffffffffffe,umax=0xfffffffffffffffe,smax32=0x7ffffffe,umax32=0xfffffffe,var_off=(0x0; 0xfffffffffffffffe))
        "
    );
}

/// A copy of the lower half is one if the upper half is known to be 0.
#[test]
fn half_a_copy() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        w7 = w6
        r6 &= 255
        w8 = w6
        if r6 > 0x7 goto out
        r0 = r8
        out:
        exit
        ",
        "
        accepted
        2: R6_w=scalar(id=1) R7_w=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
        4: R8_w=scalar(id=2,smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))
        6: R8=scalar(id=2,smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        "
    );
}

/// An addition of 32 bits keeps no distance.
#[test]
fn half_an_addition_is_none() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r0 &= 255
        r6 = r0
        w6 += 4
        if r0 > 0x7 goto out
        r0 = r6
        out:
        exit
        ",
        "
        accepted
        3: R6_w=scalar(smin=umin=smin32=umin32=4,smax=umax=smax32=umax32=259,var_off=(0x0; 0x1ff))
        5: R6_w=scalar(id=2,smin=umin=smin32=umin32=4,smax=umax=smax32=umax32=259,var_off=(0x0; 0x1ff))
        "
    );
}

/// Copies of a constant have no identity.
#[test]
fn constants_are_not_linked() {
    check!(
        "
        r6 = 7
        r7 = r6
        *(u64 *)(r10 -8) = r6
        r0 = 0
        exit
        ",
        "
        accepted
        1: R6_w=7 R7_w=7
        2: R6_w=7 fp-8_w=7
        "
    );
}

/// The history has room for six linked registers; what is beyond them is linked no more (`linked_regs_push`).
#[test]
fn six_at_most() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r1 = r0
        r2 = r0
        r3 = r0
        r4 = r0
        r5 = r0
        r6 = r0
        if r0 > 0x7 goto out
        r7 = r5
        r0 = r6
        out:
        exit
        ",
        "
        accepted
        6: R0_w=scalar(id=1) R6_w=scalar(id=1)
        8: R5_w=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        9: R0=scalar(id=2) R6=scalar(id=2)
        "
    );
}

/// Two registers that a comparison found equal have the same bounds, and no link.
#[test]
fn equal_registers_are_not() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 255
        call bpf_get_prandom_u32#7
        r7 = r0
        r7 &= 15
        if r6 != r7 goto out
        if r6 > 0x3 goto out
        r0 = r7
        out:
        exit
        ",
        "
        accepted
        6: R6_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf)) R7_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))
        7: R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=3,var_off=(0x0; 0x3))
        8: R7=scalar(id=3,smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))
        "
    );
}

/// A negative constant is no distance.
#[test]
fn a_negative_distance_ends_it() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 += -4
        if r0 > 0x7 goto out
        r0 = r6
        out:
        exit
        ",
        "
        accepted
        2: R6_w=scalar()
        4: R6_w=scalar(id=2)
        "
    );
}
