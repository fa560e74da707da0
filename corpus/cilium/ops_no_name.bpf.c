// SPDX-License-Identifier: GPL-2.0-only
/* A struct of the kernel's whose name is empty. */
#include "corpus.h"

struct tcp_congestion_ops {
	u32 (*ssthresh)(void *sk);
	u32 (*undo_cwnd)(void *sk);
	void (*cong_avoid)(void *sk, u32 ack, u32 acked);
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
	return 2;
}

SEC("struct_ops")
void avoid(u64 *ctx)
{
}

SEC(".struct_ops.link")
struct tcp_congestion_ops nameless = {
	.ssthresh = (void *)threshold,
	.undo_cwnd = (void *)undo,
	.cong_avoid = (void *)avoid,
};
