//! Which values a program relies upon, found by walking back.

use crate::harness::check;

/// What an operation reads is needed if its result is, and nothing before a constant is.
#[test]
fn through_arithmetic() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        r1 = 3
        r2 = 4
        r1 += r2
        r1 <<= 1
        r1 -= 14
        r3 = r10
        r3 += -8
        r3 += r1
        r0 = *(u8 *)(r3 +0)
        exit
        ",
        "
        accepted
        8: r3 += r1
        mark_precise: frame0: last_idx 8 first_idx 0 subseq_idx -1
        mark_precise: frame0: regs=r1 stack= before 5: r1 -= 14
        mark_precise: frame0: regs=r1 stack= before 3: r1 += r2
        mark_precise: frame0: regs=r1,r2 stack= before 2: r2 = 4
        mark_precise: frame0: regs=r1 stack= before 1: r1 = 3
        no before 0:
        "
    );
}

/// A value that was filled is needed in its slot, and in the register that was spilled there.
#[test]
fn through_a_spill() {
    check!(
        "
        *(u64 *)(r10 -16) = 0
        r1 = 2
        *(u64 *)(r10 -8) = r1
        r2 = *(u64 *)(r10 -8)
        r3 = r10
        r3 += -16
        r3 += r2
        r0 = *(u8 *)(r3 +0)
        exit
        ",
        "
        accepted
        mark_precise: frame0: regs=r2 stack= before 3: r2 = *(u64 *)(r10 -8)
        mark_precise: frame0: regs= stack=-8 before 2: *(u64 *)(r10 -8) = r1
        mark_precise: frame0: regs=r1 stack= before 1: r1 = 2
        no before 0:
        "
    );
}

/// A function's result is needed in its frame.
#[test]
fn out_of_a_function() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        r1 = 2
        call f
        r3 = r10
        r3 += -8
        r3 += r0
        r0 = *(u8 *)(r3 +0)
        exit
        static f(1):
        r0 = r1
        exit
        ",
        "
        accepted
        mark_precise: frame0: regs=r0 stack= before 9: exit
        mark_precise: frame1: regs=r0 stack= before 8: r0 = r1
        mark_precise: frame1: regs=r1 stack= before 2: call pc+5
        mark_precise: frame0: regs=r1 stack= before 1: r1 = 2
        "
    );
}

/// An argument that a function relies upon is needed in its caller.
#[test]
fn into_a_function() {
    check!(
        "
        r1 = r10
        r1 += -8
        r2 = 3
        *(u64 *)(r10 -8) = 0
        call f
        exit
        static f(2):
        r1 += r2
        r0 = *(u8 *)(r1 +0)
        exit
        ",
        "
        accepted
        6: r1 += r2
        mark_precise: frame1: regs=r2 stack= before 4: call pc+1
        mark_precise: frame0: regs=r2 stack= before 3:
        mark_precise: frame0: regs=r2 stack= before 2: r2 = 3
        no before 1:
        "
    );
}

/// A value that a function takes from its caller's stack is needed in the caller's slot.
#[test]
fn in_the_callers_stack() {
    check!(
        "
        *(u64 *)(r10 -16) = 0
        r1 = 3
        *(u64 *)(r10 -8) = r1
        r1 = r10
        r1 += -8
        call f
        exit
        static f(1):
        r2 = *(u64 *)(r1 +0)
        r1 += -8
        r1 += r2
        r0 = *(u8 *)(r1 +0)
        exit
        ",
        "
        accepted
        mark_precise: frame1: regs=r2 stack= before 7: r2 = *(u64 *)(r1 +0)
        mark_precise: frame1: regs= stack= before 5: call pc+1
        mark_precise: frame0: regs= stack=-8 before 2: *(u64 *)(r10 -8) = r1
        mark_precise: frame0: regs=r1 stack= before 1: r1 = 3
        "
    );
}

