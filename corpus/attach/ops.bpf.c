// SPDX-License-Identifier: GPL-2.0-only
/* A member of a kernel's struct, with a function that can be extended and traced. */
#include "corpus.h"

struct sock;

struct tcp_congestion_ops {
	u32 (*ssthresh)(struct sock *sk);
} RELOCATED;

GLOBAL int calls(int n)
{
	hide(n);
	return n;
}

SEC("struct_ops")
u32 ssthresh(u64 *ctx)
{
	return calls(4);
}

SEC(".struct_ops")
struct tcp_congestion_ops congestion = {
	.ssthresh = (void *)ssthresh,
};
