// SPDX-License-Identifier: GPL-2.0-only
/* A struct of the kernel's whose members are programs of the object, one of them used twice. */
#include "corpus.h"

struct tcp_congestion_ops {
	u32 (*ssthresh)(void *sk);
	void (*cong_avoid)(void *sk, u32 ack, u32 acked);
	void (*set_state)(void *sk, u8 state);
	u32 (*undo_cwnd)(void *sk);
	u32 flags;
	char name[16];
	void *owner;
};

SEC("struct_ops")
u32 threshold(u64 *ctx)
{
	return 2;
}

SEC("struct_ops/named")
void avoid(u64 *ctx)
{
}

SEC("struct_ops")
u32 undo(u64 *ctx)
{
	return 10;
}

SEC("struct_ops")
u32 unused(u64 *ctx)
{
	return 0;
}

SEC("xdp")
int beside(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops congestion = {
	.ssthresh = (void *)threshold,
	.cong_avoid = (void *)avoid,
	.undo_cwnd = (void *)undo,
	.flags = 1,
	.name = "corpus",
};
