// SPDX-License-Identifier: GPL-2.0-only
/* Static functions are walked at each call, with what the caller's registers hold. */
#include "corpus.h"

char table[16];

NOINLINE u32 pick(u32 index)
{
	return table[index];
}

NOINLINE u32 twice(u32 index)
{
	return pick(index) + pick(index + 1);
}

SEC("xdp")
int in_bounds(struct xdp_md *ctx)
{
	u32 index = ctx->ingress_ifindex;

	if (index > 14)
		return XDP_PASS;
	return twice(index) & 1 ? XDP_PASS : XDP_DROP;
}

/* One element too far in the innermost frame: rejected. */
SEC("xdp")
int too_far(struct xdp_md *ctx)
{
	u32 index = ctx->ingress_ifindex;

	if (index > 15)
		return XDP_PASS;
	return twice(index) & 1 ? XDP_PASS : XDP_DROP;
}

/* A pointer into the caller's frame. */
NOINLINE void fill(u64 *slot, u64 value)
{
	*slot = value;
}

SEC("xdp")
int callers_stack(struct xdp_md *ctx)
{
	u64 slot = 0;

	fill(&slot, ctx->ingress_ifindex);
	return slot & 1 ? XDP_PASS : XDP_DROP;
}

/* Calls may not recurse: rejected. */
NOINLINE NAKED int again(int depth)
{
	__asm__ volatile("r1 += -1; call again; exit;");
}

SEC("xdp")
int recursion(struct xdp_md *ctx)
{
	return again(3);
}
