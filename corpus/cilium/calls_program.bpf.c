// SPDX-License-Identifier: GPL-2.0-only
/* A program calls another program. */
#include "corpus.h"

SEC("xdp/callee")
GLOBAL int callee(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex ? XDP_PASS : XDP_DROP;
}

SEC("xdp/caller")
int caller(struct xdp_md *ctx)
{
	return callee(ctx);
}
