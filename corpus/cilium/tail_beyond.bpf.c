// SPDX-License-Identifier: GPL-2.0-only
/* A program array with a program beyond its end. */
#include "corpus.h"

int good(struct xdp_md *ctx);

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 2);
	TYPE(key, u32);
	int (*values[])(void *);
} jumps SEC(".maps") = {
	.values = {[3] = (void *)&good},
};

SEC("xdp")
int good(struct xdp_md *ctx)
{
	tail_call(ctx, &jumps, 3);
	return XDP_DROP;
}
