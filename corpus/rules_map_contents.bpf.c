// SPDX-License-Identifier: GPL-2.0-only
/* A program array that is to hold a program which is not loaded: programs are loaded one at a time here. */
#include "corpus.h"

SEC("xdp")
int next(struct xdp_md *ctx)
{
	return XDP_PASS;
}

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 1);
	NUMBER(key_size, 4);
	int (*values[])(struct xdp_md *ctx);
} programs SEC(".maps") = { .values = { next } };

SEC("xdp")
int first(struct xdp_md *ctx)
{
	tail_call(ctx, &programs, 0);
	return XDP_DROP;
}
