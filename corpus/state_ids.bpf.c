// SPDX-License-Identifier: GPL-2.0-only
/* Facts beside the value that a state is compared by: ids of scalars, the end of a packet, how an iterator was
 * made.
 */
#include "corpus.h"

struct task_struct { int pid; } RELOCATED;
struct bpf_iter_task { u64 opaque[3]; } __attribute__((aligned(8)));

KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);
KFUNC int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task__nullable, unsigned int flags);
KFUNC struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it);
KFUNC void bpf_iter_task_destroy(struct bpf_iter_task *it);

/* Two scalars are unrelated on the path walked first and linked on the other: does that one have less to fear? */
SEC("xdp")
NAKED int linked_later(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = *(u32 *)(r1 + 16);"
			 "r9 = *(u32 *)(r1 + 16);"
			 "r8 = *(u32 *)(r1 + 12);"
			 "r3 = 0;"
			 "if r9 > 10 goto 1f;"
			 "r3 += 1;"
			 "r3 += 2;"
			 "if r8 > 20 goto 2f;"
			 "r3 += 3;"
			 "r3 += 4;"
			 "goto 2f;"
			 "1: r6 = r7;"
			 "2: r3 = 0;"
			 "r9 = 0;"
			 "r8 = 0;"
			 "if r6 > 7 goto 3f;"
			 "if r7 > 7 goto 3f;"
			 "r2 = r10;"
			 "r2 += -16;"
			 "r2 += r6;"
			 "r0 = *(u8 *)(r2 + 0);"
			 "r2 = r10;"
			 "r2 += -16;"
			 "r2 += r7;"
			 "r0 = *(u8 *)(r2 + 0);"
			 "3: r0 = 2;"
			 "exit;" ::: "memory");
}

/* On the path walked first the pointer is beyond the end; on the other it has eight bytes before it. A second
 * comparison is decided for the first only.
 */
SEC("xdp")
NAKED int beyond_end(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r2 = *(u32 *)(r1 + 0);"
			 "r3 = *(u32 *)(r1 + 4);"
			 "r4 = r2;"
			 "r4 += 8;"
			 "r5 = 0;"
			 "if r3 >= r4 goto 1f;"
			 "r5 += 1;"
			 "r5 += 2;"
			 "if r6 > 3 goto 1f;"
			 "r5 += 3;"
			 "r5 += 4;"
			 "1: r5 = 0;"
			 "r2 = 0;"
			 "if r4 > r3 goto 2f;"
			 "r0 = *(u8 *)(r4 + 0);"
			 "2: r0 = 2;"
			 "exit;" ::: "memory");
}

/* The iterator is made under RCU on the path walked first, before it on the other: stepped under it in both. */
SEC("syscall")
int made_under_rcu(void *ctx)
{
	struct bpf_iter_task it;

	if (__builtin_expect(get_prandom_u32() & 1, 1)) {
		bpf_rcu_read_lock();
		bpf_iter_task_new(&it, NULL, 0);
	} else {
		bpf_iter_task_new(&it, NULL, 0);
		bpf_rcu_read_lock();
	}
	bpf_iter_task_next(&it);
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}
