//! When an explored state stands for the current one.

use crate::harness::check;

/// A scalar whose value nothing relied upon stands for any other.
#[test]
fn imprecise_scalars_are_alike() {
    check!(
        "
        test states
        call bpf_get_prandom_u32#7
        r6 = 1
        if r0 > 0x7 goto join
        r6 = 2
        join:
        r0 = r6
        exit
        ",
        "
        accepted
        4: R0_w=2 R6=2
        from 2 to 4: safe
        processed 7 insns
        "
    );
}

/// A scalar that was relied upon stands for no other value.
#[test]
fn precise_constants_differ() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 0
        call bpf_get_prandom_u32#7
        r6 = -8
        if r0 > 0x7 goto join
        r6 = -7
        join:
        r1 = r10
        r1 += r6
        r0 = *(u8 *)(r1 +0)
        exit
        ",
        "
        accepted
        mark_precise: frame0: parent state regs=r6 R6_rw=P-7
        from 3 to 5: R6=-8
        7: R1_w=fp-8
        no safe
        "
    );
}

/// A range that was relied upon stands for every range within it.
#[test]
fn a_narrower_range_is_safe() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 0
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 7
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto narrow
        goto join
        narrow:
        r6 &= 3
        join:
        r1 = r10
        r1 += -8
        r1 += r6
        r0 = *(u8 *)(r1 +0)
        exit
        ",
        "
        accepted
        mark_precise: frame0: parent state regs=r6 stack=: R6_r=Pscalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        7: r6 &= 3
        8: safe
        processed 14 insns
        "
    );
}

/// A range that was relied upon stands for no wider one: the second way into `join` is verified, and refused.
#[test]
fn a_wider_range_is_not() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 0
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 15
        if r0 > 0x7 goto join
        r6 &= 7
        join:
        r1 = r10
        r1 += -8
        r1 += r6
        r0 = *(u8 *)(r1 +0)
        exit
        ",
        "
        refused: EINVAL
        mark_precise: frame0: parent state regs=r6 stack=: R6_rw=Pscalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        from 4 to 6: R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))
        invalid variable-offset read from stack R1 var_off=(0x0; 0xf) off=-8 size=1
        "
    );
}

/// Pointers into the stack stand for each other only with one offset (`regs_exact`).
#[test]
fn pointers_must_be_equal() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 0
        *(u64 *)(r10 -16) = 0
        call bpf_get_prandom_u32#7
        r6 = r10
        r6 += -8
        if r0 > 0x7 goto join
        r6 += -8
        join:
        r0 = *(u64 *)(r6 +0)
        exit
        ",
        "
        accepted
        7: R0_w=0 R6=fp-16
        from 5 to 7: R6=fp-8
        7: R0_w=0 R6=fp-8
        no safe
        "
    );
}

/// An unknown scalar that was read does not stand for a pointer.
#[test]
fn a_scalar_is_no_pointer() {
    check!(
        "
        test states
        r6 = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r6 = r0
        join:
        *(u64 *)(r10 -8) = r6
        r0 = 0
        exit
        ",
        "
        accepted
        from 2 to 4: R6=ctx()
        4: R6=ctx() fp-8_w=ctx()
        no safe
        "
    );
}

/// A pointer to a packet behind which 16 bytes were found readable does not stand for one with 8: the access is looked
/// at again, and where the pointer is not needed any more the paths meet.
#[test]
fn a_shorter_packet_range_is_not() {
    check!(
        "
        test states
        section tc
        r2 = *(u32 *)(r1 +76)
        r3 = *(u32 *)(r1 +80)
        r6 = r2
        r4 = r2
        r4 += 16
        if r4 > r3 goto short
        goto join
        short:
        r4 = r2
        r4 += 8
        if r4 > r3 goto out
        join:
        r0 = *(u8 *)(r6 +7)
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        10: R6=pkt(r=16)
        9: R4=pkt(off=8,r=8)
        10: r0 = *(u8 *)(r6 +7)
        11: safe
        "
    );
}

/// Bytes of unknown content stand for a scalar that was spilled: that says more.
#[test]
fn misc_stands_for_a_spill() {
    check!(
        "
        test states
        call bpf_get_prandom_u32#7
        *(u64 *)(r10 -8) = r0
        if r0 > 0x7 goto join
        *(u8 *)(r10 -6) = r0
        join:
        r0 = *(u8 *)(r10 -5)
        exit
        ",
        "
        accepted
        4: R0_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff)) fp-8=mmmmmmmm
        from 2 to 4: safe
        "
    );
}

