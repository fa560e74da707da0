// SPDX-License-Identifier: GPL-2.0-only
/* may_goto: a loop that the kernel bounds at run time needs no bound that the verifier can see. */
#include "corpus.h"

#define can_loop \
	({ \
		__label__ on, out; \
		int go = 1; \
		asm goto("may_goto %l[out]" ::::out); \
		goto on; \
	out: \
		go = 0; \
	on: \
		go; \
	})

int numbers[16];

SEC("xdp")
int until(struct xdp_md *ctx)
{
	u32 i = 0, total = 0;

	while (can_loop) {
		if (i >= 16)
			break;
		total += numbers[i++];
	}
	return total & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int no_bound(struct xdp_md *ctx)
{
	u32 rounds = 0;

	while (can_loop)
		rounds += get_prandom_u32() & 1;
	return rounds & 1 ? XDP_PASS : XDP_DROP;
}
