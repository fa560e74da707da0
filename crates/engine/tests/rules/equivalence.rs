//! When an explored state stands for the current one.

use crate::harness::check;

/// Registers that held one value must hold one value again, where that was relied upon (`check_ids`): the second way
/// into `join` has two values, and what bounds one does not bound the other.
#[test]
fn ids_correspond() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 0
        call bpf_get_prandom_u32#7
        r6 = r0
        call bpf_get_prandom_u32#7
        r7 = r0
        if r6 > r7 goto join
        r7 = r6
        join:
        if r6 > 0x4 goto out
        r1 = r10
        r1 += -8
        r1 += r7
        r0 = *(u8 *)(r1 +0)
        out:
        r0 = 0
        exit
        ",
        "
        refused: EINVAL
        mark_precise: frame0: parent state regs=r6,r7 R6_r=Pscalar(id=1) R7_rw=Pscalar(id=1)
        from 5 to 7: R6=scalar(id=1,umin=1) R7=scalar(id=2,umax=0xfffffffffffffffe)
        no from 5 to 7: safe
        math between fp pointer and register with unbounded min value is not allowed
        processed 19 insns
        "
    );
}

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

/// The identity of a lookup's result may be another one in the explored state, if all registers agree in it.
#[test]
fn null_checks_by_id() {
    check!(
        "
        test states
        map m = hash 4 8 1
        *(u32 *)(r10 -4) = 0
        call bpf_get_prandom_u32#7
        r8 = r0
        r1 = map(m)
        r2 = r10
        r2 += -4
        call bpf_map_lookup_elem#1
        r6 = r0
        if r8 > 0x7 goto join
        r1 = map(m)
        r2 = r10
        r2 += -4
        call bpf_map_lookup_elem#1
        r6 = r0
        join:
        if r6 == 0x0 goto out
        r0 = *(u64 *)(r6 +0)
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        8: R0=map_value_or_null(id=2,map=m,ks=4,vs=8) R6=map_value_or_null(id=2,map=m,ks=4,vs=8)
        15: R6=map_value_or_null(id=3,map=m,ks=4,vs=8)
        from 9 to 16: safe
        processed 20 insns
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

/// References have other numbers on another path; the states are alike if their numbers correspond (`refsafe`).
#[test]
fn references_correspond() {
    check!(
        "
        test states
        map rb = ringbuf 0 0 4096
        call bpf_get_prandom_u32#7
        r7 = r0
        r1 = map(rb)
        r2 = 8
        r3 = 0
        if r7 > 0x7 goto other
        call bpf_ringbuf_reserve#131
        goto join
        other:
        call bpf_ringbuf_reserve#131
        join:
        if r0 == 0x0 goto out
        r1 = r0
        r2 = 0
        call bpf_ringbuf_discard#133
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        8: R0=ringbuf_mem_or_null(id=3,ref_obj_id=3,sz=8) refs=3
        9: call bpf_ringbuf_reserve#131
        10: safe
        processed 17 insns
        "
    );
}

/// A state that holds a reference is not like one that holds none: the second way to the end leaks it.
#[test]
fn a_held_reference_differs() {
    check!(
        "
        test states
        map rb = ringbuf 0 0 4096
        r1 = map(rb)
        r2 = 8
        r3 = 0
        call bpf_ringbuf_reserve#131
        if r0 == 0x0 goto out
        r6 = r0
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto out
        r1 = r6
        r2 = 0
        call bpf_ringbuf_discard#133
        out:
        r0 = 0
        exit
        ",
        "
        refused: EINVAL
        12: R0_w=0
        from 8 to 12: R6=ringbuf_mem(ref_obj_id=2,sz=8) refs=2
        no from 8 to 12: safe
        Unreleased reference id=2 alloc_insn=4
        "
    );
}

/// A state in a function stands only for those that the same call led into.
#[test]
fn callers_must_be_equal() {
    check!(
        "
        test states
        r1 = 1
        call f
        r1 = 1
        call f
        exit
        static f(1):
        r0 = r1
        if r0 == 0x5 goto +1
        r0 = 3
        exit
        ",
        "
        accepted
        to caller at 2:
        3: call pc+1
        5: frame1: R0=1 R1=1
        to caller at 4:
        no safe
        processed 13 insns
        "
    );
}
