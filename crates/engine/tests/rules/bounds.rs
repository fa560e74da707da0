//! What is known of numbers.

use crate::harness::check;

/// Each side of an unsigned comparison knows its half.
#[test]
fn of_an_unsigned_jump() {
    check!(
        "
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto +1
        exit
        exit
        ",
        "
        accepted
        1: R0_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        from 1 to 3: R0_w=scalar(umin=8)
        "
    );
}

/// A signed comparison bounds the signed range, and the unsigned one where the sign is known.
#[test]
fn of_a_signed_jump() {
    check!(
        "
        call bpf_get_prandom_u32#7
        if r0 s< 0x0 goto out
        if r0 s> 0x7 goto out
        exit
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        1: R0_w=scalar(smin=0,umax=0x7fffffffffffffff,var_off=(0x0; 0x7fffffffffffffff))
        2: R0_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        from 1 to 4: R0_w=scalar(smax=-1,umin=0x8000000000000000,var_off=(0x8000000000000000; 0x7fffffffffffffff))
        "
    );
}

/// A comparison of 32 bits says nothing of the upper half, which a move of 32 bits clears.
#[test]
fn of_half_a_jump() {
    check!(
        "
        call bpf_get_prandom_u32#7
        if w0 > 0x7 goto +1
        exit
        w0 = w0
        exit
        ",
        "
        accepted
        1: R0_w=scalar(smax=0x7fffffff00000007,umax=0xffffffff00000007,smin32=0,smax32=umax32=7,var_off=(0x0; 0xffffffff00000007))
        3: R0_w=scalar(smin=umin=umin32=8,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
        "
    );
}

/// A tested bit is known to be 0 where the jump is not taken, and to be 1 where it is.
#[test]
fn of_a_tested_bit() {
    check!(
        "
        call bpf_get_prandom_u32#7
        if r0 & 0x8 goto +1
        exit
        exit
        ",
        "
        accepted
        1: R0_w=scalar(smax=0x7ffffffffffffff7,umax=0xfffffffffffffff7,smax32=0x7ffffff7,umax32=0xfffffff7,var_off=(0x0; 0xfffffffffffffff7))
        from 1 to 3: R0_w=scalar(smin=0x8000000000000008,umin=umin32=8,smin32=0x80000008,var_off=(0x8; 0xfffffffffffffff7))
        "
    );
}

/// An equal value is known; one that is unequal to the end of its range loses it.
#[test]
fn of_equality() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r0 &= 7
        if r0 == 0x5 goto +2
        if r0 == 0x7 goto +1
        exit
        exit
        ",
        "
        accepted
        3: R0_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=6,var_off=(0x0; 0x7))
        from 3 to 5: R0_w=7
        from 2 to 5: R0_w=5
        "
    );
}

/// A comparison of two registers bounds both.
#[test]
fn of_two_registers() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 15
        call bpf_get_prandom_u32#7
        r7 = r0
        r7 &= 255
        if r7 > r6 goto +1
        exit
        exit
        ",
        "
        accepted
        6: R6_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf)) R7_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))
        from 6 to 8: R7=scalar(smin=umin=smin32=umin32=1,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))
        "
    );
}

/// A comparison that the bounds decide has one side only: what is on the other is not walked, and the bounds are
/// needed.
#[test]
fn decide_jumps() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r0 &= 7
        if r0 < 0x8 goto +1
        r0 = *(u64 *)(r10 +8)
        exit
        ",
        "
        accepted
        2: if r0 < 0x8 goto pc+1
        mark_precise: frame0: regs=r0 stack= before 1: r0 &= 7
        4: exit
        no 3:
        processed 4 insns
        "
    );
}

/// Shifts move bounds, and the arithmetic one keeps the sign.
#[test]
fn of_shifts() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r0 &= 15
        r0 <<= 2
        r0 >>= 3
        r0 -= 1
        r0 s>>= 1
        exit
        ",
        "
        accepted
        2: R0_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=60,var_off=(0x0; 0x3c))
        3: R0_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        5: R0_w=scalar(smin=smin32=-1,smax=smax32=3)
        "
    );
}

/// A sum that cannot overflow has the sums of the bounds.
#[test]
fn of_sums() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 15
        r6 += 100
        call bpf_get_prandom_u32#7
        r0 &= 15
        r6 += r0
        r6 -= 100
        exit
        ",
        "
        accepted
        3: R6_w=scalar(smin=umin=smin32=umin32=100,smax=umax=smax32=umax32=115,var_off=(0x60; 0x1f))
        7: R6_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=30,var_off=(0x0; 0x1f))
        "
    );
}

/// A product of bounded factors is bounded; of one that may overflow only the factor 2 is left.
#[test]
fn of_a_product() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 15
        r6 *= 10
        r7 = r6
        r7 *= r0
        exit
        ",
        "
        accepted
        3: R6_w=scalar(smin=smin32=0,smax=umax=smax32=umax32=150,var_off=(0x0; 0xfe))
        5: R7_w=scalar(smax=0x7ffffffffffffffe,umax=0xfffffffffffffffe,smax32=0x7ffffffe,umax32=0xfffffffe,var_off=(0x0; 0xfffffffffffffffe))
        "
    );
}

