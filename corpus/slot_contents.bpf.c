// SPDX-License-Identifier: GPL-2.0-only
/* What is known of a stack slot behind stores of several kinds. Compiled with -mcpu=v4, for stores of constants. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

/* Enough instructions and jumps before the paths meet for a checkpoint there: after FIRST the first time. */
#define MERGE(first, second)                                                                                 \
	"r3 = 1; r3 += 1; r3 += 2; r3 += 3; r3 += 4; r3 += 5; r3 += 6;"                                      \
	"if r6 > 20 goto 3f;"                                                                                \
	"if r6 > 3 goto 3f;" first "goto 4f;"                                                                \
	"3: " second "4: r3 = 1;"

/* r6 is any number of 32 bits; where r9 is read, which was never written, the program is rejected. */
#define SLOT(name, text)                                                                                     \
	SEC("xdp")                                                                                            \
	NAKED int name(void)                                                                                  \
	{                                                                                                     \
		__asm__ volatile("r6 = *(u32 *)(r1 + 12);" text "2: r0 = 2;"                                  \
				 "exit;"                                                                      \
				 "1: r0 = r9;"                                                                \
				 "exit;" ::: "memory");                                                               \
	}

/* Without that place. */
#define IDLE(name, text)                                                                                     \
	SEC("xdp")                                                                                            \
	NAKED int name(void)                                                                                  \
	{                                                                                                     \
		__asm__ volatile("r6 = *(u32 *)(r1 + 12);" text "r0 = 2;"                                     \
				 "exit;" ::: "memory");                                                       \
	}

/* Any number of 64 bits, loaded twice: accepted if both are known to be the one that was stored. */
SLOT(unknown_spill, "call 7;" /* bpf_get_prandom_u32 */
		    "*(u64 *)(r10 - 8) = r0;"
		    "r6 = *(u64 *)(r10 - 8);"
		    "r7 = *(u64 *)(r10 - 8);"
		    "if r6 > 15 goto 2f;"
		    "if r7 > 15 goto 1f;")

/* The lower half of a spilled number below sixteen: accepted if its range is kept. */
SLOT(narrow_fill, "r6 &= 15;"
		  "*(u64 *)(r10 - 8) = r6;"
		  "r7 = *(u32 *)(r10 - 8);"
		  "if r7 > 15 goto 1f;")

/* A byte in the middle of a spilled zero: accepted if it is one. */
SLOT(byte_of_zero, "r7 = 0;"
		   "*(u64 *)(r10 - 8) = r7;"
		   "r7 = *(u8 *)(r10 - 5);"
		   "if r7 != 0 goto 1f;")

/* A load as wide as the store: accepted everywhere. */
SLOT(same_size, "r6 &= 15;"
		"*(u32 *)(r10 - 8) = r6;"
		"r7 = *(u32 *)(r10 - 8);"
		"if r7 > 15 goto 1f;")

/* A zero that comes from zero bytes, and on the other path five: accepted; does the one path stand for the other? */
IDLE(zero_load, "r7 = 0;"
		"*(u8 *)(r10 - 1) = r7;" MERGE("r7 = *(u8 *)(r10 - 1);", "r7 = 5;")
		"r0 = r7;")

/* Zero bytes beside a byte that is stored: accepted if they are still zero. */
SLOT(partial_store, "r7 = 0;"
		    "*(u32 *)(r10 - 4) = r7;"
		    "*(u8 *)(r10 - 8) = r6;"
		    "r7 = *(u32 *)(r10 - 4);"
		    "if r7 != 0 goto 1f;")

/* A zero byte stored somewhere into a spilled zero: accepted if that is still zero. */
SLOT(variable_zero, "r7 = 0;"
		    "*(u64 *)(r10 - 8) = r7;"
		    "r6 &= 7;"
		    "r2 = r10;"
		    "r2 += -8;"
		    "r2 += r6;"
		    "*(u8 *)(r2 + 0) = r7;"
		    "r7 = *(u64 *)(r10 - 8);"
		    "if r7 != 0 goto 1f;")

/* A constant zero, and on the other path one; nothing needs it: accepted; does the one path stand for the other? */
IDLE(zero_immediate, MERGE("*(u64 *)(r10 - 8) = 0;", "*(u64 *)(r10 - 8) = 1;")
		     "r0 = *(u64 *)(r10 - 8);")
