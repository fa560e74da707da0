// SPDX-License-Identifier: GPL-2.0-only
/* Calls of kernel functions that newer kernels judge otherwise: pointers that may be NULL, and RCU regions within others. */
#include "corpus.h"

KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);
KFUNC int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags);

/* No memory, of no bytes. Rejected where all functions want what they can trust. */
SEC("syscall")
int no_memory(void *ctx)
{
	return bpf_copy_from_user_str(NULL, 0, ctx, 0);
}

/* The memory of a map, which is never NULL: accepted everywhere. */
char text[16];

SEC("syscall")
int memory(void *ctx)
{
	return bpf_copy_from_user_str(text, sizeof(text), ctx, 0);
}

/* Within another region. Accepted where regions are counted. */
SEC("tc")
int nested(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	bpf_rcu_read_unlock();
	return 0;
}

/* One is left, of two. Rejected. */
SEC("tc")
int left_once(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}

/* Left more often than entered. Rejected. */
SEC("tc")
int left_too_often(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	bpf_rcu_read_unlock();
	return 0;
}

/* Two states that differ in how many regions were entered alone. Rejected. */
SEC("tc")
int depths_differ(u32 *ctx)
{
	bpf_rcu_read_lock();
	if (ctx[2] == 7)
		bpf_rcu_read_lock();
	if (ctx[0] == 9)
		bpf_rcu_read_unlock();
	return 0;
}

/* What sleeps does not so in the outer region that is left. Rejected. */
SEC("syscall")
int sleeps_between(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	bpf_copy_from_user_str(text, sizeof(text), ctx, 0);
	bpf_rcu_read_unlock();
	return 0;
}
