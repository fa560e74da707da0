// SPDX-License-Identifier: GPL-2.0-only
/* What remains of the link between scalars, and of the constant between them. */
#include "corpus.h"

char table[16];

/* The constant stays behind in a scalar that is linked no more, and is too large for an offset. */
SEC("socket")
NAKED int unlinked_offset(void)
{
	asm volatile("call 7;" /* bpf_get_prandom_u32 */
		     "w6 = w0;"
		     "r7 = r6;"
		     "r7 += 0x20000000;"
		     "r7 &= 7;"
		     "r1 = %[table] ll;"
		     "r1 += r7;"
		     "r0 = *(u8 *)(r1 + 0);"
		     "exit;" ::[table] "i"(table)
		     : "memory");
}

/* Told twice of a scalar that is four less: the second time the four are still known, or not. */
SEC("socket")
NAKED int synced_link(void)
{
	asm volatile("call 7;"
		     "w6 = w0;"
		     "r7 = r6;"
		     "r7 += 4;"
		     "if r6 > 10 goto 2f;"
		     "if r6 > 5 goto 2f;"
		     "if r7 < 4 goto 1f;"
		     "2: r0 = 0;"
		     "exit;"
		     "1: r0 = r9;"
		     "exit;");
}

/* Five and five are ten, and no more after a comparison of the first five. */
SEC("socket")
NAKED int self_sum(void)
{
	asm volatile("call 7;"
		     "r8 = r0;"
		     "call 7;"
		     "r6 = r0;"
		     "r7 = r6;"
		     "if r6 != 5 goto 2f;"
		     "r7 += r7;"
		     "if r8 == r6 goto 3f;"
		     "3: if r7 != 10 goto 1f;"
		     "2: r0 = 0;"
		     "exit;"
		     "1: r0 = r9;"
		     "exit;");
}
