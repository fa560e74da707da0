// SPDX-License-Identifier: GPL-2.0-only
/* A program calls a function that nobody defines; others do not. */
#include "corpus.h"

extern int nowhere(int x);

SEC("xdp")
int calls(struct xdp_md *ctx)
{
	return nowhere(ctx->ingress_ifindex);
}

SEC("xdp")
int does_not(struct xdp_md *ctx)
{
	return XDP_PASS;
}
