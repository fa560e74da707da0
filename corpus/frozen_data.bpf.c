// SPDX-License-Identifier: GPL-2.0-only
/* Constants in .rodata are frozen before the program is loaded: the verifier reads them. */
#include "corpus.h"

const volatile u32 limit = 8;
const volatile _Bool debug = 0;
u32 mutable_limit = 8;
char table[8];

SEC("xdp")
int known(struct xdp_md *ctx)
{
	u32 sum = 0;

	for (u32 i = 0; i < limit; i++)
		sum += table[i];
	if (debug)
		return *(volatile int *)8; /* never walked */
	return sum & 1 ? XDP_PASS : XDP_DROP;
}

/* The same with data that may change: rejected. */
SEC("xdp")
int unknown(struct xdp_md *ctx)
{
	return table[*(volatile u32 *)&mutable_limit - 1];
}

/* Constants cannot be written: rejected. */
SEC("xdp")
int written(struct xdp_md *ctx)
{
	*(volatile u32 *)&limit = 3;
	return XDP_PASS;
}
