// SPDX-License-Identifier: GPL-2.0-only
/* Numbers that are linked a constant apart, the constant being of any kind: an index into a table that was never compared
 * itself. Accepted if the link holds, else rejected, unless something else is said.
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

/* The compared copy is a constant less. */
INDEXED(negative, "r6", "r7 = r6;"
			"r7 += -4;"
			"if r7 s> 7 goto 1f;"
			"if r7 s< -4 goto 1f;")

/* The same by subtraction, of a number and of a register. */
INDEXED(subtracted, "r6", "r7 = r6;"
			  "r7 -= 4;"
			  "if r7 s> 7 goto 1f;"
			  "if r7 s< -4 goto 1f;")
INDEXED(subtracted_register, "r6", "r8 = 4;"
				   "r7 = r6;"
				   "r7 -= r8;"
				   "if r7 s> 7 goto 1f;"
				   "if r7 s< -4 goto 1f;")

/* In the low half, of a number that has no other. */
INDEXED(low_half, "r6", "r7 = r6;"
			"w7 += 4;"
			"if r7 > 15 goto 1f;"
			"if r7 < 4 goto 1f;")
INDEXED(low_half_subtracted, "r6", "r7 = r6;"
				   "w7 -= 4;"
				   "if w7 > 7 goto 1f;")

/* In the low half of a number that may have another: rejected. */
INDEXED(other_half, "r6", "r6 = *(u32 *)(r1 + 12);"
			  "r6 <<= 8;"
			  "r7 = r6;"
			  "w7 += 4;"
			  "if r7 > 15 goto 1f;"
			  "if r7 < 4 goto 1f;")

/* One of the low half and one of all bits, of the same number: they say nothing of each other. Rejected. */
INDEXED(mixed, "r8", "r7 = r6;"
		     "r8 = r6;"
		     "r7 += 4;"
		     "w8 += 5;"
		     "if r7 > 10 goto 1f;"
		     "if r7 < 4 goto 1f;")

/* Twice: the link is lost. Rejected. */
INDEXED(twice, "r6", "r7 = r6;"
		     "r7 += -4;"
		     "r7 += -4;"
		     "if r7 s> 3 goto 1f;"
		     "if r7 s< -8 goto 1f;")

/* The smallest number there is cannot be subtracted. Rejected. */
INDEXED(smallest, "r6", "r7 = r6;"
			"w7 -= 0x80000000;"
			"if w7 > 15 goto 1f;")

/* A constant that is more than a link has room for, and one that has just room. Rejected. */
INDEXED(too_much, "r6", "r8 = 0x80000000 ll;"
			"r7 = r6;"
			"r7 += r8;"
			"if r7 > r8 goto 1f;")

/* Nine copies, of which three are read later: some verifiers remember those three alone. */
INDEXED(read_later, "r9", "r0 = r6;"
			  "r2 = r6;"
			  "r3 = r6;"
			  "r4 = r6;"
			  "r5 = r6;"
			  "r7 = r6;"
			  "r8 = r6;"
			  "r9 = r6;"
			  "if r8 > 15 goto 1f;"
			  "if r7 > 9 goto 1f;")

/* In the frame that called, what is read behind the call is remembered. */
static NAKED int compare(void)
{
	__asm__ volatile("if r1 > 15 goto 1f;"
			 "r0 = 0;"
			 "exit;"
			 "1: r0 = 1;"
			 "exit;");
}

SEC("xdp")
NAKED int caller(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = r6;"
			 "r8 = r6;"
			 "r1 = r6;"
			 "call %[compare];"
			 "if r0 != 0 goto 1f;"
			 "r1 = %[table] ll;"
			 "r1 += r7;"
			 "r0 = *(u8 *)(r1 + 0);"
			 "1: r0 = 2;"
			 "exit;" ::[table] "i"(table), [compare] "i"(compare)
			 : "memory");
}

/* What is learnt over a constant makes bits known: the second comparison is decided, or a register is read that was never
 * written.
 */
SEC("xdp")
NAKED int made_complete(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r6 &= 0xfff;"
			 "r7 = r6;"
			 "r7 += 8;"
			 "if r7 > 15 goto 1f;"
			 "if r6 & 8 goto 2f;"
			 "1: r0 = 2;"
			 "exit;"
			 "2: r0 = r9;"
			 "exit;" ::
			 : "memory");
}
