// SPDX-License-Identifier: GPL-2.0-only
/* A register compared with itself: both sides are narrowed, found contradictory and reset as the one register
 * that they are.
 */
#include "corpus.h"

#define COMPARED(name, condition)                                                                                \
	SEC("socket")                                                                                             \
	NAKED int name(void)                                                                                      \
	{                                                                                                         \
		asm volatile("call 7;" /* bpf_get_prandom_u32 */                                                  \
			     "w8 = 0x80000000;"                                                                   \
			     "r0 &= r8;"                                                                          \
			     "if " condition " goto +1;"                                                          \
			     "r0 = 0;"                                                                            \
			     "exit;");                                                                            \
	}

COMPARED(equal, "r0 == r0")
COMPARED(unequal, "r0 != r0")
COMPARED(less, "r0 < r0")
COMPARED(less_or_equal, "r0 <= r0")
COMPARED(signed_greater, "r0 s> r0")
COMPARED(lower_half_less, "w0 s< w0")
COMPARED(bits, "r0 & r0")