/// A global function is verified by itself: nothing of its caller is needed for its result.
#[test]
fn through_an_unentered_function() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        r6 = 2
        r1 = 7
        call f
        r3 = r10
        r3 += -8
        r3 += r6
        r0 = *(u8 *)(r3 +0)
        exit
        global f(1):
        r0 = r1
        exit
        ",
        "
        accepted
        Func#1 ('f') is global and assumed valid.
        mark_precise: frame0: regs=r6 stack= before 4: r3 = r10
        mark_precise: frame0: regs=r6 stack= before 3: call pc+5
        mark_precise: frame0: regs=r6 stack= before 1: r6 = 2
        no mark_precise: frame1:
        "
    );
}

/// Two registers that were compared are needed if one of them is.
#[test]
fn through_a_comparison() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        call bpf_get_prandom_u32#7
        r6 = r0
        r7 = 7
        if r6 > r7 goto out
        r3 = r10
        r3 += -8
        r3 += r6
        r0 = *(u8 *)(r3 +0)
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        mark_precise: frame0: regs=r6 stack= before 4: if r6 > r7 goto pc+4
        mark_precise: frame0: regs=r0,r6,r7 stack= before 3: r7 = 7
        mark_precise: frame0: regs=r0,r6 stack= before 2: r6 = r0
        "
    );
}

/// Where a bound was learned by a register that held the same value, both are needed.
#[test]
fn through_linked_registers() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        call bpf_get_prandom_u32#7
        r6 = r0
        if r0 > 0x7 goto out
        r3 = r10
        r3 += -8
        r3 += r6
        r0 = *(u8 *)(r3 +0)
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        mark_precise: frame0: regs=r6 stack= before 3: if r0 > 0x7 goto pc+4
        mark_precise: frame0: regs=r0,r6 stack= before 2: r6 = r0
        mark_precise: frame0: regs=r0 stack= before 1:
        "
    );
}

/// Marks go from checkpoint to checkpoint, as far as the value comes from.
#[test]
fn to_the_parents() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 0
        r6 = 3
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto +1
        r0 = 1
        if r0 > 0x3 goto +1
        r0 = 2
        r3 = r10
        r3 += -8
        r3 += r6
        r0 = *(u8 *)(r3 +0)
        exit
        ",
        "
        accepted
        9: r3 += r6
        mark_precise: frame0: parent state regs=r6 stack=: R6_r=P3
        mark_precise: frame0: last_idx 6 first_idx 5 subseq_idx 7
        mark_precise: frame0: parent state regs=r6 stack=: R6_r=P3
        mark_precise: frame0: last_idx 4 first_idx 3 subseq_idx 5
        mark_precise: frame0: parent state regs=r6 stack=: R6_rw=P3
        mark_precise: frame0: last_idx 2 first_idx 0 subseq_idx 3
        mark_precise: frame0: regs=r6 stack= before 1: r6 = 3
        "
    );
}

/// A path that ends in an explored state needs what was needed there (`propagate_precision`).
#[test]
fn from_the_explored_state() {
    check!(
        "
        test states
        *(u64 *)(r10 -8) = 0
        r6 = 3
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto join
        r0 = 1
        join:
        r3 = r10
        r3 += -8
        r3 += r6
        r0 = *(u8 *)(r3 +0)
        exit
        ",
        "
        accepted
        9: exit
        frame 0: propagating r6
        mark_precise: frame0: last_idx 5 first_idx 3 subseq_idx -1
        mark_precise: frame0: regs=r6 stack= before 3:
        from 3 to 5: safe
        "
    );
}

/// The size of the memory that a helper takes is needed.
#[test]
fn of_a_size() {
    check!(
        "
        r6 = 8
        r2 = 0
        r3 = r10
        r3 += -8
        r4 = r6
        call bpf_skb_load_bytes#26
        r0 = 0
        exit
        ",
        "
        accepted
        5: call bpf_skb_load_bytes#26
        mark_precise: frame0: regs=r4 stack= before 4: r4 = r6
        mark_precise: frame0: regs=r6 stack= before 0: r6 = 8
        "
    );
}

