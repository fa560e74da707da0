// SPDX-License-Identifier: GPL-2.0-only
/* Scalars are compared by value only where the value was needed: an offset into memory, a size, a
 * decided branch. The need is carried backwards through copies, arithmetic, spills and calls.
 */
#include "corpus.h"

char table[64];

#define LONG_ENOUGH "r3 = 1; r3 += 1; r3 += 2; r3 += 3; r3 += 4; r3 += 5; r3 += 6; r3 += 7;"

/* Not needed: the two paths meet. */
SEC("xdp")
NAKED int unneeded(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = 1;"
			 "if r6 > 3 goto 1f;"
			 "r7 = 2;"
			 "1: if r6 > 5 goto 2f;"
			 "r6 = 0;"
			 "2:" LONG_ENOUGH
			 "r0 = r7;"
			 "if r6 > 9 goto 3f;"
			 "r6 = 1;"
			 "3: r0 = 2;"
			 "exit;" ::: "memory");
}

/* Needed as an offset, after a copy and an addition. */
SEC("xdp")
NAKED int offset(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = 1;"
			 "if r6 > 3 goto 1f;"
			 "r7 = 40;"
			 "1: if r6 > 5 goto 2f;"
			 "r6 = 0;"
			 "2:" LONG_ENOUGH
			 "r8 = r7;"
			 "r8 += 20;"
			 "r1 = %[table] ll;"
			 "r1 += r8;"
			 "r0 = *(u8 *)(r1 + 0);"
			 "r0 = 2;"
			 "exit;" ::[table] "i"(table)
			 : "memory");
}

/* Needed through a stack slot; one path is out of bounds: rejected. */
SEC("xdp")
NAKED int through_stack(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = 64;"
			 "if r6 > 3 goto 1f;"
			 "r7 = 40;"
			 "1: *(u64 *)(r10 - 8) = r7;"
			 "r7 = 0;" LONG_ENOUGH
			 "if r6 > 5 goto 2f;"
			 "r6 = 0;"
			 "2: r8 = *(u64 *)(r10 - 8);"
			 "r1 = %[table] ll;"
			 "r1 += r8;"
			 "r0 = *(u8 *)(r1 + 0);"
			 "r0 = 2;"
			 "exit;" ::[table] "i"(table)
			 : "memory");
}

/* Needed in a callee. */
NOINLINE u32 pick(u32 a, u32 b)
{
	return table[b];
}

SEC("xdp")
int through_call(struct xdp_md *ctx)
{
	u32 index = 3;

	if (ctx->ingress_ifindex > 5)
		index = 50;
	hide(index);
	return pick(1, index) & 1 ? XDP_PASS : XDP_DROP;
}
