// SPDX-License-Identifier: GPL-2.0-only
/* Copies of a scalar share what a comparison says of one of them, also with a constant between them. */
#include "corpus.h"

char table[16];

SEC("xdp")
NAKED int copy(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = r6;"
			 "if r7 > 15 goto 1f;"
			 "r1 = %[table] ll;"
			 "r1 += r6;" /* bounded through r7 */
			 "r0 = *(u8 *)(r1 + 0);"
			 "1: r0 = 2;"
			 "exit;" ::[table] "i"(table)
			 : "memory");
}

SEC("xdp")
NAKED int offset(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = r6;"
			 "r7 += 4;"
			 "if r7 > 15 goto 1f;"
			 "if r7 < 4 goto 1f;"
			 "r1 = %[table] ll;"
			 "r1 += r6;" /* 0 to 11 */
			 "r0 = *(u8 *)(r1 + 4);"
			 "1: r0 = 2;"
			 "exit;" ::[table] "i"(table)
			 : "memory");
}

/* Through a spilled copy, too. */
SEC("xdp")
NAKED int spilled(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "*(u64 *)(r10 - 8) = r6;"
			 "if r6 > 15 goto 1f;"
			 "r7 = *(u64 *)(r10 - 8);"
			 "r1 = %[table] ll;"
			 "r1 += r7;"
			 "r0 = *(u8 *)(r1 + 0);"
			 "1: r0 = 2;"
			 "exit;" ::[table] "i"(table)
			 : "memory");
}

/* A changed copy shares nothing any more: rejected. */
SEC("xdp")
NAKED int changed(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = r6;"
			 "r7 &= 255;"
			 "if r7 > 15 goto 1f;"
			 "r1 = %[table] ll;"
			 "r1 += r6;"
			 "r0 = *(u8 *)(r1 + 0);"
			 "1: r0 = 2;"
			 "exit;" ::[table] "i"(table)
			 : "memory");
}
