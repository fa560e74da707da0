// SPDX-License-Identifier: GPL-2.0-only
/* Quotients and remainders by a constant: in each program the last comparison is decided if their range is known, and where it is
 * not, a register that was never written is read.
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

NUMBERS(quotient, "if r0 > 100 goto 2f;"
		  "r0 /= 10;"
		  "if r0 > 10 goto 1f;")
NUMBERS(quotient_32, "w0 /= 3;"
		     "if w0 > 0x55555555 goto 1f;")
NUMBERS(quotient_by_register, "r1 = 7;"
			      "if r0 > 69 goto 2f;"
			      "r0 /= r1;"
			      "if r0 > 9 goto 1f;")
/* By one or two: unknown. Rejected. */
NUMBERS(quotient_by_unknown, "r6 &= 1;"
			     "r6 += 1;"
			     "if r0 > 69 goto 2f;"
			     "r0 /= r6;"
			     "if r0 > 69 goto 1f;")
NUMBERS(rest, "r0 %= 8;"
		   "if r0 > 7 goto 1f;")
NUMBERS(remainder_32, "w0 %= 1000;"
		      "if w0 > 999 goto 1f;")
/* It is the number: what was known stays known. */
NUMBERS(remainder_of_less, "r0 &= 6;"
			   "r0 %= 8;"
			   "if r0 & 1 goto 1f;")
NUMBERS(remainder_by_one, "r0 %= 1;"
			  "if r0 != 0 goto 1f;")
/* By zero, which only a register can be. */
NUMBERS(quotient_by_zero, "r1 = 0;"
			  "r0 /= r1;"
			  "if r0 != 0 goto 1f;")
NUMBERS(remainder_by_zero, "r1 = 0;"
			   "r0 &= 3;"
			   "r0 %= r1;"
			   "if r0 > 3 goto 1f;")
/* The quotient is known, the remainder a range. Rejected. */
NUMBERS(known, "r0 = 100;"
	       "r0 /= 7;"
	       "if r0 != 14 goto 1f;"
	       "r0 %= 5;"
	       "if r0 != 4 goto 1f;")
/* The link goes. Rejected. */
NUMBERS(linked, "r7 = r0;"
		"r0 /= 2;"
		"if r7 > 7 goto 2f;"
		"if r0 > 7 goto 1f;")

#define SIGNED(name, text) NUMBERS(name, text)

/* r0 s/= -5, of numbers between -100 and 30 */
SIGNED(signed_quotient, "if r0 s< -100 goto 2f;"
			"if r0 s> 30 goto 2f;"
			".byte 0x37, 0x00, 1, 0; .long -5;"
			"if r0 s> 20 goto 1f;"
			"if r0 s< -6 goto 1f;")
/* w0 s/= 2 */
SIGNED(signed_quotient_32, ".byte 0x34, 0x00, 1, 0; .long 2;"
			   "if w0 s> 0x3fffffff goto 1f;"
			   "if w0 s< -0x40000000 goto 1f;")
/* r0 s/= -1: the smallest number is its own opposite, so that any is left. Rejected. */
SIGNED(opposite, "if r0 s> -7 goto 2f;"
		 ".byte 0x37, 0x00, 1, 0; .long -1;"
		 "if r0 s< 7 goto 1f;")
/* r0 s/= -1 without it */
SIGNED(opposite_of_some, "if r0 s> -7 goto 2f;"
			 "if r0 s< -9 goto 2f;"
			 ".byte 0x37, 0x00, 1, 0; .long -1;"
			 "if r0 s< 7 goto 1f;")
/* r0 s%= -5 */
SIGNED(signed_remainder, ".byte 0x97, 0x00, 1, 0; .long -5;"
			 "if r0 s> 4 goto 1f;"
			 "if r0 s< -4 goto 1f;")
/* w0 s%= 5, of a number that is not negative, and of one that is at most 0 */
SIGNED(signed_remainder_32, "if w0 s< 0 goto 2f;"
			    ".byte 0x94, 0x00, 1, 0; .long 5;"
			    "if w0 s< 0 goto 1f;"
			    "if w0 s> 4 goto 1f;")
SIGNED(signed_remainder_negative, "if w0 s> 0 goto 2f;"
				  ".byte 0x94, 0x00, 1, 0; .long 5;"
				  "if w0 s> 0 goto 1f;"
				  "if w0 s< -4 goto 1f;")
/* r0 s%= the smallest number */
SIGNED(smallest_divisor, "r1 = 0x8000000000000000 ll;"
			 "if r0 s> 7 goto 2f;"
			 ".byte 0x9f, 0x10, 1, 0; .long 0;"
			 "if r0 s> 7 goto 1f;")