/// Bytes that were zero, and were relied upon to be, do not stand for unknown ones.
#[test]
fn zero_is_more_than_misc() {
    check!(
        "
        test states
        call bpf_get_prandom_u32#7
        *(u8 *)(r10 -8) = r0
        if r0 > 0x7 goto join
        *(u8 *)(r10 -8) = 0
        join:
        r1 = *(u8 *)(r10 -8)
        r2 = r10
        r2 += -8
        r2 += r1
        r0 = *(u8 *)(r2 +0)
        exit
        ",
        "
        refused: EINVAL
        mark_precise: frame0: parent state regs= stack=-8: fp-8_r=???????P0
        from 2 to 4: fp-8=???????scalar()
        invalid variable-offset read from stack R2 var_off=(0x0; 0xff) off=-8 size=1
        "
    );
}

/// Where the explored state knew nothing of a slot, the current one may know something.
#[test]
fn unwritten_bytes_stand_for_any() {
    check!(
        "
        test states
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        goto there
        join:
        *(u64 *)(r10 -8) = r0
        there:
        r0 = *(u64 *)(r10 -8)
        exit
        ",
        "
        accepted
        4: R0_w=scalar() R10=fp0
        3: *(u64 *)(r10 -8) = r0
        4: safe
        "
    );
}

/// A range that was relied upon stands for none within it whose values have other bits: even values stand for no odd
/// ones.
#[test]
fn known_bits_must_hold() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 0
        *(u64 *)(r10 -16) = 0
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 7
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r6 <<= 1
        join:
        r1 = r10
        r1 += -16
        r1 += r6
        r0 = *(u8 *)(r1 +0)
        exit
        ",
        "
        accepted
        11: R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=14,var_off=(0x0; 0xe))
        from 6 to 8: R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        no safe
        processed 18 insns
        "
    );
}

/// Nor for one with the same bits and wider bounds.
#[test]
fn bounds_must_hold() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 0
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 7
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        if r6 > 0x5 goto out
        join:
        r1 = r10
        r1 += -8
        r1 += r6
        r0 = *(u8 *)(r1 +0)
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        10: R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=5,var_off=(0x0; 0x7))
        from 5 to 7: R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        10: R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        no 7: safe
        processed 19 insns
        "
    );
}

/// A pointer to a packet stands for one behind which more was found readable.
#[test]
fn a_longer_packet_range_is_safe() {
    check!(
        "
        test states
        section tc
        r6 = *(u32 *)(r1 +76)
        r7 = *(u32 *)(r1 +80)
        r4 = r6
        r4 += 8
        if r4 > r7 goto out
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto more
        goto join
        more:
        r4 = r6
        r4 += 16
        if r4 > r7 goto out
        join:
        r0 = *(u8 *)(r6 +7)
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        11: R6=pkt(r=8)
        from 6 to 8: R6=pkt(r=8)
        10: R4=pkt(off=16,r=16)
        11: safe
        processed 17 insns
        "
    );
}

/// Pointers to a packet stand for each other only with one offset.
#[test]
fn a_packet_offset_must_be_equal() {
    check!(
        "
        test states
        section tc
        r6 = *(u32 *)(r1 +76)
        r7 = *(u32 *)(r1 +80)
        r4 = r6
        r4 += 8
        if r4 > r7 goto out
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r6 += 1
        join:
        r0 = *(u8 *)(r6 +0)
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        8: R6=pkt(off=1,r=8)
        from 6 to 8: R6=pkt(r=8)
        8: r0 = *(u8 *)(r6 +0)
        9: safe
        no from 6 to 8: safe
        "
    );
}

/// A pointer into the own stack stands for none into the caller's, be the offset the same.
#[test]
fn a_stack_pointer_is_of_one_frame() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 7
        r1 = r10
        r1 += -8
        call f
        exit
        static f(1):
        *(u64 *)(r10 -8) = 7
        r6 = r1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r6 = r10
        r6 += -8
        join:
        r0 = *(u64 *)(r6 +0)
        exit
        ",
        "
        accepted
        11: frame1: R0_w=7 R6=fp-8
        from 8 to 11: frame1: R6=fp[0]-8
        11: frame1: R0_w=7 R6=fp[0]-8
        no from 8 to 11: safe
        "
    );
}

/// A scalar in the stack that nothing relied upon stands for any other.
#[test]
fn imprecise_spills_are_alike() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 1
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        *(u64 *)(r10 -8) = 2
        join:
        r0 = *(u64 *)(r10 -8)
        exit
        ",
        "
        accepted
        4: R0_w=2 fp-8=2
        from 2 to 4: safe
        processed 7 insns
        "
    );
}

/// Bytes that are zero by themselves are always relied upon.
#[test]
fn zero_bytes_are_no_others() {
    check!(
        "
        test states
        call bpf_get_prandom_u32#7
        *(u8 *)(r10 -7) = r0
        if r0 > 0x7 goto join
        *(u8 *)(r10 -7) = 0
        join:
        r0 = *(u8 *)(r10 -7)
        exit
        ",
        "
        accepted
        4: R0_w=0
        from 2 to 4: fp-8=??????m?
        no safe
        "
    );
}
