// SPDX-License-Identifier: GPL-2.0-only
/* A constant zero that is stored at an unknown offset. Compiled with -mcpu=v4, for stores of constants. */
#include "corpus.h"

/* Somewhere into bytes that are zero; where r9 is read, which was never written, the program is rejected. */
#define SOMEWHERE(name, store)                                                                               \
	SEC("xdp")                                                                                            \
	NAKED int name(void)                                                                                  \
	{                                                                                                     \
		__asm__ volatile("r6 = *(u32 *)(r1 + 12);"                                                    \
				 "r7 = 0;"                                                                    \
				 "*(u64 *)(r10 - 8) = 0;"                                                     \
				 "r6 &= 7;"                                                                   \
				 "r2 = r10;"                                                                  \
				 "r2 += -8;"                                                                  \
				 "r2 += r6;" store "r7 = *(u8 *)(r10 - 5);"                                   \
				 "if r7 != 0 goto 1f;"                                                        \
				 "r0 = 2;"                                                                    \
				 "exit;"                                                                      \
				 "1: r0 = r9;"                                                                \
				 "exit;" ::: "memory");                                                       \
	}

/* The constant: accepted if it is known to be zero where it is stored. */
SOMEWHERE(constant_zero, "*(u8 *)(r2 + 0) = 0;")

/* Zero in a register: accepted everywhere. */
SOMEWHERE(register_zero, "*(u8 *)(r2 + 0) = r7;")

/* Another constant: rejected everywhere. */
SOMEWHERE(constant_one, "*(u8 *)(r2 + 0) = 1;")
