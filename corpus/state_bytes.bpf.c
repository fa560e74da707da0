// SPDX-License-Identifier: GPL-2.0-only
/* When states are the same: of pointers, of slots, and on one path. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

/* Enough instructions and jumps before the paths meet for a checkpoint there: after FIRST the first time. */
#define MERGE(first, second)                                                                                 \
	"r3 = 1; r3 += 1; r3 += 2; r3 += 3; r3 += 4; r3 += 5; r3 += 6;"                                      \
	"if r6 > 20 goto 3f;"                                                                                \
	"if r6 > 3 goto 3f;" first "goto 4f;"                                                                \
	"3: " second "4: r3 = 1;"

/* A byte on the stack loses a bit with each round; all registers are the same at the loop's head. Accepted if all that
 * differs counts, and not only what was needed so far.
 */
SEC("xdp")
NAKED int shrinks(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r6 &= 255;"
			 "*(u64 *)(r10 - 8) = r6;"
			 "r6 = 0;"
			 "r1 = 0;"
			 "1: r1 = *(u64 *)(r10 - 8);"
			 "r1 >>= 1;"
			 "*(u64 *)(r10 - 8) = r1;"
			 "if r1 == 0 goto 2f;"
			 "r1 = 1; r1 += 1; r1 += 2; r1 += 3; r1 += 4;"
			 "r1 = 0;"
			 "goto 1b;"
			 "2: r0 = 2;"
			 "exit;" ::: "memory");
}

#define RESERVE                                                                                              \
	"r1 = %[ring] ll;"                                                                                   \
	"r2 = 8;"                                                                                            \
	"r3 = 0;"                                                                                            \
	"call 131;"                                                                                          \
	"if r0 == 0 goto 1f;"                                                                                \
	"r8 = r0;"

/* A record from one place or another: accepted; is the second path the first, but for the reference's number? */
SEC("xdp")
NAKED int records(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);" MERGE(RESERVE, RESERVE) "r1 = r8;"
			 "r2 = 0;"
			 "call 132;"
			 "1: r0 = 2;"
			 "exit;" ::[ring] "i"(&ring)
			 : "memory");
}

/* A spilled number, and on the other path data of two halves: accepted; does a number that nothing needs stand for it? */
SEC("xdp")
NAKED int data_for_number(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = *(u32 *)(r1 + 16);" MERGE("*(u64 *)(r10 - 8) = r7;",
							 "*(u32 *)(r10 - 8) = r7; *(u32 *)(r10 - 4) = r7;")
			 "r0 = *(u64 *)(r10 - 8);"
			 "r0 = 2;"
			 "exit;" ::: "memory");
}

/* The other way round: accepted everywhere. */
SEC("xdp")
NAKED int number_for_data(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = *(u32 *)(r1 + 16);" MERGE("*(u32 *)(r10 - 8) = r7; *(u32 *)(r10 - 4) = r7;",
							 "*(u64 *)(r10 - 8) = r7;")
			 "r0 = *(u64 *)(r10 - 8);"
			 "r0 = 2;"
			 "exit;" ::: "memory");
}

/* A packet pointer plus a number, and on the other path one that nothing was added to: accepted; does the first stand for
 * the second, which no other pointer is related to?
 */
SEC("xdp")
NAKED int packet_alone(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = *(u32 *)(r1 + 0);"
			 "r5 = *(u32 *)(r1 + 4);"
			 "r9 = *(u32 *)(r1 + 16);"
			 "r9 &= 63;" MERGE("r8 = r7; r8 += r9; r8 += 14;", "r8 = r7; r8 += 14;") "r1 = r8;"
			 "r1 += 4;"
			 "if r1 > r5 goto 1f;"
			 "r0 = *(u32 *)(r8 + 0);"
			 "1: r0 = 2;"
			 "exit;" ::: "memory");
}
