// SPDX-License-Identifier: GPL-2.0-only
/* A program array filled with programs of another type than the one that calls them. */
#include "corpus.h"

int other(void *ctx);

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	int (*values[])(void *);
} jumps SEC(".maps") = {
	.values = {[0] = (void *)&other},
};

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	tail_call(ctx, &jumps, 0);
	return XDP_PASS;
}

SEC("tc")
int other(void *ctx)
{
	return 0;
}
