// SPDX-License-Identifier: GPL-2.0-only
/* The same in an object with BTF. */
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
