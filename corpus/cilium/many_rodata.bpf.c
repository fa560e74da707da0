// SPDX-License-Identifier: GPL-2.0-only
/* Data in sections with names of their own, constant, changeable and empty. */
#include "corpus.h"

const volatile u32 limit SEC(".rodata.limits") = 7;
const volatile u32 plain = 5;
u32 counter SEC(".data.counters") = 1;
u64 zeroes[4] SEC(".bss.zeroes");
static volatile u32 hidden_one SEC(".data.hidden") = 3;

SEC("xdp")
int limited(struct xdp_md *ctx)
{
	u32 i = limit;

	counter += plain;
	if (i < 4)
		zeroes[i]++;
	else
		zeroes[hidden_one & 3]++;
	return XDP_PASS;
}
