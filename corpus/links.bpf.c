// SPDX-License-Identifier: GPL-2.0-only
/* Which numbers are linked, so that a comparison of one bounds the other: an index into a table that was never compared
 * itself. Accepted if it is linked, else rejected, unless something else is said.
 */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

char table[16];

#define INDEXED(name, reg, text)                                                                             \
	SEC("xdp")                                                                                            \
	NAKED int name(void)                                                                                  \
	{                                                                                                     \
		__asm__ volatile("r6 = *(u32 *)(r1 + 12);" text "r1 = %[table] ll;"                           \
				 "r1 += " reg ";"                                                             \
				 "r0 = *(u8 *)(r1 + 0);"                                                      \
				 "1: r0 = 2;"                                                                 \
				 "exit;" ::[table] "i"(table)                                                 \
				 : "memory");                                                                 \
	}

/* A copy of the low half, of a number that has no other. */
INDEXED(low_half, "r6", "w7 = w6;"
			"if r7 > 15 goto 1f;")

/* A copy of all of it: linked everywhere. */
INDEXED(whole, "r6", "r7 = r6;"
		     "if r7 > 15 goto 1f;")

/* What is kept on the stack. */
INDEXED(kept, "r7", "*(u64 *)(r10 - 8) = r6;"
		    "if r6 > 15 goto 1f;"
		    "r7 = *(u64 *)(r10 - 8);")

/* The same of a number that is linked already: linked everywhere. */
INDEXED(linked_and_kept, "r7", "r8 = r6;"
			       "*(u64 *)(r10 - 8) = r6;"
			       "if r6 > 15 goto 1f;"
			       "r7 = *(u64 *)(r10 - 8);")

/* A copy, a constant further. */
INDEXED(further, "r6", "r7 = r6;"
		       "r7 += 4;"
		       "if r7 > 15 goto 1f;"
		       "if r7 < 4 goto 1f;")

/* Nine copies are more than a history has room for, and the last is the index. */
INDEXED(many, "r9", "r0 = r6;"
		    "r2 = r6;"
		    "r3 = r6;"
		    "r4 = r6;"
		    "r5 = r6;"
		    "r7 = r6;"
		    "r8 = r6;"
		    "r9 = r6;"
		    "if r0 > 15 goto 1f;")

/* The number behind the link is needed precisely; on the other path it is out of bounds: rejected. */
INDEXED(precise_copy, "r7", "r3 = 1; r3 += 1; r3 += 2; r3 += 3; r3 += 4; r3 += 5; r3 += 6;"
			    "if r6 > 20 goto 3f;"
			    "if r6 > 3 goto 3f;"
			    "r8 = 5;"
			    "goto 2f;"
			    "3: r8 = 80;"
			    "2: r7 = r8;")

/* A known number is copied, and the copy compared. */
INDEXED(known, "r8", "r8 = 5;"
		     "r7 = r8;"
		     "if r6 > 3 goto 2f;"
		     "r3 = 1;"
		     "2: if r7 > 15 goto 1f;")
