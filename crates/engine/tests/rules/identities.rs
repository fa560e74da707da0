//! When an explored state stands for the current one, as to what has a number: values, lookups, references, calls.

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

/// Two results of one lookup do not stand for those of two: the check of one says nothing of the other.
#[test]
fn null_checks_are_of_one_lookup() {
    check!(
        "
        test states
        map m = hash 8 8 1
        *(u64 *)(r10 -8) = 0
        r1 = map(m)
        r2 = r10
        r2 += -8
        call bpf_map_lookup_elem#1
        r6 = r0
        r1 = map(m)
        r2 = r10
        r2 += -8
        call bpf_map_lookup_elem#1
        r7 = r0
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r7 = r6
        join:
        if r6 == 0x0 goto out
        r0 = *(u64 *)(r7 +0)
        out:
        r0 = 0
        exit
        ",
        "
        refused: EACCES
        17: R7=map_value(map=m,ks=8,vs=8)
        from 14 to 16: R6=map_value_or_null(id=1,map=m,ks=8,vs=8) R7=map_value_or_null(id=2,map=m,ks=8,vs=8)
        R7 invalid mem access 'map_value_or_null'
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

/// Two references that changed places do not correspond: the registers say one thing, the order of acquisition another.
#[test]
fn references_are_not_exchanged() {
    check!(
        "
        test states
        map rb = ringbuf 0 0 4096
        r1 = map(rb)
        r2 = 8
        r3 = 0
        call bpf_ringbuf_reserve#131
        if r0 == 0x0 goto none
        r6 = r0
        r1 = map(rb)
        r2 = 8
        r3 = 0
        call bpf_ringbuf_reserve#131
        if r0 == 0x0 goto one
        r7 = r0
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r8 = r6
        r6 = r7
        r7 = r8
        join:
        r1 = r7
        r2 = 0
        call bpf_ringbuf_discard#133
        one:
        r1 = r6
        r2 = 0
        call bpf_ringbuf_discard#133
        none:
        r0 = 0
        exit
        ",
        "
        accepted
        from 15 to 19: R6=ringbuf_mem(ref_obj_id=2,sz=8) R7=ringbuf_mem(ref_obj_id=4,sz=8) refs=2,4
        22: safe
        no from 15 to 19: safe
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

/// An iterator that has ended does not stand for one that goes on.
#[test]
fn a_drained_iterator_is_no_active_one() {
    check!(
        "
        test states
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
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto out
        goto loop
        out:
        r1 = r10
        r1 += -8
        call bpf_iter_num_destroy
        r0 = 0
        exit
        ",
        "
        accepted
        7: fp-8=iter_num(ref_id=1,state=drained,depth=0)
        14: call
        from 10 to 12: fp-8=iter_num(ref_id=1,state=active,depth=1)
        15: safe
        no from 10 to 12: safe
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

/// So must the calls be that led to the caller.
#[test]
fn callers_of_callers_must_be_equal() {
    check!(
        "
        test states
        r1 = 1
        call g
        r1 = 1
        call g
        exit
        static g(1):
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
        to caller at 6:
        to caller at 4:
        no safe
        processed 17 insns
        "
    );
}
