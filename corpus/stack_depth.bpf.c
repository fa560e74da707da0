// SPDX-License-Identifier: GPL-2.0-only
/* 512 bytes of stack, all frames of a call chain together. */
#include "corpus.h"

NOINLINE int deep(u32 x)
{
	volatile char bytes[300];

	hide(x);
	bytes[x & 255] = 1;
	return bytes[7];
}

NOINLINE int shallow(u32 x)
{
	volatile char bytes[100];

	hide(x);
	bytes[x & 63] = 1;
	return bytes[7];
}

SEC("xdp")
int fits(struct xdp_md *ctx)
{
	volatile char bytes[150];

	bytes[ctx->ingress_ifindex & 127] = 1;
	return deep(1) + shallow(2) + bytes[3] > 0 ? XDP_PASS : XDP_DROP;
}

/* 260 and 300 bytes: rejected. */
SEC("xdp")
int too_deep(struct xdp_md *ctx)
{
	volatile char bytes[260];

	bytes[ctx->ingress_ifindex & 255] = 1;
	return deep(1) + bytes[3] > 0 ? XDP_PASS : XDP_DROP;
}

/* Below the frame: rejected. */
SEC("xdp")
NAKED int below(struct xdp_md *ctx)
{
	__asm__ volatile("r0 = 0;"
			 "*(u64 *)(r10 - 520) = r0;"
			 "exit;" ::: "memory");
}

/* A variable offset that may leave the frame: rejected. */
SEC("xdp")
NAKED int variable(struct xdp_md *ctx)
{
	__asm__ volatile("r2 = *(u32 *)(r1 + 12);"
			 "r3 = r10;"
			 "r3 += -16;"
			 "r2 &= 31;"
			 "r3 += r2;"
			 "r0 = 0;"
			 "*(u8 *)(r3 + 0) = r0;"
			 "exit;" ::: "memory");
}
