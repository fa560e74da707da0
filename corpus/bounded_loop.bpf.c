// SPDX-License-Identifier: GPL-2.0-only
/* Loops of plain jumps: walked iteration by iteration, and refused when nothing changes. */
#include "corpus.h"

SEC("xdp")
int counted(struct xdp_md *ctx)
{
	u32 sum = 0;

	for (int i = 0; i < 20; i++) {
		barrier();
		sum += get_prandom_u32();
	}
	return sum & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int early_end(struct xdp_md *ctx)
{
	for (int i = 0; i < 10; i++)
		if (get_prandom_u32() == 7)
			return XDP_DROP;
	return XDP_PASS;
}

SEC("xdp")
int nested(struct xdp_md *ctx)
{
	u32 sum = 0;

	for (int i = 0; i < 10; i++)
		for (int j = 0; j < 10; j++) {
			hide(sum);
			sum += j;
		}
	return sum > 1 ? XDP_PASS : XDP_DROP;
}

/* The same state again and again: rejected. */
SEC("xdp")
NAKED int endless(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = 0;"
			 "1: r6 = 0;"
			 "if r6 < 5 goto 1b;"
			 "r0 = 2;"
			 "exit;");
}
