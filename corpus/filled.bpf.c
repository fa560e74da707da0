// SPDX-License-Identifier: GPL-2.0-only
/* Numbers filled from the stack, and what a comparison of one tells of what stays there: an index into a table that was never
 * compared itself. Accepted if the two are linked, else rejected, unless something else is said.
 */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

char table[16];

#define INDEXED(name, text)                                                                                  \
	SEC("xdp")                                                                                            \
	NAKED int name(void)                                                                                  \
	{                                                                                                     \
		__asm__ volatile("r6 = *(u32 *)(r1 + 12);"                                                    \
				 "r7 = *(u32 *)(r1 + 16);" text "r1 = %[table] ll;"                           \
				 "r1 += r8;"                                                                  \
				 "r0 = *(u8 *)(r1 + 0);"                                                      \
				 "1: r0 = 2;"                                                                 \
				 "exit;" ::[table] "i"(table)                                                 \
				 : "memory");                                                                 \
	}

/* Filled twice; a sum has no link. Two states of the sum, of which one is not linked with anything else. */
INDEXED(twice, "r6 <<= 1;"
	       "*(u64 *)(r10 - 8) = r6;"
	       "r6 <<= 1;"
	       "r7 = *(u64 *)(r10 - 8);"
	       "if r7 > 15 goto 1f;"
	       "r8 = *(u64 *)(r10 - 8);")

/* The low half. */
INDEXED(low_half, "*(u32 *)(r10 - 8) = r6;"
		  "r6 = 0;"
		  "r7 = *(u32 *)(r10 - 8);"
		  "if r7 > 15 goto 1f;"
		  "r8 = *(u32 *)(r10 - 8);")

/* Sixteen bits of it: no link. Rejected. */
INDEXED(quarter, "r6 &= 0xffff;"
		 "*(u32 *)(r10 - 8) = r6;"
		 "r7 = *(u16 *)(r10 - 8);"
		 "if r7 > 15 goto 1f;"
		 "r8 = *(u16 *)(r10 - 8);")

/* The low half of a whole: no link. Rejected. */
INDEXED(half_of_whole, "*(u64 *)(r10 - 8) = r6;"
		       "r6 = 0;"
		       "r7 = *(u32 *)(r10 - 8);"
		       "if r7 > 15 goto 1f;"
		       "r8 = *(u32 *)(r10 - 8);")

/* A known number has no link, nor needs one. Accepted. */
INDEXED(known, "r6 = 5;"
	       "*(u64 *)(r10 - 8) = r6;"
	       "r7 = *(u64 *)(r10 - 8);"
	       "if r7 > 15 goto 1f;"
	       "r8 = *(u64 *)(r10 - 8);")

/* Behind a checkpoint, where what is linked with nothing else has lost its link, and is filled then. */
INDEXED(behind_checkpoint, "*(u64 *)(r10 - 8) = r6;"
			   "r6 = 0;"
			   "r3 = 1; r3 += 1; r3 += 2; r3 += 3; r3 += 4; r3 += 5;"
			   "if r7 > 20 goto 3f;"
			   "if r7 > 3 goto 3f;"
			   "r3 = 2;"
			   "3: r7 = *(u64 *)(r10 - 8);"
			   "if r7 > 15 goto 1f;"
			   "r8 = *(u64 *)(r10 - 8);")
