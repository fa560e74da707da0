//! Loops: walked turn by turn, converging, or refused.

use crate::harness::check;

/// A loop whose counter is known is walked turn by turn; the comparison with its bound makes the counter precise.
#[test]
fn a_bounded_loop_is_unrolled() {
    check!(
        "
        r6 = 0
        loop:
        r6 += 1
        if r6 < 0x5 goto loop
        r0 = r6
        exit
        ",
        "
        accepted
        1: R6_w=1
        mark_precise: frame0: regs=r6 stack= before 0: r6 = 0
        1: R6_w=4
        mark_precise: frame0: parent state regs=r6 stack=: R6_rw=P3
        3: R0_w=5 R6_w=5
        processed 13 insns total_states 1
        "
    );
}

/// A counter may be kept in the stack.
#[test]
fn a_counter_in_the_stack() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        loop:
        r1 = *(u64 *)(r10 -8)
        r1 += 1
        *(u64 *)(r10 -8) = r1
        if r1 < 0x4 goto loop
        r0 = 0
        exit
        ",
        "
        accepted
        3: R1_w=3 fp-8_w=3
        mark_precise: frame0: parent state regs= stack=-8: fp-8_rw=P2
        4: R1_w=4
        processed 19 insns
        "
    );
}

/// A state that comes round unchanged is a loop without end. It is seen when a checkpoint was made, after some turns.
#[test]
fn no_progress_is_refused() {
    check!(
        "
        r6 = 0
        loop:
        r0 = 0
        goto loop
        ",
        "
        refused: EINVAL
        infinite loop detected at insn 1
        cur state: R6=0
        old state: R6_w=0
        processed 10 insns
        "
    );
}

/// Nor does a condition that may hold at any time end a loop.
#[test]
fn a_random_end_is_none() {
    check!(
        "
        loop:
        call bpf_get_prandom_u32#7
        if r0 != 0x0 goto loop
        exit
        ",
        "
        refused: EINVAL
        from 1 to 0: R0_w=scalar(umin=1)
        infinite loop detected at insn 1
        cur state: R0_w=scalar()
        processed 11 insns
        "
    );
}

/// The body of an iterator's loop is walked until a state comes round that was seen at `bpf_iter_num_next`. What r6
/// holds then differs after the first turn on 6.12.117; on 6.18.15 it is known to be dead before anything is walked.
#[test]
fn an_iterator_converges() {
    check!(
        "
        r1 = r10
        r1 += -8
        r2 = 0
        r3 = 1000
        call bpf_iter_num_new
        loop:
        r1 = r10
        r1 += -8
        call bpf_iter_num_next
        if r0 == 0x0 goto out
        r6 = *(u32 *)(r0 +0)
        goto loop
        out:
        r1 = r10
        r1 += -8
        call bpf_iter_num_destroy
        r0 = 0
        exit
        ",
        "6.12" => "
        accepted
        7: R0_w=0 fp-8=iter_num(ref_id=1,state=drained,depth=0) refs=1
        from 7 to 8: R0_w=rdonly_mem(id=2,ref_obj_id=1,sz=4) fp-8=iter_num(ref_id=1,state=active,depth=1)
        from 7 to 8: R0_w=rdonly_mem(id=3,ref_obj_id=1,sz=4) R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
        7: safe
        processed 32 insns total_states 3
        ",
        "6.18" => "
        accepted
        7: R0=0 fp-8=iter_num(ref_id=1,state=drained,depth=0) refs=1
        from 7 to 8: R0=rdonly_mem(id=2,ref_obj_id=1,sz=4) fp-8=iter_num(ref_id=1,state=active,depth=1)
        7: safe
        no from 7 to 8: R0=rdonly_mem(id=3,ref_obj_id=1,sz=4)
        processed 20 insns total_states 2
        "
    );
}

/// An iterator that was begun is a reference.
#[test]
fn an_iterator_must_be_destroyed() {
    check!(
        "
        r1 = r10
        r1 += -8
        r2 = 0
        r3 = 10
        call bpf_iter_num_new
        r0 = 0
        exit
        ",
        "
        refused: EINVAL
        4: fp-8_w=iter_num(ref_id=1,state=active,depth=0) refs=1
        Unreleased reference id=1 alloc_insn=4
        "
    );
}

/// What an iterator counts says nothing of a counter in the program, which runs on until it reaches the iterator
/// itself.
#[test]
fn an_iterator_is_not_the_bound() {
    check!(
        "
        *(u64 *)(r10 -16) = 0
        r6 = 0
        r1 = r10
        r1 += -8
        r2 = 0
        r3 = 3
        call bpf_iter_num_new
        loop:
        r1 = r10
        r1 += -8
        call bpf_iter_num_next
        if r0 == 0x0 goto out
        r1 = r10
        r1 += -16
        r1 += r6
        r0 = *(u8 *)(r1 +0)
        r6 += 1
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
        mark_precise: frame0: parent state regs=r6 stack=: R6_r=P1
        14: R1_w=fp-9 R6=7
        14: R1_w=fp-8 R6=8
        14: r0 = *(u8 *)(r1 +0)
        invalid read from stack off -8+0 size 1
        "
    );
}

