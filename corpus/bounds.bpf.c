// SPDX-License-Identifier: GPL-2.0-only
/* What is known of numbers: in each program the last comparison is decided by some verifiers, and where it is not, a
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

/* The first round finds a range of 64 bits, the second one of 32 bits in it, the third its signed reading. */
NUMBERS(third_round, "r1 = 0x7ffffffffffffff1 ll;"
		     "if r0 < r1 goto 2f;"
		     "if r0 s< -68 goto 2f;"
		     "w1 = -31;"
		     "if w0 > w1 goto 2f;"
		     "if w0 s< -68 goto 1f;")

/* Of less than 100 and of more than almost half of the unsigned numbers, only the negative ones are both. */
NUMBERS(split_s64, "if r0 s> 99 goto 2f;"
		   "r1 = 0x7fffffffffffff00 ll;"
		   "if r0 < r1 goto 2f;"
		   "if r0 s> -1 goto 1f;")

NUMBERS(split_s32, "if w0 s< -168 goto 2f;"
		   "w1 = -210;"
		   "if w0 > w1 goto 2f;"
		   "if w0 s< 0 goto 1f;")

/* One is odd, the other even. */
NUMBERS(unequal_bits, "r0 |= 1;"
		      "r6 &= -2;"
		      "if r0 == r6 goto 1f;")

/* 2^63 + 2^31 + 7 or 8, twice: both sums wrap, in 64 and in 32 bits. */
NUMBERS(wrapped_sum, "r1 = 0x8000000080000007 ll;"
		     "if r0 < r1 goto 2f;"
		     "r1 += 1;"
		     "if r0 > r1 goto 2f;"
		     "r1 = 0x8000000080000000 ll;"
		     "r0 += r1;"
		     "r1 = 0x100000008 ll;"
		     "if r0 > r1 goto 1f;")

NUMBERS(wrapped_difference, "if w0 < 7 goto 2f;"
			    "if w0 > 8 goto 2f;"
			    "w1 = 0x80000000;"
			    "w0 -= w1;"
			    "w1 = 0x80000008;"
			    "if w0 > w1 goto 1f;")

NUMBERS(product_range, "if r0 s< -3 goto 2f;"
		       "if r0 s> 3 goto 2f;"
		       "r0 *= 5;"
		       "if r0 s> 15 goto 1f;")

/* Three times one or three: three or nine. */
NUMBERS(product_bits, "r0 &= 2;"
		      "r0 |= 1;"
		      "r0 *= 3;"
		      "r0 &= 4;"
		      "if r0 != 0 goto 1f;")

NUMBERS(shift_by_32, "if w0 s< -5 goto 2f;"
		     "if w0 s> 7 goto 2f;"
		     "r0 <<= 32;"
		     "r0 s>>= 32;"
		     "if r0 s< -5 goto 1f;")

NUMBERS(negation, "r0 &= 15;"
		  "r0 = -r0;"
		  "if r0 s> 0 goto 1f;")

NUMBERS(negation_32, "w0 &= 15;"
		     "w0 |= 1;"
		     "w0 = -w0;"
		     "if w0 s> -1 goto 1f;")

/* All bits or none: nine or zero, not one. */
NUMBERS(sign_mask, "r0 s>>= 63;"
		   "r0 &= 9;"
		   "if r0 == 1 goto 1f;")

NUMBERS(sign_mask_32, "w0 s>>= 31;"
		      "w0 |= 6;"
		      "if w0 == 7 goto 1f;")
