// SPDX-License-Identifier: GPL-2.0-only
/* A kernel struct without the member that is set. */
#include "corpus.h"

struct tcp_congestion_ops {
	u64 no_such_member;
	char name[16];
};

SEC(".struct_ops")
struct tcp_congestion_ops control = {
	.no_such_member = 1,
	.name = "verdict",
};

SEC("xdp")
int beside(struct xdp_md *ctx)
{
	return XDP_PASS;
}
