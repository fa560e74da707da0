// SPDX-License-Identifier: GPL-2.0-only
/* Members whose values do not fit those of the kernel: another size, and a name that is none. */
#include "corpus.h"

struct tcp_congestion_ops {
	u32 (*ssthresh)(void *sk);
	u32 (*undo_cwnd)(void *sk);
	void (*cong_avoid)(void *sk, u32 ack, u32 acked);
	u64 flags;
	char name[16];
};

SEC("struct_ops")
u32 threshold(u64 *ctx)
{
	return 2;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops wide = {
	.ssthresh = (void *)threshold,
	.name = "wide",
};
