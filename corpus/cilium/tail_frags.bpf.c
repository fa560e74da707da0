// SPDX-License-Identifier: GPL-2.0-only
/* A program that knows of fragments and one that does not, in one program array. */
#include "corpus.h"

int plain(struct xdp_md *ctx);

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	int (*values[])(void *);
} jumps SEC(".maps") = {
	.values = {[1] = (void *)&plain},
};

SEC("xdp.frags")
int entry(struct xdp_md *ctx)
{
	tail_call(ctx, &jumps, 1);
	return XDP_PASS;
}

SEC("xdp")
int plain(struct xdp_md *ctx)
{
	return XDP_DROP;
}
