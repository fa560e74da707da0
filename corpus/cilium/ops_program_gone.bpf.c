// SPDX-License-Identifier: GPL-2.0-only
/* A struct of the kernel's with a program for a member that it does not have. */
#include "corpus.h"

struct tcp_congestion_ops {
	u32 (*ssthresh)(void *sk);
	u32 (*gone)(void *sk);
	char name[16];
};

SEC("struct_ops")
u32 threshold(u64 *ctx)
{
	return 2;
}

SEC("struct_ops")
u32 gone(u64 *ctx)
{
	return 2;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops congestion = {
	.ssthresh = (void *)threshold,
	.gone = (void *)gone,
	.name = "corpus",
};
