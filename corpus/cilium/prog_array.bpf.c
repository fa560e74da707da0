// SPDX-License-Identifier: GPL-2.0-only
/* A program array that names programs to begin with; one of them is rejected. */
#include "corpus.h"

int good(struct xdp_md *ctx);
int bad(struct xdp_md *ctx);

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 4);
	NUMBER(key_size, 4);
	int (*values[])(void *);
} jumps SEC(".maps") = {
	.values = {[0] = (void *)&good, [2] = (void *)&bad},
};

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	tail_call(ctx, &jumps, 0);
	return XDP_PASS;
}

SEC("xdp")
int good(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int bad(struct xdp_md *ctx)
{
	return *(volatile u8 *)(long)ctx->data;
}
