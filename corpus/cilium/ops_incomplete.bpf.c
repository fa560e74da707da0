// SPDX-License-Identifier: GPL-2.0-only
/* A struct of the kernel's that lacks what it has to have, which the kernel finds when it is filled. */
#include "corpus.h"

struct tcp_congestion_ops {
	u32 (*ssthresh)(void *sk);
	u32 (*undo_cwnd)(void *sk);
	char name[16];
};

SEC("struct_ops")
u32 threshold(u64 *ctx)
{
	return 2;
}

SEC("struct_ops")
u32 undo(u64 *ctx)
{
	return 10;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops congestion = {
	.ssthresh = (void *)threshold,
	.undo_cwnd = (void *)undo,
	.name = "corpus",
};
