// SPDX-License-Identifier: GPL-2.0-only
/* Functions follow the program breadth first, in the order of their names. */
#include "corpus.h"

NOINLINE int zeta(int x)
{
	hide(x);
	return x + 1;
}

NOINLINE int beta(int x)
{
	hide(x);
	return zeta(x) + 2;
}

NOINLINE int alpha(int x)
{
	hide(x);
	return x * 3;
}

SEC("xdp")
int calls(struct xdp_md *ctx)
{
	return beta(ctx->ingress_ifindex) + alpha(ctx->rx_queue_index) ? XDP_PASS : XDP_DROP;
}
