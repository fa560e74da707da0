// SPDX-License-Identifier: GPL-2.0-only
/* Hidden and static variables, in sections with names of their own. */
#include "corpus.h"

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN u32 counter;
static volatile u32 kept = 7;
u32 visible = 3;
const volatile u32 limit = 5;
HIDDEN const volatile u32 hidden_limit = 6;
u32 custom SEC(".data.custom") = 9;
const volatile u32 table[4] SEC(".rodata.table") = {1, 2, 3, 4};

SEC("xdp")
int reads(struct xdp_md *ctx)
{
	counter++;
	return counter + kept + visible + limit + hidden_limit + custom;
}

SEC("xdp")
int knows(struct xdp_md *ctx)
{
	u32 sum = 0;

	for (u32 i = 0; i < limit; i++)
		sum += ctx->ingress_ifindex;
	return sum + table[2] == 3;
}

SEC("xdp")
int writes(struct xdp_md *ctx)
{
	*(volatile u32 *)&limit = 1;
	return 0;
}