/// The inner iterator is another reference at each turn of the outer one, and alike.
#[test]
fn iterators_nest() {
    check!(
        "
        r1 = r10
        r1 += -8
        r2 = 0
        r3 = 10
        call bpf_iter_num_new
        outer:
        r1 = r10
        r1 += -8
        call bpf_iter_num_next
        if r0 == 0x0 goto out
        r1 = r10
        r1 += -16
        r2 = 0
        r3 = 10
        call bpf_iter_num_new
        inner:
        r1 = r10
        r1 += -16
        call bpf_iter_num_next
        if r0 != 0x0 goto inner
        r1 = r10
        r1 += -16
        call bpf_iter_num_destroy
        goto outer
        out:
        r1 = r10
        r1 += -8
        call bpf_iter_num_destroy
        r0 = 0
        exit
        ",
        "
        accepted
        13: fp-16=iter_num(ref_id=3,state=active,depth=0) refs=1,3
        13: fp-16_w=iter_num(ref_id=6,state=active,depth=0) refs=1,6
        16: safe
        7: safe
        16: safe
        processed 62 insns
        "
    );
}

/// `may_goto` ends any loop, so that a state may come round.
#[test]
fn may_goto_ends_a_loop() {
    check!(
        "
        r6 = 0
        loop:
        may_goto out
        r6 += 1
        goto loop
        out:
        r0 = 0
        exit
        ",
        "
        accepted
        1: may_goto pc+2
        from 1 to 2: R6=0
        1: safe
        processed 17 insns
        "
    );
}

/// A value that is relied upon must be bounded all the same: it is kept apart at each turn, until it leaves the stack.
#[test]
fn may_goto_is_no_bound() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        r6 = 0
        loop:
        may_goto out
        r1 = r10
        r1 += -8
        r1 += r6
        r0 = *(u8 *)(r1 +0)
        r6 += 1
        goto loop
        out:
        r0 = 0
        exit
        ",
        "
        refused: EACCES
        from 2 to 3: R6=7
        from 2 to 3: R6=8
        invalid read from stack R1 off=0 size=1
        "
    );
}

/// A loop of callbacks is left without any, and then walked until its state comes round at the call.
#[test]
fn callbacks_converge() {
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
        r0 = 0
        exit
        ",
        "
        accepted
        5: call bpf_loop#181
        6: R0_w=scalar()
        from 5 to 8: frame1: R1=scalar() R2=0 R10=fp0 cb
        to caller at 5:
        from 9 to 5: safe
        processed 10 insns
        "
    );
}

/// What a callback changes in its caller's stack counts at the next turn.
#[test]
fn callbacks_change_what_they_are_given() {
    check!(
        "
        *(u64 *)(r10 -8) = 0
        r1 = 100
        r2 = func(turn)
        r3 = r10
        r3 += -8
        r4 = 0
        call bpf_loop#181
        r1 = *(u64 *)(r10 -8)
        r0 = 0
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
        8: R1_w=0 fp-8=0
        13: frame1: R1_w=1 R2=fp[0]-8 cb
        from 15 to 7: fp-8=scalar()
        from 15 to 7: safe
        processed 25 insns
        "
    );
}

/// What a callback returns is bounded, and relied upon.
#[test]
fn callbacks_return_zero_or_one() {
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
        r0 = 2
        exit
        ",
        "
        refused: EINVAL
        8: frame1: R0_w=2 cb
        At callback return the register R0 has smin=2 smax=2 should have been in [0, 1]
        "
    );
}

/// A function that calls itself is refused for the depth of its frames.
#[test]
fn recursion_is_no_loop() {
    check!(
        "
        call f
        exit
        static f(0):
        call f
        exit
        ",
        "
        refused: E2BIG
        2: frame1: R1=ctx()
        2: frame7: R1=ctx()
        the call stack of 9 frames is too deep
        "
    );
}

/// A path that leaves a `may_goto` and comes back has not used it: without progress that is a loop without end.
#[test]
fn the_way_out_is_no_turn() {
    check!(
        "
        r0 = 0
        loop:
        may_goto again
        exit
        again:
        r6 = 1
        goto loop
        ",
        "
        refused: EINVAL
        1: may_goto pc+1
        1: may_goto pc+1
        infinite loop detected at insn 1
        "
    );
}