/// A zero that is passed where a pointer may be missing is needed on 6.12.117, and not marked on 6.18.15. Sizes are
/// needed on both.
#[test]
fn of_a_null_argument() {
    check!(
        "
        section tc
        r1 = 0
        r2 = 0
        r3 = 0
        r4 = 0
        r5 = 0
        call bpf_csum_diff#28
        r0 = 0
        exit
        ",
        "6.12" => "
        accepted
        mark_precise: frame0: regs=r1 stack= before 0: r1 = 0
        mark_precise: frame0: regs=r2 stack= before 1: r2 = 0
        mark_precise: frame0: regs=r3 stack= before 2: r3 = 0
        ",
        "6.18" => "
        accepted
        mark_precise: frame0: regs=r2 stack= before 1: r2 = 0
        no mark_precise: frame0: regs=r1
        no mark_precise: frame0: regs=r3
        "
    );
}

/// What an atomic operation fetched from the stack came from the slot. 6.12.117 follows it there; 6.18.15 takes the
/// instruction for a store, and goes on with the register.
#[test]
fn of_an_atomic_fetch() {
    check!(
        "
        *(u64 *)(r10 -16) = 0
        r1 = 2
        *(u64 *)(r10 -8) = r1
        r2 = 0
        r2 = atomic64_fetch_add((u64 *)(r10 -8), r2)
        r2 &= 7
        r3 = r10
        r3 += -16
        r3 += r2
        r0 = *(u8 *)(r3 +0)
        exit
        ",
        "6.12" => "
        accepted
        mark_precise: frame0: regs=r2 stack= before 4: r2 = atomic64_fetch_add((u64 *)(r10 -8), r2)
        mark_precise: frame0: regs= stack=-8 before 3: r2 = 0
        mark_precise: frame0: regs= stack=-8 before 2: *(u64 *)(r10 -8) = r1
        mark_precise: frame0: regs=r1 stack= before 1: r1 = 2
        ",
        "6.18" => "
        accepted
        mark_precise: frame0: regs=r2 stack= before 4: r2 = atomic64_fetch_add((u64 *)(r10 -8), r2)
        mark_precise: frame0: regs=r2 stack= before 3: r2 = 0
        no stack=-8
        "
    );
}

/// A move of 32 bits needs its source, as one of 64 does.
#[test]
fn of_a_half_register() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        r1 = 5
        w2 = w1
        r3 = r10
        r3 += -8
        r3 += r2
        r0 = *(u8 *)(r3 +0)
        exit
        ",
        "
        accepted
        mark_precise: frame0: regs=r2 stack= before 2: w2 = w1
        mark_precise: frame0: regs=r1 stack= before 1: r1 = 5
        "
    );
}

/// A jump that is decided by known values relies upon them.
#[test]
fn of_decided_jumps() {
    check!(
        "
        test states
        r6 = 5
        call bpf_get_prandom_u32#7
        if r0 > 0x7 goto +1
        r6 = 6
        if r6 > 0x5 goto +1
        r0 = 1
        r0 = 0
        exit
        ",
        "
        accepted
        4: if r6 > 0x5 goto pc+1
        mark_precise: frame0: parent state regs=r6 stack=: R6_rw=P6
        from 2 to 4: R6=5
        mark_precise: frame0: parent state regs=r6 stack=: R6_r=P5
        5: r0 = 1
        6: safe
        no from 2 to 4: safe
        "
    );
}

/// A change of the order of bytes leaves the register wanted, as does a negation.
#[test]
fn through_a_swap() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        r1 = 5
        r1 = be16 r1
        r1 &= 7
        r3 = r10
        r3 += -8
        r3 += r1
        r0 = *(u8 *)(r3 +0)
        exit
        ",
        "
        accepted
        2: R1_w=scalar()
        mark_precise: frame0: regs=r1 stack= before 2: r1 = be16 r1
        mark_precise: frame0: regs=r1 stack= before 1: r1 = 5
        "
    );
}

