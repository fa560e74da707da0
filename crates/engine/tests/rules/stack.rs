//! What is known of the stack's bytes.

use crate::harness::check;

/// A scalar that is spilled and filled is what it was, bounds and identity.
#[test]
fn a_spill_is_kept() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r0 &= 15
        *(u64 *)(r10 -8) = r0
        r6 = *(u64 *)(r10 -8)
        exit
        ",
        "
        accepted
        3: R6_w=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))
        "
    );
}

/// So is one of 32 bits; of the other half of the slot nothing is known.
#[test]
fn half_a_spill_is_kept() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r0 &= 15
        *(u32 *)(r10 -8) = r0
        r6 = *(u32 *)(r10 -8)
        r7 = *(u32 *)(r10 -4)
        exit
        ",
        "
        accepted
        3: R6_w=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf)) fp-8=????scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))
        4: R7_w=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
        "
    );
}

/// A fill of the lower half of a spill is what was spilled, if the value fits; one of a byte has the bounds of a byte.
#[test]
fn a_narrow_fill_is_bounded() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r0 &= 4095
        *(u64 *)(r10 -8) = r0
        r6 = *(u32 *)(r10 -8)
        r7 = *(u8 *)(r10 -8)
        r8 = *(u8 *)(r10 -7)
        exit
        ",
        "
        accepted
        3: R6_w=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=4095,var_off=(0x0; 0xfff))
        4: R7_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))
        5: R8_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))
        "
    );
}

/// A zero that is spilled reads as zero, in parts as well.
#[test]
fn zero_is_spilled() {
    check!(
        "
        r1 = 0
        *(u64 *)(r10 -8) = r1
        r6 = *(u64 *)(r10 -8)
        r7 = *(u8 *)(r10 -3)
        r0 = 0
        exit
        ",
        "
        accepted
        1: fp-8_w=0
        2: R6_w=0
        3: R7_w=0
        "
    );
}

/// A store into a spilled scalar leaves bytes of which nothing is known.
#[test]
fn a_part_of_a_spill() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r0 &= 15
        *(u64 *)(r10 -8) = r0
        *(u8 *)(r10 -6) = r0
        r6 = *(u64 *)(r10 -8)
        exit
        ",
        "
        accepted
        3: fp-8_w=mmmmmmmm
        4: R6_w=scalar()
        "
    );
}

/// A pointer is spilled and filled as a whole.
#[test]
fn pointers_are_spilled_whole() {
    check!(
        "
        *(u64 *)(r10 -8) = r1
        r6 = *(u64 *)(r10 -8)
        r0 = *(u32 *)(r6 +0)
        r7 = *(u32 *)(r10 -8)
        r0 = 0
        exit
        ",
        "
        refused: EACCES
        1: R6_w=ctx() fp-8_w=ctx()
        3: r7 = *(u32 *)(r10 -8)
        invalid size of register fill
        "
    );
}

/// An atomic operation on a spilled pointer leaves bytes of which nothing is known.
#[test]
fn atomics_forget_a_spilled_pointer() {
    check!(
        "
        *(u64 *)(r10 -8) = r1
        r2 = 1
        lock *(u64 *)(r10 -8) += r2
        r6 = *(u64 *)(r10 -8)
        r0 = *(u32 *)(r6 +0)
        exit
        ",
        "
        refused: EACCES
        2: R2_w=1 fp-8_w=mmmmmmmm
        3: R6_w=scalar()
        R6 invalid mem access 'scalar'
        "
    );
}

/// A write at an unknown place may be to any slot in reach: what is known of them is forgotten, but for a zero that a
/// zero is written over, which is needed then.
#[test]
fn a_write_somewhere() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 8
        r7 = 5
        *(u64 *)(r10 -8) = r7
        *(u64 *)(r10 -16) = 0
        r1 = r10
        r1 += -16
        r1 += r6
        r2 = 0
        *(u64 *)(r1 +0) = r2
        r3 = *(u64 *)(r10 -8)
        r4 = *(u64 *)(r10 -16)
        r0 = 0
        exit
        ",
        "
        accepted
        10: *(u64 *)(r1 +0) = r2
        mark_precise: frame0: regs=r2 stack= before 9: r2 = 0
        11: fp-8_w=mmmmmmmm fp-16_w=0
        11: R3_w=scalar()
        12: R4_w=0
        "
    );
}

