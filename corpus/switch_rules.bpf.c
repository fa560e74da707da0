// SPDX-License-Identifier: GPL-2.0-only
/* Where kernels decide differently about locks, contexts, packets and objects of the kernel. Compiled with -mcpu=v4,
 * for stores of constants.
 */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct task_struct {
	int pid;
	struct task_struct *group_leader;
} RELOCATED;

KFUNC void schedule(void);
HELPER(44, long, xdp_adjust_head, struct xdp_md *ctx, int delta);

struct locked {
	struct bpf_spin_lock lock;
	u32 number;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct locked);
} locks SEC(".maps");

NOINLINE int counts(u32 *number)
{
	(*number)++;
	barrier();
	return 0;
}

/* A function of the program is called while a lock is held: accepted if it may be. */
SEC("tc")
int called_under_lock(void *ctx)
{
	u32 key = 0;
	struct locked *value = map_lookup_elem(&locks, &key);

	if (!value)
		return 0;
	spin_lock(&value->lock);
	counts(&value->number);
	spin_unlock(&value->lock);
	return 0;
}

/* A constant stored in the context: accepted if it may be, as a register's value may. */
SEC("tc")
NAKED int constant_in_context(void)
{
	__asm__ volatile("*(u32 *)(r1 + 48) = 5;" /* cb[0] */
			 "r0 = 0;"
			 "exit;" ::: "memory");
}

GLOBAL int grows(struct xdp_md *ctx)
{
	return xdp_adjust_head(ctx, -8);
}

/* A packet is read after a function that changed it: rejected where calls are looked into that far. */
SEC("xdp")
int packet_after_call(struct xdp_md *ctx)
{
	u8 *data = (u8 *)(u64)ctx->data;

	if (data + 1 > (u8 *)(u64)ctx->data_end)
		return XDP_PASS;
	grows(ctx);
	return *data ? XDP_PASS : XDP_DROP;
}

/* A member of an object, and one of the object it points to: accepted; what are the pointers worth? */
SEC("tp_btf/task_newtask")
int members(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	int pid = task->group_leader->pid;

	hide(pid);
	return 0;
}

/* A function of the kernel, named like a variable: accepted if it may be. */
SEC("tc")
int function_address(void *ctx)
{
	void *address = schedule;

	hide(address);
	return address ? 0 : 1;
}
