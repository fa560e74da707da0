// SPDX-License-Identifier: GPL-2.0-only
/* A program array that names programs to begin with. */
#include "corpus.h"

int good(struct xdp_md *ctx);

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	int (*values[])(void *);
} jumps SEC(".maps") = {
	.values = {[1] = (void *)&good},
};

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	tail_call(ctx, &jumps, 1);
	return XDP_PASS;
}

SEC("xdp")
int good(struct xdp_md *ctx)
{
	tail_call(ctx, &jumps, 1);
	return XDP_DROP;
}
