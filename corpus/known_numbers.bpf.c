// SPDX-License-Identifier: GPL-2.0-only
/* Which comparisons and which arithmetic teach about numbers: as in bounds.bpf.c, where the last comparison is not
 * decided, a register that was never written is read.
 */
#include "corpus.h"

#define NUMBERS(name, text)                                                                                      \
	SEC("socket")                                                                                             \
	NAKED int name(void)                                                                                      \
	{                                                                                                         \
		asm volatile("call 7;" /* bpf_get_prandom_u32 */                                                  \
			     "r6 = r0;"                                                                           \
			     "call 7;" text "2: r0 = 0;"                                                          \
			     "exit;"                                                                              \
			     "1: r0 = r9;"                                                                        \
			     "exit;");                                                                            \
	}

/* At least eight is more than at most seven: accepted if unknown numbers are compared by their ranges. */
NUMBERS(apart, "r6 &= 7;"
	       "r0 &= 7;"
	       "r0 += 8;"
	       "if r0 <= r6 goto 1f;")

/* What is at most a number below sixteen is below sixteen itself: accepted if both are unknown and one learns. */
NUMBERS(at_most, "r6 &= 15;"
		 "if r0 > r6 goto 2f;"
		 "if r0 > 15 goto 1f;")

/* What equals a number below sixteen: accepted everywhere. */
NUMBERS(equal, "r6 &= 15;"
	       "if r0 != r6 goto 2f;"
	       "if r0 > 15 goto 1f;")

/* The same of the low halves: accepted if more than known numbers teach there. */
NUMBERS(equal_32, "w6 &= 15;"
		  "if w0 != w6 goto 2f;"
		  "if w0 > 15 goto 1f;")

/* Seven, but not seven: accepted if what is excluded at the end of a range shortens it. */
NUMBERS(unequal, "r0 &= 7;"
		 "if r0 == 7 goto 2f;"
		 "if r0 > 6 goto 1f;")

/* A known number on the left: accepted everywhere. */
NUMBERS(known_left, "r1 = 15;"
		    "if r1 < r0 goto 2f;"
		    "if r0 > 15 goto 1f;")

/* Bits of two unknown numbers: accepted if the union is computed. */
NUMBERS(unknown_union, "r0 &= 3;"
		       "r6 &= 12;"
		       "r0 |= r6;"
		       "if r0 > 15 goto 1f;")

NUMBERS(unknown_product, "r0 &= 3;"
			 "r6 &= 3;"
			 "r0 *= r6;"
			 "if r0 > 9 goto 1f;")

/* Those are computed in any case: accepted everywhere. */
NUMBERS(unknown_mask, "r6 &= 12;"
		      "r0 &= r6;"
		      "if r0 > 12 goto 1f;")

NUMBERS(unknown_sum, "r0 &= 3;"
		     "r6 &= 3;"
		     "r0 += r6;"
		     "if r0 > 6 goto 1f;")

/* A quotient of low halves is one: accepted if the upper half is known to be zero, though nothing is computed. */
NUMBERS(quotient, "w0 /= 3;"
		  "r0 >>= 32;"
		  "if r0 != 0 goto 1f;")

/* Zero or eight, and five or six: there is no such number. Accepted if nobody notices, else anything is possible. */
NUMBERS(contradiction, "r0 &= 8;"
		       "if r0 < 5 goto 2f;"
		       "if r0 > 6 goto 2f;"
		       "if r0 > 100 goto 1f;")

/* Masks of numbers that may be negative, and of those that are not: the sign is known by the result in the end. */
NUMBERS(sign_of_mask, "r0 &= 15;"
		      "r6 |= 1;"
		      "r0 &= r6;"
		      "if r0 s< 0 goto 1f;")

NUMBERS(sign_of_union, "r1 = 0x8000000000000000 ll;"
		       "r0 |= r1;"
		       "if r0 s> -1 goto 1f;")
