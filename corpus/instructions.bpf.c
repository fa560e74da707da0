// SPDX-License-Identifier: GPL-2.0-only
/* The instructions of -mcpu=v4, and atomics. */
#include "corpus.h"

u64 counter;
u32 narrow;

SEC("xdp")
int v4(struct xdp_md *ctx)
{
	s32 x = ctx->ingress_ifindex, y = ctx->rx_queue_index;
	s64 wide = (s8)x;
	u32 swapped = __builtin_bswap32(x);

	if (!y)
		return XDP_PASS;
	return wide / 3 + x / y + x % 5 + swapped + (s16)y > 0 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int atomics(struct xdp_md *ctx)
{
	u64 old = __sync_fetch_and_add(&counter, 3);

	__sync_fetch_and_or(&narrow, 1);
	old += __sync_lock_test_and_set(&counter, 5);
	old += __sync_val_compare_and_swap(&narrow, 1, 2);
	return old & 1 ? XDP_PASS : XDP_DROP;
}

/* Sign-extending moves and loads bound what they give. */
char table[256];

SEC("xdp")
NAKED int sign_extended(struct xdp_md *ctx)
{
	__asm__ volatile("r2 = *(u32 *)(r1 + 12);"
			 "r2 = (s8)r2;"
			 "r2 += 128;"
			 "r1 = %[table] ll;"
			 "r1 += r2;"
			 "r0 = *(s8 *)(r1 + 0);"
			 "if r0 s> 5 goto 1f;"
			 "r0 = 2;"
			 "gotol 2f;"
			 "1: r0 = 1;"
			 "2: exit;" ::[table] "i"(table)
			 : "memory");
}

/* No atomics on the context: rejected. */
SEC("xdp")
NAKED int on_context(struct xdp_md *ctx)
{
	__asm__ volatile("r2 = 1; lock *(u32 *)(r1 + 12) += w2; r0 = 2; exit;" ::: "memory");
}
