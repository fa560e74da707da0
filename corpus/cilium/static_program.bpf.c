// SPDX-License-Identifier: GPL-2.0-only
/* Programs may be static functions. */
#include "corpus.h"

SEC("xdp")
static int entry(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex ? XDP_PASS : XDP_DROP;
}

SEC("xdp/other")
static int wrong(struct xdp_md *ctx)
{
	return *(volatile u8 *)(long)ctx->data;
}
