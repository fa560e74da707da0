// SPDX-License-Identifier: GPL-2.0-only
/* Functions that are not inlined, in several sections, static and global, that call one another. */
#include "corpus.h"

NOINLINE int leaf(int x)
{
	hide(x);
	return x & 3;
}

GLOBAL int global_leaf(int x)
{
	return leaf(x) + 1;
}

__attribute__((visibility("hidden"), noinline)) int hidden_leaf(int x)
{
	return global_leaf(x) + leaf(x + 1);
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	return hidden_leaf(ctx->rx_queue_index) & 1;
}

SEC("xdp/second")
int second(struct xdp_md *ctx)
{
	return global_leaf(ctx->ingress_ifindex) & 1;
}

SEC("tc")
int third(u32 *skb)
{
	return leaf(skb[0]) & 1;
}
