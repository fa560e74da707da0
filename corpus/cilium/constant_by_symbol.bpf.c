// SPDX-License-Identifier: GPL-2.0-only
/* A constant that user space gives in place of a symbol nobody defines. */
/* -g0 */
#include "corpus.h"

#define CONSTANT(name)                                            \
	({                                                        \
		u64 value;                                        \
		__asm__("%0 = " #name " ll" : "=r"(value));       \
		value;                                            \
	})

SEC("xdp")
int limited(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex > CONSTANT(limit) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int loops(struct xdp_md *ctx)
{
	u64 rounds = CONSTANT(rounds);
	int sum = 0;

	if (rounds > 100)
		return XDP_DROP;
	for (u64 i = 0; i < rounds; i++)
		sum += ctx->ingress_ifindex;
	return sum ? XDP_PASS : XDP_DROP;
}