/// A read from an unknown place gives nothing that is known, and its place is needed.
#[test]
fn a_read_somewhere() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 8
        r7 = 5
        *(u64 *)(r10 -8) = r7
        *(u64 *)(r10 -16) = r7
        r1 = r10
        r1 += -16
        r1 += r6
        r3 = *(u64 *)(r1 +0)
        r0 = 0
        exit
        ",
        "
        accepted
        mark_precise: frame0: regs=r6 stack= before 7:
        9: R1_w=fp(off=-16,smin=smin32=0,smax=umax=smax32=umax32=8,var_off=(0x0; 0x8))
        9: R3_w=scalar() fp-16_w=5
        "
    );
}

/// An offset without bounds is none.
#[test]
fn a_place_without_bounds() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r1 = r10
        r1 += r0
        r2 = 0
        *(u8 *)(r1 +0) = r2
        exit
        ",
        "
        refused: EINVAL
        2: r1 += r0
        math between fp pointer and register with unbounded min value is not allowed
        "
    );
}

/// A frame has 512 bytes.
#[test]
fn the_end_of_the_frame() {
    check!(
        "
        r1 = 0
        *(u64 *)(r10 -512) = r1
        *(u64 *)(r10 -520) = r1
        exit
        ",
        "
        refused: EACCES
        1: fp-512_w=0
        invalid write to stack R10 off=-520 size=8
        "
    );
}

/// Nothing of a frame is above its pointer.
#[test]
fn above_the_frame() {
    check!(
        "
        r1 = 0
        *(u64 *)(r10 +0) = r1
        exit
        ",
        "
        refused: EACCES
        invalid write to stack R10 off=0 size=8
        "
    );
}

/// Accesses to the stack are aligned.
#[test]
fn unaligned() {
    check!(
        "
        r1 = 0
        *(u64 *)(r10 -12) = r1
        exit
        ",
        "
        refused: EACCES
        misaligned stack access off 0+0+-12 size 8
        "
    );
}

/// Privileged programs may read what they have not written; nothing is known of it.
#[test]
fn unwritten_bytes_are_read() {
    check!(
        "
        r6 = *(u64 *)(r10 -8)
        *(u8 *)(r10 -16) = 0
        r7 = *(u64 *)(r10 -16)
        r0 = 0
        exit
        ",
        "
        accepted
        0: R6_w=scalar()
        1: fp-16=???????0
        2: R7_w=scalar()
        "
    );
}

/// A helper that is given memory to read leaves a spilled scalar alone on 6.18.15; on 6.12.117 nothing is known of it
/// any more.
#[test]
fn a_helper_reads_a_spill() {
    check!(
        "
        map m = hash 8 8 1
        r1 = 7
        *(u64 *)(r10 -8) = r1
        r1 = map(m)
        r2 = r10
        r2 += -8
        call bpf_map_lookup_elem#1
        r6 = *(u64 *)(r10 -8)
        r0 = 0
        exit
        ",
        "6.12" => "
        accepted
        1: fp-8_w=7
        7: R6_w=scalar() fp-8_w=mmmmmmmm
        ",
        "6.18" => "
        accepted
        1: fp-8=7
        7: R6=7 fp-8=7
        "
    );
}

/// Memory that a helper writes is unknown, what is beside it is not.
#[test]
fn a_helper_writes() {
    check!(
        "
        r2 = 7
        *(u64 *)(r10 -8) = r2
        *(u64 *)(r10 -16) = r2
        r3 = r10
        r3 += -8
        r4 = 8
        call bpf_skb_load_bytes#26
        r6 = *(u64 *)(r10 -8)
        r7 = *(u64 *)(r10 -16)
        r0 = 0
        exit
        ",
        "
        accepted
        7: fp-8_w=mmmmmmmm
        7: R6_w=scalar()
        8: R7_w=7 fp-16_w=7
        "
    );
}

/// The frames of a chain of calls have 512 bytes together.
#[test]
fn frames_add_up() {
    check!(
        "
        r1 = 0
        *(u64 *)(r10 -264) = r1
        call f
        exit
        static f(0):
        r1 = 0
        *(u64 *)(r10 -264) = r1
        r0 = 0
        exit
        ",
        "
        refused: EACCES
        5: frame1: R1_w=0 fp-264_w=0
        combined stack size of 2 calls is 544. Too large
        "
    );
}

/// Zeros beside a spill of 32 bits stay known.
#[test]
fn zero_bytes_beside_a_spill() {
    check!(
        "
        call bpf_get_prandom_u32#7
        *(u32 *)(r10 -4) = 0
        *(u32 *)(r10 -8) = r0
        r6 = *(u32 *)(r10 -4)
        r0 = 0
        exit
        ",
        "
        accepted
        3: R6_w=0
        "
    );
}