/// Nothing is known of a quotient, nor of a remainder.
#[test]
fn of_a_quotient() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r0 &= 15
        r0 /= 3
        r0 &= 15
        r0 %= 3
        exit
        ",
        "
        accepted
        2: R0_w=scalar()
        4: R0_w=scalar()
        "
    );
}

/// A negation is forgotten by 6.12.117, bounded by 6.18.15.
#[test]
fn of_a_negation() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r0 &= 7
        r0 = -r0
        exit
        ",
        "6.12" => "
        accepted
        2: R0_w=scalar()
        ",
        "6.18" => "
        accepted
        2: R0=scalar(smin=smin32=-7,smax=smax32=0)
        "
    );
}

/// A sign extension of a value without bounds has those of the type; one that changes nothing is a copy.
#[test]
fn of_a_sign_extension() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = (s8)r0
        r7 = (s32)r0
        r0 &= 127
        r8 = (s8)r0
        exit
        ",
        "
        accepted
        1: R6_w=scalar(smin=smin32=-128,smax=smax32=127)
        2: R7_w=scalar(smin=0xffffffff80000000,smax=0x7fffffff)
        4: R8_w=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=127,var_off=(0x0; 0x7f))
        "
    );
}

/// What is read from a map's value lies in it, for all values of the index.
#[test]
fn of_a_map_index() {
    check!(
        "
        map m = array 4 16 1
        *(u32 *)(r10 -4) = 0
        r1 = map(m)
        r2 = r10
        r2 += -4
        call bpf_map_lookup_elem#1
        if r0 == 0x0 goto out
        r6 = r0
        call bpf_get_prandom_u32#7
        r0 &= 15
        r6 += r0
        r1 = *(u8 *)(r6 +0)
        r1 = *(u8 *)(r6 +1)
        out:
        r0 = 0
        exit
        ",
        "
        refused: EACCES
        11: R6_w=map_value(map=m,ks=4,vs=16,smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf))
        12: r1 = *(u8 *)(r6 +1)
        invalid access to map value, value_size=16 off=16 size=1
        "
    );
}

/// A key that is known, and within an array, gives a value that needs no check on 6.18.15; on 6.12.117 every lookup may
/// fail.
#[test]
fn of_a_known_key() {
    check!(
        "
        map m = array 4 16 1
        *(u32 *)(r10 -4) = 0
        r1 = map(m)
        r2 = r10
        r2 += -4
        call bpf_map_lookup_elem#1
        r0 = *(u8 *)(r0 +0)
        r0 = 0
        exit
        ",
        "6.12" => "
        refused: EACCES
        5: R0_w=map_value_or_null(id=1,map=m,ks=4,vs=16)
        R0 invalid mem access 'map_value_or_null'
        ",
        "6.18" => "
        accepted
        5: R0=map_value(map=m,ks=4,vs=16)
        "
    );
}

/// A packet is readable as far as a comparison with its end says.
#[test]
fn of_a_packet() {
    check!(
        "
        section xdp
        r2 = *(u32 *)(r1 +0)
        r3 = *(u32 *)(r1 +4)
        r4 = r2
        r4 += 14
        if r4 > r3 goto out
        r0 = *(u8 *)(r2 +13)
        r0 = *(u8 *)(r2 +14)
        out:
        r0 = 2
        exit
        ",
        "
        refused: EACCES
        4: R4_w=pkt(off=14,r=14)
        5: R2_w=pkt(r=14)
        invalid access to packet, off=14 size=1, R2(id=0,off=14,r=14)
        "
    );
}

/// An unsigned comparison splits a range across zero: what is large is negative.
#[test]
fn of_a_signed_range_across_zero() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = (s32)r0
        if r6 s< -16 goto out
        if r6 s> 0x7 goto out
        r7 = r6
        if r7 < 0x10 goto out
        r0 = 0
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        4: R7_w=scalar(id=1,smin=smin32=-16,smax=smax32=7)
        5: R7_w=scalar(id=1,smin=smin32=-16,smax=smax32=-1,umin=0xfffffffffffffff0,umin32=0xfffffff0,var_off=(0xfffffffffffffff0; 0xf))
        "
    );
}

/// Where bounds are tested, the instruction whose result contradicts itself is refused, also amid others that are as simple.
#[test]
fn are_tested_one_by_one() {
    check!(
        "
        test bounds
        call bpf_get_prandom_u32#7
        w0 |= 449405857
        r0 += 5
        if w0 != 1024 goto out
        r1 = 1
        r2 = 2
        r0 -= 8192
        r3 = 3
        r4 = 4
        out:
        r0 = 0
        exit
        ",
        "6.12" => "
        refused: EFAULT
        5: r2 = 2
        6: r0 -= 8192
        REG INVARIANTS VIOLATION (alu): range bounds violation
        no 7:
        processed 7 insns
        ",
        "6.18" => "
        refused: EFAULT
        6: r0 -= 8192
        REG INVARIANTS VIOLATION (alu): range bounds violation
        processed 7 insns
        "
    );
}
