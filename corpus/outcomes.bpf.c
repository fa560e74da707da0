// SPDX-License-Identifier: GPL-2.0-only
/* Comparisons whose outcome only newer verifiers know. In each program the last one is decided by some, and where it is not, a
 * register that was never written is read.
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

/* Zero or eight, and at least five. */
NUMBERS(largest, "r0 &= 8;"
		 "if r0 < 5 goto 2f;"
		 "r0 &= 15;"
		 "if r0 != 8 goto 1f;")

/* A multiple of 16 up to 48, and one to 31. */
NUMBERS(between, "r0 &= 48;"
		 "if r0 < 1 goto 2f;"
		 "if r0 > 31 goto 2f;"
		 "if r0 != 16 goto 1f;")

/* The same, with a number that has its bits at the beginning. */
NUMBERS(smallest, "r0 &= 48;"
		  "if r0 < 16 goto 2f;"
		  "if r0 > 31 goto 2f;"
		  "if r0 != 16 goto 1f;")

/* A bit is set below the first unknown one: two numbers are left. */
NUMBERS(two, "r0 &= 49;"
	     "r0 |= 4;"
	     "if r0 < 5 goto 2f;"
	     "if r0 > 31 goto 2f;"
	     "if r0 != 20 goto 1f;")

/* Both halves of the number are compared: no number is left on a branch. Both verifiers go on, one without the branch. */
NUMBERS(dead_branch, "r6 &= 6;"
		     "r0 = r6;"
		     "r0 |= 8;"
		     "if r0 < 9 goto 2f;"
		     "if r0 == 11 goto 1f;"
		     "if w0 s> 7 goto 2f;"
		     "goto 1f;")

/* The numbers from 4 to 6 without the lowest bit, compared with the odd one between them by its ranges alone. */
NUMBERS(dead_sum, "r1 = 0x4000000000000000 ll;"
		  "r0 &= 3;"
		  "r0 += r1;"
		  "if r0 s> 3 goto 1f;"
		  "if w0 s> 3 goto 1f;"
		  "if r0 > 3 goto 2f;"
		  "goto 1f;")

/* A number compared with itself. */
NUMBERS(equal, "if r0 != r0 goto 1f;")
NUMBERS(not_less, "if r0 < r0 goto 1f;")
NUMBERS(not_greater_signed, "if w0 s> w0 goto 1f;")
NUMBERS(at_least, "if r0 >= r0 goto 2f;"
		  "goto 1f;")

/* It may be zero: nothing is decided, and the branch teaches no verifier anything but the older ones. */
NUMBERS(common_bits, "r0 &= 1;"
		     "if r0 & r0 goto 2f;"
		     "if r0 != 0 goto 1f;")

/* Never zero. */
NUMBERS(common_bit, "r0 &= 8;"
		    "r0 += 1;"
		    "if r0 & r0 goto 2f;"
		    "goto 1f;")

/* What bits are known behind a swap. */
NUMBERS(swapped_16, "r0 &= 0xff;"
		    "r0 = be16 r0;"
		    "if r0 & 0xff goto 1f;")
NUMBERS(swapped_32, "r0 &= 0xf;"
		    "r0 = be32 r0;"
		    "r0 >>= 28;"
		    "if r0 != 0 goto 1f;")
NUMBERS(swapped_64, "r0 &= 0xff;"
		    "r0 = be64 r0;"
		    "if w0 != 0 goto 1f;")

/* Cut off, not swapped, on a machine whose numbers begin with the lowest byte; and nothing at all. */
NUMBERS(cut_off, "r0 = le16 r0;"
		 "if r0 > 0xffff goto 1f;")
NUMBERS(untouched, "if r0 > 7 goto 2f;"
		   "r7 = r0;"
		   "r0 = le64 r0;"
		   "if r0 > 7 goto 1f;")

/* A swapped number has no link: a comparison of the copy says nothing of it. Rejected. */
NUMBERS(swapped_link, "r0 &= 0xffff;"
		      "r7 = r0;"
		      "r0 = be16 r0;"
		      "if r7 > 7 goto 2f;"
		      "if r0 > 7 goto 1f;")

/* A known number stays known, and is needed precisely. */
NUMBERS(swapped_known, "r0 = 0x1234;"
		       "r0 = be16 r0;"
		       "if r0 != 0x3412 goto 1f;")

SEC("socket")
NAKED int swapped_always(void)
{
	asm volatile("call 7;"
		     "r0 &= 0xff;"
		     ".byte 0xd7, 0x00, 0, 0; .long 16;" /* r0 = bswap16 r0 */
		     "if r0 & 0xff goto 1f;"
		     "r0 = 0;"
		     "exit;"
		     "1: r0 = r9;"
		     "exit;");
}

/* The low half is less than 7, and its lowest 15 bits are zero: it is not 3 or more. Some verifiers find that out when they try the
 * branch, and do not take it; others take it, and forget what contradicts itself.
 */
NUMBERS(dead_low_half, "r1 = 0x7ffffffe ll;"
		       "if r0 > r1 goto 2f;"
		       "r0 <<= 15;"
		       "if w0 s>= 7 goto 2f;"
		       "if w0 s>= 3 goto 1f;")
