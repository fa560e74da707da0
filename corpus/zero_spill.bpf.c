// SPDX-License-Identifier: GPL-2.0-only
/* A register known to be zero, spilled to an aligned slot: does the slot become STACK_ZERO, or a spilled
 * scalar that is not (yet) precise? In the first case no other spilled scalar can stand for it.
 */
#include "corpus.h"

/* The slot holds 0 on the path walked first and 1 on the other; nothing needs the value precisely. */
SEC("xdp")
NAKED int merged(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = *(u32 *)(r1 + 16);"
			 "r9 = *(u32 *)(r1 + 16);"
			 "r8 = 0;"
			 "if r6 > 10 goto 1f;"
			 "*(u64 *)(r10 - 8) = r8;"
			 "goto 2f;"
			 "1: r8 = 1;"
			 "*(u64 *)(r10 - 8) = r8;"
			 "r8 = 0;"
			 "2: if r7 > 10 goto 3f;"
			 "r7 = 3;"
			 "3: r2 = 1;"
			 "r2 += 1;"
			 "r2 += 2;"
			 "r2 += 3;"
			 "r2 += 4;"
			 "r2 += 5;"
			 "if r9 > 20 goto 4f;"
			 "r2 += 6;"
			 "4: r0 = *(u64 *)(r10 - 8);"
			 "r0 += r7;"
			 "r0 = 2;"
			 "exit;" ::: "memory");
}

/* The same through a register that is only known to be zero by a comparison. */
SEC("xdp")
NAKED int compared(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = *(u32 *)(r1 + 16);"
			 "if r6 != 0 goto 1f;"
			 "r3 = 1;"
			 "r3 += 1;"
			 "1: *(u64 *)(r10 - 16) = r6;"
			 "r6 = 0;"
			 "r3 = 0;"
			 "if r7 > 7 goto 2f;"
			 "r3 += 1;"
			 "r3 += 2;"
			 "r3 += 3;"
			 "2: r3 = 4;"
			 "r3 += 5;"
			 "if r7 > 9 goto 3f;"
			 "r3 += 6;"
			 "3: r0 = *(u64 *)(r10 - 16);"
			 "r0 = 2;"
			 "exit;" ::: "memory");
}

/* The zero is needed precisely: as the size of a read it decides whether the program is safe. */
SEC("xdp")
NAKED int needed(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = 0;"
			 "*(u64 *)(r10 - 8) = r7;"
			 "*(u64 *)(r10 - 16) = r7;"
			 "if r6 > 10 goto 1f;"
			 "r7 = 8;"
			 "*(u64 *)(r10 - 16) = r7;"
			 "1: r2 = *(u64 *)(r10 - 16);"
			 "r1 = r10;"
			 "r1 += -8;"
			 "r1 += r2;"
			 "r0 = *(u64 *)(r1 + 0);"
			 "r0 = 2;"
			 "exit;" ::: "memory");
}
