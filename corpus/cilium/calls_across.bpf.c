// SPDX-License-Identifier: GPL-2.0-only
/* A program calls functions that lie in other sections, and those call further ones. */
#include "corpus.h"

SEC("helpers/first")
GLOBAL int first(int x)
{
	return x + 1;
}

SEC("helpers/second")
GLOBAL int second(int x)
{
	return first(x) * 2;
}

GLOBAL int plain(int x)
{
	return x - 1;
}

SEC("xdp/a")
int calls(struct xdp_md *ctx)
{
	return second(ctx->ingress_ifindex) + plain(ctx->rx_queue_index) ? XDP_PASS : XDP_DROP;
}

SEC("xdp/b")
int calls_first(struct xdp_md *ctx)
{
	return first(ctx->ingress_ifindex) ? XDP_PASS : XDP_DROP;
}
