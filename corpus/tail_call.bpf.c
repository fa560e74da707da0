// SPDX-License-Identifier: GPL-2.0-only
/* Tail calls: the map must hold programs, and the walk goes on behind them. */
#include "corpus.h"

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 4);
	NUMBER(key_size, 4);
	NUMBER(value_size, 4);
} programs SEC(".maps");

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u32);
} numbers SEC(".maps");

SEC("xdp")
int constant(struct xdp_md *ctx)
{
	tail_call(ctx, &programs, 2);
	return XDP_PASS;
}

SEC("xdp")
int computed(struct xdp_md *ctx)
{
	tail_call(ctx, &programs, ctx->ingress_ifindex);
	return XDP_DROP;
}

/* An array of numbers is no array of programs: rejected. */
SEC("xdp")
int wrong_map(struct xdp_md *ctx)
{
	tail_call(ctx, &numbers, 0);
	return XDP_PASS;
}
