// SPDX-License-Identifier: GPL-2.0-only
/* What the ranges of a whole register tell of the bits of its low half. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

/* A number of 32 bits that is equal to one whose sign was extended has 31: accepted if the low half is known to have no
 * more; where r9 is read, which was never written, the program is rejected.
 */
SEC("xdp")
NAKED int equal_to_extended(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "call 7;" /* bpf_get_prandom_u32 */
			 "r7 = r0;"
			 "r7 <<= 32;"
			 "r7 s>>= 32;"
			 "if r6 != r7 goto 2f;"
			 "w8 = w6;"
			 "if w8 > 0x7fffffff goto 1f;"
			 "2: r0 = 2;"
			 "exit;"
			 "1: r0 = r9;"
			 "exit;" ::: "memory");
}
