// SPDX-License-Identifier: GPL-2.0-only
/* A struct of the kernel's whose member is a program of another type. */
#include "corpus.h"

struct tcp_congestion_ops {
	u32 (*ssthresh)(void *sk);
	char name[16];
};

SEC("xdp")
int threshold(struct xdp_md *ctx)
{
	return 2;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops congestion = {
	.ssthresh = (void *)threshold,
	.name = "corpus",
};
