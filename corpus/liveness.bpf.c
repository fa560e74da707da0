// SPDX-License-Identifier: GPL-2.0-only
/* What of a finished state counts: registers and stack slots that are needed behind it. */
#include "corpus.h"

/* r8 differs where the paths meet. Only a branch that is never taken would read it: marks of reads say that it
 * is not needed, the text of the program says that it is.
 */
SEC("xdp")
NAKED int read_in_dead_code(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = *(u32 *)(r1 + 16);"
			 "r9 = 0;"
			 "r8 = 1;"
			 "if r6 > 10 goto 1f;"
			 "r8 = r10;"
			 "if r6 > 5 goto 1f;"
			 "r7 = 0;"
			 "r7 += 1;"
			 "1: if r7 > 10 goto 2f;"
			 "r7 = 3;"
			 "2: r0 = 2;"
			 "if r9 != 0 goto 3f;"
			 "exit;"
			 "3: r0 = r8;"
			 "exit;" ::: "memory");
}

static NAKED __attribute__((used)) int fill(void)
{
	__asm__ volatile("r0 = *(u64 *)(r1 + 0);"
			 "*(u64 *)(r1 + 0) = r2;"
			 "exit;" ::: "memory");
}

static NAKED __attribute__((used)) int overwrite(void)
{
	__asm__ volatile("*(u64 *)(r1 + 0) = r2;"
			 "r0 = 0;"
			 "exit;" ::: "memory");
}

/* A slot of the caller is read by one function and overwritten by another before it is read again. */
SEC("xdp")
NAKED int slot_of_caller(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = *(u32 *)(r1 + 16);"
			 "r8 = 1;"
			 "if r6 > 10 goto 1f;"
			 "r8 = 2;"
			 "if r6 > 5 goto 1f;"
			 "r8 = 3;"
			 "1: *(u64 *)(r10 - 8) = r8;"
			 "*(u64 *)(r10 - 16) = r8;"
			 "r8 = 0;"
			 "r1 = r10;"
			 "r1 += -8;"
			 "r2 = r7;"
			 "if r7 > 10 goto 2f;"
			 "call overwrite;"
			 "goto 3f;"
			 "2: call fill;"
			 "3: r1 = r10;"
			 "r1 += -16;"
			 "r2 = 4;"
			 "if r7 > 20 goto 4f;"
			 "r2 = 5;"
			 "4: call overwrite;"
			 "r0 = *(u64 *)(r10 - 16);"
			 "r3 = *(u64 *)(r10 - 8);"
			 "r0 += r3;"
			 "r0 &= 1;"
			 "exit;" ::: "memory");
}
