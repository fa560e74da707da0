// SPDX-License-Identifier: GPL-2.0-only
/* A scalar that is stored as a kernel pointer must be NULL, and be known to be precisely. Kernels that do not know it
 * precisely may crash over this program (they look for the type of a number), so it has a file of its own and is only
 * recorded where it is safe.
 */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct task_struct { int pid; } RELOCATED;

struct value {
	struct task_struct TYPE_TAG("kptr_untrusted") *task;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct value);
} values SEC(".maps");

/* Enough instructions and jumps before the paths meet for a checkpoint there: with GOOD in r7 the first time. */
#define MERGE(good, bad)                                                                                     \
	"r3 = 1; r3 += 1; r3 += 2; r3 += 3; r3 += 4; r3 += 5; r3 += 6;"                                      \
	"if r6 > 20 goto 1f;"                                                                                \
	"if r6 > 3 goto 1f;"                                                                                 \
	"r7 = " good ";"                                                                                     \
	"goto 2f;"                                                                                           \
	"1: r7 = " bad ";"                                                                                   \
	"2: r3 = 1;"

/* NULL stored as a kernel pointer; on the other path 5. */
SEC("xdp")
NAKED int null_kptr(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r2 = 0;"
			 "*(u32 *)(r10 - 4) = r2;"
			 "r1 = %[values] ll;"
			 "r2 = r10;"
			 "r2 += -4;"
			 "call 1;"
			 "if r0 == 0 goto 3f;"
			 "r8 = r0;" MERGE("0", "5")
			 "*(u64 *)(r8 + 0) = r7;"
			 "3: r0 = 2;"
			 "exit;" ::[values] "i"(&values)
			 : "memory");
}