/// A pointer into the stack to which a scalar was compared is not needed.
#[test]
fn not_of_stack_pointers() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        call bpf_get_prandom_u32#7
        r6 = r0
        r6 &= 7
        r7 = r10
        if r6 > r7 goto out
        r3 = r10
        r3 += -8
        r3 += r6
        r0 = *(u8 *)(r3 +0)
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        mark_precise: frame0: regs=r6 stack= before 5: if r6 > r7 goto pc+4
        mark_precise: frame0: regs=r6 stack= before 4: r7 = r10
        mark_precise: frame0: regs=r6 stack= before 3:
        "
    );
}

/// Two registers that were compared are needed if the second one is.
#[test]
fn through_a_comparison_with_it() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        call bpf_get_prandom_u32#7
        r6 = r0
        r7 = 7
        if r7 < r6 goto out
        r3 = r10
        r3 += -8
        r3 += r6
        r0 = *(u8 *)(r3 +0)
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        mark_precise: frame0: regs=r6 stack= before 4: if r7 < r6 goto pc+4
        mark_precise: frame0: regs=r0,r6,r7 stack= before 3: r7 = 7
        "
    );
}

/// What a callback needs of its arguments is not needed of those of the call that runs it.
#[test]
fn out_of_a_callback() {
    check!(
        "
        r1 = 100
        r2 = func(turn)
        r3 = 0
        r4 = 0
        call bpf_loop#181
        r0 = 0
        exit
        static turn(2):
        *(u64 *)(r10 -8) = 0
        r3 = r10
        r3 += -8
        r1 &= 7
        r3 += r1
        r0 = *(u8 *)(r3 +0)
        r0 = 0
        exit
        ",
        "
        accepted
        mark_precise: frame1: regs=r1 stack= before 11: r1 &= 7
        mark_precise: frame1: regs=r1 stack= before 5: call bpf_loop#181
        13: R3_w=fp(off=-8,smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
        from 15 to 5: safe
        "
    );
}

/// A register whose zero becomes bytes of the stack is needed, as bytes cannot be marked later.
#[test]
fn of_a_stored_zero() {
    check!(
        "
        r1 = 0
        *(u8 *)(r10 -7) = r1
        r0 = 0
        exit
        ",
        "
        accepted
        mark_precise: frame0: regs=r1 stack= before 0: r1 = 0
        "
    );
}

/// Where backtracking goes by what instructions name, a segment that is walked round is left the first time that its
/// beginning is met: what was overwritten there since counts as needed in the state before.
#[test]
fn of_what_a_loop_replaced() {
    check!(
        "
        call bpf_get_prandom_u32#7
        r6 = 0
        *(u64 *)(r10 -8) = 0
        r1 = 1
        if r0 > 0x7 goto known
        r1 = 2
        known:
        if r0 > 0x9 goto head
        head:
        if r6 != 0x0 goto behind
        r8 = r1
        r1 = -8
        r6 = 1
        goto head
        behind:
        r2 = r10
        r2 += r1
        r0 = *(u8 *)(r2 +0)
        exit
        ",
        "6.12" => "
        accepted
        mark_precise: frame0: regs=r1 stack= before 10: r6 = 1
        mark_precise: frame0: regs=r1 stack= before 9: r1 = -8
        7: safe
        from 6 to 7: safe
        processed 20 insns
        ",
        "6.1." => "
        accepted
        regs=2 stack=0 before 7: if r6 != 0x0 goto pc+4
        parent didn't have regs=2 stack=0 marks:
        regs=2 stack=0 before 5: r1 = 2
        no safe
        processed 38 insns
        "
    );
}

/// A pointer has no past that could be looked for: where `bpf_loop` takes any count, it is refused as a contradiction.
#[test]
fn a_pointer_is_no_count() {
    check!(
        "
        r1 = r10
        r2 = func(turn)
        r3 = r10
        r4 = 1
        call bpf_loop#181
        r0 = 0
        exit
        static turn(2):
        r0 = 0
        exit
        ",
        "6.12" => "
        refused: EACCES
        R1 type=fp expected=scalar
        ",
        "6.18" => "
        refused: EFAULT
        verifier bug: backtracking misuse
        "
    );
}
