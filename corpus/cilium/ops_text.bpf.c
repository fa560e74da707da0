// SPDX-License-Identifier: GPL-2.0-only
/* A struct of the kernel's whose member is a function and no program. */
#include "corpus.h"

struct tcp_congestion_ops {
	u32 (*ssthresh)(void *sk);
	char name[16];
};

GLOBAL u32 threshold(u64 *ctx)
{
	return 2;
}

SEC("xdp")
int beside(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops congestion = {
	.ssthresh = (void *)threshold,
	.name = "corpus",
};
